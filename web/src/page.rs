//! The page: listens to the visitor, asks the engine, shows what it says. Knows the DOM and no tensors.

mod app;
mod ask;
mod bundles;
mod camera;
mod canvas;
mod caption;
mod card;
mod day;
mod dom;
mod editor;
mod folders;
mod frame;
mod game;
mod images;
mod link;
mod look;
mod matrix;
mod offline;
mod places;
mod prepared;
mod results;
mod review;
mod samples;
mod scorecard;
mod share;
mod shares;
mod square;
mod state;
mod storage;
mod survey;

use std::cell::RefCell;
use std::rc::Rc;

use shared::caption::Caption;
use shared::negative;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use state::App;

/// The negatives that the page shows for a caption, as JSON; for scripts and the console (`wasmBindings.negatives`).
///
/// # Errors
/// If they cannot be written as JSON.
#[wasm_bindgen]
pub fn negatives(caption: &str) -> Result<String, JsError> {
    Ok(serde_json::to_string(&negative::shown(&Caption::new(caption)))?)
}

/// Shows the game, which can be played before anything else is there, starts the engine, and binds the page to its elements while
/// that loads.
pub fn start() {
    spawn_local(async {
        game::start().await;
        let app = Rc::new(RefCell::new(App::new()));
        App::start_engine(&app);
        App::listen(&app);
        samples::show(&app);
        offline::keep_page();
        places::listen();
    });
}
