//! Paints one object: paths in hundredths of the object's extent, around its centre.

use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap,
    Point, Rect, Shader, SpreadMode, Stroke, Transform,
};

use super::color::{Rgb, distance, luma, mix};

pub(super) const INK: Rgb = [0.16, 0.15, 0.19];
pub(super) const CREAM: Rgb = [0.98, 0.95, 0.89];
pub(super) const WOOD: Rgb = [0.49, 0.33, 0.21];
pub(super) const STEM: Rgb = [0.31, 0.52, 0.25];
pub(super) const GLASS: Rgb = [0.80, 0.90, 0.95];
pub(super) const GOLD: Rgb = [0.95, 0.76, 0.28];

/// What a path is filled with; the first four follow the object's own color.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    /// The object's color, a little lighter at the top.
    Body,
    /// The object's color in shadow, for faces and folds.
    Shade,
    /// The object's color in light.
    Tint,
    /// Gold or a deep brown, whichever stands out from the object's color.
    Accent,
    /// White that lets the color below through.
    Gloss,
    /// A color that does not depend on the object's.
    Fixed(Rgb),
}

/// A transparent canvas on which one object is painted.
pub(super) struct Brush<'a> {
    canvas: &'a mut Pixmap,
    placed: Transform,
    color: Rgb,
}

impl<'a> Brush<'a> {
    /// Paints on `canvas` in `color`; `placed` takes hundredths of the extent to pixels.
    pub(super) fn new(canvas: &'a mut Pixmap, placed: Transform, color: Rgb) -> Self {
        Brush { canvas, placed, color }
    }

    /// Fills the outline `data`: SVG path data of absolute M, L, Q, C and Z, y downwards.
    pub(super) fn fill(&mut self, ink: Ink, data: &str) {
        let path = parse(data);
        debug_assert!(path.is_some(), "not path data: {data}");
        self.paint(ink, path);
    }

    /// Draws a round-ended line of `width` along `data`, which may not hold C.
    ///
    /// Offsetting a cubic takes a cosine, whose last bits differ between targets.
    pub(super) fn line(&mut self, ink: Ink, width: f32, data: &str) {
        debug_assert!(!data.contains('C'), "a line along a cubic: {data}");
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        let path = parse(data).and_then(|path| path.stroke(&stroke, self.scale()));
        debug_assert!(path.is_some(), "not path data: {data}");
        self.paint(ink, path);
    }

    /// Fills the ellipse around (`x`, `y`) with half axes `rx` and `ry`.
    pub(super) fn ellipse(&mut self, ink: Ink, [x, y]: [f32; 2], [rx, ry]: [f32; 2]) {
        let bounds = Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry);
        self.paint(ink, bounds.and_then(PathBuilder::from_oval));
    }

    /// Fills the circle around (`x`, `y`).
    pub(super) fn circle(&mut self, ink: Ink, center: [f32; 2], radius: f32) {
        self.ellipse(ink, center, [radius, radius]);
    }

    fn paint(&mut self, ink: Ink, path: Option<Path>) {
        let Some(path) = path else { return };
        let paint = Paint { shader: self.shader(ink), anti_alias: true, ..Paint::default() };
        self.canvas.fill_path(&path, &paint, FillRule::Winding, self.placed, None);
    }

    fn shader(&self, ink: Ink) -> Shader<'static> {
        // A black body has no darker shade, so its folds are drawn lighter.
        let dark = luma(self.color) < 0.2;
        let lit = |share| mix(self.color, [1.0; 3], share);
        let solid = |color| Shader::SolidColor(opaque(color));
        match ink {
            Ink::Body => {
                let (top, bottom) =
                    if dark { (lit(0.09), self.color) } else { (lit(0.10), mix(self.color, [0.0; 3], 0.07)) };
                let stops = vec![GradientStop::new(0.0, opaque(top)), GradientStop::new(1.0, opaque(bottom))];
                LinearGradient::new(
                    Point::from_xy(-12.0, -50.0),
                    Point::from_xy(12.0, 50.0),
                    stops,
                    SpreadMode::Pad,
                    Transform::identity(),
                )
                .unwrap_or(solid(self.color))
            }
            Ink::Shade if dark => solid(lit(0.25)),
            Ink::Shade => solid(mix(self.color, [0.10, 0.05, 0.15], 0.22)),
            Ink::Tint if dark => solid(lit(0.20)),
            Ink::Tint => solid(lit(0.26)),
            Ink::Accent => {
                let deep = [0.36, 0.23, 0.15];
                solid(if distance(self.color, GOLD) > distance(self.color, deep) { GOLD } else { deep })
            }
            Ink::Gloss => {
                let alpha = if dark { 0.22 } else { 0.38 };
                Shader::SolidColor(Color::from_rgba(1.0, 1.0, 1.0, alpha).unwrap_or(Color::WHITE))
            }
            Ink::Fixed(color) => solid(color),
        }
    }

    /// Pixels in one hundredth of the extent, which decides how finely curves are cut.
    fn scale(&self) -> f32 {
        (self.placed.sx * self.placed.sx + self.placed.ky * self.placed.ky).sqrt()
    }
}

fn opaque([r, g, b]: Rgb) -> Color {
    Color::from_rgba(r.clamp(0.0, 1.0), g.clamp(0.0, 1.0), b.clamp(0.0, 1.0), 1.0).unwrap_or(Color::BLACK)
}

/// The path that `data` describes, or `None` where it is malformed or encloses nothing.
fn parse(data: &str) -> Option<Path> {
    let mut path = PathBuilder::new();
    let mut words = data.split_ascii_whitespace();
    while let Some(command) = words.next() {
        let mut next = || words.next().and_then(|word| word.parse::<f32>().ok());
        match command {
            "M" => path.move_to(next()?, next()?),
            "L" => path.line_to(next()?, next()?),
            "Q" => path.quad_to(next()?, next()?, next()?, next()?),
            "C" => path.cubic_to(next()?, next()?, next()?, next()?, next()?, next()?),
            "Z" => path.close(),
            _ => return None,
        }
    }
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_data_is_read_command_by_command() {
        let path = parse("M -50 0 L 50 0 Q 50 50 0 50 C -10 50 -50 20 -50 0 Z").unwrap();
        assert_eq!(path.len(), 5);
        assert_eq!((path.bounds().left(), path.bounds().bottom()), (-50.0, 50.0));
        for malformed in ["", "M 1", "M 0 0 A 1 1", "0 0"] {
            assert!(parse(malformed).is_none(), "{malformed}");
        }
    }

    #[test]
    fn a_filled_square_is_as_large_as_it_says() {
        let mut canvas = Pixmap::new(20, 20).unwrap();
        let placed = Transform::from_row(0.1, 0.0, 0.0, 0.1, 10.0, 10.0);
        let mut brush = Brush::new(&mut canvas, placed, [1.0, 0.0, 0.0]);
        brush.fill(Ink::Fixed([0.0, 1.0, 0.0]), "M -50 -50 L 50 -50 L 50 50 L -50 50 Z");
        let filled = canvas.pixels().iter().filter(|pixel| pixel.alpha() == 255).count();
        assert_eq!(filled, 100);
    }
}
