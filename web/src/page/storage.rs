//! What the browser remembers for the page, as JSON under a name, once the visitor has agreed.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use web_sys::Storage;

use crate::console::log_error;

/// What is remembered; nothing if there is nothing, or it is damaged.
pub(super) fn read<T: DeserializeOwned>(name: &str) -> Option<T> {
    let text = storage().and_then(|storage| storage.get_item(name)).ok().flatten()?;
    serde_json::from_str(&text).ok()
}

/// Remembers something. False if the browser does not let the page.
pub(super) fn write<T: Serialize>(name: &str, value: &T) -> bool {
    let text = serde_json::to_string(value).map_err(|error| JsValue::from_str(&error.to_string()));
    is_done(text.and_then(|text| storage()?.set_item(name, &text)))
}

/// Forgets something. False if the browser does not let the page.
pub(super) fn forget(name: &str) -> bool {
    is_done(storage().and_then(|storage| storage.remove_item(name)))
}

fn is_done(outcome: Result<(), JsValue>) -> bool {
    outcome.inspect_err(log_error).is_ok()
}

fn storage() -> Result<Storage, JsValue> {
    let window = web_sys::window().ok_or("the page program runs in a page")?;
    Ok(window.local_storage()?.ok_or("this browser keeps nothing for the page")?)
}
