//! What colors an image has, in plain numbers: a network that was taught to name things cares little whether a coat is red.
//!
//! Each pixel falls into bins of lightness and hue in Oklab, in shares, and the more gray it is the more into the bin of grays.
//! The shares of the whole image and of its middle are features of their own.

use std::f64::consts::TAU;

use burn::module::Module;
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Tensor, TensorData};

use crate::oklab::{FROM_ROOTS, TO_CONES};
use crate::preprocess::Preprocess;

/// Hues around the circle.
const HUES: usize = 12;
/// Dark, middle, light.
const LIGHTNESSES: usize = 3;
/// The bins of a pixel.
const BINS: usize = LIGHTNESSES * (HUES + 1);

/// The numbers of an image: the bins of the whole and of the middle.
pub const LENGTH: usize = 2 * BINS;

/// Pixels are averaged in squares of this side first.
const SQUARE: usize = 4;
/// From this chroma on a pixel has nothing of gray; screens show red at 0.26.
const FULL_CHROMA: f64 = 0.15;
/// Keeps roots and quotients finite where a pixel is black or gray.
const LEAST: f64 = 1e-6;

/// Images to shares of colors.
#[derive(Module, Debug)]
pub struct ColorHistogram {
    /// How the pixels of the input were normalized.
    #[module(skip)]
    mean: [f32; 3],
    #[module(skip)]
    std: [f32; 3],
}

impl ColorHistogram {
    pub(super) fn new(preprocess: &Preprocess) -> Self {
        ColorHistogram { mean: preprocess.mean, std: preprocess.std }
    }

    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`, normalized
    /// - returns `[B, 78]`: the square root of the share of each bin, which spreads small shares
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        let bins = bins(&self.channels(pixels)); // [B, 39, h, w]
        let [_, _, height, width] = bins.dims();
        let middle = bins.clone().narrow(2, height / 4, height / 2).narrow(3, width / 4, width / 2);
        let shares =
            |bins: Tensor<4>| (bins.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2) + LEAST).sqrt();
        Tensor::cat(vec![shares(bins), shares(middle)], 1)
    }

    /// Red, green and blue in 0..=1 of the averaged squares, `[B, 1, h, w]` each.
    fn channels(&self, pixels: Tensor<4>) -> [Tensor<4>; 3] {
        let [_, _, side, _] = pixels.dims();
        let square = SQUARE.min(side);
        let options = AvgPoolOptions::new([square; 2]).with_stride([square; 2]);
        let pixels = avg_pool2d(pixels, options);
        [0, 1, 2].map(|channel| {
            let values = pixels.clone().narrow(1, channel, 1);
            (values * self.std[channel] + self.mean[channel]).clamp(0.0, 1.0)
        })
    }
}

/// sRGB to the share of each bin, `[B, 1, h, w]` each to `[B, 39, h, w]`.
fn bins(srgb: &[Tensor<4>; 3]) -> Tensor<4> {
    let linear = srgb.each_ref().map(|values| linear(values.clone()));
    let roots = times(TO_CONES, &linear).map(|cone| (cone + LEAST).powf_scalar(1.0 / 3.0));
    let [lightness, a, b] = times(FROM_ROOTS, &roots);
    let chroma = (a.clone().powi_scalar(2) + b.clone().powi_scalar(2) + LEAST).sqrt();
    let colored = (chroma.clone() / FULL_CHROMA).clamp_max(1.0);
    let hues = hues(a / chroma.clone(), b / chroma) * colored.clone(); // [B, 12, h, w]
    let with_gray = Tensor::cat(vec![hues, -colored + 1.0], 1); // [B, 13, h, w]
    let steps = (LIGHTNESSES - 1) as f64;
    let share = |step: usize| {
        let far = (lightness.clone() * steps - step as f64).abs();
        with_gray.clone() * (-far + 1.0).clamp_min(0.0)
    };
    Tensor::cat((0..LIGHTNESSES).map(share).collect(), 1)
}

/// The shares of the hues next to a direction of length 1, `[B, 1, h, w]` to `[B, 12, h, w]`.
fn hues(cosine: Tensor<4>, sine: Tensor<4>) -> Tensor<4> {
    let device = cosine.device();
    let directions = |of: fn(f64) -> f64| {
        let values = (0..HUES).map(|hue| of(hue as f64 * TAU / HUES as f64) as f32).collect::<Vec<_>>();
        Tensor::<4>::from_data(TensorData::new(values, [1, HUES, 1, 1]), &device)
    };
    // The cosine of the angle to each hue, and what it has above that of the next hue.
    let near = cosine * directions(f64::cos) + sine * directions(f64::sin);
    let above = (near - (TAU / HUES as f64).cos()).clamp_min(0.0);
    above.clone() / (above.sum_dim(1) + LEAST)
}

/// IEC 61966-2-1, from shares of a byte to shares of full intensity.
fn linear(values: Tensor<4>) -> Tensor<4> {
    let dark = values.clone() / 12.92;
    let bright = ((values.clone() + 0.055) / 1.055).powf_scalar(2.4);
    bright.mask_where(values.lower_equal_elem(0.040_45), dark)
}

fn times(matrix: [[f32; 3]; 3], channels: &[Tensor<4>; 3]) -> [Tensor<4>; 3] {
    let [x, y, z] = channels;
    matrix.map(|[a, b, c]| x.clone() * a + y.clone() * b + z.clone() * c)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::image::Image;
    use crate::oklab;
    use crate::preprocess::{Fit, Resample};

    const PREPROCESS: Preprocess = Preprocess {
        side: 16,
        fit: Fit::Squash,
        resample: Resample::Bicubic,
        mean: [0.5, 0.4, 0.3],
        std: [0.5, 0.2, 0.25],
    };

    fn histogram(image: &Image) -> Vec<f32> {
        let pixels = TensorData::new(PREPROCESS.pixels(image), [1, 3, 16, 16]);
        let pixels = Tensor::from_data(pixels, &Device::flex());
        ColorHistogram::new(&PREPROCESS).forward(pixels).into_data().iter().collect()
    }

    fn of_one_color(rgb: [u8; 3]) -> Vec<f32> {
        histogram(&Image::new(1, 1, rgb.to_vec()))
    }

    #[test]
    fn shares_sum_to_one_and_lie_in_the_bins_of_the_color() {
        for rgb in [[255, 0, 0], [20, 160, 40], [40, 60, 230], [90, 90, 90], [0, 0, 0], [255, 255, 255]] {
            let found = of_one_color(rgb);
            let [whole, middle] = [&found[..BINS], &found[BINS..]];
            for shares in [whole, middle] {
                let sum: f32 = shares.iter().map(|root| root * root).sum();
                assert!((sum - 1.0).abs() < 1e-2, "{rgb:?} has {sum}");
            }
            let strongest = (0..BINS).max_by(|a, b| whole[*a].total_cmp(&whole[*b])).expect("bins");
            let [lightness, a, b] = oklab::from_srgb(rgb);
            assert_eq!(strongest / (HUES + 1), (lightness * 2.0).round() as usize, "lightness of {rgb:?}");
            let expected = if a.hypot(b) < 0.02 {
                HUES
            } else {
                (f64::from(b.atan2(a)) / TAU * HUES as f64).round().rem_euclid(HUES as f64) as usize
            };
            assert_eq!(strongest % (HUES + 1), expected, "hue of {rgb:?}");
        }
    }

    #[test]
    fn what_is_in_the_middle_is_told_from_what_is_around_it() {
        let red = |x: u32, y: u32| (4..12).contains(&x) && (4..12).contains(&y);
        let rgb = (0..256).flat_map(|at| if red(at % 16, at / 16) { [255, 0, 0] } else { [0, 0, 255] });
        let found = histogram(&Image::new(16, 16, rgb.collect()));
        let of_red = of_one_color([255, 0, 0]);
        let bin = (0..BINS).max_by(|a, b| of_red[*a].total_cmp(&of_red[*b])).expect("bins");
        assert!(found[bin].powi(2) < 0.5 * found[BINS + bin].powi(2), "{found:?}");
    }
}
