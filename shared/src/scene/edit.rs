//! The one fact in which the two scenes of a pair differ.

use rand::Rng;

use super::color::ColorName;
use super::kind::Kind;
use super::layout::{Point, Side, SizeName, apart, inside};
use super::object::{Object, lay_out};
use super::statement::{Statement, plain_side};
use super::wording::{Wording, place_word, relation_word};

/// One fact before and after.
pub(super) enum Edit {
    Color(ColorName, ColorName),
    Kind(Kind, Kind),
    Size(SizeName, SizeName),
    Place(Side),
    Relation(Side),
}

impl Edit {
    /// Makes two equal statements say what was and what is.
    pub(super) fn state(&self, before: &mut Statement, after: &mut Statement, focus: usize) {
        let (old, new) = (&mut before.mentions[focus], &mut after.mentions[focus]);
        match *self {
            Edit::Color(from, to) => (old.color, new.color) = (Some(from), Some(to)),
            Edit::Kind(from, to) => (old.kind, new.kind) = (from, to),
            Edit::Size(from, to) => (old.size, new.size) = (Some(from), Some(to)),
            Edit::Place(side) => (old.place, new.place) = (Some(side), Some(side.opposite())),
            Edit::Relation(side) => {
                (before.relation, after.relation) = (Some(side), Some(side.opposite()));
            }
        }
    }

    /// The words that tell the two statements apart.
    pub(super) fn terms(&self, wording: &Wording) -> [&'static str; 2] {
        match *self {
            Edit::Color(from, to) => [from.name(), to.name()],
            Edit::Kind(from, to) => [from.name(), to.name()],
            Edit::Size(from, to) => [wording.size(from), wording.size(to)],
            Edit::Place(side) => [side, side.opposite()].map(place_word),
            Edit::Relation(side) => [side, side.opposite()].map(relation_word),
        }
    }
}

/// Lays `objects` out so that `changed` has room on the other side of `anchor`, or of the image.
///
/// Gives the centre there, and the side on which the object is now.
pub(super) fn opposite_place(
    rng: &mut impl Rng,
    objects: &mut [Object],
    changed: usize,
    anchor: Option<usize>,
) -> Option<(Point, Side)> {
    let extents: Vec<f32> = objects.iter().map(|object| object.extent).collect();
    if !lay_out(rng, objects, &extents) {
        return None;
    }
    let (side, pivot) = match anchor {
        Some(at) => (Side::between(objects[changed].center, objects[at].center)?, objects[at].center),
        None => (plain_side(rng, &objects[changed])?, [0.5, 0.5]),
    };
    let mut center = objects[changed].center;
    let axis = if side.is_across() { 0 } else { 1 };
    center[axis] = 2.0 * pivot[axis] - center[axis];
    let mut others = objects.iter().enumerate().filter(|&(at, _)| at != changed);
    let free = inside(center, extents[changed])
        && others.all(|(at, other)| apart((center, extents[changed]), (other.center, extents[at])));
    free.then_some((center, side))
}
