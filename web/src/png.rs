//! Images as files that the browser can show and keep.

use js_sys::{Array, Uint8Array};
use shared::encode;
use shared::image::Image;
use shared::mask::Mask;
use web_sys::Blob;

/// An image as a PNG file, without loss.
///
/// # Errors
/// If it cannot be encoded, or the browser has no memory for it.
pub fn of_image(image: &Image) -> Result<Blob, String> {
    blob(&encode::image(image).map_err(|error| error.to_string())?)
}

/// A mask as a PNG file that is tinted where the mask covers and transparent elsewhere.
///
/// # Errors
/// If it cannot be encoded, or the browser has no memory for it.
pub fn of_mask(mask: &Mask) -> Result<Blob, String> {
    /// Blue, which orange and brown things stand out from and which is told from them without seeing red or green.
    const TINT: [u8; 3] = [38, 92, 255];
    blob(&encode::tint(mask, TINT).map_err(|error| error.to_string())?)
}

/// Bytes as the browser holds them.
///
/// # Errors
/// If it has no memory for them.
pub fn blob(bytes: &[u8]) -> Result<Blob, String> {
    Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))
        .map_err(|_| "the browser has no memory for the file".to_owned())
}
