//! Light that falls on a scene, and the grain of its image.

use rand::{Rng, RngExt};

use super::background::scramble;

/// Where light comes from and how much it changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Light {
    /// Towards the light, each part in -1..=1.
    pub(super) direction: [f32; 2],
    /// By how much the far corner is darker than the near one, in 0..=1.
    fall: f32,
    /// How dark shadows are, in 0..=1.
    pub(super) shadow: f32,
}

impl Light {
    pub(super) fn sample(rng: &mut impl Rng) -> Light {
        Light {
            direction: [rng.random_range(-1.0..1.0), rng.random_range(-1.0..-0.2)],
            fall: rng.random_range(0.02..0.10),
            shadow: rng.random_range(0.20..0.40),
        }
    }

    /// The factor by which a point's color is dimmed.
    pub(super) fn gain(&self, x: f32, y: f32) -> f32 {
        let [dx, dy] = self.direction;
        1.0 - self.fall * (0.5 - 0.5 * ((x - 0.5) * dx + (y - 0.5) * dy))
    }
}

/// Grain that depends on its seed and the pixel alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grain {
    seed: u32,
    /// The largest change of a channel, in steps of 1/255.
    levels: f32,
}

impl Grain {
    pub(super) fn sample(rng: &mut impl Rng) -> Grain {
        Grain { seed: rng.random(), levels: rng.random_range(0.5..5.0) }
    }

    pub(super) fn at(&self, x: u32, y: u32) -> [f32; 3] {
        let bits = scramble(self.seed, x, y);
        [0, 8, 16].map(|shift| (((bits >> shift) & 0xff) as f32 / 127.5 - 1.0) * self.levels)
    }
}
