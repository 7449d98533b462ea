//! Drawings of what people make.

use super::brush::{Brush, CREAM, GLASS, GOLD, INK, Ink, WOOD};

pub(super) fn ball(brush: &mut Brush<'_>) {
    brush.circle(Ink::Body, [0.0, 0.0], 49.0);
    brush.line(
        Ink::Shade,
        4.0,
        "M -46 4 Q 0 20 46 4 M 8 -46 Q -16 0 4 46 M -34 -32 Q -12 -8 -32 34 M 36 -30 Q 16 0 36 30",
    );
    brush.ellipse(Ink::Gloss, [-16.0, -26.0], [13.0, 9.0]);
}

pub(super) fn balloon(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(INK), 2.6, "M 0 22 Q 9 30 0 37 Q -6 42 1 48");
    brush.fill(Ink::Shade, "M 0 12 L 7 24 L -7 24 Z");
    brush.fill(
        Ink::Body,
        "M 0 -49 C 20 -49 32 -36 32 -19 C 32 0 14 17 0 17 C -14 17 -32 0 -32 -19 C -32 -36 -20 -49 0 -49 Z",
    );
    brush.ellipse(Ink::Gloss, [-14.0, -28.0], [6.0, 10.0]);
}

pub(super) fn bell(brush: &mut Brush<'_>) {
    brush.circle(Ink::Accent, [0.0, 39.0], 10.0);
    brush.circle(Ink::Shade, [0.0, -41.0], 8.0);
    brush.fill(
        Ink::Body,
        "M 0 -40 C 24 -40 28 -20 29 0 C 30 16 36 20 44 28 C 46 34 44 36 40 36 L -40 36 \
         C -44 36 -46 34 -44 28 C -36 20 -30 16 -29 0 C -28 -20 -24 -40 0 -40 Z",
    );
    brush.fill(Ink::Shade, "M -35 19 L 35 19 L 43 28 L -43 28 Z");
    brush.fill(Ink::Gloss, "M -18 -16 Q -14 -30 -7 -31 Q -12 -14 -14 10 L -21 10 Z");
}

pub(super) fn boat(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(WOOD), 5.0, "M 0 -46 L 0 24");
    brush.fill(Ink::Body, "M 5 -44 Q 34 -14 42 12 L 5 12 Z");
    brush.fill(Ink::Tint, "M -5 -32 Q -28 -10 -34 12 L -5 12 Z");
    brush.fill(Ink::Body, "M -49 19 L 49 19 Q 44 42 30 46 L -28 46 Q -44 40 -49 19 Z");
    brush.fill(Ink::Shade, "M -49 19 L 49 19 L 47 27 L -46 27 Z");
}

pub(super) fn bottle(brush: &mut Brush<'_>) {
    brush.fill(Ink::Fixed(WOOD), "M -8 -50 L 8 -50 L 8 -38 L -8 -38 Z");
    brush.fill(
        Ink::Body,
        "M -10 -41 L 10 -41 L 10 -20 C 11 -10 24 -8 24 6 L 24 44 Q 24 50 17 50 L -17 50 \
         Q -24 50 -24 44 L -24 6 C -24 -8 -11 -10 -10 -20 Z",
    );
    brush.fill(Ink::Fixed(CREAM), "M -24 12 L 24 12 L 24 34 L -24 34 Z");
    brush.line(Ink::Shade, 4.0, "M -12 20 L 12 20 M -12 27 L 6 27");
    brush.fill(Ink::Gloss, "M -6 -36 L -1 -36 L -1 -18 Q -6 -8 -14 0 L -14 6 L -19 6 Q -19 -4 -6 -16 Z");
}

pub(super) fn car(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Body,
        "M -49 22 L -49 4 C -49 -4 -42 -6 -34 -7 C -26 -20 -20 -30 -8 -30 L 10 -30 C 20 -30 28 -18 34 -6 \
         C 44 -4 49 0 49 8 L 49 22 Z",
    );
    brush.fill(Ink::Shade, "M -49 12 L 49 12 L 49 22 L -49 22 Z");
    brush.fill(
        Ink::Fixed(GLASS),
        "M -24 -7 Q -16 -23 -8 -23 L -2 -23 L -2 -7 Z M 4 -7 L 4 -23 L 10 -23 Q 18 -22 25 -7 Z",
    );
    brush.ellipse(Ink::Fixed(GOLD), [45.0, 5.0], [4.0, 4.5]);
    for x in [-27.0, 27.0] {
        brush.circle(Ink::Fixed(INK), [x, 20.0], 13.0);
        brush.circle(Ink::Fixed([0.78, 0.78, 0.80]), [x, 20.0], 5.5);
    }
}

pub(super) fn chair(brush: &mut Brush<'_>) {
    brush.fill(Ink::Shade, "M 16 8 L 25 8 L 27 40 L 19 40 Z M -15 10 L -8 10 L -8 38 L -15 38 Z");
    brush.fill(Ink::Body, "M -30 -49 L -18 -49 L -16 4 L -30 4 Z M 16 -49 L 28 -49 L 28 4 L 16 4 Z");
    brush.fill(Ink::Body, "M -26 -46 L 24 -46 L 24 -30 L -26 -30 Z M -24 -22 L 24 -22 L 24 -9 L -24 -9 Z");
    brush.fill(Ink::Tint, "M -30 0 L 28 0 L 37 13 L -37 13 Z");
    brush.fill(Ink::Body, "M -37 12 L 37 12 L 37 21 L -37 21 Z M -37 20 L -27 20 L -28 50 L -37 50 Z M 27 20 L 37 20 L 37 50 L 28 50 Z");
}

pub(super) fn crown(brush: &mut Brush<'_>) {
    brush.fill(Ink::Body, "M -40 36 L -47 -22 L -23 4 L 0 -34 L 23 4 L 47 -22 L 40 36 Z");
    brush.fill(Ink::Shade, "M -42 22 L 42 22 L 40 38 L -40 38 Z");
    for [x, y] in [[-44.0, -24.0], [0.0, -36.0], [44.0, -24.0]] {
        brush.circle(Ink::Body, [x, y], 6.0);
    }
    for x in [-22.0, 0.0, 22.0] {
        brush.circle(Ink::Accent, [x, 30.0], 4.6);
    }
}

pub(super) fn cube(brush: &mut Brush<'_>) {
    // The whole silhouette first: antialiased edges that only meet let the background through.
    brush.fill(Ink::Body, "M 0 -49 L 43 -26 L 43 26 L 0 49 L -43 26 L -43 -26 Z");
    brush.fill(Ink::Tint, "M 0 -49 L 43 -26 L 0 -2 L -43 -26 Z");
    brush.fill(Ink::Shade, "M 43 -26 L 0 -2 L 0 49 L 43 26 Z");
}

pub(super) fn cup(brush: &mut Brush<'_>) {
    brush.line(Ink::Shade, 9.0, "M 22 -18 Q 46 -20 45 -2 Q 44 16 20 19");
    brush.fill(Ink::Body, "M -47 -34 L 28 -34 L 24 28 Q 22 46 8 46 L -26 46 Q -41 46 -43 28 Z");
    brush.ellipse(Ink::Shade, [-9.5, -34.0], [37.5, 10.0]);
    brush.ellipse(Ink::Fixed([0.30, 0.18, 0.12]), [-9.5, -33.0], [30.0, 6.5]);
    brush.fill(Ink::Gloss, "M -37 -14 L -28 -12 L -26 28 L -34 26 Z");
}

pub(super) fn hat(brush: &mut Brush<'_>) {
    brush.ellipse(Ink::Shade, [0.0, 29.0], [49.0, 13.0]);
    brush.ellipse(Ink::Body, [0.0, 26.0], [49.0, 12.0]);
    brush.fill(Ink::Body, "M -30 -34 L 30 -34 L 27 24 Q 0 34 -27 24 Z");
    brush.ellipse(Ink::Tint, [0.0, -34.0], [30.0, 7.0]);
    brush.fill(Ink::Accent, "M -28 8 Q 0 18 28 8 L 27 24 Q 0 34 -27 24 Z");
}

pub(super) fn heart(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Body,
        "M 0 47 C -12 34 -50 12 -49 -17 C -48 -36 -36 -45 -24 -45 C -12 -45 -3 -37 0 -27 \
         C 3 -37 12 -45 24 -45 C 36 -45 48 -36 49 -17 C 50 12 12 34 0 47 Z",
    );
    brush.fill(
        Ink::Gloss,
        "M -39 -16 Q -38 -34 -22 -35 Q -16 -34 -20 -29 Q -30 -27 -32 -14 Q -37 -8 -39 -16 Z",
    );
}

pub(super) fn house(brush: &mut Brush<'_>) {
    brush.fill(Ink::Shade, "M 20 -42 L 32 -42 L 32 -14 L 20 -24 Z");
    brush.fill(Ink::Body, "M -36 -10 L 0 -40 L 36 -10 L 36 47 L -36 47 Z");
    brush.fill(Ink::Shade, "M 0 -49 L 49 -7 L 41 2 L 0 -34 L -41 2 L -49 -7 Z");
    brush.fill(Ink::Fixed(WOOD), "M -7 16 L 11 16 L 11 47 L -7 47 Z");
    brush.fill(Ink::Fixed(GLASS), "M -28 10 L -14 10 L -14 25 L -28 25 Z M 18 10 L 30 10 L 30 25 L 18 25 Z");
    brush.circle(Ink::Fixed(GLASS), [0.0, -11.0], 7.5);
}

pub(super) fn key(brush: &mut Brush<'_>) {
    // The hole is wound against the rim, so what lies behind shows through.
    brush.fill(
        Ink::Body,
        "M -25 -24 C -11 -24 -3 -15 -1 -6 L 49 -6 L 49 22 L 39 22 L 39 7 L 32 7 L 32 17 L 22 17 L 22 7 L -1 7 \
         C -3 16 -11 25 -25 25 C -40 25 -49 13 -49 0.5 C -49 -12 -40 -24 -25 -24 Z \
         M -26 -11 C -33 -11 -37 -6 -37 0.5 C -37 7 -33 12 -26 12 C -19 12 -15 7 -15 0.5 C -15 -6 -19 -11 -26 -11 Z",
    );
    brush.fill(Ink::Gloss, "M -1 -3 L 46 -3 L 46 0 L -1 0 Z");
}

pub(super) fn kite(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(WOOD), 3.0, "M 4 16 Q 4 30 -10 32 Q -24 34 -22 48");
    brush.fill(Ink::Fixed(GOLD), "M -9 32 L -20 24 L -21 36 Z M -9 32 L 1 26 L 2 39 Z");
    // The whole silhouette first: antialiased edges that only meet let the background through.
    brush.fill(Ink::Body, "M 4 -50 L 38 -18 L 4 20 L -30 -18 Z");
    brush.fill(Ink::Tint, "M 4 -50 L -30 -18 L 4 -18 Z");
    brush.fill(Ink::Shade, "M 38 -18 L 4 -18 L 4 20 Z");
}

pub(super) fn shirt(brush: &mut Brush<'_>) {
    brush.fill(
        Ink::Body,
        "M -17 -42 Q 0 -26 17 -42 L 30 -37 L 49 -9 L 33 4 L 27 -4 L 27 45 L -27 45 L -27 -4 L -33 4 L -49 -9 L -30 -37 Z",
    );
    brush.line(Ink::Shade, 4.5, "M -17 -40 Q 0 -24 17 -40");
    brush.line(Ink::Shade, 3.0, "M -27 -4 L -27 -18 M 27 -4 L 27 -18");
    brush.fill(Ink::Tint, "M 5 -12 L 19 -12 L 19 2 L 12 6 L 5 2 Z");
}

pub(super) fn umbrella(brush: &mut Brush<'_>) {
    brush.line(Ink::Fixed(WOOD), 5.0, "M 0 -46 L 0 36 Q 0 47 10 47 Q 19 46 18 37");
    brush.fill(
        Ink::Body,
        "M -49 6 C -46 -28 -24 -43 0 -43 C 24 -43 46 -28 49 6 Q 41 -4 32 5 Q 24 -4 16 5 Q 8 -4 0 5 \
         Q -8 -4 -16 5 Q -24 -4 -32 5 Q -41 -4 -49 6 Z",
    );
    brush.fill(
        Ink::Shade,
        "M 0 -43 Q 14 -24 16 5 Q 8 -4 0 5 Z M 0 -43 Q 38 -30 49 6 Q 41 -4 32 5 Q 26 -26 0 -43 Z",
    );
    brush.fill(Ink::Shade, "M 0 -43 Q -24 -28 -32 5 Q -24 -4 -16 5 Q -14 -24 0 -43 Z");
}
