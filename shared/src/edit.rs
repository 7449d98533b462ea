//! Edits of a region of an image, after which another caption is true of it: the image's half of a counterfactual
//! pair, as InpaintCOCO (arXiv 2403.02875) made by hand.
//!
//! ```text
//!        Mask ──┬─ recolor ──────────────┐
//!               ├─ fill (remove) ─ place ├──▶ Image ─── words ──▶ the caption that fits it
//! whole image ──┴─ mirror ───────────────┘
//! ```
//!
//! Two laws hold for every edit but the mirror: not a byte changes where the mask has no coverage, nor the place a thing is
//! moved to, nor, where a thing is taken away, the narrow edge around it that is filled with it; and the same image, mask
//! and edit give the same bytes on every target.

mod fill;
mod place;
mod recolor;
mod words;

use crate::image::Image;
use crate::mask::Mask;
use crate::scene::ColorName;
use serde::{Deserialize, Serialize};

pub use place::Placement;
pub use recolor::{MOST_LIGHTNESS_SHIFT, color_of};
pub use words::{caption_after, color_named, grows};

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edit {
    /// What is selected gets another color and keeps its light and shade.
    Recolor {
        /// The color.
        to: ColorName,
    },
    /// Left and right of the whole image are exchanged.
    Mirror,
    /// What is selected is cut out and put back elsewhere, or in another size.
    Place(Placement),
    /// What is selected makes way for what may have been behind it.
    Remove,
}

/// Why an edit cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The mask covers no pixel.
    #[error("nothing is selected: paint over what should change")]
    NothingSelected,
    /// The mask leaves no patch from which a hole could be filled.
    #[error("too much is selected: nothing is left to fill the gap with")]
    NothingLeft,
}

impl Edit {
    /// The image after the edit. `told` hears now and then which share of the work is done, from 0 to 1.
    ///
    /// # Errors
    /// If the mask covers nothing where the edit needs it to, or leaves nothing to fill a gap with.
    pub fn apply(self, image: &Image, mask: &Mask, told: &mut dyn FnMut(f32)) -> Result<Image, EditError> {
        let selected = || {
            let mask = mask.scaled(image.width(), image.height());
            mask.bounds().map(|_| mask).ok_or(EditError::NothingSelected)
        };
        match self {
            Edit::Mirror => Ok(image.mirrored()),
            Edit::Recolor { to } => Ok(recolor::recolor(image, &selected()?, to)),
            Edit::Remove => fill::fill(image, &Self::gap(&selected()?), told),
            Edit::Place(placement) => {
                let mask = selected()?;
                let behind = fill::fill(image, &Self::gap(&mask), told)?;
                Ok(place::place(image, &mask, behind, placement))
            }
        }
    }

    /// The image with another thing, which `its_mask` covers of `thing`, in the place of the one that `mask` covers: as
    /// tall or as wide as that was, whichever is less, and with its foot where the other stood.
    ///
    /// # Errors
    /// If a mask covers nothing, or leaves nothing to fill the gap with.
    pub fn exchange(
        image: &Image,
        mask: &Mask,
        thing: &Image,
        its_mask: &Mask,
        told: &mut dyn FnMut(f32),
    ) -> Result<Image, EditError> {
        let mask = mask.scaled(image.width(), image.height());
        let its_mask = its_mask.scaled(thing.width(), thing.height());
        let [from, to] = [&its_mask, &mask].map(|mask| mask.bounds().ok_or(EditError::NothingSelected));
        let (from, to) = (from?, to?);
        let size =
            |[left, top, right, bottom]: [u32; 4]| [right - left, bottom - top].map(|side| side as f32);
        let ([width, height], [new_width, new_height]) = (size(to), size(from));
        let behind = fill::fill(image, &Self::gap(&mask), told)?;
        let scale = (width / new_width).min(height / new_height);
        Ok(place::paste(thing, &its_mask, behind, place::foot(to), scale))
    }

    /// What is filled when something is taken away: its edges are mixed with what was behind, and go with it.
    fn gap(mask: &Mask) -> Mask {
        /// The share of the longer side that the edges take.
        const EDGE: u32 = 160;
        mask.grown(mask.width().max(mask.height()).div_ceil(EDGE))
    }
}

/// `below`, with `above` over it where a mask covers: the one whole where nothing is covered, the other where all is.
///
/// All three have one size.
pub fn composite(below: &Image, above: &Image, mask: &Mask) -> Image {
    let pixels = below.pixels().iter().zip(above.pixels()).zip(mask.coverage());
    let mixed = pixels.flat_map(|((below, above), coverage)| place::blend(*below, *above, *coverage));
    Image::new(below.width(), below.height(), mixed.collect())
}

#[cfg(test)]
mod tests;
