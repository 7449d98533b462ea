//! Visits without a network.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{ServiceWorkerRegistration, Window};

use super::dom::log_error;

/// The script that `web/finish.mjs` writes beside the page.
const SCRIPT: &str = "service-worker.js";
/// How it is told that a new version may replace the one that this page is of, should no other tab show it.
const TAKE_OVER: &str = "take over";

/// Asks the browser to keep the page. Where it does not, every visit needs a network, and nothing else changes.
pub fn keep_page() {
    let Some(window) = web_sys::window().filter(|window| window.is_secure_context()) else { return };
    // Some browsers leave it out where nothing may be kept.
    if !js_sys::Reflect::has(&window.navigator(), &"serviceWorker".into()).unwrap_or(false) {
        return;
    }
    spawn_local(async move {
        keep(&window).await.unwrap_or_else(|error| log_error(&error));
    });
}

async fn keep(window: &Window) -> Result<(), JsValue> {
    let container = window.navigator().service_worker();
    let location = window.location();
    // What this page still has to load went with its version.
    let begin_anew =
        Closure::once_into_js(move || location.reload().unwrap_or_else(|error| log_error(&error)));
    container.set_oncontrollerchange(Some(begin_anew.unchecked_ref()));
    let registration: ServiceWorkerRegistration =
        JsFuture::from(container.register(SCRIPT)).await?.unchecked_into();
    registration.waiting().map_or(Ok(()), |waiting| waiting.post_message(&TAKE_OVER.into()))
}
