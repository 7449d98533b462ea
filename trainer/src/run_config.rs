//! Everything needed to repeat a run, saved in its folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::concept::Concept;
use shared::model::ClipConfig;

use crate::cli::Rules;
use crate::objective::Loss;
use crate::whole;

/// The resolved settings of a run. Unknown keys are errors, so that a typing mistake changes nothing silently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The data sources as given.
    pub data: Vec<String>,
    /// Pictures of each source in a batch.
    pub shares: Vec<usize>,
    /// Folders of pictures besides that of the source.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// COCO's files of what is in pictures.
    #[serde(default)]
    pub instances: Vec<PathBuf>,
    /// Where what is found in shards is kept.
    #[serde(default)]
    pub index: Option<PathBuf>,
    /// The rows that are trained on, of a source that has splits.
    #[serde(default)]
    pub split: Option<String>,
    /// A number that changes with what the source says of its pictures: names, captions, given negatives.
    #[serde(default)]
    pub fingerprint: u64,
    /// Pictures an epoch, of the first source.
    pub pictures: u64,
    /// `none`, or with commas between them concepts, `all`, `given` and `mined`.
    pub negatives: String,
    /// The concepts whose terms are replaced.
    pub concepts: Vec<Concept>,
    /// Whether the nearest captions of other pictures are negatives, too.
    #[serde(default)]
    pub mined: bool,
    /// Whether what the data itself says is wrong are negatives, too.
    #[serde(default)]
    pub given: bool,
    /// The rules that make negatives.
    #[serde(default)]
    pub strategy: Rules,
    /// How negatives enter the loss.
    #[serde(default)]
    pub loss: Loss,
    /// The weight of the loss's second term.
    #[serde(default)]
    pub loss_weight: f64,
    /// The bundle that the run begins from, with its tokenizer; without it from scratch.
    #[serde(default)]
    pub init: Option<PathBuf>,
    /// The published weights that the image tower's network begins with.
    #[serde(default)]
    pub init_image: Option<PathBuf>,
    /// Whether the image tower's stem stays as it is.
    #[serde(default)]
    pub lock_stem: bool,
    /// Where what a locked stem makes of photographs is kept.
    #[serde(default)]
    pub features: Option<PathBuf>,
    /// Whether photographs are shown mirrored in one of two draws, unless their captions name a side.
    #[serde(default)]
    pub mirror: bool,
    /// Parts that photographs are shown cut to as often as whole, unless their captions name a place.
    #[serde(default)]
    pub crops: u32,
    /// How much the light of photographs changes from one time to the next.
    #[serde(default)]
    pub jitter: f64,
    /// The share of the image stem's channels that is forgotten, other ones with every picture.
    #[serde(default)]
    pub channel_dropout: f64,
    /// Whether the image tower stays as it is.
    #[serde(default)]
    pub lock_image: bool,
    /// The rank of the adapters that are trained in place of the weights.
    #[serde(default)]
    pub lora: Option<usize>,
    /// The most negatives a caption.
    pub per_caption: usize,
    /// The share of the run, from its beginning, that shows one object at a time: what a thing is called is learnt
    /// far sooner when nothing else is in the picture (curriculum learning, Bengio et al. 2009).
    pub single_objects: f64,
    /// Passes over the data.
    pub epochs: u64,
    /// Pictures a batch.
    pub batch: usize,
    /// Batches a step.
    #[serde(default = "once")]
    pub accumulate: u64,
    /// Whether the towers compute in bfloat16; weights, sums of gradients and the loss have 32 bits all the same.
    #[serde(default)]
    pub bf16: bool,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The image tower's learning rate, as a multiple of the other one.
    #[serde(default = "same")]
    pub image_rate: f64,
    /// The decay of the moving average of weights that is handed out, if there is one.
    #[serde(default)]
    pub average: Option<f64>,
    /// Decoupled weight decay, on matrices only.
    pub weight_decay: f32,
    /// The share of steps over which the learning rate rises.
    pub warmup: f64,
    /// The seed of weights, data and negatives.
    pub seed: u64,
    /// The model.
    pub model: ClipConfig,
    /// The commit of the trainer.
    pub commit: String,
    /// The command as it was typed.
    pub command: String,
}

const FILE: &str = "run.json";

impl RunConfig {
    /// Batches of a pass over the data.
    pub fn batches_an_epoch(&self) -> u64 {
        self.pictures / self.shares[0] as u64
    }

    /// Batches of the whole run.
    pub fn batches(&self) -> u64 {
        self.steps() * self.accumulate
    }

    /// Optimiser steps of the whole run. What is left of an epoch, or of the run, and does not fill a batch or a step is
    /// not shown.
    pub fn steps(&self) -> u64 {
        self.batches_an_epoch() * self.epochs / self.accumulate
    }

    /// Writes the settings into the run folder.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> Result<()> {
        whole::write(&folder.join(FILE), serde_json::to_string_pretty(self)?)
    }

    /// Whether a folder holds a run.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Reads the settings of a run folder.
    ///
    /// # Errors
    /// If there are none, or they cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let json = std::fs::read_to_string(&path)
            .with_context(|| format!("no training run in {}: cannot read {FILE}", folder.display()))?;
        serde_json::from_str(&json).with_context(|| format!("{} cannot be understood", path.display()))
    }
}

/// What runs of earlier versions did: a step a batch.
fn once() -> u64 {
    1
}

/// What runs of earlier versions did: one learning rate.
fn same() -> f64 {
    1.0
}

/// The commit this program was built from, or `unknown` outside of a checkout.
pub fn commit() -> String {
    option_env!("FOIL_COMMIT").unwrap_or("unknown").to_owned()
}
