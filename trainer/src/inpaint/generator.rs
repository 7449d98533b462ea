//! What edits an image: exact rules, or a diffusion model.

use anyhow::Result;
use shared::challenge_set::{GeneratorDetails, MaskDetails};
use shared::image::Image;
use shared::mask::Mask;

use super::Options;
use super::proposal::Proposal;

/// An image, and what may be changed in it.
pub struct Task<'a> {
    /// The name of the image in the data.
    pub name: &'a str,
    /// The image, its sides multiples of [`Generator::step`].
    pub image: &'a Image,
    /// The changes, the first ones preferred. The masks have the image's size.
    pub proposals: &'a [Proposal],
    /// How many candidates are wanted at most.
    pub n_candidates: usize,
    /// The seed of the choices and the noise.
    pub seed: u64,
}

/// An edited image.
pub struct Candidate {
    /// The image after the edit, of the size that it had.
    pub image: Image,
    /// Where it may differ from what it was.
    pub mask: Mask,
    /// How the mask was made.
    pub mask_details: MaskDetails,
    /// How the edit was made.
    pub details: GeneratorDetails,
}

/// One change, and the candidates for it.
pub struct Made {
    /// The place of the change among those of the task.
    pub place: usize,
    /// The change.
    pub proposal: Proposal,
    /// At least one edited image.
    pub candidates: Vec<Candidate>,
}

/// Edits images.
pub trait Generator: Sync {
    /// The sides of its images are multiples of this many pixels.
    fn step(&self) -> u32;

    /// Whether several images are edited at a time; a model uses all processors for one.
    fn is_parallel(&self) -> bool;

    /// What identifies it besides the options: the hash of its weights.
    fn fingerprint(&self) -> &str;

    /// Candidates for the first change that it can make; nothing if it can make none.
    ///
    /// # Errors
    /// If it fails at what it should be able to do.
    fn make(&self, task: &Task) -> Result<Option<Made>>;
}

/// How masks are prepared.
#[derive(Clone, Copy, Debug)]
pub struct MaskOptions {
    /// Percent of its width that a mask is widened to either side.
    pub width_factor: f64,
    /// Percent of its height that it is widened up and down.
    pub height_factor: f64,
    /// The width of the soft edge in pixels.
    pub feather: u32,
}

impl MaskOptions {
    /// What the command line says, and what holds where it is silent.
    pub fn of(options: &Options, factor: f64, feather: u32) -> Self {
        MaskOptions {
            width_factor: options.width_factor.unwrap_or(factor),
            height_factor: options.height_factor.unwrap_or(factor),
            feather: options.feather.unwrap_or(feather),
        }
    }

    /// A mask widened and softened.
    pub fn apply(self, mask: &Mask) -> Mask {
        let Some([left, top, right, bottom]) = mask.bounds() else { return mask.clone() };
        let pixels = |side: u32, percent: f64| (f64::from(side) * percent / 100.0).round() as u32;
        let (columns, rows) =
            (pixels(right - left, self.width_factor), pixels(bottom - top, self.height_factor));
        let widened = if columns + rows == 0 { mask.clone() } else { mask.widened(columns, rows) };
        widened.feathered(self.feather)
    }

    /// The same as a set's columns say it.
    pub fn details(self, proposal: &Proposal) -> MaskDetails {
        MaskDetails {
            prompt: proposal.noun.clone(),
            width_factor: self.width_factor,
            height_factor: self.height_factor,
            feather: u64::from(self.feather),
        }
    }
}
