//! Candidates in the order in which a model tells them from the original: by the least of the four margins of the 2×2 test.

use std::path::Path;

use anyhow::Result;
use shared::engine::Engine;
use shared::image::Image;
use shared::similarity::Square;

use super::generator::Candidate;
use crate::models::bundles;
use crate::system::device;

/// A model that ranks.
pub struct Ranker(Engine);

impl Ranker {
    /// Loads a bundle.
    ///
    /// # Errors
    /// If it cannot be used.
    pub fn open(bundle: &Path) -> Result<Self> {
        let (_, engine) = bundles::load(bundle, &device::open(None)?)?;
        eprintln!(
            "candidates are ordered by {}: a set that is chosen so favors this model and those like it",
            bundle.display()
        );
        Ok(Ranker(engine))
    }

    /// Notes the margin of each candidate, and puts the largest first.
    ///
    /// # Errors
    /// If the device fails.
    pub fn rank(&self, image: &Image, captions: [&str; 2], candidates: &mut [Candidate]) -> Result<()> {
        let images: Vec<&Image> =
            std::iter::once(image).chain(candidates.iter().map(|one| &one.image)).collect();
        let images = pollster::block_on(self.0.embed_images(&images))?;
        let texts = pollster::block_on(self.0.embed_captions(&captions))?;
        for (candidate, edited) in candidates.iter_mut().zip(&images[1..]) {
            let square = Square::of([&images[0], edited], [&texts[0], &texts[1]]);
            candidate.details.margin =
                square.margins().into_iter().map(f64::from).fold(f64::INFINITY, f64::min);
        }
        candidates.sort_by(|a, b| b.details.margin.total_cmp(&a.details.margin));
        Ok(())
    }
}
