//! Training data: examples by number, batches ahead of the device. A batch is a pure function of settings and step, so
//! that resuming is starting at another step.

mod photographs;
mod scenes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use shared::tokenizer::{TokenBatch, Tokenizer, TokenizerError};

use crate::run_config::RunConfig;
use photographs::Photographs;
use scenes::Scenes;

/// Scenes an epoch when the source names no number.
const PICTURES: u64 = 40_000;

/// The streams of random numbers that a run's seed is split into.
#[repr(u64)]
enum Stream {
    Scene = 1,
    Caption = 2,
    Negative = 3,
    Order = 4,
}

/// Where examples come from.
#[derive(Debug)]
pub enum Source {
    /// Drawn scenes.
    Scenes(Scenes),
    /// Pictures and captions in files.
    Photographs(Photographs),
}

/// A picture and what is said of it.
struct Example {
    /// `[3, S, S]`
    pixels: Vec<f32>,
    caption: String,
    negatives: Vec<String>,
}

impl Source {
    /// Opens what `--data` names: `scenes`, `scenes:COUNT`, or a file of captions or its folder.
    ///
    /// # Errors
    /// If it is neither, or cannot be used.
    pub fn open(data: &str, images: &[PathBuf], split: Option<&str>, run_seed: u64) -> Result<Self> {
        let scenes = |pictures| Ok(Source::Scenes(Scenes::new(pictures, run_seed)));
        match data.split_once(':') {
            None if data == "scenes" => scenes(PICTURES),
            Some(("scenes", count)) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                scenes(count.with_context(|| format!("not a number of pictures in --data {data}"))?)
            }
            _ if Path::new(data).exists() => {
                Ok(Source::Photographs(Photographs::open(Path::new(data), images, split)?))
            }
            _ => bail!(
                "unknown data source {data:?}: neither `scenes` or `scenes:COUNT`, nor a file of captions or a folder with one"
            ),
        }
    }

    /// Pictures an epoch.
    pub fn pictures(&self) -> u64 {
        match self {
            Source::Scenes(scenes) => scenes.pictures,
            Source::Photographs(photographs) => photographs.pictures(),
        }
    }

    /// A number that changes with the data; drawn data never changes.
    pub fn fingerprint(&self) -> u64 {
        match self {
            Source::Scenes(_) => 0,
            Source::Photographs(photographs) => photographs.fingerprint(),
        }
    }

    /// Learns tokens from its captions.
    ///
    /// # Errors
    /// If the tokenizers library fails.
    pub fn tokenizer(&self, vocabulary: usize) -> Result<Tokenizer, TokenizerError> {
        let captions = match self {
            Source::Scenes(scenes) => scenes.captions(),
            Source::Photographs(photographs) => photographs.captions(),
        };
        Tokenizer::train(captions.iter().map(String::as_str), vocabulary)
    }

    /// Writes into a run folder which pictures are trained on (`pictures.txt`) and which were left out, and why
    /// (`skipped.jsonl`).
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn record(&self, run: &Path) -> Result<()> {
        let Source::Photographs(photographs) = self else { return Ok(()) };
        let names: String = photographs.names().map(|name| format!("{name}\n")).collect();
        let mut skipped = String::new();
        for picture in &photographs.skipped {
            skipped += &serde_json::to_string(picture)?;
            skipped.push('\n');
        }
        for (name, text) in [(PICTURE_LIST, names), ("skipped.jsonl", skipped)] {
            let path = run.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if !photographs.skipped.is_empty() {
            eprintln!("left out: {}; skipped.jsonl says what and why", photographs.skipped.len());
        }
        Ok(())
    }

    /// The examples of a step.
    fn examples(&self, config: &RunConfig, step: u64) -> Result<Vec<Example>> {
        let batch = config.batch as u64;
        let numbers = (step * batch..(step + 1) * batch).into_par_iter();
        match self {
            Source::Scenes(scenes) => Ok(numbers.map(|number| scenes.example(config, number)).collect()),
            Source::Photographs(photographs) => {
                // What is left over of an epoch when its last batch is full is not shown in it.
                let steps = config.steps_an_epoch();
                let order = photographs.order(config.seed, step / steps);
                let first = (step % steps) * batch;
                numbers
                    .map(|number| {
                        let place = order[(first + number - step * batch) as usize];
                        photographs.example(config, place, number)
                    })
                    .collect()
            }
        }
    }
}

/// The list of pictures in a run folder that trains on files.
pub const PICTURE_LIST: &str = "pictures.txt";

/// What one step needs, ready for the device.
pub struct Batch {
    /// `[B, 3, S, S]`
    pub pixels: Vec<f32>,
    /// The captions, `B` of them.
    pub captions: TokenBatch,
    /// The hard negatives of all captions, or nothing when no caption has one.
    pub negatives: Option<TokenBatch>,
    /// Captions that have at least one negative.
    pub with_negatives: usize,
}

/// Makes the batch of a step.
///
/// # Errors
/// If a picture cannot be read any more, or a caption not be split into tokens.
fn batch(config: &RunConfig, source: &Source, tokenizer: &Tokenizer, step: u64) -> Result<Batch> {
    let examples = source.examples(config, step)?;
    let encode = |text: &String| tokenizer.encode(text, config.model.text.context);
    let captions = examples
        .iter()
        .map(|example| encode(&example.caption))
        .collect::<Result<Vec<_>, TokenizerError>>()?;
    let negatives = examples.iter().flat_map(|example| &example.negatives);
    let negatives = negatives.map(encode).collect::<Result<Vec<_>, TokenizerError>>()?;
    Ok(Batch {
        captions: tokenizer.batch(&captions),
        negatives: (!negatives.is_empty()).then(|| tokenizer.batch(&negatives)),
        with_negatives: examples.iter().filter(|example| !example.negatives.is_empty()).count(),
        pixels: examples.into_iter().flat_map(|example| example.pixels).collect(),
    })
}

/// Batches from `start` on, made on another thread, at most two ahead of the device.
pub fn batches(
    config: &RunConfig,
    source: &Arc<Source>,
    tokenizer: &Tokenizer,
    start: u64,
) -> Receiver<Result<Batch>> {
    let (sender, receiver) = sync_channel(2);
    let (config, source, tokenizer) = (config.clone(), Arc::clone(source), tokenizer.clone());
    thread::spawn(move || {
        for step in start..config.steps() {
            // The receiver goes away when training stops early, or fails: there is nobody left to make batches for.
            if sender.send(batch(&config, &source, &tokenizer, step)).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_or_refused() {
        let pictures = |data: &str| Source::open(data, &[], None, 0).map(|source| source.pictures());
        assert_eq!(pictures("scenes").expect("a source"), PICTURES);
        assert_eq!(pictures("scenes:7").expect("a source"), 7);
        for wrong in ["scenes:", "scenes:0", "scenes:x", "coco", ""] {
            assert!(pictures(wrong).is_err(), "{wrong:?}");
        }
    }
}
