//! Another color for a region, which keeps its light and shade.

use crate::image::Image;
use crate::mask::Mask;
use crate::scene::ColorName;

use crate::oklab::{Oklab, from_srgb, to_srgb};

/// By how much the lightness of a pixel may change, in Oklab's 0 to 1, where a color is given by its hue: *red* may be
/// light or dark. *Brown*, *pink*, *black*, *white* and *gray* are words for a lightness as well.
pub const MOST_LIGHTNESS_SHIFT: f32 = 0.12;

/// What a color word means for a region.
struct Target {
    /// What it looks like at medium light.
    lab: Oklab,
    /// The largest change of the region's mean lightness.
    most_shift: f32,
    /// The share of the region's differences in lightness that is kept.
    contrast: f32,
}

impl Target {
    fn of(color: ColorName) -> Self {
        let (rgb, most_shift, contrast) = match color {
            ColorName::Red => ([200, 28, 34], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Orange => ([236, 126, 24], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Yellow => ([242, 208, 30], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Green => ([38, 140, 62], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Blue => ([36, 82, 190], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Purple => ([122, 52, 160], MOST_LIGHTNESS_SHIFT, 1.0),
            ColorName::Pink => ([244, 150, 186], 1.0, 0.8),
            ColorName::Brown => ([112, 68, 36], 1.0, 0.8),
            ColorName::Black => ([30, 30, 32], 1.0, 0.5),
            ColorName::White => ([240, 240, 238], 1.0, 0.5),
            ColorName::Gray => ([128, 128, 130], 1.0, 0.8),
        };
        Target { lab: from_srgb(rgb), most_shift, contrast }
    }
}

/// Moves the lightness of the region as a whole towards that of the color, and each pixel's hue and chroma to its own,
/// the latter by as much as the pixel was paler or deeper than the rest of the region: a highlight stays a highlight.
///
/// `mask` has the image's size and covers something.
pub fn recolor(image: &Image, mask: &Mask, color: ColorName) -> Image {
    /// A region paler than this has no chroma to speak of, whose differences would be noise.
    const PALE: f32 = 0.04;
    /// No pixel becomes deeper than the color by more than this factor.
    const DEEPEST: f32 = 1.25;
    let target = Target::of(color);
    let pixels = image.pixels();
    let [mean_lightness, mean_chroma] = mean(pixels, mask);
    let shift = (target.lab[0] - mean_lightness).clamp(-target.most_shift, target.most_shift);
    let recolored = pixels.iter().zip(mask.coverage()).flat_map(|(&pixel, &coverage)| {
        if coverage == 0 {
            return pixel;
        }
        let lab = from_srgb(pixel);
        let lightness = mean_lightness + shift + (lab[0] - mean_lightness) * target.contrast;
        let depth = if mean_chroma < PALE { 1.0 } else { (chroma(lab) / mean_chroma).min(DEEPEST) };
        let new = [lightness, target.lab[1] * depth, target.lab[2] * depth];
        // Mixed in Oklab, since bytes of two hues would mix to something darker than both.
        let share = f32::from(coverage) / 255.0;
        to_srgb([0, 1, 2].map(|axis| lab[axis] + (new[axis] - lab[axis]) * share))
    });
    Image::new(image.width(), image.height(), recolored.collect())
}

/// The word for the color that most of what is covered has. Nothing if nothing is covered.
///
/// `mask` has the image's size.
pub fn color_of(image: &Image, mask: &Mask) -> Option<ColorName> {
    /// How much more hue and chroma say about a color's name than lightness does.
    const COLORFUL: f32 = 2.5;
    let targets = ColorName::ALL.map(|color| (color, Target::of(color).lab));
    let mut votes = [0u64; ColorName::ALL.len()];
    let pixels = image.pixels().iter().zip(mask.coverage());
    for (&pixel, &coverage) in pixels.filter(|(_, coverage)| **coverage > 0) {
        let lab = from_srgb(pixel);
        let apart = |target: &Oklab| {
            let [lightness, a, b] = [0, 1, 2].map(|axis| lab[axis] - target[axis]);
            lightness * lightness + COLORFUL * COLORFUL * (a * a + b * b)
        };
        let nearest =
            targets.iter().enumerate().min_by(|(_, (_, a)), (_, (_, b))| apart(a).total_cmp(&apart(b)));
        if let Some((idx, _)) = nearest {
            votes[idx] += u64::from(coverage);
        }
    }
    let (most, &count) = votes.iter().enumerate().max_by_key(|(_, count)| **count)?;
    (count > 0).then_some(targets[most].0)
}

/// Mean lightness and chroma of what is covered.
fn mean(pixels: &[[u8; 3]], mask: &Mask) -> [f32; 2] {
    let mut sums = [0.0f64; 3];
    for (&pixel, &coverage) in pixels.iter().zip(mask.coverage()).filter(|(_, coverage)| **coverage > 0) {
        let (lab, weight) = (from_srgb(pixel), f64::from(coverage));
        let parts = [f64::from(lab[0]) * weight, f64::from(chroma(lab)) * weight, weight];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    [sums[0] / sums[2], sums[1] / sums[2]].map(|mean| mean as f32)
}

fn chroma([_, a, b]: Oklab) -> f32 {
    (a * a + b * b).sqrt()
}
