//! Photographs beside their edits as training data: one photograph with a caption, and the one in which a rule has made a hard
//! negative of the caption true, with that negative for a caption. Both are in one batch, so that each caption must find its
//! image beside the other, which looks almost the same, and each image its caption: the symmetry that InpaintCOCO tests
//! (arXiv 2403.02875). Of captions without images a model learns only what reads wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use rand::RngExt;
use rayon::prelude::*;
use shared::caption::Caption;
use shared::image::Image;
use shared::negative::{self, HardNegative, Recipe};
use shared::seed;

use super::example::{Example, Stream, recipe};
use super::features::{CachedFeatures, ImageValues, InputEncoder};
use crate::dataset::image_edit::{CONCEPTS, Edit};
use crate::dataset::images::Images;
use crate::negatives::calibration::Drawing;
use crate::train::negative_source::NegativeSource;
use crate::train::run_config::RunConfig;

/// Photographs of a run that have an edit, and their edits.
#[derive(Debug)]
pub struct Edited {
    images: Arc<Images>,
    edits: Vec<EditedImage>,
    /// The photographs that have an edit, by place, in order.
    photographs: Vec<usize>,
    /// What a frozen backbone makes of each photograph that has an edit, in order, and behind them of the edits; nothing where it is
    /// not frozen.
    seen: Option<CachedFeatures>,
    /// How the words of further negatives are chosen.
    pub drawing: Drawing,
}

/// A photograph and an edit that can be made of it.
#[derive(Debug)]
struct EditedImage {
    place: usize,
    edit: Edit,
    /// The captions that are no longer true after the edit, by number, and what is true in their place.
    captions: Vec<(usize, HardNegative)>,
}

impl Edited {
    /// Looks for what can be edited.
    ///
    /// # Errors
    /// If an image cannot be read any more, or nothing can be edited.
    pub fn new(images: Arc<Images>) -> Result<Self> {
        let of_image = |place: usize| edits_of(&images, place);
        let found: Vec<Vec<EditedImage>> =
            (0..images.records().len()).into_par_iter().map(of_image).collect::<Result<_>>()?;
        let edits: Vec<EditedImage> = found.into_iter().flatten().collect();
        if edits.is_empty() {
            bail!("no caption of these images names a hue or a side that an edit could change");
        }
        let mut photographs: Vec<usize> = edits.iter().map(|of| of.place).collect();
        photographs.dedup();
        Ok(Edited { images, edits, photographs, seen: None, drawing: Drawing::Fluent })
    }

    /// The images, edited or not.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Images per epoch: each edit is shown once, beside its photograph.
    pub fn n_images(&self) -> u64 {
        2 * self.edits.len() as u64
    }

    /// Passes every photograph and every edit through a frozen backbone, and caches the features.
    ///
    /// # Errors
    /// If an image cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn precompute_features(&mut self, config: &RunConfig, encoder: &InputEncoder) -> Result<()> {
        let folder: Option<&Path> = config.settings.feature_cache.as_deref();
        let edits =
            self.edits.iter().map(|of| seed::mix(&[of.place as u64, seed::of_text(&of.edit.words())]));
        let fingerprint =
            seed::mix(&std::iter::once(self.images.fingerprint()).chain(edits).collect::<Vec<_>>());
        let photographs = &self.photographs;
        let n_images = photographs.len() + self.edits.len();
        let read = |number: usize| match photographs.get(number) {
            Some(place) => self.images.read(*place),
            None => self.edits[number - photographs.len()].image(&self.images),
        };
        self.seen =
            Some(encoder.precompute(&config.model.preprocess, n_images, fingerprint, folder, read)?);
        Ok(())
    }

    /// The examples of the batch of a number, `share` of them: photographs and their edits in turn.
    ///
    /// # Errors
    /// If an image cannot be read any more.
    pub fn examples(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        number: u64,
        share: u64,
    ) -> Result<Vec<Example>> {
        // An odd place is filled by a photograph whose edit is not shown.
        let n_pairs = share.div_ceil(2);
        let edits = Stream::Edits.batch(config.settings.seed, number, n_pairs, self.edits.len());
        let pairs = (0..n_pairs)
            .into_par_iter()
            .map(|nth| self.pair(config, encoder, edits[nth as usize], number * n_pairs + nth));
        let mut examples: Vec<Example> = pairs.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        examples.truncate(share as usize);
        Ok(examples)
    }

    /// A photograph and its edit, each with its caption and, as its first negative, that of the other.
    fn pair(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        nth: usize,
        number: u64,
    ) -> Result<[Example; 2]> {
        let EditedImage { place, captions, .. } = &self.edits[nth];
        let rng = &mut Stream::Caption.of(config.settings.seed, number);
        let (caption, opposite) = &captions[rng.random_range(0..captions.len() as u32) as usize];
        let record = &self.images.records()[*place];
        let (guard, caption) = (record.guard(*caption), &record.captions[*caption].caption);
        let edited = Caption::new(opposite.caption.as_str());
        let rng = &mut Stream::Negative.of(config.settings.seed, number);
        let mut example = |image: ImageValues, caption: &Caption, other: &Caption| {
            let recipe = Recipe { guard: Some(&guard), proposal: self.drawing.proposal(), ..recipe(config) };
            let mut negatives = Vec::new();
            if config.settings.negatives.concepts.contains(&opposite.concept) {
                negatives.push((NegativeSource::Concept(opposite.concept), other.text().to_owned()));
            }
            let drawn = negative::draw(caption, &recipe, config.settings.per_caption, rng).into_iter();
            let drawn = drawn.filter(|negative| negative.caption != other.text());
            negatives.extend(drawn.map(super::example::of_concept));
            negatives.truncate(config.settings.per_caption);
            Example { image, caption: caption.text().to_owned(), negatives }
        };
        let [before, after] = self.values(config, encoder, nth)?;
        Ok([example(before, caption, &edited), example(after, &edited, caption)])
    }

    /// A photograph and its edit as the model's input.
    fn values(&self, config: &RunConfig, encoder: &InputEncoder, nth: usize) -> Result<[ImageValues; 2]> {
        let of = &self.edits[nth];
        Ok(match &self.seen {
            Some(seen) => {
                let photographs = &self.photographs;
                let place = photographs.partition_point(|place| *place < of.place);
                [seen.get(place), seen.get(photographs.len() + nth)]
            }
            None => {
                let encode = |image: Image| encoder.encode(&image, &config.model.preprocess);
                [encode(self.images.read(of.place)?)?, encode(of.image(&self.images)?)?]
            }
        })
    }
}

impl EditedImage {
    fn image(&self, images: &Images) -> Result<Image> {
        Ok(self.edit.apply(&images.read(self.place)?))
    }
}

/// The edits that can be made of an image.
fn edits_of(images: &Images, place: usize) -> Result<Vec<EditedImage>> {
    let record = &images.records()[place];
    let mut found: BTreeMap<String, EditedImage> = BTreeMap::new();
    for (nth, annotation) in record.captions.iter().enumerate() {
        let (caption, guard) = (&annotation.caption, record.guard(nth));
        let recipe = Recipe { guard: Some(&guard), ..Recipe::replace(&CONCEPTS) };
        let rng = &mut seed::rng(&[place as u64, nth as u64]);
        for negative in negative::draw(caption, &recipe, usize::MAX, rng) {
            if let Some(edit) = Edit::of(caption, &negative) {
                let of_edit =
                    found.entry(edit.words()).or_insert(EditedImage { place, edit, captions: Vec::new() });
                of_edit.captions.push((nth, negative));
            }
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let photograph = images.read(place)?;
    Ok(found.into_values().filter(|of| of.edit.suits(&photograph)).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::dataset::images::Options as ImageOptions;
    use crate::train::Options;
    use crate::train::configure::configure;
    use crate::train::data::{Data, Library};

    /// A folder of four images of one color on gray, each with a caption.
    fn folder(captions: [&str; 4]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let colors = [[200, 20, 20], [20, 60, 200], [20, 160, 40], [90, 90, 90]];
        for (nth, (caption, color)) in captions.iter().zip(colors).enumerate() {
            let rgb = [[90; 3], color].concat().repeat(8 * 16);
            let path = folder.path().join(format!("{nth}.png"));
            image::save_buffer(&path, &rgb, 16, 16, image::ColorType::Rgb8).expect("an image");
            std::fs::write(path.with_extension("txt"), caption).expect("a caption");
        }
        folder
    }

    /// Edits of images in a folder, which are read again when they are shown.
    fn edited(folder: &Path) -> Result<Edited> {
        let images = Images::open(&folder.display().to_string(), &ImageOptions::default())?;
        Edited::new(Arc::new(images))
    }

    fn config() -> RunConfig {
        #[derive(Parser)]
        struct Typed {
            #[command(flatten)]
            options: Options,
        }
        let typed = ["x", "--preset", "tiny", "--batch-size", "4", "--data", "scenes:8", "--out", "none"];
        let Typed { options } = Typed::parse_from(typed);
        let data = Data::open(&options.settings, &mut Library::default()).expect("data");
        configure(&options, &data, 1).expect("settings").0
    }

    #[test]
    fn a_photograph_and_its_edit_stand_side_by_side_each_with_what_is_true_of_it() {
        let folder = folder(["a red ball", "a blue car on the left", "a grey cat", "a red box"]);
        let edited = edited(folder.path()).expect("edits");
        // Of the ball three hues, of the car three and its mirror image; the box has no red, the cat no hue.
        assert_eq!(edited.n_images(), 2 * 7);
        let examples = edited.examples(&config(), &InputEncoder::default(), 0, 6).expect("examples");
        for pair in examples.chunks(2) {
            let [one, other] = pair else { panic!("a pair") };
            assert_ne!(one.image, other.image);
            assert_ne!(one.caption, other.caption);
            assert!(
                one.caption == "a red ball" || one.caption == "a blue car on the left",
                "{}",
                one.caption
            );
            for (example, wrong) in [(one, other), (other, one)] {
                assert_eq!(example.negatives[0].1, wrong.caption);
            }
        }
        assert_eq!(edited.examples(&config(), &InputEncoder::default(), 1, 5).expect("examples").len(), 5);
    }

    #[test]
    fn data_without_hues_and_sides_is_refused() {
        let folder = folder(["a dog", "a small car", "a grey cat", "a red box"]);
        let error = edited(folder.path()).expect_err("no edits");
        assert!(error.to_string().contains("names a hue or a side"), "{error}");
    }
}
