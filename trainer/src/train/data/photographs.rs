//! Images with captions as training data.

use std::sync::Arc;

use anyhow::Result;
use rand::RngExt;
use rand::seq::IndexedRandom;
use shared::image::Image;
use shared::negative::{self, Recipe};
use shared::seed;

use super::example::{Example, Stream, of_concept, recipe};
use super::features::{CachedFeatures, InputEncoder};
use super::view::{View, Views};
use crate::dataset::images::Images;
use crate::dataset::{Annotation, Corpus};
use crate::negatives::calibration::Drawing;
use crate::train::negative_source::NegativeSource;
use crate::train::run_config::RunConfig;

/// Images of a run.
#[derive(Debug)]
pub struct Photographs {
    images: Arc<Images>,
    /// What a frozen backbone makes of them in each view; nothing where it is not frozen.
    seen: Vec<(View, CachedFeatures)>,
    /// How the words of negatives are chosen.
    pub drawing: Drawing,
}

impl Photographs {
    /// Images as training data.
    pub fn new(images: Arc<Images>) -> Self {
        Photographs { images, seen: Vec::new(), drawing: Drawing::Fluent }
    }

    /// The images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Images per epoch: each is shown once, with one of its captions.
    pub fn n_images(&self) -> u64 {
        self.images.records().len() as u64
    }

    fn shown(&self, place: usize, view: View) -> Result<Image> {
        Ok(view.show(self.images.read(place)?, &self.images.records()[place].name))
    }

    /// Passes every image through a frozen backbone, and caches the features.
    ///
    /// # Errors
    /// If an image cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn precompute_features(&mut self, config: &RunConfig, encoder: &InputEncoder) -> Result<()> {
        let folder = config.settings.feature_cache.as_deref();
        let n_images = self.images.records().len();
        let preprocess = &config.model.preprocess;
        let keep = |view: View| {
            let fingerprint = seed::mix(&[self.images.fingerprint(), view.fingerprint()]);
            let read = |place: usize| self.shown(place, view);
            Ok((view, encoder.precompute(preprocess, n_images, fingerprint, folder, read)?))
        };
        self.seen = Views::of(config).all().map(keep).collect::<Result<_>>()?;
        Ok(())
    }

    /// An image with one of its captions and negatives of it, drawn anew for every `number`. What the other captions
    /// say of the image is no negative, nor is what is known to be in it. `mined` are the captions nearest to each one,
    /// which join the negatives, as do those that the data gives.
    ///
    /// # Errors
    /// If the image cannot be read any more.
    pub fn example(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        mined: Option<&[Vec<u32>]>,
        place: usize,
        number: u64,
    ) -> Result<Example> {
        let settings = &config.settings;
        let record = &self.images.records()[place];
        let rng = &mut Stream::Caption.of(settings.seed, number);
        let nth = rng.random_range(0..record.captions.len() as u32) as usize;
        let Annotation { caption, negatives: provided, .. } = &record.captions[nth];
        let guard = record.guard(nth);
        let proposal = self.drawing.proposal();
        let recipe = Recipe { guard: Some(&guard), proposal, ..recipe(config) };
        let rng = &mut Stream::Negative.of(settings.seed, number);
        let drawn = negative::draw(caption, &recipe, settings.per_caption, rng);
        let near = mined.map_or(&[][..], |mined| &mined[self.images.caption_number(place, nth)]);
        let text = |number: &u32| self.images.caption(*number as usize).text().to_owned();
        let mined = near.iter().map(|number| (NegativeSource::Mined, text(number)));
        // Published lists hold a few captions that are true.
        let is_false = |text: &&String| **text != caption.text() && guard.allows_text(text);
        let provided = if settings.negatives.given { provided } else { &[][..] };
        let given: Vec<&String> = provided.iter().filter(is_false).collect();
        let rng = &mut Stream::Given.of(settings.seed, number);
        let given =
            given.sample(rng, settings.per_caption).map(|text| (NegativeSource::Given, (*text).clone()));
        let negatives = drawn.into_iter().map(of_concept).chain(mined).chain(given).collect();
        let rng = &mut Stream::View.of(settings.seed, number);
        let view = Views::of(config).draw(caption, rng);
        let image = match self.seen.iter().find(|(of, _)| *of == view) {
            Some((_, kept)) => kept.get(place),
            None => {
                let shown = self.shown(place, view)?;
                encoder.encode(&shown, &config.model.preprocess)?
            }
        };
        Ok(Example { image, caption: caption.text().to_owned(), negatives })
    }
}
