//! Visits without a network.

use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::console::log_error;

/// The script that `web/finish.mjs` writes beside the page.
const SCRIPT: &str = "service-worker.js";

/// Asks the browser to keep the page. Where it does not, every visit needs a network, and nothing else changes.
pub fn keep_page() {
    let Some(window) = web_sys::window().filter(|window| window.is_secure_context()) else { return };
    // Some browsers leave it out where nothing may be kept.
    if !js_sys::Reflect::has(&window.navigator(), &"serviceWorker".into()).unwrap_or(false) {
        return;
    }
    spawn_local(async move {
        let kept = JsFuture::from(window.navigator().service_worker().register(SCRIPT)).await;
        kept.map(drop).unwrap_or_else(|error| log_error(&error));
    });
}
