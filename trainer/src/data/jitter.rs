//! Photographs in another light, so that few of them teach more (colour jitter, as SimCLR draws it, arXiv 2002.05709).

use image::imageops::colorops;
use image::{ImageBuffer, RgbImage};
use rand::{Rng, RngExt};
use shared::caption::Caption;
use shared::concept::Concept;
use shared::picture::Picture;

/// By how much brightness, contrast and saturation change at most, at strength 1.
const LIGHT: f64 = 0.8;
/// By how much the hue turns at most, in degrees, at strength 1.
const HUE: f64 = 72.0;

/// A picture with brightness, contrast and saturation drawn anew, and its hues turned unless the caption names a colour.
pub fn jitter(picture: Picture, caption: &Caption, strength: f64, rng: &mut impl Rng) -> Picture {
    let mut factor = || 1.0 + rng.random_range(-1.0..=1.0) * LIGHT * strength;
    let [brightness, contrast, saturation] = [factor(), factor(), factor()].map(|factor| factor as f32);
    let turn = rng.random_range(-1.0..=1.0) * HUE * strength;

    let (width, height) = (picture.width(), picture.height());
    let mut pixels: RgbImage =
        ImageBuffer::from_raw(width, height, picture.rgb().to_vec()).expect("three bytes a pixel");
    let luma = |rgb: [f32; 3]| 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    for pixel in pixels.pixels_mut() {
        let lit = pixel.0.map(|level| f32::from(level) * brightness);
        let grey = luma(lit);
        pixel.0 = lit.map(|level| (grey + (level - grey) * saturation).round().clamp(0.0, 255.0) as u8);
    }
    let mean =
        pixels.pixels().map(|pixel| luma(pixel.0.map(f32::from))).sum::<f32>() / (width * height) as f32;
    for level in pixels.iter_mut() {
        *level = (mean + (f32::from(*level) - mean) * contrast).round().clamp(0.0, 255.0) as u8;
    }
    if !caption.names(Concept::Color) {
        pixels = colorops::huerotate(&pixels, turn.round() as i32);
    }
    Picture::new(width, height, pixels.into_raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::seed;

    #[test]
    fn hues_turn_only_where_no_colour_is_named() {
        let red = || Picture::new(2, 1, vec![200, 60, 60, 120, 120, 120]);
        let is_red = |picture: &Picture| {
            let [r, g, b] = picture.pixels()[0];
            r > g && r > b && g == b
        };
        let shown = |text: &str| -> Vec<Picture> {
            (0..50).map(|nth| jitter(red(), &Caption::new(text), 0.5, &mut seed::rng(&[nth]))).collect()
        };
        assert!(shown("a red dog").iter().all(is_red));
        assert!(shown("a wet dog").iter().filter(|picture| is_red(picture)).count() < 10);
        // Everything else changes for both: no two draws are alike, and some are brighter, some darker.
        let first: Vec<u8> = shown("a red dog").iter().map(|picture| picture.pixels()[1][0]).collect();
        assert!(first.iter().any(|level| *level > 140) && first.iter().any(|level| *level < 100));
        assert_eq!(shown("a red dog")[3].rgb(), shown("a red dog")[3].rgb());
    }
}
