//! Objects as pixels: which ones each covers or shades, and how.

use tiny_skia::{Pixmap, Transform};

use super::brush::Brush;
use super::color::Rgb;
use super::light::Light;
use super::object::Object;

/// Every pixel that `object` may change in an image of `side` pixels, its shadow included.
pub(super) fn footprint(object: &Object, light: &Light, side: u32) -> PixelBox {
    let cast = Cast::of(object, light, side);
    let (body, shade) = (cast.body, cast.shade());
    PixelBox {
        left: body.left.min(shade.left),
        top: body.top.min(shade.top),
        right: body.right.max(shade.right),
        bottom: body.bottom.max(shade.bottom),
    }
}

/// The pixels `left..right` by `top..bottom` of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelBox {
    left: i32,
    top: i32,
    right: i32,
    bottom: i32,
}

impl PixelBox {
    pub(super) fn contains(&self, x: u32, y: u32) -> bool {
        let (x, y) = (i64::from(x), i64::from(y));
        (i64::from(self.left)..i64::from(self.right)).contains(&x)
            && (i64::from(self.top)..i64::from(self.bottom)).contains(&y)
    }

    fn width(&self) -> usize {
        (self.right - self.left).max(0) as usize
    }

    fn height(&self) -> usize {
        (self.bottom - self.top).max(0) as usize
    }
}

/// One object cast into pixels: the box that its drawing fills, and its shadow's offset and blur.
pub(super) struct Cast {
    body: PixelBox,
    offset: [i32; 2],
    blur: i32,
}

impl Cast {
    pub(super) fn of(object: &Object, light: &Light, side: u32) -> Cast {
        let extent = object.extent * side as f32;
        let [x, y] = object.center.map(|at| at * side as f32);
        // One pixel more than the drawing needs, for its antialiased edge.
        let low = |at: f32| (at - extent / 2.0).floor() as i32 - 1;
        let high = |at: f32| (at + extent / 2.0).ceil() as i32 + 1;
        let body = PixelBox { left: low(x), top: low(y), right: high(x), bottom: high(y) };
        let shift = |share: f32| (share * extent).round() as i32;
        Cast { body, offset: [shift(-0.04 * light.direction[0]), shift(0.05)], blur: shift(0.024).max(1) }
    }

    /// The object alone, on transparent pixels that cover the body.
    pub(super) fn drawing(&self, object: &Object, side: f32) -> Option<Pixmap> {
        let mut pixmap = Pixmap::new(self.body.width() as u32, self.body.height() as u32)?;
        let (cos, sin) = object.tilt;
        // A tilted square reaches further, so it is drawn smaller to stay in its box.
        let scale = object.extent * side / 100.0 / (cos + sin.abs());
        let across = if object.flipped { -scale } else { scale };
        let [x, y] = object.center.map(|at| at * side);
        let placed = Transform::from_row(
            across * cos,
            across * sin,
            -scale * sin,
            scale * cos,
            x - self.body.left as f32,
            y - self.body.top as f32,
        );
        object.kind.paint(&mut Brush::new(&mut pixmap, placed, object.shade));
        Some(pixmap)
    }

    /// The pixels that the shadow may darken.
    fn shade(&self) -> PixelBox {
        let ([dx, dy], reach) = (self.offset, 2 * self.blur);
        PixelBox {
            left: self.body.left + dx - reach,
            top: self.body.top + dy - reach,
            right: self.body.right + dx + reach,
            bottom: self.body.bottom + dy + reach,
        }
    }
}

/// A square image in the making, colors in 0..=1.
pub(super) struct Canvas {
    side: u32,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// `side` by `side` pixels, each colored by its column and row.
    pub(super) fn new(side: u32, color: impl Fn(u32, u32) -> Rgb) -> Canvas {
        let color = &color;
        let pixels = (0..side).flat_map(|y| (0..side).map(move |x| color(x, y)));
        Canvas { side, pixels: pixels.collect() }
    }

    /// Rows from the top.
    pub(super) fn pixels(&self) -> &[Rgb] {
        &self.pixels
    }

    fn pixel(&mut self, x: i32, y: i32) -> Option<&mut Rgb> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.side || y >= self.side {
            return None;
        }
        self.pixels.get_mut(y as usize * self.side as usize + x as usize)
    }

    /// Lays the shadow of a drawing on what is there.
    pub(super) fn darken(&mut self, cast: &Cast, drawing: &Pixmap, strength: f32) {
        let shade = cast.shade();
        let (width, height) = (shade.width(), shade.height());
        let mut cover = vec![0_u8; width * height];
        let margin = 2 * cast.blur as usize;
        for (row, pixels) in drawing.pixels().chunks(cast.body.width()).enumerate() {
            let start = (row + margin) * width + margin;
            for (cell, pixel) in cover[start..].iter_mut().zip(pixels) {
                *cell = pixel.alpha();
            }
        }
        for _ in 0..2 {
            for row in 0..height {
                blur(&mut cover, row * width, 1, width, cast.blur as usize);
            }
            for column in 0..width {
                blur(&mut cover, column, width, height, cast.blur as usize);
            }
        }
        for (at, &alpha) in cover.iter().enumerate().filter(|&(_, &alpha)| alpha > 0) {
            let (x, y) = ((at % width) as i32 + shade.left, (at / width) as i32 + shade.top);
            if let Some(pixel) = self.pixel(x, y) {
                let keep = 1.0 - strength * f32::from(alpha) / 255.0;
                *pixel = pixel.map(|channel| channel * keep);
            }
        }
    }

    /// Lays a drawing over what is there.
    pub(super) fn cover(&mut self, cast: &Cast, drawing: &Pixmap) {
        let width = cast.body.width();
        for (at, over) in drawing.pixels().iter().enumerate().filter(|(_, over)| over.alpha() > 0) {
            let (x, y) = ((at % width) as i32 + cast.body.left, (at / width) as i32 + cast.body.top);
            if let Some(pixel) = self.pixel(x, y) {
                let keep = 1.0 - f32::from(over.alpha()) / 255.0;
                let [r, g, b] = [over.red(), over.green(), over.blue()].map(|part| f32::from(part) / 255.0);
                *pixel = [pixel[0] * keep + r, pixel[1] * keep + g, pixel[2] * keep + b];
            }
        }
    }
}

/// Replaces `count` cells, `stride` apart from `start` on, by means over `radius` cells either way.
fn blur(cells: &mut [u8], start: usize, stride: usize, count: usize, radius: usize) {
    let line: Vec<u8> = (0..count).map(|at| cells[start + at * stride]).collect();
    let window = 2 * radius as u32 + 1;
    let mut sum: u32 = line.iter().take(radius).map(|&cell| u32::from(cell)).sum();
    for at in 0..count {
        sum += line.get(at + radius).map_or(0, |&cell| u32::from(cell));
        cells[start + at * stride] = (sum / window) as u8;
        if at >= radius {
            sum -= u32::from(line[at - radius]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_spreads_a_cell_evenly_and_no_further_than_its_radius() {
        let mut cells = [0, 0, 0, 90, 0, 0, 0, 7];
        blur(&mut cells, 0, 1, 7, 1);
        assert_eq!(cells, [0, 0, 30, 30, 30, 0, 0, 7]);
        let mut columns = [30, 1, 0, 1, 0, 1];
        blur(&mut columns, 0, 2, 3, 1);
        assert_eq!(columns, [10, 1, 10, 1, 0, 1]);
    }
}
