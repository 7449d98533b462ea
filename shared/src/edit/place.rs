//! A region cut out and put back elsewhere, or in another size.

use crate::image::Image;
use crate::mask::Mask;
use serde::{Deserialize, Serialize};

/// Where something is put.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// How far to the right, as a share of the image's width.
    pub right: f32,
    /// How far down, as a share of the image's height.
    pub down: f32,
    /// How many times as large, on both sides. The middle of its lower edge stays where it is, since things stand on
    /// something.
    pub scale: f32,
}

impl Placement {
    /// Everything at its place and of its size.
    pub const UNCHANGED: Placement = Placement { right: 0.0, down: 0.0, scale: 1.0 };
}

/// Pastes what `mask` covers of `image` onto `behind`, at its new place.
///
/// `mask` and `behind` have the image's size; `mask` covers something.
pub fn place(image: &Image, mask: &Mask, behind: Image, placement: Placement) -> Image {
    let Some([x, y]) = mask.bounds().map(foot) else { return behind };
    let to = [x + placement.right * image.width() as f32, y + placement.down * image.height() as f32];
    paste(image, mask, behind, to, placement.scale.max(f32::MIN_POSITIVE))
}

/// The middle of the lower edge of a rectangle: where a thing stands.
pub fn foot([left, _, right, bottom]: [u32; 4]) -> [f32; 2] {
    [(left + right) as f32 / 2.0, bottom as f32]
}

/// Pastes what `mask` covers of `thing` onto another image, `scale` times as large and with its foot at a point.
///
/// `mask` has the size of `thing`; `scale` is positive.
pub fn paste(thing: &Image, mask: &Mask, onto: Image, [to_x, to_y]: [f32; 2], scale: f32) -> Image {
    let Some(bounds) = mask.bounds() else { return onto };
    let [foot_x, foot_y] = foot(bounds);
    let [left, top, right, bottom] = bounds.map(|side| side as f32);
    let (width, height) = (onto.width(), onto.height());
    let target =
        |side: f32, foot: f32, to: f32, most: u32| ((side - foot) * scale + to).clamp(0.0, most as f32);
    let columns =
        target(left, foot_x, to_x, width).floor() as u32..target(right, foot_x, to_x, width).ceil() as u32;
    let rows =
        target(top, foot_y, to_y, height).floor() as u32..target(bottom, foot_y, to_y, height).ceil() as u32;

    let mut rgb = onto.rgb().to_vec();
    for y in rows {
        for x in columns.clone() {
            let source = [(x as f32 + 0.5 - to_x) / scale + foot_x, (y as f32 + 0.5 - to_y) / scale + foot_y];
            let Some((new, coverage)) = sample(thing, mask, source) else { continue };
            let at = 3 * (y as usize * width as usize + x as usize);
            let old = [rgb[at], rgb[at + 1], rgb[at + 2]];
            rgb[at..at + 3].copy_from_slice(&blend(old, new, coverage));
        }
    }
    Image::new(width, height, rgb)
}

/// Color and coverage at a point (bilinear), the color only of what is covered. Nothing where nothing is.
fn sample(image: &Image, mask: &Mask, [x, y]: [f32; 2]) -> Option<([u8; 3], u8)> {
    let (width, height) = (image.width(), image.height());
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let mut total = 0.0;
    let mut color = [0.0f32; 3];
    for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
        let (column, row) = (left + dx, top + dy);
        if column < 0.0 || row < 0.0 || column >= width as f32 || row >= height as f32 {
            continue;
        }
        let near = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs());
        let (column, row) = (column as u32, row as u32);
        let coverage = mask.coverage()[row as usize * width as usize + column as usize];
        let weight = near * f32::from(coverage);
        total += weight;
        for (sum, channel) in color.iter_mut().zip(image.pixel(column, row)) {
            *sum += weight * f32::from(channel);
        }
    }
    (total >= 0.5).then(|| (color.map(|sum| (sum / total).round() as u8), total.round() as u8))
}

/// `old` where nothing is covered, `new` where all is.
pub fn blend(old: [u8; 3], new: [u8; 3], coverage: u8) -> [u8; 3] {
    [0, 1, 2].map(|channel| {
        let [old, new, coverage] = [old[channel], new[channel], coverage].map(u32::from);
        ((old * (255 - coverage) + new * coverage + 127) / 255) as u8
    })
}
