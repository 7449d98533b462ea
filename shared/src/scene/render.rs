//! From a scene to pixels: background, shadows, objects, light, grain.
//!
//! Only additions, multiplications, divisions and square roots, so every target gives the same bytes.

use tiny_skia::Pixmap;

use super::Scene;
use super::cast::{Canvas, Cast};
use crate::image::Image;

/// Paints `scene` as a square of `side` pixels.
pub(super) fn render(scene: &Scene, side: u32) -> Image {
    let size = side as f32;
    let middle = |at: u32| (at as f32 + 0.5) / size;
    let mut canvas = Canvas::new(side, |x, y| scene.background.color(middle(x), middle(y), size));
    let drawn = scene.objects.iter().filter_map(|object| {
        let cast = Cast::of(object, &scene.light, side);
        cast.drawing(object, size).map(|drawing| (cast, drawing))
    });
    let drawn: Vec<(Cast, Pixmap)> = drawn.collect();
    // All shadows come first: none may fall on an object beside it.
    for (cast, drawing) in &drawn {
        canvas.darken(cast, drawing, scene.light.shadow);
    }
    for (cast, drawing) in &drawn {
        canvas.cover(cast, drawing);
    }
    let mut rgb = Vec::with_capacity(3 * canvas.pixels().len());
    for ((x, y), color) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).zip(canvas.pixels()) {
        let gain = 255.0 * scene.light.gain(middle(x), middle(y));
        let grain = scene.grain.at(x, y);
        rgb.extend([0, 1, 2].map(|channel| (color[channel] * gain + grain[channel] + 0.5) as u8));
    }
    Image::new(side, side, rgb)
}
