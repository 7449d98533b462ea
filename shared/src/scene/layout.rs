//! Where things are and how large: sizes, sides and placements without overlap.

use rand::{Rng, RngExt};

/// A position in shares of the image's side: x to the right, y downwards, (0, 0) top left.
pub type Point = [f32; 2];

/// Free space kept between two objects' boxes, and around each inside the image, in shares of the side.
const GAP: f32 = 0.03;
const EDGE: f32 = 0.02;

/// How large an object is; captions leave `Medium` unnamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SizeName {
    Small,
    Medium,
    Large,
}

impl SizeName {
    /// Every size, the smallest first.
    pub const ALL: [SizeName; 3] = [SizeName::Small, SizeName::Medium, SizeName::Large];

    /// The longer side of an object of this size, in shares of the image's side.
    pub(super) fn extent(self, rng: &mut impl Rng) -> f32 {
        match self {
            SizeName::Small => rng.random_range(0.18..0.21),
            SizeName::Medium => rng.random_range(0.29..0.33),
            SizeName::Large => rng.random_range(0.43..0.49),
        }
    }

    /// A size drawn uniformly.
    pub(super) fn sample(rng: &mut impl Rng) -> SizeName {
        SizeName::ALL[rng.random_range(0..3)]
    }

    /// Large for small and small for large; medium, which has no name, stays.
    pub(super) fn opposite(self) -> SizeName {
        match self {
            SizeName::Small => SizeName::Large,
            SizeName::Medium => SizeName::Medium,
            SizeName::Large => SizeName::Small,
        }
    }
}

/// A side, of the image or of another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

impl Side {
    /// Every side.
    pub const ALL: [Side; 4] = [Side::Left, Side::Right, Side::Top, Side::Bottom];

    /// The side across.
    pub(super) fn opposite(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
            Side::Top => Side::Bottom,
            Side::Bottom => Side::Top,
        }
    }

    /// Whether this side is left or right.
    pub(super) fn is_across(self) -> bool {
        matches!(self, Side::Left | Side::Right)
    }

    /// Whether something at `center` is plainly on this side of the image.
    pub(super) fn holds(self, [x, y]: Point) -> bool {
        match self {
            Side::Left => x <= 0.36,
            Side::Right => x >= 0.64,
            Side::Top => y <= 0.36,
            Side::Bottom => y >= 0.64,
        }
    }

    /// The side of `other` on which something at `center` plainly is.
    pub(super) fn between(center: Point, other: Point) -> Option<Side> {
        let [dx, dy] = [center[0] - other[0], center[1] - other[1]];
        let (along, across, side) = if dx.abs() > dy.abs() {
            (dx, dy, if dx < 0.0 { Side::Left } else { Side::Right })
        } else {
            (dy, dx, if dy < 0.0 { Side::Top } else { Side::Bottom })
        };
        let clear = along.abs() > 0.26 && across.abs() < 0.6 * along.abs();
        clear.then_some(side)
    }
}

/// Whether a box of `extent` around `center` lies inside the image.
pub(super) fn inside(center: Point, extent: f32) -> bool {
    let reach = extent / 2.0 + EDGE;
    center.into_iter().all(|at| at >= reach && at <= 1.0 - reach)
}

/// Whether two boxes, each a centre and an extent, keep their distance.
pub(super) fn apart(a: (Point, f32), b: (Point, f32)) -> bool {
    let reach = (a.1 + b.1) / 2.0 + GAP;
    (a.0[0] - b.0[0]).abs() >= reach || (a.0[1] - b.0[1]).abs() >= reach
}

/// Centres for boxes of the given extents, all inside and apart; `None` where a few tries find none.
pub(super) fn spread(rng: &mut impl Rng, extents: &[f32]) -> Option<Vec<Point>> {
    let mut placed: Vec<(Point, f32)> = Vec::with_capacity(extents.len());
    for &extent in extents {
        let (low, high) = (extent / 2.0 + EDGE, 1.0 - extent / 2.0 - EDGE);
        let found = (0..24)
            .map(|_| [rng.random_range(low..high), rng.random_range(low..high)])
            .find(|&center| placed.iter().all(|&other| apart((center, extent), other)))?;
        placed.push((found, extent));
    }
    Some(placed.into_iter().map(|(center, _)| center).collect())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn boxes_are_inside_and_apart() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let extents = [0.48, 0.3, 0.2];
        let mut found = 0;
        for centers in (0..400).filter_map(|_| spread(&mut rng, &extents)) {
            found += 1;
            for (i, &center) in centers.iter().enumerate() {
                assert!(inside(center, extents[i]));
                for j in 0..i {
                    assert!(apart((center, extents[i]), (centers[j], extents[j])));
                }
            }
        }
        assert!(found > 200, "only {found} of 400");
    }

    #[test]
    fn a_side_is_named_only_where_it_is_plain() {
        assert_eq!(Side::between([0.2, 0.5], [0.6, 0.6]), Some(Side::Left));
        assert_eq!(Side::between([0.5, 0.8], [0.45, 0.3]), Some(Side::Bottom));
        assert_eq!(Side::between([0.4, 0.5], [0.6, 0.5]), None, "too near");
        assert_eq!(Side::between([0.2, 0.2], [0.6, 0.6]), None, "diagonal");
    }

    #[test]
    fn sizes_keep_a_clear_distance() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..200 {
            let [small, medium, large] = SizeName::ALL.map(|size| size.extent(&mut rng));
            assert!(medium > 1.35 * small && large > 1.3 * medium);
        }
    }
}
