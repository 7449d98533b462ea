//! The program of the worker.

fn main() {
    web::engine::start();
}
