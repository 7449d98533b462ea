//! Links to places of the page. They lead there without taking the place of an address that could be shared.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, MouseEvent};

use super::dom::{document, on, set_attribute};
use crate::console::log_error;

/// Makes the links lead.
pub fn listen() {
    on(&document(), "click", |event: MouseEvent| {
        let clicked = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let link = clicked.and_then(|clicked| clicked.closest("a[data-place]").ok().flatten());
        let place = link.and_then(|link| link.get_attribute("href"));
        let Some(place) = place.and_then(|href| document().get_element_by_id(href.trim_start_matches('#')))
        else {
            return;
        };
        event.prevent_default();
        set_attribute(&place, "tabindex", "-1");
        place.scroll_into_view();
        if let Ok(place) = place.dyn_into::<HtmlElement>() {
            place.focus().unwrap_or_else(|error| log_error(&error));
        }
    });
}
