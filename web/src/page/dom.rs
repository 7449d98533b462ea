//! Short names for what the page does with the DOM.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{
    Document, DocumentFragment, Element, Event, EventTarget, File, FileList, FocusOptions, HtmlElement,
    HtmlSelectElement, HtmlTemplateElement, MouseEvent, Url, UrlSearchParams,
};

use crate::console::log_error;

/// The document of the page.
pub fn document() -> Document {
    web_sys::window().and_then(|window| window.document()).expect("the page program runs in a page")
}

/// An element of `index.html`.
///
/// # Panics
/// If the page and its program do not belong together.
pub fn by_id<T: JsCast>(id: &str) -> T {
    let element = document().get_element_by_id(id).unwrap_or_else(|| panic!("index.html has no #{id}"));
    element.dyn_into().unwrap_or_else(|_| panic!("#{id} in index.html is another kind of element"))
}

/// A fresh copy of the element in a `<template>`.
pub fn copy_of(template: &str) -> HtmlElement {
    let content: DocumentFragment = by_id::<HtmlTemplateElement>(template).content();
    let copy =
        content.clone_node_with_deep(true).ok().and_then(|copy| copy.dyn_into::<DocumentFragment>().ok());
    let first = copy.and_then(|copy| copy.first_element_child()).and_then(|first| first.dyn_into().ok());
    first.unwrap_or_else(|| panic!("<template id={template}> in index.html holds no element"))
}

/// A part of a copied template, found by its `data-slot`; the root may be the slot itself.
pub fn slot<T: JsCast>(root: &Element, name: &str) -> T {
    let selector = format!("[data-slot={name}]");
    let found = if root.matches(&selector).unwrap_or(false) {
        Some(root.clone())
    } else {
        root.query_selector(&selector).ok().flatten()
    };
    found
        .and_then(|element| element.dyn_into().ok())
        .unwrap_or_else(|| panic!("a template in index.html has no data-slot={name} of the right kind"))
}

/// Sets a `data-` attribute.
pub fn set_data(element: &HtmlElement, name: &str, value: &str) {
    set_attribute(element, &format!("data-{name}"), value);
}

/// Sets an attribute.
pub fn set_attribute(element: &Element, name: &str, value: &str) {
    element.set_attribute(name, value).expect("the attribute names of the page are valid");
}

/// Sets a CSS custom property.
pub fn set_property(element: &HtmlElement, name: &str, value: f32) {
    element
        .style()
        .set_property(name, &format!("{value:.4}"))
        .expect("the property names of the page are valid");
}

/// Says something in an element of `index.html`, in place of what it said.
pub fn set_text(id: &str, words: &str) {
    by_id::<Element>(id).set_text_content(Some(words));
}

/// Says something in a slot of a copied template.
pub fn set_slot(root: &Element, name: &str, words: &str) {
    slot::<Element>(root, name).set_text_content(Some(words));
}

/// Puts one thing at the end of another.
pub fn append(parent: &Element, child: &Element) {
    parent.append_child(child).expect("an element of the page takes children");
}

/// Puts text at the end of an element.
pub fn append_text(parent: &Element, text: &str) {
    parent.append_child(&document().create_text_node(text)).expect("an element of the page takes text");
}

/// Takes everything out of an element.
pub fn clear(element: &Element) {
    element.set_text_content(None);
}

/// Fills a list of choices, each a value and what is said of it, keeping the choice if it is still there.
pub fn fill<'a>(id: &str, choices: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let list: HtmlSelectElement = by_id(id);
    let chosen = list.value();
    clear(&list);
    let mut is_there = false;
    for (value, words) in choices {
        let option = copy_of("choice");
        set_attribute(&option, "value", value);
        option.set_text_content(Some(words));
        append(&list, &option);
        is_there |= value == chosen;
    }
    if is_there {
        list.set_value(&chosen);
    }
}

/// Calls `act` at every event of a kind, for as long as the page is open.
pub fn on<E: JsCast + 'static>(target: &EventTarget, kind: &str, mut act: impl FnMut(E) + 'static) {
    let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| act(event.unchecked_into()));
    target
        .add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref())
        .expect("an element of the page takes listeners");
    listener.forget();
}

/// Calls `act` at every click inside `container` on an element that has the `data-` attribute `name`, with its value.
/// One listener serves all elements that come and go there.
pub fn on_click_within(container: &HtmlElement, name: &'static str, mut act: impl FnMut(&str) + 'static) {
    let name = format!("data-{name}");
    on(container, "click", move |event: Event| {
        let named = clicked(&event, &format!("[{name}]"));
        if let Some(value) = named.and_then(|named| named.get_attribute(&name)) {
            act(&value);
        }
    });
}

/// Calls `act` with the `href` of a link that a plain click inside `container` is on, in place of following it. One that opens a
/// tab or a window is the browser's.
pub fn on_link_within(container: &EventTarget, selector: &'static str, mut act: impl FnMut(&str) + 'static) {
    on(container, "click", move |event: MouseEvent| {
        let is_plain = !(event.ctrl_key() || event.meta_key() || event.shift_key());
        let link = clicked(&event, selector).filter(|_| is_plain);
        if let Some(href) = link.and_then(|link| link.get_attribute("href")) {
            event.prevent_default();
            act(&href);
        }
    });
}

/// The element that a click was on, or the nearest one around it, that a selector fits.
fn clicked(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// Lets the browser forget where it finds a file.
pub fn revoke(url: &str) {
    Url::revoke_object_url(url).unwrap_or_else(|error| log_error(&error));
}

/// The files of a list.
pub fn files(list: Option<FileList>) -> Vec<File> {
    list.map_or_else(Vec::new, |list| (0..list.length()).filter_map(|idx| list.get(idx)).collect())
}

/// The body of the page.
pub fn body() -> HtmlElement {
    document().body().expect("the page has a body")
}

/// Moves the focus, and not the page.
pub fn focus_still(id: &str) {
    let still = FocusOptions::new();
    still.set_prevent_scroll(true);
    by_id::<HtmlElement>(id).focus_with_options(&still).unwrap_or_else(|error| log_error(&error));
}

/// Shows what the page is doing: `loading`, `ready`, `working` or `failed`.
pub fn set_state(state: &str) {
    set_data(&body(), "state", state);
}

/// Says what is going on.
pub fn say(words: &str) {
    set_text("status", words);
}

/// A parameter of the page's address.
pub fn query(name: &str) -> Option<String> {
    let search = web_sys::window()?.location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}
