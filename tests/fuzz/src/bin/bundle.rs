//! Any bytes as a bundle.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::bundle::{Bundle, Header};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(end) = Header::end(bytes)
        && let Some(beginning) = bytes.get(..end)
    {
        _ = Header::read(beginning);
    }
    _ = Bundle::read(bytes.to_vec());
});
