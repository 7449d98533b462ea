//! What no visitor can mend is told to the browser's console.

use wasm_bindgen::{JsCast, JsValue};

/// Writes to the console as an error. By reflection: one feature more of web-sys would have Burn built once more, and a
/// binding of our own would be unsafe code.
pub fn log_error(error: &JsValue) {
    let console = js_sys::Reflect::get(&js_sys::global(), &"console".into());
    let log = console.and_then(|console| js_sys::Reflect::get(&console, &"error".into()));
    if let Ok(log) = log {
        log.unchecked_into::<js_sys::Function>().call1(&JsValue::NULL, error).ok();
    }
}
