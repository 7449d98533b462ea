//! Selecting and editing regions of images.

use shared::image::Image;
use shared::mask::Mask;
use shared::resize::within;
use shared::scene::ColorName;

use crate::edit::{Edit, EditError, Stroke, WORKING_SIDE, color_of, select};
use crate::protocol::ImageId;

/// What is remembered between the strokes on one image.
#[derive(Default)]
pub struct Studio {
    /// The image on the table, small enough to answer each stroke at once.
    small: Option<(ImageId, Image)>,
}

impl Studio {
    /// What strokes mean on an image, and the color of it; no color if nothing is selected.
    pub fn select(
        &mut self,
        id: ImageId,
        image: &Image,
        strokes: &[Stroke],
        reach: f32,
    ) -> (Mask, Option<ColorName>) {
        if self.small.as_ref().is_none_or(|(of, _)| *of != id) {
            self.small = Some((id, within(image, WORKING_SIDE)));
        }
        let small = self.small.as_ref().map_or(image, |(_, small)| small);
        let mask = select(small, strokes, reach);
        let color = color_of(small, &mask);
        (mask, color)
    }

    /// The image after an edit of what strokes mean on it, and the color that the region had.
    ///
    /// # Errors
    /// If the edit needs a region and there is none, or leaves nothing to fill a gap with.
    pub fn edit(
        &mut self,
        id: ImageId,
        image: &Image,
        strokes: &[Stroke],
        reach: f32,
        edit: Edit,
        told: &mut dyn FnMut(f32),
    ) -> Result<(Image, Option<ColorName>), EditError> {
        let (mask, color) = self.select(id, image, strokes, reach);
        Ok((edit.apply(image, &mask, told)?, color))
    }
}
