//! One thing in a scene.

use rand::{Rng, RngExt};

use super::color::{ColorName, Rgb};
use super::kind::Kind;
use super::layout::{Point, SizeName, spread};

/// One thing in a scene: what captions may say of it, and how exactly it looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub(super) kind: Kind,
    pub(super) color: ColorName,
    pub(super) shade: Rgb,
    pub(super) size: SizeName,
    pub(super) extent: f32,
    pub(super) center: Point,
    /// Drawn as in a mirror that swaps left and right.
    pub(super) flipped: bool,
    /// Cosine and sine of a small turn.
    pub(super) tilt: (f32, f32),
}

impl Object {
    /// What kind of thing it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of its color.
    pub fn color(&self) -> ColorName {
        self.color
    }

    /// Its size class.
    pub fn size(&self) -> SizeName {
        self.size
    }

    /// The side of the square box around it, in shares of the image's side.
    pub fn extent(&self) -> f32 {
        self.extent
    }

    /// The centre of that box, in shares of the image's side: x to the right, y downwards.
    pub fn center(&self) -> Point {
        self.center
    }

    /// Something of uniform kind, color and size in the middle of the image.
    fn sample(rng: &mut impl Rng) -> Object {
        let (color, size) = (ColorName::sample(rng), SizeName::sample(rng));
        // Cosine and sine of twice the angle whose tangent is drawn: no function whose last bits vary.
        let half = rng.random_range(-0.05..0.05_f32);
        let norm = 1.0 + half * half;
        Object {
            kind: Kind::sample(rng),
            color,
            shade: color.shade(rng),
            size,
            extent: size.extent(rng),
            center: [0.5, 0.5],
            flipped: rng.random(),
            tilt: ((1.0 - half * half) / norm, 2.0 * half / norm),
        }
    }

    /// The same thing in another color.
    pub(super) fn recolored(&self, rng: &mut impl Rng, color: ColorName) -> Object {
        Object { color, shade: color.shade(rng), ..self.clone() }
    }

    /// The same thing in another size.
    pub(super) fn resized(&self, rng: &mut impl Rng, size: SizeName) -> Object {
        Object { size, extent: size.extent(rng), ..self.clone() }
    }
}

/// One to three objects, no two alike in both kind and color, still all in the middle.
pub(super) fn draft(rng: &mut impl Rng) -> Vec<Object> {
    let count = match rng.random_range(0..20_u32) {
        0..=4 => 1,
        5..=13 => 2,
        _ => 3,
    };
    loop {
        let mut objects: Vec<Object> = (0..count).map(|_| Object::sample(rng)).collect();
        // Scenes that share a kind or a color teach which attribute belongs to which thing.
        if let [first, second, ..] = objects.as_mut_slice() {
            match rng.random_range(0..8_u32) {
                0 => second.kind = first.kind,
                1 => *second = second.recolored(rng, first.color),
                _ => {}
            }
        }
        if all_differ(&objects) {
            return objects;
        }
    }
}

/// Whether no two objects are alike in both kind and color.
pub(super) fn all_differ(objects: &[Object]) -> bool {
    objects
        .iter()
        .enumerate()
        .all(|(at, one)| objects[..at].iter().all(|other| (one.kind, one.color) != (other.kind, other.color)))
}

/// Spreads `objects` over the image, each with room for `extents`; false where they do not fit.
pub(super) fn lay_out(rng: &mut impl Rng, objects: &mut [Object], extents: &[f32]) -> bool {
    let centers = spread(rng, extents);
    for (object, &center) in objects.iter_mut().zip(centers.iter().flatten()) {
        object.center = center;
    }
    centers.is_some()
}
