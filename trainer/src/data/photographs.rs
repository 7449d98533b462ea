//! Pictures with captions as training data, from files.

use anyhow::Result;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use shared::caption::Caption;
use shared::negative::{self, Guard, Recipe};
use shared::picture::Picture;
use shared::seed;

use super::features::{CachedFeatures, InputEncoder};
use super::gather::{Photograph, Skipped, Told, gather};
use super::view::{View, Views};
use super::{Example, Files, HardNegative, Stream};
use crate::calibration::{Corpus, Drawing};
use crate::cli::Negatives;
use crate::objective::NegativeSource;
use crate::run_config::RunConfig;

/// Pictures that can be read and have captions, in the order of their file.
#[derive(Debug)]
pub struct Photographs {
    photographs: Vec<Photograph>,
    /// The number of each one's first caption among those of all.
    first_captions: Vec<usize>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What a locked stem makes of them in each view; nothing where the stem is not locked.
    seen: Vec<(View, CachedFeatures)>,
    /// How the words of negatives are chosen.
    pub drawing: Drawing,
}

impl Photographs {
    /// Opens a source and looks at every picture once.
    ///
    /// # Errors
    /// As [`gather`].
    pub fn open(data: &str, files: &Files) -> Result<Self> {
        let (photographs, skipped) = gather(data, files)?;
        let before = photographs.iter().scan(0, |before, photograph| {
            Some(std::mem::replace(before, *before + photograph.captions.len()))
        });
        let (first_captions, seen) = (before.collect(), Vec::new());
        Ok(Photographs { first_captions, photographs, skipped, seen, drawing: Drawing::Fluent })
    }

    /// Pictures an epoch: each is shown once, with one of its captions.
    pub fn pictures(&self) -> u64 {
        self.photographs.len() as u64
    }

    /// The names and perceptual hashes of the pictures, in order.
    pub fn known(&self) -> impl Iterator<Item = (&str, u64)> {
        self.photographs.iter().map(|photograph| (photograph.name.as_str(), photograph.look))
    }

    /// Whether the data itself says of any caption what would be wrong in its place.
    pub fn gives_negatives(&self) -> bool {
        self.photographs.iter().flat_map(|photograph| &photograph.captions).any(|told| !told.wrong.is_empty())
    }

    /// Every caption in order, with the place of its picture.
    pub fn listed(&self) -> impl Iterator<Item = (usize, &str)> {
        let of_each = self.photographs.iter().enumerate();
        of_each.flat_map(|(place, photograph)| {
            photograph.captions.iter().map(move |told| (place, told.caption.text()))
        })
    }

    /// The photograph and the place among its captions of the caption of a number, in the order of
    /// [`Photographs::listed`].
    fn place(&self, number: usize) -> (usize, usize) {
        let place = self.first_captions.partition_point(|first| *first <= number) - 1;
        (place, number - self.first_captions[place])
    }

    /// A number that changes with any name, caption, given negative or kind.
    pub fn fingerprint(&self) -> u64 {
        let texts = self.photographs.iter().flat_map(|photograph| {
            let captions = photograph.captions.iter().flat_map(|told| {
                std::iter::once(told.caption.text()).chain(told.wrong.iter().map(String::as_str))
            });
            let kinds = photograph.kinds.iter().map(String::as_str);
            std::iter::once(photograph.name.as_str()).chain(captions).chain(kinds)
        });
        seed::mix(&texts.map(seed::of_text).collect::<Vec<_>>())
    }

    /// The order in which an epoch shows the pictures.
    pub fn order(&self, run_seed: u64, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.photographs.len()).collect();
        order.shuffle(&mut Stream::Order.of(run_seed, epoch));
        order
    }

    /// Looks at every picture through a locked stem, and keeps what it makes of it.
    ///
    /// # Errors
    /// If a picture cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn precompute_features(&mut self, config: &RunConfig, encoder: &InputEncoder) -> Result<()> {
        let folder = config.settings.feature_cache.as_deref();
        let n_pictures = self.photographs.len();
        let preprocess = &config.model.preprocess;
        let keep = |view: View| {
            let fingerprint = seed::mix(&[self.fingerprint(), view.fingerprint()]);
            let read = |place: usize| shown(&self.photographs[place], view);
            Ok((view, encoder.precompute(preprocess, n_pictures, fingerprint, folder, read)?))
        };
        self.seen = Views::of(config).all().map(keep).collect::<Result<_>>()?;
        Ok(())
    }

    /// A picture with one of its captions and negatives of it, drawn anew for every `number`. What the other captions
    /// say of the picture is no negative, nor is what is known to be in it. `mined` are the captions nearest to each one,
    /// which join the negatives, as do those that the data gives.
    ///
    /// # Errors
    /// If the picture cannot be read any more.
    pub fn example(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        mined: Option<&[Vec<u32>]>,
        place: usize,
        number: u64,
    ) -> Result<Example> {
        let settings = &config.settings;
        let photograph = &self.photographs[place];
        let rng = &mut Stream::Caption.of(settings.seed, number);
        let nth = rng.random_range(0..photograph.captions.len() as u32) as usize;
        let Told { caption, wrong } = &photograph.captions[nth];
        let guard = guard(photograph, nth);
        let proposal = self.drawing.proposal();
        let recipe = Recipe { guard: Some(&guard), proposal, ..super::recipe(config) };
        let rng = &mut Stream::Negative.of(settings.seed, number);
        let drawn = negative::draw(caption, &recipe, settings.per_caption, rng);
        let near = mined.map_or(&[][..], |mined| &mined[self.first_captions[place] + nth]);
        let mined = near.iter().map(|number| HardNegative {
            caption: self.caption(*number as usize).text().to_owned(),
            source: NegativeSource::Mined,
        });
        // Published lists hold a few captions that are true.
        let is_false = |text: &&String| **text != caption.text() && guard.allows_text(text);
        let wrong = if settings.asks_for(Negatives::Given) { wrong } else { &[][..] };
        let given: Vec<&String> = wrong.iter().filter(is_false).collect();
        let rng = &mut Stream::Given.of(settings.seed, number);
        let given = given
            .sample(rng, settings.per_caption)
            .map(|text| HardNegative { caption: (*text).clone(), source: NegativeSource::Given });
        let negatives = drawn.into_iter().map(HardNegative::from).chain(mined).chain(given).collect();
        let rng = &mut Stream::View.of(settings.seed, number);
        let view = Views::of(config).draw(caption, rng);
        let image = match self.seen.iter().find(|(of, _)| *of == view) {
            Some((_, kept)) => kept.get(place),
            None => {
                let shown = shown(photograph, view)?;
                encoder.encode(&shown, &config.model.preprocess)?
            }
        };
        Ok(Example { image, caption: caption.text().to_owned(), negatives })
    }
}

/// What must not be said of a photograph in place of one of its captions.
fn guard(photograph: &Photograph, nth: usize) -> Guard {
    let siblings = photograph.captions.iter().enumerate().filter(|(other, _)| *other != nth);
    let kinds = photograph.kinds.iter().map(String::as_str);
    Guard::new(siblings.map(|(_, sibling)| &sibling.caption), kinds)
}

impl Corpus for Photographs {
    fn len(&self) -> usize {
        self.photographs.iter().map(|photograph| photograph.captions.len()).sum()
    }

    fn caption(&self, number: usize) -> &Caption {
        let (place, nth) = self.place(number);
        &self.photographs[place].captions[nth].caption
    }

    fn guard(&self, number: usize) -> Guard {
        let (place, nth) = self.place(number);
        guard(&self.photographs[place], nth)
    }

    fn image(&self, number: usize) -> u64 {
        self.place(number).0 as u64
    }
}

fn shown(photograph: &Photograph, view: View) -> Result<Picture> {
    Ok(view.show(photograph.picture()?, &photograph.name))
}
