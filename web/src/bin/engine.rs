//! The program of the worker.

#[cfg(target_arch = "wasm32")]
fn main() {
    web::engine::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this program runs in a browser; `./foil demo` builds and serves the page");
}
