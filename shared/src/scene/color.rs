//! The eleven basic colors, each with a range of shades that overlaps no other's.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// A color as three shares of full intensity, red, green and blue, each in 0..=1.
pub type Rgb = [f32; 3];

/// One of the eleven basic color terms of English.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ColorName {
    Red,
    Orange,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
    Brown,
    Black,
    White,
    Gray,
}

impl ColorName {
    /// Every color, the chromatic ones in the order of the rainbow first.
    pub const ALL: [ColorName; 11] = [
        ColorName::Red,
        ColorName::Orange,
        ColorName::Yellow,
        ColorName::Green,
        ColorName::Blue,
        ColorName::Purple,
        ColorName::Pink,
        ColorName::Brown,
        ColorName::Black,
        ColorName::White,
        ColorName::Gray,
    ];

    /// The word that captions use.
    pub const fn name(self) -> &'static str {
        match self {
            ColorName::Red => "red",
            ColorName::Orange => "orange",
            ColorName::Yellow => "yellow",
            ColorName::Green => "green",
            ColorName::Blue => "blue",
            ColorName::Purple => "purple",
            ColorName::Pink => "pink",
            ColorName::Brown => "brown",
            ColorName::Black => "black",
            ColorName::White => "white",
            ColorName::Gray => "gray",
        }
    }

    /// A color drawn uniformly.
    pub(super) fn sample(rng: &mut impl Rng) -> ColorName {
        ColorName::ALL[rng.random_range(0..ColorName::ALL.len())]
    }

    /// A color drawn uniformly from the ten others.
    pub(super) fn sample_other(self, rng: &mut impl Rng) -> ColorName {
        let step = rng.random_range(1..ColorName::ALL.len());
        ColorName::ALL[(self as usize + step) % ColorName::ALL.len()]
    }

    /// One shade that everybody would call by this name.
    pub(super) fn shade(self, rng: &mut impl Rng) -> Rgb {
        let [hue, saturation, value] = self.ranges().map(|(low, high)| rng.random_range(low..high));
        from_hsv(hue, saturation, value)
    }

    /// Hue in degrees (may be negative), saturation and value in 0..=1, as half-open ranges.
    const fn ranges(self) -> [(f32, f32); 3] {
        match self {
            ColorName::Red => [(-6.0, 5.0), (0.82, 0.95), (0.76, 0.93)],
            ColorName::Orange => [(23.0, 30.0), (0.88, 1.0), (0.93, 1.0)],
            ColorName::Yellow => [(51.0, 58.0), (0.75, 0.93), (0.93, 1.0)],
            ColorName::Green => [(105.0, 145.0), (0.60, 0.85), (0.48, 0.72)],
            ColorName::Blue => [(207.0, 228.0), (0.70, 0.95), (0.68, 0.92)],
            ColorName::Purple => [(266.0, 284.0), (0.55, 0.75), (0.52, 0.70)],
            ColorName::Pink => [(328.0, 346.0), (0.30, 0.50), (0.95, 1.0)],
            ColorName::Brown => [(19.0, 28.0), (0.58, 0.72), (0.36, 0.48)],
            ColorName::Black => [(200.0, 260.0), (0.0, 0.12), (0.07, 0.14)],
            ColorName::White => [(30.0, 60.0), (0.0, 0.03), (0.96, 1.0)],
            ColorName::Gray => [(200.0, 240.0), (0.0, 0.06), (0.48, 0.60)],
        }
    }
}

impl std::fmt::Display for ColorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The color of a hue in degrees, with saturation and value in 0..=1.
pub fn from_hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let turn = hue / 60.0;
    let channel = |offset: f32| {
        let k = turn + offset;
        let k = k - 6.0 * (k / 6.0).floor();
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// `a` at `t` = 0, `b` at `t` = 1, and the straight line between.
pub(super) fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [0, 1, 2].map(|channel| a[channel] + (b[channel] - a[channel]) * t)
}

/// How far apart two colors are: 0 for equal ones, 1 for black and white.
pub(super) fn distance(a: Rgb, b: Rgb) -> f32 {
    let [r, g, b] = [0, 1, 2].map(|channel| (a[channel] - b[channel]) * (a[channel] - b[channel]));
    ((r + g + b) / 3.0).sqrt()
}

/// Perceived brightness in 0..=1.
pub(super) fn luma([r, g, b]: Rgb) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn hues_give_the_primary_colors() {
        assert_eq!(from_hsv(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(from_hsv(120.0, 1.0, 1.0), [0.0, 1.0, 0.0]);
        assert_eq!(from_hsv(-120.0, 1.0, 1.0), [0.0, 0.0, 1.0]);
        assert_eq!(from_hsv(77.0, 0.0, 0.5), [0.5, 0.5, 0.5]);
    }

    #[test]
    fn shades_of_different_colors_stay_apart() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for a in ColorName::ALL {
            for b in ColorName::ALL.into_iter().filter(|&b| b != a) {
                for _ in 0..50 {
                    let apart = distance(a.shade(&mut rng), b.shade(&mut rng));
                    assert!(apart > 0.12, "{a} and {b} are {apart} apart");
                }
            }
        }
    }

    #[test]
    fn another_color_is_never_the_same() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for color in ColorName::ALL {
            assert!((0..100).all(|_| color.sample_other(&mut rng) != color));
        }
    }
}
