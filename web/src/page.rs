//! The page: listens to the visitor, asks the engine, shows what it says. Knows the DOM and no tensors.

mod app;
mod ask;
mod bundles;
mod caption;
mod card;
mod dom;
mod editor;
mod folders;
mod frame;
mod images;
mod link;
mod look;
mod matrix;
mod offline;
mod places;
mod results;
mod review;
mod samples;
mod scorecard;
mod share;
mod square;
mod state;

use std::cell::RefCell;
use std::rc::Rc;

use shared::caption::Caption;
use shared::negative;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use state::App;

/// The negatives that the page shows for a caption, as JSON; for scripts and the console (`wasmBindings.negatives`).
///
/// # Errors
/// If they cannot be written as JSON.
#[wasm_bindgen]
pub fn negatives(caption: &str) -> Result<String, JsError> {
    Ok(serde_json::to_string(&negative::shown(&Caption::new(caption)))?)
}

/// Binds the page to its elements and starts the engine.
pub fn start() {
    let app = Rc::new(RefCell::new(App::new()));
    App::listen(&app);
    App::start_engine(&app);
    samples::show(&app);
    offline::keep_page();
    places::listen();
}
