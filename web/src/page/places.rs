//! Links to places of the page. They lead there without taking the place of an address that could be shared.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dom::{document, on_link_within, set_attribute};
use crate::console::log_error;

/// Makes the links lead.
pub fn listen() {
    on_link_within(&document(), "a[data-place]", |href| {
        let Some(place) = document().get_element_by_id(href.trim_start_matches('#')) else { return };
        set_attribute(&place, "tabindex", "-1");
        place.scroll_into_view();
        if let Ok(place) = place.dyn_into::<HtmlElement>() {
            place.focus().unwrap_or_else(|error| log_error(&error));
        }
    });
}
