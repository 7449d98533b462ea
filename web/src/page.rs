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
mod linked;
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
mod true_foils;

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;

use state::App;

/// Shows the game, which needs no model; a program of its own, so that it can be played before the page is there.
pub fn start_game() {
    spawn_local(game::start());
}

/// Starts the engine, and binds the page to its elements while that loads.
pub fn start() {
    let app = Rc::new(RefCell::new(App::new()));
    App::start_engine(&app);
    App::listen(&app);
    samples::show(&app);
    offline::keep_page();
    places::listen();
}
