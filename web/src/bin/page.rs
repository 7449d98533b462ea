//! The program of the page itself.

fn main() {
    console_error_panic_hook::set_once();
    web::page::start();
}
