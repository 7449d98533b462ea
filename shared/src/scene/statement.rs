//! What a caption says of a scene, apart from its wording, and whether that is true.

use rand::{Rng, RngExt};

use super::color::ColorName;
use super::kind::Kind;
use super::layout::{Side, SizeName};
use super::object::Object;

/// What a caption says: of one to three things, and where the first is relative to the second.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) mentions: Vec<Mention>,
    /// Only with exactly two mentions.
    pub(super) relation: Option<Side>,
}

/// What a caption says of one thing; `None` where it is silent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    pub(super) size: Option<SizeName>,
    pub(super) color: Option<ColorName>,
    pub(super) kind: Kind,
    pub(super) place: Option<Side>,
}

impl Statement {
    /// Kinds, nearly all colors and some sizes of the objects in `order`, but no place.
    pub(super) fn about(rng: &mut impl Rng, objects: &[Object], order: &[usize]) -> Statement {
        let needs_color = !kinds_differ(objects);
        let mentions = order.iter().map(|&at| {
            let object = &objects[at];
            Mention {
                size: (object.size != SizeName::Medium && rng.random_bool(0.5)).then_some(object.size),
                color: (rng.random_bool(0.92) || needs_color).then_some(object.color),
                kind: object.kind,
                place: None,
            }
        });
        Statement { mentions: mentions.collect(), relation: None }
    }

    /// Adds, often, where the mentioned objects are.
    pub(super) fn locate(&mut self, rng: &mut impl Rng, objects: &[Object], order: &[usize]) {
        if !rng.random_bool(0.75) {
            return;
        }
        if let [first, second] = *order
            && rng.random_bool(0.75)
        {
            self.relation = Side::between(objects[first].center, objects[second].center);
        }
        if self.relation.is_none() {
            let chance = if order.len() == 1 { 0.95 } else { 0.6 };
            for (mention, &at) in self.mentions.iter_mut().zip(order) {
                mention.place = plain_side(rng, &objects[at]).filter(|_| rng.random_bool(chance));
            }
        }
    }

    /// In how many ways the mentions can be given to different objects so that all is true.
    pub(super) fn readings(&self, objects: &[Object]) -> usize {
        self.readings_after(objects, &mut Vec::with_capacity(self.mentions.len()))
    }

    fn readings_after(&self, objects: &[Object], chosen: &mut Vec<usize>) -> usize {
        let Some(mention) = self.mentions.get(chosen.len()) else {
            let related = self.relation.is_none_or(|side| {
                Side::between(objects[chosen[0]].center, objects[chosen[1]].center) == Some(side)
            });
            return usize::from(related);
        };
        let mut count = 0;
        for (at, object) in objects.iter().enumerate() {
            if !chosen.contains(&at) && mention.fits(object) {
                chosen.push(at);
                count += self.readings_after(objects, chosen);
                chosen.pop();
            }
        }
        count
    }
}

impl Mention {
    fn fits(&self, object: &Object) -> bool {
        self.kind == object.kind
            && self.color.is_none_or(|color| color == object.color)
            && self.size.is_none_or(|size| size == object.size)
            && self.place.is_none_or(|side| side.holds(object.center))
    }
}

/// One of the sides of the image on which `object` plainly is.
pub(super) fn plain_side(rng: &mut impl Rng, object: &Object) -> Option<Side> {
    let sides = Side::ALL.map(|side| Some(side).filter(|side| side.holds(object.center)));
    let mut sides = sides.into_iter().flatten();
    let first = sides.next()?;
    Some(sides.next().filter(|_| rng.random_bool(0.5)).unwrap_or(first))
}

/// Some of `count` indices, at least one, in random order.
pub(super) fn order(rng: &mut impl Rng, count: usize) -> Vec<usize> {
    let mut order = shuffled(rng, count);
    order.truncate(rng.random_range(1..=count.max(1)));
    order
}

/// The indices below `count` in random order.
pub(super) fn shuffled(rng: &mut impl Rng, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, rng.random_range(0..=at));
    }
    order
}

/// Whether a kind alone tells each object from the others.
pub(super) fn kinds_differ(objects: &[Object]) -> bool {
    objects.iter().enumerate().all(|(at, one)| objects[..at].iter().all(|other| one.kind != other.kind))
}
