//! The program of the page itself.

#[cfg(target_arch = "wasm32")]
fn main() {
    console_error_panic_hook::set_once();
    web::page::start();
}

/// The negatives that the page shows for a caption, as JSON; for scripts and the console (`wasmBindings.negatives`).
///
/// # Errors
/// If they cannot be written as JSON.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn negatives(caption: &str) -> Result<String, wasm_bindgen::JsError> {
    Ok(serde_json::to_string(&shared::negative::shown(&shared::caption::Caption::new(caption)))?)
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this program runs in a browser; `./foil demo` builds and serves the page");
}
