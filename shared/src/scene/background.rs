//! What lies behind the objects: two quiet tones and a pattern that blends them.

use rand::{Rng, RngExt};

use super::color::{Rgb, distance, from_hsv, mix};

/// How far a background's tones stay from every object's color.
const CONTRAST: f32 = 0.19;

/// A background; its tones are of low saturation, so objects stay the colorful part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Background {
    pattern: Pattern,
    tones: [Rgb; 2],
}

/// Where the second tone shows; lengths are in shares of the image's side.
#[derive(Clone, Debug, PartialEq)]
enum Pattern {
    Plain,
    Gradient,
    /// Sky over ground, which begins at this height from the top.
    Horizon(f32),
    /// Bands across the direction, which need not have length 1.
    Stripes([f32; 2]),
    /// A lattice of soft discs, so many to a side.
    Dots(f32),
    /// Blurred noise with so many patches to a side.
    Clouds(u32, f32),
}

impl Background {
    /// A background on which all of `colors` can be seen.
    pub(super) fn sample(rng: &mut impl Rng, colors: &[Rgb]) -> Background {
        let contrast = |background: &Background| {
            let gaps = background
                .tones
                .iter()
                .flat_map(|&tone| colors.iter().map(move |&color| distance(tone, color)));
            gaps.fold(1.0_f32, f32::min)
        };
        let mut best = Background::draw(rng);
        for _ in 0..60 {
            if contrast(&best) >= CONTRAST {
                break;
            }
            let other = Background::draw(rng);
            if contrast(&other) > contrast(&best) {
                best = other;
            }
        }
        best
    }

    fn draw(rng: &mut impl Rng) -> Background {
        let hue = rng.random_range(0.0..360.0_f32);
        let value = match rng.random_range(0..10_u32) {
            0..=5 => rng.random_range(0.84..0.97_f32),
            6..=7 => rng.random_range(0.62..0.84_f32),
            _ => rng.random_range(0.17..0.34_f32),
        };
        let saturation = rng.random_range(0.02..0.14_f32);
        let pattern = match rng.random_range(0..9_u32) {
            0 => Pattern::Plain,
            1..=2 => Pattern::Gradient,
            3..=4 => Pattern::Horizon(rng.random_range(0.52..0.78)),
            5 => {
                let frequency = rng.random_range(3.0..7.0_f32);
                let slant = rng.random_range(-1.0..1.0_f32);
                Pattern::Stripes([frequency, frequency * slant])
            }
            6 => Pattern::Dots(rng.random_range(4.0..9.0)),
            _ => Pattern::Clouds(rng.random(), rng.random_range(2.5..6.0)),
        };
        let (turn, step) = match pattern {
            Pattern::Horizon(_) => (rng.random_range(30.0..180.0_f32), rng.random_range(0.08..0.16_f32)),
            Pattern::Stripes(_) | Pattern::Dots(_) => (0.0, rng.random_range(0.03..0.06_f32)),
            _ => (rng.random_range(-25.0..25.0_f32), rng.random_range(0.06..0.14_f32)),
        };
        // Ground and pattern darken light backgrounds and lighten dark ones.
        let step = if value > 0.5 { -step } else { step };
        let second = from_hsv(hue + turn, saturation + 0.03, value + step);
        Background { pattern, tones: [from_hsv(hue, saturation, value), second] }
    }

    /// The color at a point of an image of `side` pixels.
    pub(super) fn color(&self, x: f32, y: f32, side: f32) -> Rgb {
        let [first, second] = self.tones;
        let share = match self.pattern {
            Pattern::Plain => 0.0,
            Pattern::Gradient => y,
            Pattern::Horizon(top) => {
                let ground = ((y - top) * side + 0.5).clamp(0.0, 1.0);
                let haze = if y < top { 0.35 * y } else { 0.55 * (y - top) };
                return mix(
                    mix(first, second, ground),
                    [0.96; 3],
                    haze * if first[0] > 0.5 { 0.6 } else { 0.05 },
                );
            }
            Pattern::Stripes([a, b]) => {
                let turn = x * a + y * b;
                smooth(3.0 * ((turn - turn.floor() - 0.5).abs() - 0.25) + 0.5)
            }
            Pattern::Dots(count) => {
                let row = (y * count).floor();
                // Every other row is shifted by half a step.
                let shift = 0.5 * (row - 2.0 * (row / 2.0).floor());
                let u = x * count + shift;
                let (u, v) = (u - u.floor() - 0.5, y * count - row - 0.5);
                smooth((0.33 - (u * u + v * v).sqrt()) * 6.0 + 0.5)
            }
            Pattern::Clouds(seed, count) => {
                0.62 * patches(seed, x * count, y * count)
                    + 0.26 * patches(seed ^ 0x5bd1, x * count * 2.1, y * count * 2.1)
                    + 0.12 * patches(seed ^ 0x9e37, x * count * 4.3, y * count * 4.3)
            }
        };
        mix(first, second, share)
    }
}

/// 0 up to 0, 1 from 1 on, and a curve without corners between.
fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Noise in 0..=1 that varies smoothly over about one unit.
fn patches(seed: u32, x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (u, v) = (smooth(x - column), smooth(y - row));
    let corner = |i: u32, j: u32| {
        let bits = scramble(seed, column as u32 + i, row as u32 + j);
        (bits >> 8) as f32 / 16_777_215.0
    };
    let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * u;
    let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * u;
    top + (bottom - top) * v
}

/// 32 bits that look random but depend only on the arguments.
pub(super) fn scramble(seed: u32, x: u32, y: u32) -> u32 {
    let mut bits = seed ^ x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77).rotate_left(15);
    for multiplier in [0x7feb_352d, 0x846c_a68b] {
        bits = (bits ^ (bits >> 16)).wrapping_mul(multiplier);
    }
    bits ^ (bits >> 16)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::scene::color::ColorName;

    #[test]
    fn any_four_colors_find_a_background_that_shows_them() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..500 {
            let colors = [(); 4].map(|()| ColorName::sample(&mut rng).shade(&mut rng));
            let background = Background::sample(&mut rng, &colors);
            for tone in background.tones {
                for color in colors {
                    assert!(distance(tone, color) > 0.13, "{tone:?} behind {color:?}");
                }
            }
        }
    }

    #[test]
    fn colors_stay_within_range_and_quiet() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..300 {
            let background = Background::draw(&mut rng);
            for at in 0..64_u8 {
                let (x, y) = (f32::from(at % 8) / 8.0, f32::from(at / 8) / 8.0);
                let [r, g, b] = background.color(x, y, 64.0);
                let (low, high) = (r.min(g).min(b), r.max(g).max(b));
                assert!(low >= 0.0 && high <= 1.0 && high - low < 0.2, "{background:?}");
            }
        }
    }

    #[test]
    fn scrambled_bits_are_balanced() {
        let ones: u32 = (0..1000).map(|at| scramble(7, at % 40, at / 40).count_ones()).sum();
        assert!((15_500..16_500).contains(&ones), "{ones} of 32000");
    }
}
