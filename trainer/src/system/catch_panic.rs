//! Calls into a library that panics at files it should refuse.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What a call returns; nothing if it panics, of which nobody is told. What the call has changed is not to be used after that.
pub fn catch_panic<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_CONTAINED.get() {
                before(info);
            }
        }));
    });
    let outer = IS_CONTAINED.replace(true);
    let returned = panic::catch_unwind(AssertUnwindSafe(call));
    IS_CONTAINED.set(outer);
    returned.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_inside_goes_no_further_and_one_outside_does() {
        assert_eq!(catch_panic(|| 1), Some(1));
        assert_eq!(catch_panic(|| -> u8 { panic!("inside") }), None);
        assert_eq!(catch_panic(|| catch_panic(|| -> u8 { panic!("deeper") }).is_none()), Some(true));
        assert!(!IS_CONTAINED.get());
        assert!(panic::catch_unwind(|| panic!("outside: this is told")).is_err());
    }
}
