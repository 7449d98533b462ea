//! Selecting and editing regions of pictures.

use shared::mask::Mask;
use shared::picture::Picture;
use shared::resize::within;
use shared::scene::ColorName;

use crate::edit::{Edit, EditError, Stroke, WORKING_SIDE, color_of, select};
use crate::protocol::PictureId;

/// What is remembered between the strokes on one picture.
#[derive(Default)]
pub struct Studio {
    /// The picture on the table, small enough to answer each stroke at once.
    small: Option<(PictureId, Picture)>,
}

impl Studio {
    /// What strokes mean on a picture, and the color of it; no color if nothing is selected.
    pub fn select(
        &mut self,
        id: PictureId,
        picture: &Picture,
        strokes: &[Stroke],
        reach: f32,
    ) -> (Mask, Option<ColorName>) {
        if self.small.as_ref().is_none_or(|(of, _)| *of != id) {
            self.small = Some((id, within(picture, WORKING_SIDE)));
        }
        let small = self.small.as_ref().map_or(picture, |(_, small)| small);
        let mask = select(small, strokes, reach);
        let color = color_of(small, &mask);
        (mask, color)
    }

    /// The picture after an edit of what strokes mean on it, and the color that the region had.
    ///
    /// # Errors
    /// If the edit needs a region and there is none, or leaves nothing to fill a gap with.
    pub fn edit(
        &mut self,
        id: PictureId,
        picture: &Picture,
        strokes: &[Stroke],
        reach: f32,
        edit: Edit,
        told: &mut dyn FnMut(f32),
    ) -> Result<(Picture, Option<ColorName>), EditError> {
        let (mask, color) = self.select(id, picture, strokes, reach);
        Ok((edit.apply(picture, &mask, told)?, color))
    }
}
