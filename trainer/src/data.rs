//! Training data: examples by number, and batches of them, which are pure functions of settings and number, so that resuming
//! is starting at another number. Of several sources each has a fixed share of every batch.

mod batch;
mod features;
mod gather;
pub mod instances;
mod mined;
mod photographs;
mod scenes;
pub mod shards;
mod texts;
mod view;

use std::borrow::Cow;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use rand::Rng;
use rayon::prelude::*;
use shared::concept::Concept;
use shared::model::Clip;
use shared::negative::{Balance, Negative, Recipe};
use shared::seed;
use shared::tokenizer::{Tokenizer, TokenizerError};

use crate::atomic_file;
use crate::calibration::{Corpus, Coverage, Drawing, For, table_for};
use crate::cli::Switch;
use crate::objective::NegativeSource;
use crate::run_config::RunConfig;
pub use batch::{Batch, batch, batches};
use features::InputEncoder;
pub use mined::Mined;
use photographs::Photographs;
use scenes::Scenes;
use texts::Lengths;

/// Scenes an epoch when the source names no number.
const PICTURES: u64 = 40_000;

/// The streams of random numbers that a run's seed is split into.
#[repr(u64)]
enum Stream {
    Scene = 1,
    Caption = 2,
    Negative = 3,
    Order = 4,
    View = 5,
    Channels = 6,
    Candidates = 7,
    Given = 8,
    Calibration = 10,
}

impl Stream {
    /// The random numbers of this stream for the batch, example or epoch of a number.
    fn of(self, run_seed: u64, number: u64) -> impl Rng {
        seed::rng(&[run_seed, self as u64, number])
    }
}

/// What is said of all sources that are files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files<'a> {
    /// More folders to search for pictures.
    pub images: &'a [PathBuf],
    /// COCO's files of what is in pictures.
    pub instances: &'a [PathBuf],
    /// The part to train on, of captions that are divided.
    pub split: Option<&'a str>,
    /// Where what is found in shards is kept.
    pub index: Option<&'a Path>,
}

/// Where examples come from.
#[derive(Debug)]
enum Source {
    /// Drawn scenes.
    Scenes(Scenes),
    /// Pictures and captions in files.
    Photographs(Photographs),
}

/// A picture and what is said of it.
struct Example {
    /// What the model is given of the picture: `[3, S, S]`, or `[P, C]` of a locked stem.
    image: Vec<f32>,
    caption: String,
    negatives: Vec<HardNegative>,
}

/// A caption that is almost right.
struct HardNegative {
    caption: String,
    source: NegativeSource,
}

impl From<Negative> for HardNegative {
    fn from(negative: Negative) -> Self {
        HardNegative { caption: negative.caption, source: NegativeSource::Concept(negative.concept) }
    }
}

impl Source {
    /// Opens what `--data` names: `scenes`, `scenes:COUNT`, a file of captions or its folder, or shards.
    ///
    /// # Errors
    /// If it is neither, or cannot be used.
    fn open(data: &str, files: &Files, run_seed: u64) -> Result<Self> {
        let scenes = |pictures| Ok(Source::Scenes(Scenes::new(pictures, run_seed)));
        match data.split_once(':') {
            None if data == "scenes" => scenes(PICTURES),
            Some(("scenes", count)) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                scenes(count.with_context(|| format!("not a number of pictures in --data {data}"))?)
            }
            _ if Path::new(data).exists() || shards::is_shards(data) => {
                Ok(Source::Photographs(Photographs::open(data, files)?))
            }
            _ => bail!(
                "unknown data source {data:?}: neither `scenes` or `scenes:COUNT`, nor a file of captions or a folder with one, nor shards (….tar)"
            ),
        }
    }

    /// Pictures an epoch.
    fn pictures(&self) -> u64 {
        match self {
            Source::Scenes(scenes) => scenes.pictures,
            Source::Photographs(photographs) => photographs.pictures(),
        }
    }

    /// A number that changes with the data; drawn data never changes.
    fn fingerprint(&self) -> u64 {
        match self {
            Source::Scenes(_) => 0,
            Source::Photographs(photographs) => photographs.fingerprint(),
        }
    }

    /// How the words of negatives are chosen.
    fn drawing(&mut self) -> &mut Drawing {
        match self {
            Source::Scenes(scenes) => &mut scenes.drawing,
            Source::Photographs(photographs) => &mut photographs.drawing,
        }
    }

    /// The table by which its negatives are balanced; says how many captions keep one.
    fn table(&self, concepts: &[Concept], seed: u64) -> Result<Cow<'static, Balance>> {
        fn told(corpus: &impl Corpus, concepts: &[Concept], seed: u64) -> Result<Cow<'static, Balance>> {
            let table = table_for(corpus, concepts, For::Own, seed)?;
            eprintln!("{}", Coverage::of(corpus, concepts, &table, seed));
            Ok(table)
        }
        match self {
            Source::Scenes(scenes) => told(&scenes.corpus(), concepts, seed),
            Source::Photographs(photographs) => told(photographs, concepts, seed),
        }
    }

    /// Its captions, or as many as stand for all of them.
    fn captions(&self) -> Vec<Cow<'_, str>> {
        match self {
            Source::Scenes(scenes) => scenes.captions().into_iter().map(Cow::Owned).collect(),
            Source::Photographs(photographs) => {
                photographs.listed().map(|(_, text)| Cow::Borrowed(text)).collect()
            }
        }
    }

    /// Its examples of the batch of a number, `share` of them.
    fn examples(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        mined: Option<&[Vec<u32>]>,
        number: u64,
        share: u64,
    ) -> Result<Vec<Example>> {
        let first = number * share;
        let numbers = (0..share).into_par_iter();
        match self {
            Source::Scenes(scenes) => {
                let total = config.batches() * share;
                let n_single = (config.single_objects * total as f64).ceil() as u64;
                numbers
                    .map(|nth| scenes.example(config, encoder, first + nth, first + nth < n_single))
                    .collect()
            }
            Source::Photographs(photographs) => {
                // What is left of an epoch and does not fill a batch is not shown, so that none has a picture twice.
                let batches = photographs.pictures() / share;
                let order = photographs.order(config.settings.seed, number / batches);
                let begin = (number % batches * share) as usize;
                let place = |nth: u64| order[begin + nth as usize];
                numbers
                    .map(|nth| photographs.example(config, encoder, mined, place(nth), first + nth))
                    .collect()
            }
        }
    }
}

/// What a run is trained on.
#[derive(Debug)]
pub struct Data {
    sources: Vec<Source>,
    /// Pictures of each in a batch.
    shares: Vec<usize>,
    encoder: InputEncoder,
    /// How long texts are on a GPU, once somebody has asked.
    lengths: OnceLock<Lengths>,
}

impl Data {
    /// Opens every source. `weights` says how the pictures of a batch are divided among them; without it evenly.
    ///
    /// # Errors
    /// If a source cannot be used, there is not one weight a source, or a source would not get a picture a batch.
    pub fn open(
        names: &[String],
        weights: &[f64],
        files: &Files,
        run_seed: u64,
        batch: usize,
    ) -> Result<Self> {
        let even = vec![1.0; names.len()];
        let weights = if weights.is_empty() { &even } else { weights };
        if weights.len() != names.len() {
            bail!("there are {} --data-weights for {} sources of --data", weights.len(), names.len());
        }
        let shares = apportion(batch, weights)?;
        let sources = names.iter().map(|name| Source::open(name, files, run_seed));
        Ok(Data {
            sources: sources.collect::<Result<_>>()?,
            shares,
            encoder: InputEncoder::default(),
            lengths: OnceLock::new(),
        })
    }

    /// Looks at all pictures through the locked stem of a model from now on. What it makes of photographs is computed
    /// here and kept; where the settings name a folder, also for other runs.
    ///
    /// # Errors
    /// If a picture cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn freeze_backbone(&mut self, clip: Clip, config: &RunConfig) -> Result<()> {
        self.encoder = InputEncoder::frozen(clip);
        for source in &mut self.sources {
            if let Source::Photographs(photographs) = source {
                photographs.precompute_features(config, &self.encoder)?;
            }
        }
        Ok(())
    }

    /// Balances the negatives of every source by a table that is calibrated on its captions once and kept in the run folder.
    ///
    /// # Errors
    /// If the judge fails, or a table cannot be written or read.
    pub fn balance(&mut self, config: &RunConfig, run: &Path) -> Result<()> {
        if config.settings.balanced == Switch::Off || config.concepts.is_empty() {
            return Ok(());
        }
        for (nth, source) in self.sources.iter_mut().enumerate() {
            let path = run.join(format!("balance-{nth}.bin"));
            if !path.exists() {
                let seed = seed::mix(&[config.settings.seed, Stream::Calibration as u64]);
                atomic_file::write(&path, source.table(&config.concepts, seed)?.to_bytes(0.0))?;
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
    /// If one has fewer pictures than a batch takes of it.
    pub fn check_batch(&self) -> Result<()> {
        let mut counts = self.sources.iter().map(Source::pictures).zip(&self.shares);
        match counts.find(|(pictures, share)| *pictures < **share as u64) {
            Some((pictures, share)) => {
                bail!(
                    "a source of --data has {pictures} pictures, a batch takes {share} of it; lower --batch-size"
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
    pub fn gives_negatives(&self) -> bool {
        let gives = |source: &Source| matches!(source, Source::Photographs(photographs) if photographs.gives_negatives());
        self.sources.iter().any(gives)
    }

    /// Pictures of each source in a batch.
    pub fn shares(&self) -> &[usize] {
        &self.shares
    }

    /// Pictures an epoch: of the first source, however often the others are shown meanwhile.
    pub fn pictures(&self) -> u64 {
        self.sources[0].pictures()
    }

    /// A number that changes with the data.
    pub fn fingerprint(&self) -> u64 {
        match &self.sources[..] {
            [only] => only.fingerprint(),
            several => seed::mix(&several.iter().map(Source::fingerprint).collect::<Vec<_>>()),
        }
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
        let captions: Vec<Cow<str>> = self.sources.iter().flat_map(Source::captions).collect();
        let some = captions.iter().step_by(captions.len().div_ceil(ASKED).max(1));
        let lengths = Lengths::of(some.map(|caption| &**caption), tokenizer, context)?;
        Ok(*self.lengths.get_or_init(|| lengths))
    }

    /// Learns tokens from its captions.
    ///
    /// # Errors
    /// If the tokenizers library fails.
    pub fn tokenizer(&self, vocabulary: usize) -> Result<Tokenizer, TokenizerError> {
        let captions: Vec<Cow<str>> = self.sources.iter().flat_map(Source::captions).collect();
        Tokenizer::train(captions.iter().map(|caption| &**caption), vocabulary)
    }

    /// Writes into a run folder which pictures are trained on (`pictures.txt`) and which were left out, and why
    /// (`skipped.jsonl`).
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn record(&self, run: &Path) -> Result<()> {
        let (mut names, mut skipped, mut n_skipped) = (String::new(), String::new(), 0);
        let of_files = self.sources.iter().filter_map(|source| match source {
            Source::Photographs(photographs) => Some(photographs),
            Source::Scenes(_) => None,
        });
        for photographs in of_files {
            for (name, look) in photographs.known() {
                writeln!(names, "{name}\t{look:016x}")?;
            }
            for picture in &photographs.skipped {
                skipped += &serde_json::to_string(picture)?;
                skipped.push('\n');
            }
            n_skipped += photographs.skipped.len();
        }
        if names.is_empty() {
            return Ok(());
        }
        for (name, text) in [(PICTURE_LIST, names), ("skipped.jsonl", skipped)] {
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
        Some(place) => bail!("source {} of --data would not have a picture in a batch of {batch}", place + 1),
        None => Ok(shares),
    }
}

/// How a run draws negatives.
fn recipe(config: &RunConfig) -> Recipe<'_> {
    Recipe { strategy: config.settings.strategy.into(), ..Recipe::replace(&config.concepts) }
}

/// The list of pictures in a run folder that trains on files: a line each, its name, a tab and its perceptual hash.
pub const PICTURE_LIST: &str = "pictures.txt";

/// The names of the pictures that a source of `--data` names, without a look at any of them; of scenes and shards none.
///
/// # Errors
/// If the source cannot be read.
pub fn names(data: &str, files: &Files) -> Result<Vec<String>> {
    if Path::new(data).exists() { gather::names(data, files) } else { Ok(Vec::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_or_refused() {
        let pictures = |data: &str| Source::open(data, &Files::default(), 0).map(|source| source.pictures());
        assert_eq!(pictures("scenes").expect("a source"), PICTURES);
        assert_eq!(pictures("scenes:7").expect("a source"), 7);
        for wrong in ["scenes:", "scenes:0", "scenes:x", "coco", ""] {
            assert!(pictures(wrong).is_err(), "{wrong:?}");
        }
    }

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
