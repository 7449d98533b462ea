//! A rough stroke becomes the thing under it: what can be reached from the stroke without crossing an edge or leaving its
//! colors, by geodesic distance (Criminisi et al. 2008, "GeoS", doi:10.1007/978-3-540-88682-2_9). Strokes that erase compete
//! with those that add, and every pixel goes to the nearer one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use shared::image::Image;
use shared::mask::Mask;

/// The longer side, in pixels, of the image on which regions are grown; finer edges come from smoothing.
pub const WORKING_SIDE: u32 = 384;

/// A line painted with a round brush.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    /// Where it goes through: shares of the image's width and height, from its top left.
    pub points: Vec<[f32; 2]>,
    /// The brush's radius as a share of the image's longer side.
    pub radius: f32,
    /// Whether it takes away what others have added.
    pub erases: bool,
}

/// What a distance costs; a byte's level is the unit of color.
const STEP: u32 = 4;
/// A difference to the neighbor, or to the stroke's colors, of this many levels over all channels costs one step, and
/// twice as many four steps.
const EDGE: u32 = 16;
/// Differences to the stroke's colors below this are light and shade.
const SHADE: u32 = 60;
/// How many colors are remembered of the strokes.
const COLORS: usize = 8;

/// Selects what strokes mean.
///
/// `reach` says how far a region grows, from 0 for nothing but the strokes to 1 for most of the image. The mask has the
/// image's size, which should be [`WORKING_SIDE`] at most: the work is more than proportional to the pixels.
pub fn select(image: &Image, strokes: &[Stroke], reach: f32) -> Mask {
    let grid = Grid { width: image.width() as usize, height: image.height() as usize };
    let pixels = image.pixels();
    let painted = grid.painted(strokes);
    let seeds: Vec<[u8; 3]> =
        painted.iter().zip(pixels).filter(|(of, _)| **of == Label::Inside).map(|(_, rgb)| *rgb).collect();
    let inside = if seeds.is_empty() {
        vec![false; pixels.len()]
    } else {
        let limit = (reach.clamp(0.0, 1.0) * reach.clamp(0.0, 1.0) * LARGEST_REACH) as u32;
        let labels = grow(&grid, pixels, painted, &palette(&seeds), limit);
        close_holes(&grid, labels)
    };
    let coverage = inside.into_iter().map(|inside| if inside { u8::MAX } else { 0 }).collect();
    Mask::new(image.width(), image.height(), coverage)
}

/// What a reach of 1 may cost.
const LARGEST_REACH: f32 = 3_200.0;

/// What a pixel is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Unknown,
    Inside,
    Outside,
}

struct Grid {
    width: usize,
    height: usize,
}

impl Grid {
    /// What strokes say of each pixel, later ones painting over earlier ones.
    fn painted(&self, strokes: &[Stroke]) -> Vec<Label> {
        let mut labels = vec![Label::Unknown; self.width * self.height];
        for stroke in strokes {
            let label = if stroke.erases { Label::Outside } else { Label::Inside };
            let radius = (stroke.radius * self.width.max(self.height) as f32).max(0.5);
            let place = |[x, y]: [f32; 2]| [x * self.width as f32, y * self.height as f32];
            let points: Vec<[f32; 2]> = stroke.points.iter().copied().map(place).collect();
            let dots = points.first().map(|first| [*first, *first]);
            for [a, b] in dots.into_iter().chain(points.windows(2).map(|pair| [pair[0], pair[1]])) {
                self.paint(&mut labels, label, radius, a, b);
            }
        }
        labels
    }

    /// Paints all pixels whose middle is at most `radius` from the line between two points.
    fn paint(&self, labels: &mut [Label], label: Label, radius: f32, a: [f32; 2], b: [f32; 2]) {
        let span = |axis: usize, most: usize| {
            let low = (a[axis].min(b[axis]) - radius).max(0.0) as usize;
            low..((a[axis].max(b[axis]) + radius).ceil().max(0.0) as usize).min(most)
        };
        let along = [b[0] - a[0], b[1] - a[1]];
        let length = along[0] * along[0] + along[1] * along[1];
        for y in span(1, self.height) {
            for x in span(0, self.width) {
                let from = [x as f32 + 0.5 - a[0], y as f32 + 0.5 - a[1]];
                let t = if length > 0.0 { (from[0] * along[0] + from[1] * along[1]) / length } else { 0.0 };
                let t = t.clamp(0.0, 1.0);
                let [dx, dy] = [from[0] - t * along[0], from[1] - t * along[1]];
                if dx * dx + dy * dy <= radius * radius {
                    labels[y * self.width + x] = label;
                }
            }
        }
    }

    /// The pixels that share a side with one.
    fn neighbors(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        let (x, y, width, height) = (at % self.width, at / self.width, self.width, self.height);
        let all = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then(|| at + 1),
            (y > 0).then(|| at - width),
            (y + 1 < height).then(|| at + width),
        ];
        all.into_iter().flatten()
    }
}

/// The sum over channels of how many levels two colors are apart.
fn apart(a: [u8; 3], b: [u8; 3]) -> u32 {
    (0..3).map(|channel| u32::from(a[channel].abs_diff(b[channel]))).sum()
}

/// A few colors that lie as far from each other as those of the strokes do (Gonzalez 1985, farthest point first).
fn palette(seeds: &[[u8; 3]]) -> Vec<[u8; 3]> {
    let mut palette = vec![seeds[seeds.len() / 2]];
    let mut nearest: Vec<u32> = seeds.iter().map(|seed| apart(*seed, palette[0])).collect();
    while palette.len() < COLORS {
        let Some((at, &distance)) = nearest.iter().enumerate().max_by_key(|(_, distance)| **distance) else {
            break;
        };
        if distance <= SHADE {
            break;
        }
        palette.push(seeds[at]);
        let added = seeds[at];
        nearest.iter_mut().zip(seeds).for_each(|(near, seed)| *near = (*near).min(apart(*seed, added)));
    }
    palette
}

/// Dijkstra's algorithm from all strokes at once, as far as `limit`. What is beyond it stays unknown.
fn grow(grid: &Grid, pixels: &[[u8; 3]], painted: Vec<Label>, palette: &[[u8; 3]], limit: u32) -> Vec<Label> {
    let square = |levels: u32| STEP * levels * levels / (EDGE * EDGE);
    let strange: Vec<u32> = pixels
        .iter()
        .map(|pixel| {
            let nearest = palette.iter().map(|color| apart(*pixel, *color)).min().unwrap_or(0);
            square(nearest.saturating_sub(SHADE))
        })
        .collect();
    let mut labels = painted;
    let mut distance = vec![u32::MAX; pixels.len()];
    let mut next = BinaryHeap::new();
    for at in (0..pixels.len()).filter(|&at| labels[at] != Label::Unknown) {
        distance[at] = 0;
        next.push(Reverse((0, at)));
    }
    while let Some(Reverse((so_far, at))) = next.pop() {
        if so_far > distance[at] {
            continue;
        }
        for neighbor in grid.neighbors(at) {
            let edge = square(apart(pixels[at], pixels[neighbor]));
            // Only what is added must look like the strokes; what takes away may take anything.
            let strange = if labels[at] == Label::Inside { strange[neighbor] } else { 0 };
            let there = so_far + STEP + edge + strange;
            if there <= limit && there < distance[neighbor] {
                distance[neighbor] = there;
                labels[neighbor] = labels[at];
                next.push(Reverse((there, neighbor)));
            }
        }
    }
    labels
}

/// Takes in what a region surrounds, such as highlights and buttons, unless it is large or a stroke has erased it.
fn close_holes(grid: &Grid, labels: Vec<Label>) -> Vec<bool> {
    /// The part of the region that a hole may be as large as.
    const LARGEST: usize = 8;
    let mut inside: Vec<bool> = labels.iter().map(|label| *label == Label::Inside).collect();
    let size = inside.iter().filter(|inside| **inside).count();
    let mut seen = inside.clone();
    for start in 0..labels.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let (mut hole, mut at, mut is_closed) = (vec![start], 0, true);
        while at < hole.len() {
            let (x, y) = (hole[at] % grid.width, hole[at] / grid.width);
            let touches = x == 0 || y == 0 || x + 1 == grid.width || y + 1 == grid.height;
            is_closed &= !touches && labels[hole[at]] != Label::Outside;
            for neighbor in grid.neighbors(hole[at]) {
                if !std::mem::replace(&mut seen[neighbor], true) {
                    hole.push(neighbor);
                }
            }
            at += 1;
        }
        if is_closed && hole.len() <= size / LARGEST {
            hole.into_iter().for_each(|pixel| inside[pixel] = true);
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disc of one color on a ground of another, both uneven, and a highlight in the middle of the disc.
    fn disc() -> (Image, Vec<bool>) {
        let (side, mut rgb, mut truth) = (96u32, Vec::new(), Vec::new());
        for y in 0..side {
            for x in 0..side {
                let from = |cx: i32, cy: i32| (x as i32 - cx).pow(2) + (y as i32 - cy).pow(2);
                let noise = ((x * 31 + y * 17) % 13) as u8;
                let is_disc = from(50, 44) < 26 * 26;
                rgb.extend(match is_disc {
                    _ if from(50, 40) < 9 => [250, 240, 240],
                    true => [190 + noise, 30 + noise, 40],
                    false => [70, 110 + noise, 60 + noise],
                });
                truth.push(is_disc);
            }
        }
        (Image::new(side, side, rgb), truth)
    }

    fn stroke(points: &[[f32; 2]], erases: bool) -> Stroke {
        Stroke { points: points.to_vec(), radius: 0.03, erases }
    }

    fn agreement(mask: &Mask, truth: &[bool]) -> f64 {
        let both = mask.coverage().iter().zip(truth).filter(|(c, t)| **c > 0 && **t).count();
        let either = mask.coverage().iter().zip(truth).filter(|(c, t)| **c > 0 || **t).count();
        both as f64 / either as f64
    }

    #[test]
    fn a_dab_catches_the_thing_with_its_highlight_and_nothing_else() {
        let (image, truth) = disc();
        let mask = select(&image, &[stroke(&[[0.4, 0.6], [0.6, 0.6]], false)], 0.5);
        assert!(agreement(&mask, &truth) > 0.98, "{}", agreement(&mask, &truth));
    }

    #[test]
    fn reach_zero_is_the_stroke_alone_and_more_reach_is_never_less() {
        let (image, _) = disc();
        let sizes: Vec<usize> = [0.0, 0.1, 0.3, 0.6, 1.0]
            .map(|reach| select(&image, &[stroke(&[[0.5, 0.6]], false)], reach))
            .map(|mask| mask.coverage().iter().filter(|c| **c > 0).count())
            .to_vec();
        assert!(sizes.is_sorted() && sizes[0] < 40 && sizes[4] > 2000, "{sizes:?}");
    }

    #[test]
    fn a_stroke_that_erases_takes_its_part_and_the_last_one_wins() {
        let (image, truth) = disc();
        let add = stroke(&[[0.35, 0.5]], false);
        let take = stroke(&[[0.65, 0.35], [0.65, 0.55]], true);
        let mask = select(&image, &[add.clone(), take.clone()], 0.5);
        let at = |x: usize, y: usize| mask.coverage()[y * 96 + x];
        assert_eq!((at(30, 48), at(62, 48), at(70, 44)), (255, 0, 0));
        let again = select(&image, &[add, take.clone(), Stroke { erases: false, ..take }], 0.5);
        assert!(agreement(&again, &truth) > 0.98);
    }

    #[test]
    fn without_strokes_nothing_is_selected() {
        let (image, _) = disc();
        for strokes in [vec![], vec![stroke(&[[0.5, 0.5]], true)], vec![stroke(&[], false)]] {
            assert_eq!(select(&image, &strokes, 1.0).bounds(), None);
        }
        let outside = select(&image, &[stroke(&[[-3.0, f32::NAN], [9.0, 2.0]], false)], 0.5);
        assert_eq!(outside.bounds(), None);
    }

    proptest! {
        #[test]
        fn strokes_of_any_kind_select_without_fuss(
            (width, rgb) in (1u32..12, prop::collection::vec(any::<u8>(), 3 * 12 * 12)),
            points in prop::collection::vec([-1.0f32..2.0, -1.0f32..2.0], 0..6),
            radius in -1.0f32..3.0,
            reach in -1.0f32..2.0,
        ) {
            let image = Image::new(width, 12, rgb[..3 * 12 * width as usize].to_vec());
            let mask = select(&image, &[Stroke { points, radius, erases: false }], reach);
            prop_assert_eq!((mask.width(), mask.height()), (image.width(), image.height()));
        }
    }
}
