//! Training data: examples by number, and batches of them, which are pure functions of settings and number, so that resuming
//! is starting at another number. Of several sources each has a fixed share of every batch.

mod batch;
mod edited;
mod example;
mod features;
mod mined;
mod photographs;
mod scenes;
mod source;
mod texts;
mod view;

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use shared::model::Clip;
use shared::negative::Balance;
use shared::seed;
use shared::tokenizer::{Tokenizer, TokenizerError};

use super::run_config::RunConfig;
use super::settings::Settings;
use crate::dataset::images::Images;
use crate::negatives::calibration::Drawing;
use crate::system::atomic_file;
use crate::system::switch::Switch;
pub use batch::{Batch, batch, batches};
use example::{Example, Stream};
use features::InputEncoder;
pub use features::n_features;
pub use mined::Mined;
pub use source::Library;
use source::Source;
use texts::Lengths;

/// What a run is trained on.
#[derive(Debug)]
pub struct Data {
    sources: Vec<Source>,
    /// Images of each in a batch.
    shares: Vec<usize>,
    encoder: InputEncoder,
    /// How long texts are on a GPU, once somebody has asked.
    lengths: OnceLock<Lengths>,
}

impl Data {
    /// Opens every source. Without weights they divide the images of a batch evenly.
    ///
    /// # Errors
    /// If a source cannot be used, there is not one weight per source, or a source would not get an image per batch.
    pub fn open(settings: &Settings, library: &mut Library) -> Result<Self> {
        let (names, weights) = (&settings.data, &settings.data_weights);
        let even = vec![1.0; names.len()];
        let weights = if weights.is_empty() { &even } else { weights };
        if weights.len() != names.len() {
            bail!("there are {} --data-weights for {} sources of --data", weights.len(), names.len());
        }
        let shares = apportion(settings.batch_size, weights)?;
        let options = settings.image_options();
        let mut sources = Vec::new();
        for name in names {
            sources.push(Source::open(name, &options, settings.seed, library)?);
        }
        Ok(Data { sources, shares, encoder: InputEncoder::default(), lengths: OnceLock::new() })
    }

    /// Takes features of the frozen backbone of a model instead of pixels from now on. Those of photographs are computed here
    /// and cached; where the settings name a folder, also for other runs.
    ///
    /// # Errors
    /// If an image cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn freeze_backbone(&mut self, clip: Clip, config: &RunConfig) -> Result<()> {
        self.encoder = InputEncoder::frozen(clip);
        for source in &mut self.sources {
            source.precompute_features(config, &self.encoder)?;
        }
        Ok(())
    }

    /// Balances the negatives of every source by a table that is calibrated on its captions once and kept in the run folder.
    ///
    /// # Errors
    /// If the judge fails, or a table cannot be written or read.
    pub fn balance(&mut self, config: &RunConfig, run: &Path) -> Result<()> {
        let concepts = &config.settings.negatives.concepts;
        if config.settings.balanced == Switch::Off || concepts.is_empty() {
            return Ok(());
        }
        for (nth, source) in self.sources.iter_mut().enumerate() {
            let path = run.join(format!("balance-{nth}.bin"));
            if !path.exists() {
                let seed = seed::mix(&[config.settings.seed, Stream::Calibration as u64]);
                atomic_file::write(&path, source.table(concepts, seed)?.to_bytes(0.0))?;
            }
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let table =
                Balance::from_bytes(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
            *source.drawing() = Drawing::Balanced(Cow::Owned(table));
        }
        Ok(())
    }

    /// Checks that every source has a batch.
    ///
    /// # Errors
    /// If one has fewer images than a batch takes of it.
    pub fn check_batch(&self) -> Result<()> {
        let mut counts = self.sources.iter().map(Source::images).zip(&self.shares);
        match counts.find(|(images, share)| *images < **share as u64) {
            Some((images, share)) => {
                bail!(
                    "a source of --data has {images} images, a batch takes {share} of it; lower --batch-size"
                )
            }
            None => Ok(()),
        }
    }

    /// Whether captions have others to be confused with.
    pub fn can_be_mined(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Photographs(_)))
    }

    /// Whether any data says what would be wrong in place of a caption.
    pub fn provides_negatives(&self) -> bool {
        let gives = |source: &Source| matches!(source, Source::Photographs(photographs) if photographs.images().provides_negatives());
        self.sources.iter().any(gives)
    }

    /// Images of each source in a batch.
    pub fn shares(&self) -> &[usize] {
        &self.shares
    }

    /// Images an epoch: of the first source, however often the others are shown meanwhile.
    pub fn images(&self) -> u64 {
        self.sources[0].images()
    }

    /// A number that changes with the data.
    pub fn fingerprint(&self) -> u64 {
        match &self.sources[..] {
            [only] => only.fingerprint(),
            several => seed::mix(&several.iter().map(Source::fingerprint).collect::<Vec<_>>()),
        }
    }

    /// The captions of all sources; of scenes, a sample.
    fn captions(&self) -> Vec<Cow<'_, str>> {
        self.sources.iter().flat_map(Source::captions).collect()
    }

    /// How long texts are on a GPU, by some of its captions.
    ///
    /// # Errors
    /// If one cannot be split into tokens.
    pub fn lengths(&self, tokenizer: &Tokenizer, context: usize) -> Result<Lengths, TokenizerError> {
        const ASKED: usize = 4000;
        if let Some(lengths) = self.lengths.get() {
            return Ok(*lengths);
        }
        let captions = self.captions();
        let some = captions.iter().step_by(captions.len().div_ceil(ASKED).max(1));
        let lengths = Lengths::of(some.map(|caption| &**caption), tokenizer, context)?;
        Ok(*self.lengths.get_or_init(|| lengths))
    }

    /// How many captions are longer than the model reads, and how many there are (of scenes, a sample).
    ///
    /// # Errors
    /// If one cannot be split into tokens.
    pub fn count_cut(&self, tokenizer: &Tokenizer, context: usize) -> Result<(usize, usize), TokenizerError> {
        let captions = self.captions();
        let is_cut = |caption: &Cow<str>| Ok(tokenizer.encode(caption, context)?.cut_at.is_some());
        let are_cut = captions.par_iter().map(is_cut).collect::<Result<Vec<bool>, TokenizerError>>()?;
        Ok((are_cut.into_iter().filter(|is_cut| *is_cut).count(), captions.len()))
    }

    /// Learns tokens from its captions.
    ///
    /// # Errors
    /// If the tokenizers library fails.
    pub fn tokenizer(&self, vocabulary: usize) -> Result<Tokenizer, TokenizerError> {
        let captions = self.captions();
        Tokenizer::train(captions.iter().map(|caption| &**caption), vocabulary)
    }

    /// Writes into a run folder which images are trained on (`images.txt`) and which were left out, and why
    /// (`skipped.jsonl`).
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn record(&self, run: &Path) -> Result<()> {
        let (mut names, mut skipped, mut n_skipped) = (String::new(), String::new(), 0);
        let mut recorded: Vec<&Images> = Vec::new();
        for images in self.sources.iter().filter_map(Source::files) {
            // Photographs and their edits are of the same files.
            if recorded.iter().any(|other| std::ptr::eq(*other, images)) {
                continue;
            }
            recorded.push(images);
            for (name, hash) in images.known() {
                writeln!(names, "{name}\t{hash:016x}")?;
            }
            for image in images.skipped() {
                skipped += &serde_json::to_string(image)?;
                skipped.push('\n');
            }
            n_skipped += images.skipped().len();
        }
        if names.is_empty() {
            return Ok(());
        }
        for (name, text) in [(IMAGE_LIST, names), ("skipped.jsonl", skipped)] {
            atomic_file::write(&run.join(name), text)?;
        }
        if n_skipped > 0 {
            eprintln!("left out: {n_skipped}; skipped.jsonl says what and why");
        }
        Ok(())
    }

    /// The examples of the batch of a number, source by source.
    fn examples(&self, config: &RunConfig, mined: Option<&Mined>, number: u64) -> Result<Vec<Example>> {
        let mut examples = Vec::with_capacity(config.settings.batch_size);
        for (nth, (source, share)) in self.sources.iter().zip(&self.shares).enumerate() {
            let mined = mined.map(|mined| mined.of_source(nth));
            examples.extend(source.examples(config, &self.encoder, mined, number, *share as u64)?);
        }
        Ok(examples)
    }
}

/// Divides a batch by weights, the largest remainders rounded up.
fn apportion(batch: usize, weights: &[f64]) -> Result<Vec<usize>> {
    let sum: f64 = weights.iter().sum();
    if !weights.iter().all(|weight| *weight > 0.0 && weight.is_finite()) {
        bail!("every --data-weights must be a positive number");
    }
    let exact: Vec<f64> = weights.iter().map(|weight| batch as f64 * weight / sum).collect();
    let mut shares: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()));
    let missing = batch.saturating_sub(shares.iter().sum());
    for place in by_remainder.into_iter().take(missing) {
        shares[place] += 1;
    }
    match shares.iter().position(|share| *share == 0) {
        Some(place) => bail!("source {} of --data would not have an image in a batch of {batch}", place + 1),
        None => Ok(shares),
    }
}

/// The list of images in a run folder that trains on files: a line each, its name, a tab and its perceptual hash.
pub const IMAGE_LIST: &str = "images.txt";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_divided_by_weights_and_nobody_goes_without() {
        assert_eq!(apportion(64, &[1.0, 1.0]).expect("shares"), [32, 32]);
        assert_eq!(apportion(10, &[2.0, 1.0, 1.0]).expect("shares"), [5, 3, 2]);
        assert_eq!(apportion(7, &[0.1]).expect("shares"), [7]);
        for wrong in [&[1.0, 0.0][..], &[1.0, f64::NAN], &[100.0, 1.0], &[1.0, -1.0]] {
            assert!(apportion(16, wrong).is_err(), "{wrong:?}");
        }
    }
}
