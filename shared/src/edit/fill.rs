//! A hole filled with what may have been behind it: every patch over the hole is made like some patch of the rest.
//!
//! Patches are found by PatchMatch (Barnes et al. 2009, doi:10.1145/1531326.1531330) and vote on the colors they cover, in
//! turns and from a coarse image to a fine one (Wexler et al. 2007, doi:10.1109/TPAMI.2007.60). The finest one of these is
//! still small; the image itself then copies its pixels from where the patches were found.

use crate::image::Image;
use crate::mask::Mask;
use crate::resize::resize;
use crate::seed;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::EditError;

/// The longer side of the finest image on which patches are sought.
const WORKING_SIDE: u32 = 320;
/// The longer side of the coarsest.
const COARSEST_SIDE: u32 = 24;
/// Patches reach this far from their middle.
const REACH: usize = 3;
/// Turns of seeking and voting on the coarsest image, and on each finer one.
const TURNS: [usize; 2] = [12, 4];
/// Passes over the hole in one turn of seeking.
const PASSES: usize = 2;

/// Fills whatever the mask covers at all.
///
/// `mask` has the image's size. `told` hears which share is done.
///
/// # Errors
/// [`EditError::NothingLeft`] if no patch lies outside the mask.
pub fn fill(image: &Image, mask: &Mask, told: &mut dyn FnMut(f32)) -> Result<Image, EditError> {
    let longer = image.width().max(image.height());
    let sides: Vec<u32> = std::iter::successors(Some(longer.min(WORKING_SIDE)), |side| {
        (side / 2 >= COARSEST_SIDE).then(|| side / 2)
    })
    .collect();
    let mut field: Option<Field> = None;
    let mut finest = None;
    for (nth, side) in sides.iter().rev().enumerate() {
        let mut level = Level::new(image, mask, f64::from(*side) / f64::from(longer));
        if level.sources.is_empty() {
            // What is too coarse for a whole patch may be fine enough when it is finer.
            continue;
        }
        let rng = &mut seed::rng(&[nth as u64]);
        let mut current = match &field {
            Some(coarser) => {
                let current = level.refined(coarser, rng);
                level.vote(&current);
                current
            }
            None => {
                level.guess();
                level.random(rng)
            }
        };
        for _ in 0..TURNS[usize::from(field.is_some())] {
            level.seek(&mut current, rng);
            level.vote(&current);
        }
        field = Some(current);
        finest = Some(level);
        told((nth + 1) as f32 / (sides.len() + 1) as f32);
    }
    let (Some(field), Some(level)) = (field, finest) else { return Err(EditError::NothingLeft) };
    Ok(level.copied(image, mask, &field))
}

/// The image at one size.
struct Level {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
    /// What is to be filled.
    hole: Vec<bool>,
    /// Middles of patches that touch the hole.
    targets: Vec<usize>,
    /// Middles of patches that do not.
    sources: Vec<usize>,
    is_source: Vec<bool>,
}

/// For each target, the middle of the patch most like it so far, and how far the two are apart.
struct Field {
    width: usize,
    height: usize,
    /// `usize::MAX` where there is no target.
    source: Vec<usize>,
    apart: Vec<u32>,
}

impl Level {
    fn new(image: &Image, mask: &Mask, scale: f64) -> Self {
        let side = |full: u32| ((f64::from(full) * scale).round() as u32).max(1);
        let (width, height) = (side(image.width()), side(image.height()));
        let small = resize(image, width, height);
        let (width, height) = (width as usize, height as usize);
        let mut hole = vec![false; width * height];
        for (y, row) in mask.coverage().chunks_exact(mask.width() as usize).enumerate() {
            let small_y = y * height / mask.height() as usize;
            for (x, _) in row.iter().enumerate().filter(|(_, coverage)| **coverage > 0) {
                hole[small_y * width + x * width / mask.width() as usize] = true;
            }
        }
        let near = Mask::new(width as u32, height as u32, hole.iter().map(|hole| u8::from(*hole)).collect())
            .grown(REACH as u32);
        let targets: Vec<usize> = (0..hole.len()).filter(|&at| near.coverage()[at] > 0).collect();
        let is_source: Vec<bool> = (0..hole.len())
            .map(|at| {
                let inside = |place: usize, side: usize| place >= REACH && place + REACH < side;
                near.coverage()[at] == 0 && inside(at % width, width) && inside(at / width, height)
            })
            .collect();
        let sources = (0..hole.len()).filter(|&at| is_source[at]).collect();
        Level { width, height, rgb: small.pixels().to_vec(), hole, targets, sources, is_source }
    }

    /// Fills the hole from its edge inwards with the colors next to it, as something to begin with.
    fn guess(&mut self) {
        let mut known: Vec<bool> = self.hole.iter().map(|hole| !hole).collect();
        loop {
            let mut found = Vec::new();
            for at in (0..known.len()).filter(|&at| !known[at]) {
                let around: Vec<[u8; 3]> = self
                    .around(at, 1)
                    .filter(|(_, near)| known[*near])
                    .map(|(_, near)| self.rgb[near])
                    .collect();
                if !around.is_empty() {
                    let mean = |channel: usize| {
                        (around.iter().map(|rgb| usize::from(rgb[channel])).sum::<usize>() / around.len())
                            as u8
                    };
                    found.push((at, [mean(0), mean(1), mean(2)]));
                }
            }
            if found.is_empty() {
                return;
            }
            for (at, color) in found {
                self.rgb[at] = color;
                known[at] = true;
            }
        }
    }

    /// The pixels in a square around one, each with its offset.
    fn around(&self, at: usize, reach: usize) -> impl Iterator<Item = ([isize; 2], usize)> + use<> {
        let (x, y, width) = (at % self.width, at / self.width, self.width);
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(self.height);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(width);
        rows.flat_map(move |row| {
            columns.clone().map(move |column| {
                ([column as isize - x as isize, row as isize - y as isize], row * width + column)
            })
        })
    }

    /// The sum of squared differences between the patches around two pixels, as far as the first is in the image; at
    /// least `enough` if it would be more than that.
    fn apart(&self, target: usize, source: usize, enough: u32) -> u32 {
        let (x, y) = (target % self.width, target / self.width);
        let mut sum = 0;
        let mut count = 0;
        for dy in 0..=2 * REACH {
            let row = y + dy;
            if row < REACH || row - REACH >= self.height {
                continue;
            }
            let first = REACH.saturating_sub(x);
            let end = (2 * REACH + 1).min(self.width + REACH - x);
            let from = (row - REACH) * self.width + x + first - REACH;
            let to = source + dy * self.width + first - REACH * self.width - REACH;
            for (a, b) in self.rgb[from..from + end - first].iter().zip(&self.rgb[to..]) {
                for channel in 0..3 {
                    let difference = i32::from(a[channel]) - i32::from(b[channel]);
                    sum += (difference * difference) as u32;
                }
            }
            count += end - first;
            if sum >= enough {
                return sum;
            }
        }
        // A patch that the image's edge cuts is compared by what is left of it.
        sum * ((2 * REACH + 1) * (2 * REACH + 1)) as u32 / count as u32
    }

    fn random(&self, rng: &mut ChaCha8Rng) -> Field {
        let mut field = self.empty();
        for &target in &self.targets {
            let source = self.sources[rng.random_range(0..self.sources.len())];
            field.source[target] = source;
            field.apart[target] = self.apart(target, source, u32::MAX);
        }
        field
    }

    fn empty(&self) -> Field {
        let n_pixels = self.rgb.len();
        Field {
            width: self.width,
            height: self.height,
            source: vec![usize::MAX; n_pixels],
            apart: vec![u32::MAX; n_pixels],
        }
    }

    /// A coarser field on this level, and anything where it says nothing that holds here.
    fn refined(&self, coarser: &Field, rng: &mut ChaCha8Rng) -> Field {
        let mut field = self.empty();
        for &target in &self.targets {
            let (x, y) = (target % self.width, target / self.width);
            let (coarse_x, coarse_y) = (x * coarser.width / self.width, y * coarser.height / self.height);
            let coarse = coarse_y * coarser.width + coarse_x;
            let found =
                Some(coarser.source[coarse]).filter(|source| *source != usize::MAX).and_then(|source| {
                    let moved = |place: usize, from: usize, to: usize, fine: usize, coarse: usize| {
                        (to as isize - from as isize) * fine as isize / coarse as isize + place as isize
                    };
                    let x = moved(x, coarse_x, source % coarser.width, self.width, coarser.width);
                    let y = moved(y, coarse_y, source / coarser.width, self.height, coarser.height);
                    self.source_at(x, y)
                });
            field.source[target] =
                found.unwrap_or_else(|| self.sources[rng.random_range(0..self.sources.len())]);
        }
        field
    }

    fn source_at(&self, x: isize, y: isize) -> Option<usize> {
        let is_inside = x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height;
        let at = is_inside.then(|| y as usize * self.width + x as usize)?;
        self.is_source[at].then_some(at)
    }

    /// Looks for better sources: next to those of the neighbors, and at random ever closer to the best so far.
    fn seek(&self, field: &mut Field, rng: &mut ChaCha8Rng) {
        for &target in &self.targets {
            field.apart[target] = self.apart(target, field.source[target], u32::MAX);
        }
        for pass in 0..PASSES {
            let forwards = pass % 2 == 0;
            let step = if forwards { 1 } else { -1 };
            let n_targets = self.targets.len();
            for nth in 0..n_targets {
                let target = self.targets[if forwards { nth } else { n_targets - 1 - nth }];
                let (x, y) = ((target % self.width) as isize, (target / self.width) as isize);
                for [dx, dy] in [[step, 0], [0, step]] {
                    let (near_x, near_y) = (x - dx, y - dy);
                    let is_inside = near_x >= 0
                        && near_y >= 0
                        && (near_x as usize) < self.width
                        && (near_y as usize) < self.height;
                    if !is_inside {
                        continue;
                    }
                    let source = field.source[near_y as usize * self.width + near_x as usize];
                    if source != usize::MAX {
                        let (x, y) =
                            ((source % self.width) as isize + dx, (source / self.width) as isize + dy);
                        self.try_source(field, target, x, y);
                    }
                }
                let mut radius = self.width.max(self.height) as i32;
                while radius >= 1 {
                    let best = field.source[target];
                    let x = (best % self.width) as isize + rng.random_range(-radius..=radius) as isize;
                    let y = (best / self.width) as isize + rng.random_range(-radius..=radius) as isize;
                    self.try_source(field, target, x, y);
                    radius /= 2;
                }
            }
        }
    }

    fn try_source(&self, field: &mut Field, target: usize, x: isize, y: isize) {
        let Some(source) = self.source_at(x, y) else { return };
        let apart = self.apart(target, source, field.apart[target]);
        if apart < field.apart[target] {
            field.apart[target] = apart;
            field.source[target] = source;
        }
    }

    /// Gives each pixel of the hole the mean of what the patches over it say, those that fit better counting for more.
    fn vote(&mut self, field: &Field) {
        let typical = {
            let mut known: Vec<u32> = self
                .targets
                .iter()
                .map(|&target| field.apart[target])
                .filter(|apart| *apart != u32::MAX)
                .collect();
            known.sort_unstable();
            known.get(known.len() * 3 / 4).map_or(1.0, |&apart| (apart as f32).max(1.0))
        };
        let voted: Vec<(usize, [u8; 3])> = (0..self.hole.len())
            .filter(|&at| self.hole[at])
            .map(|at| {
                let (mut sums, mut total) = ([0.0f32; 3], 0.0);
                let around =
                    || self.around(at, REACH).filter(|(_, target)| field.source[*target] != usize::MAX);
                // Against the best of them, whose weight is 1, so that the weights of bad ones cannot all vanish.
                let best = around().map(|(_, target)| field.apart[target]).min().unwrap_or(0);
                for ([dx, dy], target) in around() {
                    let source = field.source[target];
                    // The patch around `target` is laid over the pixel with what lies at the same place in its source.
                    let said = self.rgb[(source as isize - dy * self.width as isize - dx) as usize];
                    let weight = libm::expf(-((field.apart[target] - best) as f32) / (2.0 * typical));
                    sums.iter_mut().zip(said).for_each(|(sum, channel)| *sum += weight * f32::from(channel));
                    total += weight;
                }
                (at, sums.map(|sum| (sum / total).round() as u8))
            })
            .collect();
        voted.into_iter().for_each(|(at, color)| self.rgb[at] = color);
    }

    /// The image with its hole filled by pixels of its own, from where the patches of this level were found. An image that
    /// is no larger than the level takes what was voted.
    fn copied(&self, image: &Image, mask: &Mask, field: &Field) -> Image {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut rgb = image.rgb().to_vec();
        for at in (0..mask.coverage().len()).filter(|&at| mask.coverage()[at] > 0) {
            let (x, y) = (at % width, at / width);
            let small = y * self.height / height * self.width + x * self.width / width;
            let voted = self.rgb[small];
            let copied = (self.width < width).then(|| {
                let source = field.source[small];
                let moved = |place: usize, from: usize, to: usize, full: usize, level: usize| {
                    (place as isize + (to as isize - from as isize) * full as isize / level as isize)
                        .clamp(0, full as isize - 1) as usize
                };
                let x = moved(x, small % self.width, source % self.width, width, self.width);
                let y = moved(y, small / self.width, source / self.width, height, self.height);
                y * width + x
            });
            let color = match copied {
                Some(source) if mask.coverage()[source] == 0 => image.pixels()[source],
                _ => voted,
            };
            rgb[3 * at..3 * at + 3].copy_from_slice(&color);
        }
        Image::new(image.width(), image.height(), rgb)
    }
}
