//! Selecting regions of images.

use shared::edit::color_of;
use shared::image::Image;
use shared::mask::Mask;
use shared::resize::within;
use shared::scene::ColorName;

use crate::protocol::ImageId;
use crate::select::{Stroke, WORKING_SIDE, select};

/// What is remembered between the strokes on one image.
#[derive(Default)]
pub struct Studio {
    /// The image under the brush, small enough to answer each stroke at once.
    small: Option<(ImageId, Image)>,
}

impl Studio {
    /// Whether an image is under the brush.
    pub fn has(&self, id: ImageId) -> bool {
        self.small.as_ref().is_some_and(|(of, _)| *of == id)
    }

    /// Puts an image under the brush.
    pub fn lay(&mut self, id: ImageId, image: &Image) {
        if !self.has(id) {
            self.small = Some((id, within(image, WORKING_SIDE)));
        }
    }

    /// What strokes mean on an image, and the color of it: no color if nothing is selected, nothing at all if the image is not under
    /// the brush.
    pub fn select(&self, id: ImageId, strokes: &[Stroke], reach: f32) -> Option<(Mask, Option<ColorName>)> {
        let (_, small) = self.small.as_ref().filter(|(of, _)| *of == id)?;
        let mask = select(small, strokes, reach);
        let color = color_of(small, &mask);
        Some((mask, color))
    }
}
