//! From a scene to pixels: background, shadows, objects, light, grain.
//!
//! Only additions, multiplications, divisions and square roots, so every target gives the same bytes.

use super::Scene;
use super::background::scramble;
use super::cast::{Canvas, Cast};
use crate::picture::Picture;
use rand::{Rng, RngExt};
use tiny_skia::Pixmap;

/// Paints `scene` as a square of `side` pixels.
pub(super) fn render(scene: &Scene, side: u32) -> Picture {
    let size = side as f32;
    let middle = |at: u32| (at as f32 + 0.5) / size;
    let mut canvas = Canvas::new(side, |x, y| scene.background.color(middle(x), middle(y), size));
    let drawn = scene.objects.iter().filter_map(|object| {
        let cast = Cast::of(object, &scene.light, side);
        cast.drawing(object, size).map(|drawing| (cast, drawing))
    });
    let drawn: Vec<(Cast, Pixmap)> = drawn.collect();
    // All shadows come first: none may fall on an object beside it.
    for (cast, drawing) in &drawn {
        canvas.darken(cast, drawing, scene.light.shadow);
    }
    for (cast, drawing) in &drawn {
        canvas.cover(cast, drawing);
    }
    let mut rgb = Vec::with_capacity(3 * canvas.pixels().len());
    for ((x, y), color) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).zip(canvas.pixels()) {
        let gain = 255.0 * scene.light.gain(middle(x), middle(y));
        let grain = scene.grain.at(x, y);
        rgb.extend([0, 1, 2].map(|channel| (color[channel] * gain + grain[channel] + 0.5) as u8));
    }
    Picture::new(side, side, rgb)
}

/// Where light comes from and how much it changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Light {
    /// Towards the light, each part in -1..=1.
    pub(super) direction: [f32; 2],
    /// By how much the far corner is darker than the near one, in 0..=1.
    fall: f32,
    /// How dark shadows are, in 0..=1.
    shadow: f32,
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
    fn gain(&self, x: f32, y: f32) -> f32 {
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

    fn at(&self, x: u32, y: u32) -> [f32; 3] {
        let bits = scramble(self.seed, x, y);
        [0, 8, 16].map(|shift| (((bits >> shift) & 0xff) as f32 / 127.5 - 1.0) * self.levels)
    }
}
