//! Any bytes as an image file, and what a model is given of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::decode::decode;
use shared::preprocess::{Fit, Preprocess, Resample};

fuzz_target!(|bytes: &[u8]| {
    let Ok(decoded) = decode(bytes) else { return };
    let image = decoded.image;
    assert_eq!(image.rgb().len() as u64, 3 * u64::from(image.width()) * u64::from(image.height()));
    // A header of few bytes may stand for a large black image, which would take seconds.
    if u64::from(image.width()) * u64::from(image.height()) > 1 << 20 {
        return;
    }
    for fit in [Fit::Squash, Fit::CenterCrop] {
        let preprocess =
            Preprocess { side: 32, fit, resample: Resample::Bilinear, mean: [0.5; 3], std: [0.25; 3] };
        let pixels = preprocess.pixels(&image);
        assert_eq!(pixels.len(), 3 * 32 * 32);
        assert!(pixels.iter().all(|level| level.is_finite()));
    }
});
