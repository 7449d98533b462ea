//! The kinds of things that scenes show, and which drawing belongs to each.

use rand::{Rng, RngExt};

use super::brush::Brush;
use super::{nature, things};

/// What kind of thing an object is; each has a silhouette of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Apple,
    Ball,
    Balloon,
    Bell,
    Bird,
    Boat,
    Bottle,
    Butterfly,
    Car,
    Cat,
    Chair,
    Crown,
    Cube,
    Cup,
    Fish,
    Flower,
    Hat,
    Heart,
    House,
    Key,
    Kite,
    Leaf,
    Moon,
    Mushroom,
    Shirt,
    Star,
    Tree,
    Umbrella,
}

impl Kind {
    /// Every kind, in alphabetical order.
    pub const ALL: [Kind; 28] = [
        Kind::Apple,
        Kind::Ball,
        Kind::Balloon,
        Kind::Bell,
        Kind::Bird,
        Kind::Boat,
        Kind::Bottle,
        Kind::Butterfly,
        Kind::Car,
        Kind::Cat,
        Kind::Chair,
        Kind::Crown,
        Kind::Cube,
        Kind::Cup,
        Kind::Fish,
        Kind::Flower,
        Kind::Hat,
        Kind::Heart,
        Kind::House,
        Kind::Key,
        Kind::Kite,
        Kind::Leaf,
        Kind::Moon,
        Kind::Mushroom,
        Kind::Shirt,
        Kind::Star,
        Kind::Tree,
        Kind::Umbrella,
    ];

    /// The noun that captions use, in the singular.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Apple => "apple",
            Kind::Ball => "ball",
            Kind::Balloon => "balloon",
            Kind::Bell => "bell",
            Kind::Bird => "bird",
            Kind::Boat => "boat",
            Kind::Bottle => "bottle",
            Kind::Butterfly => "butterfly",
            Kind::Car => "car",
            Kind::Cat => "cat",
            Kind::Chair => "chair",
            Kind::Crown => "crown",
            Kind::Cube => "cube",
            Kind::Cup => "cup",
            Kind::Fish => "fish",
            Kind::Flower => "flower",
            Kind::Hat => "hat",
            Kind::Heart => "heart",
            Kind::House => "house",
            Kind::Key => "key",
            Kind::Kite => "kite",
            Kind::Leaf => "leaf",
            Kind::Moon => "moon",
            Kind::Mushroom => "mushroom",
            Kind::Shirt => "shirt",
            Kind::Star => "star",
            Kind::Tree => "tree",
            Kind::Umbrella => "umbrella",
        }
    }

    /// A kind drawn uniformly.
    pub(super) fn sample(rng: &mut impl Rng) -> Kind {
        Kind::ALL[rng.random_range(0..Kind::ALL.len())]
    }

    /// A kind drawn uniformly from the others.
    pub(super) fn sample_other(self, rng: &mut impl Rng) -> Kind {
        let step = rng.random_range(1..Kind::ALL.len());
        Kind::ALL[(self as usize + step) % Kind::ALL.len()]
    }

    /// Paints one thing of this kind within -50..=50 both ways, y downwards.
    pub(super) fn paint(self, brush: &mut Brush<'_>) {
        match self {
            Kind::Apple => nature::apple(brush),
            Kind::Ball => things::ball(brush),
            Kind::Balloon => things::balloon(brush),
            Kind::Bell => things::bell(brush),
            Kind::Bird => nature::bird(brush),
            Kind::Boat => things::boat(brush),
            Kind::Bottle => things::bottle(brush),
            Kind::Butterfly => nature::butterfly(brush),
            Kind::Car => things::car(brush),
            Kind::Cat => nature::cat(brush),
            Kind::Chair => things::chair(brush),
            Kind::Crown => things::crown(brush),
            Kind::Cube => things::cube(brush),
            Kind::Cup => things::cup(brush),
            Kind::Fish => nature::fish(brush),
            Kind::Flower => nature::flower(brush),
            Kind::Hat => things::hat(brush),
            Kind::Heart => things::heart(brush),
            Kind::House => things::house(brush),
            Kind::Key => things::key(brush),
            Kind::Kite => things::kite(brush),
            Kind::Leaf => nature::leaf(brush),
            Kind::Moon => nature::moon(brush),
            Kind::Mushroom => nature::mushroom(brush),
            Kind::Shirt => things::shirt(brush),
            Kind::Star => nature::star(brush),
            Kind::Tree => nature::tree(brush),
            Kind::Umbrella => things::umbrella(brush),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use tiny_skia::{Pixmap, Transform};

    use super::*;

    /// One kind, 100 pixels large, with a margin of 20 pixels.
    fn drawn(kind: Kind) -> Pixmap {
        let mut canvas = Pixmap::new(140, 140).unwrap();
        let placed = Transform::from_row(1.0, 0.0, 0.0, 1.0, 70.0, 70.0);
        kind.paint(&mut Brush::new(&mut canvas, placed, [0.8, 0.1, 0.1]));
        canvas
    }

    #[test]
    fn every_kind_fills_its_box_and_stays_inside() {
        for kind in Kind::ALL {
            let canvas = drawn(kind);
            let mut spans = [(140, 0), (140, 0)];
            for (at, pixel) in canvas.pixels().iter().enumerate() {
                if pixel.alpha() > 0 {
                    for (span, place) in spans.iter_mut().zip([at % 140, at / 140]) {
                        *span = (span.0.min(place), span.1.max(place));
                    }
                }
            }
            for (low, high) in spans {
                assert!(low >= 20 && high < 120, "{kind} leaves its box: {low}..={high}");
            }
            let longest = spans.map(|(low, high)| high + 1 - low).into_iter().max().unwrap();
            assert!(longest >= 94, "{kind} is only {longest} % of its box");
        }
    }

    #[test]
    fn every_kind_shows_mostly_its_own_color() {
        for kind in Kind::ALL {
            let canvas = drawn(kind);
            let solid = canvas.pixels().iter().filter(|pixel| pixel.alpha() > 128);
            let own = |pixel: &&tiny_skia::PremultipliedColorU8| {
                u32::from(pixel.red()) > 2 * u32::from(pixel.green().max(pixel.blue())) - 20
            };
            let (all, own) = (solid.clone().count(), solid.filter(own).count());
            assert!(2 * own > all, "{kind}: {own} of {all} pixels have its color");
            assert!(own > 900, "{kind} shows only {own} pixels of its color");
        }
    }

    #[test]
    fn names_are_plain_singular_nouns_in_order() {
        let names = Kind::ALL.map(Kind::name);
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())));
    }
}
