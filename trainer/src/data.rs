//! Scenes as training data: examples by number, batches ahead of the device.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail};
use rand::RngExt;
use rayon::prelude::*;
use shared::caption::Caption;
use shared::negative::{self, Recipe};
use shared::scene::{self, Scene};
use shared::seed;
use shared::tokenizer::{TokenBatch, Tokenizer, TokenizerError};

use crate::run_config::RunConfig;

/// Pictures an epoch when the source names no number.
const PICTURES: u64 = 40_000;

/// The sides at which training scenes are rendered, so that a model does not depend on one of them.
const SIDES: [u32; 3] = [64, 96, 128];

/// The streams of random numbers that a run's seed is split into.
#[repr(u64)]
enum Stream {
    Scene = 1,
    Caption = 2,
    Negative = 3,
}

/// The number of pictures that a data source offers an epoch.
///
/// # Errors
/// If the source is not known.
pub fn pictures(source: &str) -> Result<u64> {
    match source.split_once(':') {
        None if source == "scenes" => Ok(PICTURES),
        Some(("scenes", count)) => count
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .with_context(|| format!("not a number of pictures: {count:?} in --data {source}")),
        _ => bail!("unknown data source {source:?}; known are `scenes` and `scenes:COUNT`"),
    }
}

/// A training scene and its caption, by number.
fn captioned_scene(run_seed: u64, number: u64, single: bool) -> (Scene, String) {
    let rng = &mut seed::rng(&[run_seed, Stream::Scene as u64, number]);
    let mut scene = Scene::sample(rng);
    while single && scene.objects().len() > 1 {
        scene = Scene::sample(rng);
    }
    let caption = scene::caption(&scene, &mut seed::rng(&[run_seed, Stream::Caption as u64, number]));
    (scene, caption)
}

/// How many captions of a run are read before it begins, for what its texts are made of.
const SURVEYED: u64 = 4000;

/// Learns the tokens of the first captions of a run.
///
/// # Errors
/// If the tokenizers library fails.
pub fn tokenizer(run_seed: u64, vocabulary: usize) -> Result<Tokenizer, TokenizerError> {
    let captions: Vec<String> = surveyed(run_seed);
    Tokenizer::train(captions.iter().map(String::as_str), vocabulary)
}

/// The terms that stand in the first captions of a run, in lower case.
///
/// Only these replace others in training: a word that is never true of any picture would give a negative away
/// without a look at the picture.
pub fn known_terms(run_seed: u64) -> BTreeSet<String> {
    let captions = surveyed(run_seed).into_iter().map(Caption::new);
    captions
        .flat_map(|caption| {
            let terms = caption.terms().iter();
            terms.map(|term| caption.lower(term.span.clone()).to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

fn surveyed(run_seed: u64) -> Vec<String> {
    (0..SURVEYED).into_par_iter().map(|number| captioned_scene(run_seed, number, false).1).collect()
}

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

/// Makes the batch of a step: a pure function of the settings and the step.
///
/// # Errors
/// If a caption cannot be split into tokens.
pub fn batch(
    config: &RunConfig,
    tokenizer: &Tokenizer,
    known: &BTreeSet<String>,
    step: u64,
) -> Result<Batch, TokenizerError> {
    let first = step * config.batch as u64;
    let examples: Vec<(Vec<f32>, String, Vec<String>)> = (first..first + config.batch as u64)
        .into_par_iter()
        .map(|number| example(config, known, number))
        .collect();
    let encode = |text: &String| tokenizer.encode(text, config.model.text.context);
    let captions = examples.iter().map(|(_, caption, _)| encode(caption)).collect::<Result<Vec<_>, _>>()?;
    let negatives =
        examples.iter().flat_map(|(_, _, negatives)| negatives).map(encode).collect::<Result<Vec<_>, _>>()?;
    Ok(Batch {
        captions: tokenizer.batch(&captions),
        negatives: (!negatives.is_empty()).then(|| tokenizer.batch(&negatives)),
        with_negatives: examples.iter().filter(|(_, _, negatives)| !negatives.is_empty()).count(),
        pixels: examples.into_iter().flat_map(|(pixels, _, _)| pixels).collect(),
    })
}

fn example(config: &RunConfig, known: &BTreeSet<String>, number: u64) -> (Vec<f32>, String, Vec<String>) {
    let single = (number as f64) < config.single_objects * (config.pictures * config.epochs) as f64;
    let (scene, caption) = captioned_scene(config.seed, number, single);
    let rng = &mut seed::rng(&[config.seed, Stream::Negative as u64, number]);
    let side = SIDES[rng.random_range(0..SIDES.len() as u32) as usize];
    let pixels = config.model.preprocess.pixels(&scene.render(side));
    let text = Caption::new(caption.as_str());
    let recipe = Recipe { vocabulary: Some(known), ..Recipe::replace(&config.concepts) };
    let negatives = negative::draw(&text, &recipe, config.per_caption, rng);
    (pixels, caption, negatives.into_iter().map(|negative| negative.caption).collect())
}

/// Batches from `start` on, made on another thread, at most two ahead of the device.
pub fn batches(
    config: &RunConfig,
    tokenizer: &Tokenizer,
    start: u64,
) -> Receiver<Result<Batch, TokenizerError>> {
    let (sender, receiver) = sync_channel(2);
    let (config, tokenizer) = (config.clone(), tokenizer.clone());
    thread::spawn(move || {
        let known = known_terms(config.seed);
        for step in start..config.steps() {
            // The receiver goes away when training stops early, or fails: there is nobody left to make batches for.
            if sender.send(batch(&config, &tokenizer, &known, step)).is_err() {
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
        assert_eq!(pictures("scenes").expect("a source"), PICTURES);
        assert_eq!(pictures("scenes:7").expect("a source"), 7);
        for wrong in ["scenes:", "scenes:0", "scenes:x", "coco", ""] {
            assert!(pictures(wrong).is_err(), "{wrong:?}");
        }
    }
}
