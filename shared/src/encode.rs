//! Images and masks as PNG files.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};

use crate::image::Image;
use crate::mask::Mask;

/// An image as a PNG file, without loss.
///
/// # Errors
/// If the encoder refuses.
pub fn image(image: &Image) -> Result<Vec<u8>, ImageError> {
    file(image.rgb(), image.width(), image.height(), ExtendedColorType::Rgb8)
}

/// A mask as a PNG file: white where it covers, black elsewhere.
///
/// # Errors
/// If the encoder refuses.
pub fn mask(mask: &Mask) -> Result<Vec<u8>, ImageError> {
    file(mask.coverage(), mask.width(), mask.height(), ExtendedColorType::L8)
}

/// A mask as a PNG file of one color, which is as opaque as the mask covers.
///
/// # Errors
/// If the encoder refuses.
pub fn tint(mask: &Mask, [r, g, b]: [u8; 3]) -> Result<Vec<u8>, ImageError> {
    let pixels: Vec<u8> = mask.coverage().iter().flat_map(|&coverage| [r, g, b, coverage]).collect();
    file(&pixels, mask.width(), mask.height(), ExtendedColorType::Rgba8)
}

fn file(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Result<Vec<u8>, ImageError> {
    let mut file = Vec::new();
    // Large photographs are encoded while somebody waits.
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Sub)
        .write_image(pixels, width, height, color)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::decode;

    #[test]
    fn what_is_encoded_is_decoded() {
        let original = Image::new(3, 2, (0..18).map(|at| at * 14).collect());
        let decoded = decode(&image(&original).expect("a file")).expect("an image");
        assert_eq!(decoded.image, original);
        let half = Mask::new(2, 1, vec![0, 255]);
        let decoded = decode(&mask(&half).expect("a file")).expect("an image").image;
        assert_eq!([decoded.pixel(0, 0), decoded.pixel(1, 0)], [[0; 3], [255; 3]]);
        assert_eq!(
            image::load_from_memory(&tint(&half, [1, 2, 3]).expect("a file"))
                .expect("an image")
                .to_rgba8()
                .into_raw(),
            [1, 2, 3, 0, 1, 2, 3, 255]
        );
    }
}
