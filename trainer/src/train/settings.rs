//! The settings of a training run.

use std::path::PathBuf;

use clap::{Args, Parser};
use serde::{Deserialize, Serialize};
use shared::negative::Strategy;

use super::negative_source::NegativeSources;
pub use super::objective::Loss;
use crate::dataset::images::Options as ImageOptions;
use crate::models::presets::Preset;
use crate::system::device::FloatPrecision;
use crate::system::named::named;
use crate::system::one_or_more::one_or_more;
use crate::system::switch::Switch;

/// The parts of the help.
const DATA: &str = "Data";
const NEGATIVES: &str = "Hard negatives";
const MODEL: &str = "Model";
const TRAINING: &str = "Training";

/// The settings that define a run: as typed, as an experiment's file has them, and as stored in the run folder. Unknown keys
/// are errors, so that a typo changes nothing silently.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Train on `scenes`, or `scenes:COUNT` for another number of images per epoch; a caption file (COCO's or Karpathy's JSON,
    /// Flickr's token file, CSV, TSV) or its folder; a folder with a text file beside each image; or WebDataset shards, such as
    /// `s3://BUCKET/{000..127}.tar`. `edits:FILE` shows images beside recolored or mirrored ones, of which a hard negative is
    /// true. Several sources are mixed in every batch; an epoch is one pass over the first.
    #[arg(long, help_heading = DATA, value_name = "SOURCE", default_value = "scenes", num_args = 1..)]
    #[serde(deserialize_with = "one_or_more")]
    pub data: Vec<String>,
    /// Fill each batch with the sources of `--data` in this proportion; by default evenly.
    #[arg(long, help_heading = DATA, value_name = "NUMBER", num_args = 1..)]
    #[serde(deserialize_with = "one_or_more")]
    pub data_weights: Vec<f64>,
    /// Search these folders for images, too.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    #[serde(deserialize_with = "one_or_more")]
    pub images: Vec<PathBuf>,
    /// Keep an index of the shards in this folder, so that later runs read only the images they show.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Read COCO's `instances_….json`: an object that is in the image is never a negative of its captions.
    #[arg(long, help_heading = DATA, value_name = "FILE")]
    #[serde(deserialize_with = "one_or_more")]
    pub instances: Vec<PathBuf>,
    /// Train on this split of the captions; by default on `train`.
    #[arg(long, help_heading = DATA, value_name = "NAME")]
    pub split: Option<String>,
    /// Flip half of the photographs horizontally, unless their captions name a side.
    #[arg(long, help_heading = DATA)]
    pub mirror: bool,
    /// Crop photographs to one of N fixed regions of at least half the area (arXiv 1409.4842), as often as they are shown
    /// whole, unless their captions name a place.
    #[arg(long, help_heading = DATA, value_name = "N", default_value_t = 0)]
    pub crops: u32,
    /// Take hard negatives from these sources, comma-separated: `color`, `object`, `location`, `size`, or `all` four replace
    /// terms of a concept; `mined` are the nearest captions of other images by the model itself, once per epoch; `given` are
    /// wrong captions that the data provides (`neg_caption` in NegCLIP's tables); `none`.
    #[arg(long, help_heading = NEGATIVES, value_name = "SOURCES", default_value = "all")]
    pub negatives: NegativeSources,
    /// Use at most N hard negatives per caption.
    #[arg(long, help_heading = NEGATIVES, value_name = "N", default_value_t = 2)]
    pub per_caption: usize,
    /// Make hard negatives by this rule: `replace` a term, `swap` two of a concept, or `mixed`.
    #[arg(long, help_heading = NEGATIVES, value_name = "RULE", default_value = "replace", value_parser = named::<Strategy>)]
    pub strategy: Strategy,
    /// Balance hard negatives, so that text alone does not tell them from captions: calibrated on the captions of each source.
    /// A caption whose terms cannot be balanced gets none.
    #[arg(long, help_heading = NEGATIVES, value_name = "on|off", default_value = "on", value_parser = named::<Switch>)]
    pub balanced: Switch,
    /// Use hard negatives as in `negclip`, `tsvlc`, `fsc-clip`, `ce-clip` or `siglip`.
    #[arg(long, help_heading = NEGATIVES, value_name = "LOSS", default_value = "negclip", value_parser = named::<Loss>)]
    pub loss: Loss,
    /// Use hard negatives within their own batch only.
    #[arg(long, help_heading = NEGATIVES)]
    pub local_negatives: bool,
    /// Weight the second term of the loss; by default as published: 0.5 (tsvlc, fsc-clip) or 0.2 (ce-clip).
    #[arg(long, help_heading = NEGATIVES, value_name = "WEIGHT")]
    pub loss_weight: Option<f64>,
    /// Choose the model's size: `tiny` (tests), `small` (scenes on a CPU), `photo`, `photo-lite0`, `photo-lite2` (photographs on a
    /// CPU, with `--init-image`) or `base` (ViT-B/32, on GPUs); by default `small`.
    #[arg(long, help_heading = MODEL, value_name = "PRESET", value_parser = named::<Preset>)]
    pub preset: Option<Preset>,
    /// Fine-tune a bundle, such as an imported CLIP, with its tokenizer and size.
    #[arg(long, help_heading = MODEL, value_name = "BUNDLE")]
    pub init: Option<PathBuf>,
    /// Begin with the text tower and tokenizer of this bundle, such as `distill` writes.
    #[arg(long, help_heading = MODEL, value_name = "BUNDLE")]
    pub init_text: Option<PathBuf>,
    /// Load Google's published weights into the image backbone of a photo preset, in safetensors under timm's names:
    /// `mobilenetv2_100` (not timm's `ra_in1k`, which expects other preprocessing), `tf_efficientnet_lite0` or `…_lite2`.
    #[arg(long, help_heading = MODEL, value_name = "FILE")]
    pub init_image: Option<PathBuf>,
    /// Freeze the image backbone and cache its features, which makes training on a CPU possible.
    #[arg(long, help_heading = MODEL)]
    pub freeze_backbone: bool,
    /// Keep the features of a frozen backbone in this folder for later runs.
    #[arg(long, help_heading = MODEL, value_name = "DIR")]
    pub feature_cache: Option<PathBuf>,
    /// Drop channels of backbone features (arXiv 1411.4280).
    #[arg(long, help_heading = MODEL, value_name = "P", default_value_t = 0.0)]
    pub channel_dropout: f64,
    /// Freeze the image tower and train the text tower only (LiT, arXiv 2111.07991).
    #[arg(long, help_heading = MODEL)]
    pub lock_image: bool,
    /// Train only low-rank adapters of the attention layers (LoRA, arXiv 2106.09685).
    #[arg(long, help_heading = MODEL, value_name = "RANK")]
    pub lora: Option<usize>,
    /// Pass over the data N times. Scenes are never repeated: each epoch draws new ones.
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value_t = 2)]
    pub epochs: u64,
    /// Put N images into a batch.
    #[arg(long, help_heading = TRAINING, value_name = "N", default_value_t = 64)]
    pub batch_size: usize,
    /// Take N batches per optimizer step, over all devices; by default one per device. All are negatives of each other; more
    /// than there are devices are computed twice to save memory (arXiv 2101.06983).
    #[arg(long, help_heading = TRAINING, value_name = "BATCHES")]
    pub accum_freq: Option<u64>,
    /// Set the peak learning rate.
    #[arg(long, help_heading = TRAINING, value_name = "RATE", default_value_t = 2e-3)]
    pub lr: f64,
    /// Scale the image tower's learning rate. Below 1 for a pretrained tower.
    #[arg(long, help_heading = TRAINING, value_name = "FACTOR", default_value_t = 1.0)]
    pub image_lr_scale: f64,
    /// Set the weight decay of matrices (AdamW, arXiv 1711.05101).
    #[arg(long, help_heading = TRAINING, value_name = "DECAY", default_value_t = 0.1)]
    pub weight_decay: f32,
    /// Compute the towers in `f32`, `tf32` or `bf16` (mixed precision); by default in float32, on CUDA with tf32 products.
    #[arg(long, help_heading = TRAINING, value_name = "PRECISION", value_parser = named::<FloatPrecision>)]
    pub precision: Option<FloatPrecision>,
    /// Seed weights, data order and negatives.
    #[arg(long, help_heading = TRAINING, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
}

/// Settings that no run can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

impl Default for Settings {
    /// The defaults of the command line.
    fn default() -> Self {
        #[derive(Parser)]
        struct Defaults {
            #[command(flatten)]
            settings: Settings,
        }
        Defaults::parse_from([""]).settings
    }
}

impl Settings {
    /// Checks the settings that one can judge without the data.
    ///
    /// # Errors
    /// Names the first option that is out of its range, or that does not go with another.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let ranges = [
            ("--epochs must be at least 1", self.epochs >= 1),
            ("--batch-size must be from 2 to 65536", (2..=65536).contains(&self.batch_size)),
            ("--per-caption must be at most 1024", self.per_caption <= 1024),
            (
                "--accum-freq must be from 1 to 65536",
                self.accum_freq.is_none_or(|n| (1..=65536).contains(&n)),
            ),
            ("--crops must be at most 16", self.crops <= 16),
            (
                "--channel-dropout must be at least 0 and less than 1",
                (0.0..1.0).contains(&self.channel_dropout),
            ),
            ("--lr must be a positive number", is_positive(self.lr)),
            ("--image-lr-scale must be a positive number", is_positive(self.image_lr_scale)),
            (
                "--weight-decay must not be negative",
                self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
            ),
            ("--lora must be from 1 to 1024", self.lora.is_none_or(|rank| (1..=1024).contains(&rank))),
            ("--lora needs --init", self.lora.is_none() || self.init.is_some()),
            (
                "--init has a size of its own; leave --preset out",
                self.init.is_none() || self.preset.is_none(),
            ),
            (
                "--init has an image tower; leave --init-image out",
                self.init.is_none() || self.init_image.is_none(),
            ),
            (
                "--init has a text tower; leave --init-text out",
                self.init.is_none() || self.init_text.is_none(),
            ),
            ("--feature-cache needs --freeze-backbone", self.feature_cache.is_none() || self.freeze_backbone),
        ];
        match ranges.into_iter().find(|(_, holds)| !holds) {
            Some((wrong, _)) => Err(InvalidSettings(wrong.to_owned())),
            None => Ok(()),
        }
    }

    /// What they say of files of captions.
    pub fn image_options(&self) -> ImageOptions {
        ImageOptions {
            images: self.images.clone(),
            instances: self.instances.clone(),
            split: self.split.clone(),
            index: self.index.clone(),
        }
    }
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_stored_as_they_are_typed() {
        let text = "data = \"scenes:64\"\nnegatives = \"color,mined\"\nstrategy = \"mixed\"\nbalanced = \"off\"\nlr = 1\n";
        let settings: Settings = toml::from_str(text).expect("settings");
        let typed = Settings {
            data: vec!["scenes:64".to_owned()],
            negatives: "color,mined".parse().expect("sources"),
            strategy: Strategy::Mixed,
            balanced: Switch::Off,
            lr: 1.0,
            ..Settings::default()
        };
        assert_eq!(settings, typed);
        let json = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(serde_json::from_str::<Settings>(&json).expect("settings"), settings);
        assert!(
            toml::from_str::<Settings>("epoch = 3").expect_err("no setting").to_string().contains("epoch")
        );
    }

    #[test]
    fn what_no_run_can_have_is_refused_by_name() {
        let default = Settings::default();
        assert_eq!(default.check(), Ok(()));
        for (settings, words) in [
            (Settings { epochs: 0, ..default.clone() }, "--epochs"),
            (Settings { batch_size: 1, ..default.clone() }, "--batch-size"),
            (Settings { channel_dropout: 1.0, ..default.clone() }, "--channel-dropout"),
            (Settings { image_lr_scale: f64::NAN, ..default.clone() }, "--image-lr-scale"),
            (Settings { lora: Some(4), ..default.clone() }, "--lora needs --init"),
            (Settings { feature_cache: Some("x".into()), ..default }, "--freeze-backbone"),
        ] {
            assert!(settings.check().expect_err(words).to_string().contains(words));
        }
    }
}
