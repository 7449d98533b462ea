//! Pictures as files that the browser can show and keep.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use js_sys::{Array, Uint8Array};
use shared::edit::Mask;
use shared::picture::Picture;
use web_sys::Blob;

/// A picture as a PNG file, without loss.
///
/// # Errors
/// If it cannot be encoded, or the browser has no memory for it.
pub fn of_picture(picture: &Picture) -> Result<Blob, String> {
    file(picture.rgb(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
}

/// A mask as a PNG file that is tinted where the mask covers and transparent elsewhere.
///
/// # Errors
/// If it cannot be encoded, or the browser has no memory for it.
pub fn of_mask(mask: &Mask) -> Result<Blob, String> {
    /// Blue, which orange and brown things stand out from and which is told from them without seeing red or green.
    const TINT: [u8; 3] = [38, 92, 255];
    let [r, g, b] = TINT;
    let pixels: Vec<u8> = mask.coverage().iter().flat_map(|&coverage| [r, g, b, coverage]).collect();
    file(&pixels, mask.width(), mask.height(), ExtendedColorType::Rgba8)
}

fn file(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Result<Blob, String> {
    let mut file = Cursor::new(Vec::new());
    // Large photographs are encoded while somebody waits.
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Sub)
        .write_image(pixels, width, height, color)
        .map_err(|error| error.to_string())?;
    let bytes = Uint8Array::from(file.into_inner().as_slice());
    Blob::new_with_u8_array_sequence(&Array::of1(&bytes))
        .map_err(|_| "the browser has no memory for the picture".to_owned())
}
