//! Drawings of what grows, flies, swims or shines.

use super::brush::{Brush, CREAM, GOLD, INK, Ink, STEM, WOOD};

pub(super) fn apple(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(WOOD), 7.0, "M 0 -22 Q 0 -36 7 -45");
    brush.fill(Ink::Fixed(STEM), "M 6 -30 Q 14 -50 38 -45 Q 34 -26 6 -30 Z");
    brush.fill(
        Ink::Body,
        "M 0 -22 C 12 -32 46 -30 46 4 C 46 30 26 50 12 49 C 6 49 4 46 0 46 \
         C -4 46 -6 49 -12 49 C -26 50 -46 30 -46 4 C -46 -30 -12 -32 0 -22 Z",
    );
    brush.fill(Ink::Shade, "M -11 -22 Q 0 -10 11 -22 Q 4 -25 0 -22 Q -4 -25 -11 -22 Z");
    brush.ellipse(Ink::Gloss, [-25.0, -4.0], [7.0, 12.0]);
}

pub(super) fn bird(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(INK), 4.0, "M -4 30 L -6 47 M 10 30 L 10 47 M -12 47 L 0 47 M 4 47 L 17 47");
    brush.fill(Ink::Shade, "M -18 2 L -49 -16 L -50 2 L -20 24 Z");
    brush.fill(Ink::Fixed(GOLD), "M 36 -33 L 50 -23 L 36 -17 Z");
    brush.fill(
        Ink::Body,
        "M 22 -47 C 36 -47 43 -37 42 -25 C 41 -16 38 -12 37 0 C 36 22 18 35 0 35 \
         C -22 35 -36 20 -36 2 C -22 6 -6 2 2 -12 C 6 -30 8 -47 22 -47 Z",
    );
    brush.fill(Ink::Shade, "M -24 4 Q 0 8 18 -8 Q 24 18 0 22 Q -16 22 -24 4 Z");
    brush.circle(Ink::Fixed(CREAM), [27.0, -30.0], 6.5);
    brush.circle(Ink::Fixed(INK), [28.5, -30.0], 3.8);
}

pub(super) fn butterfly(brush: &mut Brush<'_>) {
    for side in ["", "-"] {
        let flip = |data: &str| data.replace('~', side);
        brush.line(Ink::Fixed(INK), 3.0, &flip("M 0 -22 Q ~4 -38 ~13 -44"));
        brush.fill(Ink::Body, &flip("M 0 -12 C ~10 -40 ~46 -50 ~49 -32 C ~50 -10 ~30 4 0 4 Z"));
        brush.fill(Ink::Body, &flip("M 0 0 C ~20 2 ~42 10 ~38 28 C ~34 48 ~8 46 0 14 Z"));
        brush.fill(Ink::Shade, &flip("M ~14 -14 C ~20 -30 ~38 -36 ~40 -27 C ~40 -16 ~28 -8 ~14 -8 Z"));
        brush.fill(Ink::Tint, &flip("M ~11 9 C ~22 10 ~31 15 ~28 25 C ~25 34 ~13 28 ~11 9 Z"));
    }
    brush.ellipse(Ink::Fixed(INK), [0.0, 2.0], [4.5, 27.0]);
}

pub(super) fn cat(brush: &mut Brush<'_>) {
    brush.line(Ink::Shade, 10.0, "M 24 40 Q 48 40 42 16 Q 40 8 44 4");
    brush.fill(Ink::Body, "M -20 -6 C -34 16 -36 49 -26 49 L 30 49 C 36 49 34 10 18 -6 Z");
    brush.fill(
        Ink::Body,
        "M -36 -50 L -16 -37 L 14 -37 L 34 -50 L 35 -18 C 35 0 18 9 -1 9 C -20 9 -37 0 -37 -18 Z",
    );
    brush.fill(Ink::Shade, "M -31 -41 L -19 -33 L -31 -26 Z M 29 -41 L 17 -33 L 29 -26 Z");
    brush.line(Ink::Shade, 3.5, "M -6 30 L -6 47 M 10 30 L 10 47");
    for x in [-15.0, 13.0] {
        brush.ellipse(Ink::Fixed(CREAM), [x, -17.0], [7.0, 8.0]);
        brush.ellipse(Ink::Fixed(INK), [x, -16.5], [3.6, 6.2]);
    }
    brush.fill(Ink::Fixed([0.93, 0.55, 0.58]), "M -6 -6 L 4 -6 L -1 0 Z");
}

pub(super) fn fish(brush: &mut Brush<'_>) {
    brush.fill(Ink::Shade, "M -22 0 C -34 -10 -44 -30 -50 -28 C -44 -8 -44 8 -50 28 C -44 30 -34 10 -22 0 Z");
    brush.fill(Ink::Shade, "M -8 -20 C -2 -38 12 -40 24 -36 L 16 -14 Z M -4 20 C 0 34 8 36 16 34 L 14 14 Z");
    brush.fill(Ink::Body, "M -32 0 C -16 -32 36 -40 50 -2 C 38 36 -16 32 -32 0 Z");
    brush.line(Ink::Shade, 4.0, "M 18 -19 Q 8 -2 18 17");
    brush.fill(Ink::Tint, "M 8 0 Q -6 -10 -14 -4 Q -10 2 -14 8 Q -4 12 8 0 Z");
    brush.circle(Ink::Fixed(CREAM), [32.0, -8.0], 7.5);
    brush.circle(Ink::Fixed(INK), [33.5, -8.0], 4.4);
}

pub(super) fn flower(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(STEM), 6.0, "M 0 0 Q 3 25 0 46");
    brush.fill(Ink::Fixed(STEM), "M 0 40 Q 4 20 30 20 Q 26 42 0 40 Z M 0 44 Q -4 28 -27 30 Q -22 47 0 44 Z");
    for [x, y] in [[0.0, -32.0], [17.0, -22.5], [17.0, -2.5], [0.0, 7.0], [-17.0, -2.5], [-17.0, -22.5]] {
        brush.circle(Ink::Shade, [x, y], 16.0);
        brush.circle(Ink::Body, [x * 0.98, -12.5 + (y + 12.5) * 0.98], 14.6);
    }
    brush.circle(Ink::Body, [0.0, -12.5], 16.0);
    brush.circle(Ink::Accent, [0.0, -12.5], 11.0);
}

pub(super) fn leaf(brush: &mut Brush<'_>) {
    brush.line(Ink::Shade, 6.0, "M -24 28 L -45 46");
    brush.fill(Ink::Body, "M 49 -49 C 52 -4 34 44 -30 36 C -44 -24 0 -50 49 -49 Z");
    brush.line(
        Ink::Shade,
        3.6,
        "M -28 32 Q 0 6 38 -38 M -8 14 L -10 -16 M -8 14 L 18 18 M 10 -6 L 8 -32 M 10 -6 L 34 -2",
    );
}

pub(super) fn moon(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Body,
        "M 12 -49 C -20 -50 -45 -28 -45 2 C -45 30 -22 50 6 49 C 22 48 36 40 44 26 \
         C 12 34 -12 16 -12 -10 C -12 -26 -2 -40 12 -49 Z",
    );
    brush.circle(Ink::Shade, [-28.0, 2.0], 5.0);
    brush.circle(Ink::Shade, [-12.0, 28.0], 6.5);
    brush.circle(Ink::Shade, [-21.0, -20.0], 3.6);
}

pub(super) fn mushroom(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Fixed([0.94, 0.90, 0.81]),
        "M -15 0 L 15 0 C 13 18 18 30 20 40 C 20 51 -20 51 -20 40 C -18 30 -13 18 -15 0 Z",
    );
    brush.fill(Ink::Fixed([0.83, 0.77, 0.66]), "M -15 8 L 15 8 Q 0 20 -15 8 Z");
    brush.fill(Ink::Body, "M -49 8 C -50 -28 -26 -49 0 -49 C 26 -49 50 -28 49 8 C 40 17 -40 17 -49 8 Z");
    for ([x, y], radius) in [
        ([-6.0, -29.0], 9.0),
        ([-29.0, -8.0], 7.5),
        ([23.0, -17.0], 8.0),
        ([2.0, -3.0], 6.0),
        ([36.0, 2.0], 4.5),
    ] {
        brush.circle(Ink::Tint, [x, y], radius);
    }
}

pub(super) fn star(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Body,
        "M 0 -48 L 14 -16 L 49 -12.5 L 23 11 L 30.5 45 L 0 27.5 L -30.5 45 L -23 11 L -49 -12.5 L -14 -16 Z",
    );
    brush.fill(
        Ink::Shade,
        "M 0 2 L 0 -48 L 14 -16 Z M 0 2 L 49 -12.5 L 23 11 Z M 0 2 L 30.5 45 L 0 27.5 Z \
         M 0 2 L -30.5 45 L -23 11 Z M 0 2 L -49 -12.5 L -14 -16 Z",
    );
}

pub(super) fn tree(brush: &mut Brush<'_>) {
    brush.fill(Ink::Fixed(WOOD), "M -7 30 L 7 30 L 8 49 L -8 49 Z");
    for (top, bottom, reach) in [(-10, 37, 41), (-30, 18, 34), (-49, -3, 25)] {
        brush.fill(Ink::Body, &format!("M 0 {top} L {reach} {bottom} L -{reach} {bottom} Z"));
        brush.fill(Ink::Shade, &format!("M 0 {top} L {reach} {bottom} L 10 {bottom} Z"));
    }
}
