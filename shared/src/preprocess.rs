//! Images to model input: resize, crop, normalize. The only owner of these numbers is the config of a bundle.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::image::Image;
pub use crate::resize::Resample;
use crate::resize::resize_by;

/// Mean of each channel in OpenAI's training images (openai/CLIP, `clip/clip.py`).
pub const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Standard deviation of each channel there.
pub const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// How an image becomes a square of `side` pixels with normalized channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// The side of the square in pixels.
    pub side: usize,
    /// What happens to an image that is not square.
    pub fit: Fit,
    /// How pixels are weighed.
    #[serde(default, skip_serializing_if = "Resample::is_bicubic")]
    pub resample: Resample,
    /// Mean of each channel, on a scale of 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, on a scale of 0 to 1.
    pub std: [f32; 3],
}

/// How an image is brought to a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The shorter side is brought to length and the middle cut out, as CLIP does.
    CenterCrop,
    /// Both sides are brought to length, so that nothing at the edges is lost.
    Squash,
}

impl Preprocess {
    /// Resizes (antialiased, equal to Pillow's), crops and normalizes: `[3, side, side]`, row by row.
    pub fn pixels(&self, image: &Image) -> Vec<f32> {
        let square = self.square(image);
        let area = self.side * self.side;
        let mut pixels = vec![0.0; 3 * area];
        for (at, rgb) in square.rgb().chunks_exact(3).enumerate() {
            for channel in 0..3 {
                let value = f32::from(rgb[channel]) / 255.0;
                pixels[channel * area + at] = (value - self.mean[channel]) / self.std[channel];
            }
        }
        pixels
    }

    /// The 8-bit square that the model sees, before normalization.
    pub fn square(&self, image: &Image) -> Image {
        let side = self.side as u32;
        match self.fit {
            Fit::Squash => resize_by(self.resample, image, side, side),
            Fit::CenterCrop => {
                let image = without_far_ends(image);
                let (width, height) = (u64::from(image.width()), u64::from(image.height()));
                let shorter = width.min(height);
                let scaled = |length: u64| (length * u64::from(side) / shorter) as u32;
                let resized = resize_by(self.resample, &image, scaled(width), scaled(height));
                crop_center(&resized, side, side).into_owned()
            }
        }
    }
}

/// Cuts a strip longer than 16 squares to its middle 16, of which the crop keeps one: a strip of one pixel by a
/// million would otherwise grow without bound on its way to the crop.
fn without_far_ends(image: &Image) -> Cow<'_, Image> {
    let longest = 16 * image.width().min(image.height());
    crop_center(image, image.width().min(longest), image.height().min(longest))
}

fn crop_center(image: &Image, width: u32, height: u32) -> Cow<'_, Image> {
    if (width, height) == (image.width(), image.height()) {
        return Cow::Borrowed(image);
    }
    let left = (image.width() - width) / 2;
    let top = (image.height() - height) / 2;
    Cow::Owned(image.cropped(left, top, width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preprocess(side: usize, fit: Fit) -> Preprocess {
        Preprocess { side, fit, resample: Resample::Bicubic, mean: [0.5, 0.0, 0.0], std: [0.5, 1.0, 1.0] }
    }

    /// Wide, with a different left, middle and right third.
    fn flag() -> Image {
        let row = [[255u8, 0, 0]; 8]
            .iter()
            .chain(&[[0, 255, 0]; 8])
            .chain(&[[0, 0, 255]; 8])
            .flatten()
            .copied()
            .collect::<Vec<_>>();
        Image::new(24, 8, row.repeat(8))
    }

    #[test]
    fn a_crop_keeps_the_middle_and_a_squash_keeps_everything() {
        let cropped = preprocess(8, Fit::CenterCrop).square(&flag());
        assert!(cropped.rgb().chunks(3).all(|rgb| rgb == [0, 255, 0]));
        let squashed = preprocess(8, Fit::Squash).square(&flag());
        assert_eq!((squashed.pixel(0, 4), squashed.pixel(7, 4)), ([255, 0, 0], [0, 0, 255]));
    }

    #[test]
    fn channels_are_normalized_one_after_the_other() {
        let pixels = preprocess(8, Fit::CenterCrop).pixels(&flag());
        assert_eq!(pixels.len(), 3 * 64);
        assert!(pixels[..64].iter().all(|&red| red == -1.0));
        assert!(pixels[64..128].iter().all(|&green| green == 1.0));
    }

    #[test]
    fn a_single_pixel_and_a_thin_strip_can_be_used() {
        for (width, height) in [(1, 1), (1, 500), (100_000, 1)] {
            let image = Image::new(width, height, vec![7; 3 * (width * height) as usize]);
            for fit in [Fit::CenterCrop, Fit::Squash] {
                assert!(preprocess(16, fit).square(&image).rgb().iter().all(|&byte| byte == 7));
            }
        }
    }
}
