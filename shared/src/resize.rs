//! Antialiased resizing, equal to Pillow's `BICUBIC` and `BILINEAR` to the last bit.
//!
//! The algorithm is that of Pillow's `Resample.c`: a separable convolution, rows first, with coefficients of 22 bits
//! and rounding to 8 bits between the passes. (Since version 13 Pillow takes columns first where an image becomes much
//! flatter; the scores of published weights are older.) The crates at hand round differently, by one level in every tenth byte,
//! which published weights are not used to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::image::Image;

/// How source pixels are weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// By a cubic.
    #[default]
    Bicubic,
    /// By distance.
    Bilinear,
}

impl Resample {
    /// Whether it is what most models use.
    pub fn is_bicubic(&self) -> bool {
        *self == Resample::Bicubic
    }

    /// The reach in source pixels, when nothing is made smaller.
    fn support(self) -> f64 {
        match self {
            Resample::Bicubic => 2.0,
            Resample::Bilinear => 1.0,
        }
    }

    /// The weight of a pixel at this distance.
    fn weight(self, x: f64) -> f64 {
        match self {
            Resample::Bicubic => cubic(x),
            Resample::Bilinear => (1.0 - x.abs()).max(0.0),
        }
    }
}

/// Bits after the point of a coefficient.
const PRECISION: u32 = 32 - 8 - 2;

/// An image made smaller until neither side is longer than `longest` pixels; one that is not stays as it is.
///
/// # Panics
/// If `longest` is zero.
pub fn within(image: &Image, longest: u32) -> Image {
    let longer = image.width().max(image.height());
    if longer <= longest {
        return image.clone();
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(longest) / u64::from(longer)).max(1) as u32;
    resize(image, scaled(image.width()), scaled(image.height()))
}

/// An image made smaller by a whole factor: each pixel is the mean of a square of `factor` pixels a side, or of what is left of it at
/// the right and lower edges (Pillow's `reduce`, but for the rounding). Fast, for what is only looked at.
///
/// # Panics
/// If `factor` is zero.
pub fn reduced(image: &Image, factor: u32) -> Image {
    let (width, height) = (image.width().div_ceil(factor), image.height().div_ceil(factor));
    let (wide, step) = (3 * image.width() as usize, factor as usize);
    let mut rgb = Vec::with_capacity(3 * width as usize * height as usize);
    for rows in image.rgb().chunks(wide * step) {
        let mut sums = vec![[0u32; 4]; width as usize];
        for row in rows.chunks_exact(wide) {
            for (sum, square) in sums.iter_mut().zip(row.chunks(3 * step)) {
                for [r, g, b] in square.as_chunks::<3>().0 {
                    for (sum, level) in sum.iter_mut().zip([*r, *g, *b, 1]) {
                        *sum += u32::from(level);
                    }
                }
            }
        }
        rgb.extend(sums.iter().flat_map(|[r, g, b, count]| [r, g, b].map(|sum| (sum / count) as u8)));
    }
    Image::new(width, height, rgb)
}

/// Resizes an image to `width` by `height` pixels, bicubically.
///
/// # Panics
/// If a side is zero.
pub fn resize(image: &Image, width: u32, height: u32) -> Image {
    resize_by(Resample::Bicubic, image, width, height)
}

/// Resizes an image to `width` by `height` pixels.
///
/// # Panics
/// If a side is zero.
pub fn resize_by(resample: Resample, image: &Image, width: u32, height: u32) -> Image {
    let (old_width, old_height) = (image.width() as usize, image.height() as usize);
    let (new_width, new_height) = (width as usize, height as usize);
    // A photograph may take a large part of a browser's memory: nothing copies it.
    let mut rgb = Cow::Borrowed(image.rgb());
    if new_width != old_width {
        let windows = windows(resample, old_width, new_width);
        let mut narrowed = Vec::with_capacity(3 * new_width * old_height);
        for row in rgb.chunks_exact(3 * old_width) {
            for window in &windows {
                for channel in 0..3 {
                    narrowed.push(window.sum(|at| row[3 * at + channel]));
                }
            }
        }
        rgb = Cow::Owned(narrowed);
    }
    if new_height != old_height {
        let stride = 3 * new_width;
        let mut lowered = Vec::with_capacity(stride * new_height);
        for window in windows(resample, old_height, new_height) {
            for column in 0..stride {
                lowered.push(window.sum(|at| rgb[stride * at + column]));
            }
        }
        rgb = Cow::Owned(lowered);
    }
    Image::new(width, height, rgb.into_owned())
}

/// The source pixels that make one target pixel, and their weights.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

impl Window {
    /// The weighted sum of the pixels, rounded and clipped to a byte.
    fn sum(&self, pixel: impl Fn(usize) -> u8) -> u8 {
        let half = 1i64 << (PRECISION - 1);
        let weighted =
            |(offset, &weight): (usize, &i32)| i64::from(pixel(self.start + offset)) * i64::from(weight);
        let sum = half + self.weights.iter().enumerate().map(weighted).sum::<i64>();
        (sum >> PRECISION).clamp(0, 255) as u8
    }
}

/// One window for each of `target` pixels that `source` pixels become.
fn windows(resample: Resample, source: usize, target: usize) -> Vec<Window> {
    let scale = source as f64 / target as f64;
    let widening = scale.max(1.0);
    let support = resample.support() * widening;
    (0..target)
        .map(|idx| {
            let center = (idx as f64 + 0.5) * scale;
            // Truncation towards zero, as in C; a negative start becomes the first pixel.
            let start = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(source);
            let weight = |at: usize| resample.weight((at as f64 - center + 0.5) * (1.0 / widening));
            let raw: Vec<f64> = (start..end).map(weight).collect();
            let total: f64 = raw.iter().sum();
            let weights = raw.iter().map(|weight| fixed(weight / total)).collect();
            Window { start, weights }
        })
        .collect()
}

/// A weight with [`PRECISION`] bits after the point, halves rounded away from zero.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION);
    if scaled < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 }
}

/// Keys' cubic with a = -1/2 (doi:10.1109/TASSP.1981.1163711).
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduced_image_has_the_means_of_squares() {
        let image = Image::new(
            3,
            2,
            [[0, 10, 20], [2, 30, 20], [9, 9, 9], [4, 10, 20], [6, 50, 20], [7, 7, 7]].concat(),
        );
        let half = reduced(&image, 2);
        assert_eq!((half.width(), half.height(), half.rgb()), (2, 1, &[3, 25, 20, 8, 8, 8][..]));
        assert_eq!(reduced(&image, 1), image);
        assert_eq!(reduced(&image, 9).rgb().len(), 3);
    }

    #[test]
    fn weights_add_up_to_one() {
        for (source, target) in [(53, 16), (16, 53), (4000, 64), (1, 9)] {
            let both = [Resample::Bicubic, Resample::Bilinear].map(|by| windows(by, source, target));
            for window in both.into_iter().flatten() {
                let total: i32 = window.weights.iter().sum();
                let error = (total - (1 << PRECISION)).abs();
                assert!(error <= window.weights.len() as i32, "{source} to {target}: off by {error}");
            }
        }
    }

    #[test]
    fn a_size_that_stays_changes_nothing() {
        let image = Image::new(2, 2, (0..12).collect());
        assert_eq!(resize(&image, 2, 2), image);
    }
}
