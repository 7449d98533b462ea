//! Synthetic images with captions and counterfactuals: a training set that needs no download.
//!
//! A [`Scene`] describes one to three objects before a quiet background; [`Scene::render`] paints
//! it at any size. A [`Pair`] holds two scenes that differ in one fact, with captions that differ
//! in the one term for it. Everything follows from a seed, and pixels are the same on every
//! target: no clock, no threads, no function whose last bits a platform may choose.
//!
//! - `kind`, `nature`, `things`: the kinds and their drawings, made with the `brush`
//! - `color`: the eleven basic colors; `layout`: sizes, sides, placement; `object`: all of these
//! - `background`, `light`, `cast`, `render`: from a scene to pixels
//! - `statement`: what a caption says; `wording`: how it says it
//! - `edit`: the one fact that changes; `counterfactual`: pairs

mod background;
mod brush;
mod cast;
mod color;
mod counterfactual;
mod edit;
mod kind;
mod layout;
mod light;
mod nature;
mod object;
mod render;
mod statement;
mod things;
mod wording;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::image::Image;
use background::Background;
pub use color::{ColorName, Rgb, from_hsv};
pub use counterfactual::Pair;
pub use kind::Kind;
pub use layout::{Point, Side, SizeName};
use light::{Grain, Light};
pub use object::Object;
pub use wording::{caption, caption_of_seed};

/// A full description of an image: objects, background, light and grain.
///
/// Its objects lie inside the image, their boxes do not touch, and no two of them are alike in
/// both kind and color.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    objects: Vec<Object>,
    background: Background,
    light: Light,
    grain: Grain,
}

impl Scene {
    /// A scene of one to three objects of uniform kinds and colors.
    pub fn sample(rng: &mut impl Rng) -> Scene {
        loop {
            let mut objects = object::draft(rng);
            let extents: Vec<f32> = objects.iter().map(Object::extent).collect();
            if object::lay_out(rng, &mut objects, &extents) {
                let shades: Vec<Rgb> = objects.iter().map(|object| object.shade).collect();
                return Scene::around(rng, objects, &shades);
            }
        }
    }

    /// The scene that `seed` stands for, the same on every machine.
    pub fn from_seed(seed: u64) -> Scene {
        Scene::sample(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    /// Puts `objects` before a background on which all `shades` can be seen.
    fn around(rng: &mut impl Rng, objects: Vec<Object>, shades: &[Rgb]) -> Scene {
        Scene {
            objects,
            background: Background::sample(rng, shades),
            light: Light::sample(rng),
            grain: Grain::sample(rng),
        }
    }

    /// The objects, one to three of them.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Paints the scene as a square image of `side` by `side` pixels, antialiased.
    ///
    /// # Panics
    /// If `side` is zero.
    pub fn render(&self, side: u32) -> Image {
        render::render(self, side)
    }
}

#[cfg(test)]
mod laws;
