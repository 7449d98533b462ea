//! How requests and events travel between page and worker: JSON, with files beside it.

use js_sys::Array;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Blob;

/// Packs a message, and files beside it, for `postMessage`. The files themselves are not copied.
///
/// # Errors
/// If the message cannot be written as JSON.
pub fn pack<'f, T: Serialize>(
    message: &T,
    files: impl IntoIterator<Item = &'f Blob>,
) -> Result<Array, serde_json::Error> {
    let parts = Array::of1(&JsValue::from_str(&serde_json::to_string(message)?));
    for file in files {
        parts.push(file);
    }
    Ok(parts)
}

/// Unpacks what [`pack`] packed.
///
/// # Errors
/// If it is something else.
pub fn unpack<T: for<'a> Deserialize<'a>>(data: JsValue) -> Result<(T, Vec<Blob>), String> {
    let parts = data.dyn_into::<Array>().map_err(|_| "a message that is not a list".to_owned())?;
    let json = parts.get(0).as_string().ok_or("a message without text")?;
    let message =
        serde_json::from_str(&json).map_err(|error| format!("a message that is not understood: {error}"))?;
    let files = (1..parts.length()).filter_map(|at| parts.get(at).dyn_into::<Blob>().ok());
    Ok((message, files.collect()))
}
