//! The page: listens to the visitor, asks the engine, shows what it says. Knows the DOM and no tensors.

mod app;
mod dom;
mod pictures;
mod results;
mod samples;

use std::cell::RefCell;
use std::rc::Rc;

use app::App;

/// Binds the page to its elements and starts the engine.
pub fn start() {
    let app = Rc::new(RefCell::new(App::new()));
    App::listen(&app);
    App::start_engine(&app);
    samples::show(&app);
}
