//! What `pretrain` is told.

use std::fmt;
use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use shared::concept::Concept;

use super::{Rules, Switch};
use crate::device::Backend;
use crate::objective::Loss;
use crate::presets::Preset;

/// The parts of the help.
const DATA: &str = "Data";
const NEGATIVES: &str = "Hard negatives";
const MODEL: &str = "Model";
const TRAINING: &str = "Training";

/// A kind of hard negatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Negatives {
    None,
    Color,
    Object,
    Location,
    Size,
    All,
    /// Wrong captions that the data provides (the column `neg_caption` of NegCLIP's tables).
    Given,
    /// The nearest captions of other images according to the model itself, mined once per epoch, besides those of concepts.
    Mined,
}

impl Negatives {
    /// The concepts whose terms are replaced.
    pub fn concepts(self) -> &'static [Concept] {
        match self {
            Negatives::None | Negatives::Mined | Negatives::Given => &[],
            Negatives::Color => &[Concept::Color],
            Negatives::Object => &[Concept::Object],
            Negatives::Location => &[Concept::Location],
            Negatives::Size => &[Concept::Size],
            Negatives::All => &Concept::ALL,
        }
    }
}

/// The precision of the towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatPrecision {
    /// float32.
    F32,
    /// float32 with matrix products in tf32 (10 bits of mantissa, on NVIDIA's tensor cores).
    Tf32,
    /// bfloat16, with float32 weights, optimizer and loss (mixed precision, arXiv 1710.03740).
    Bf16,
}

impl fmt::Display for FloatPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FloatPrecision::F32 => "float32",
            FloatPrecision::Tf32 => "float32 with tf32 matrix products",
            FloatPrecision::Bf16 => "bfloat16 with float32 weights",
        })
    }
}

/// A fraction in [0, 1).
fn fraction(text: &str) -> Result<f64, String> {
    let fraction = text.parse().ok().filter(|fraction| (0.0..1.0).contains(fraction));
    fraction.ok_or_else(|| "must be at least 0 and less than 1".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a positive number".to_owned())
}

/// The settings of a run, and how to run it today: in which folder, on which device, until when. Four options are stored by
/// [`RunConfig`](crate::run_config::RunConfig) in another form than they are typed: `data_weights`, `loss_weight`, `preset`
/// and `accum_freq`.
#[derive(Args, Clone)]
pub struct PretrainArgs {
    #[command(flatten)]
    pub settings: Settings,
    /// Write settings, metrics and checkpoints into this run folder.
    #[arg(long)]
    pub out: PathBuf,
    /// Continue the run in the folder, with its own settings.
    #[arg(long)]
    pub resume: bool,
    /// Save a checkpoint every N steps.
    #[arg(long, value_name = "STEPS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: u64,
    /// Log metrics every N steps. Reading a loss makes the device wait.
    #[arg(long, value_name = "STEPS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub log_every: u64,
    /// Compile the GPU kernels of this run ahead of it, with a few steps of a model of three layers per tower. Nothing is
    /// written into the run folder.
    #[arg(long, conflicts_with = "resume")]
    pub warm_up: bool,
    /// Stop after N steps, as at Ctrl-C; continue with `--resume`.
    #[arg(long, value_name = "STEPS")]
    pub stop_after: Option<u64>,
    /// Show no progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Compute on this kind of device; by default on the best one there is.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
    /// Train on several devices of that kind, by comma-separated index. Each takes batches of its own and their gradients are
    /// averaged; batches are not negatives of each other.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub devices: Vec<usize>,
    /// Recompute cheap activations instead of storing them (arXiv 1604.06174): less memory, more time, the same numbers.
    #[arg(long)]
    pub gradient_checkpointing: bool,
    /// Fill each batch with the sources of `--data` in this proportion; by default evenly.
    #[arg(long, help_heading = DATA, value_name = "NUMBER")]
    pub data_weights: Vec<f64>,
    /// Weight the second term of the loss; by default as published: 0.5 (tsvlc, fsc-clip) or 0.2 (ce-clip).
    #[arg(long, help_heading = NEGATIVES, value_name = "WEIGHT")]
    pub loss_weight: Option<f64>,
    /// Choose the model's size.
    #[arg(long, help_heading = MODEL, value_enum, default_value = "small")]
    pub preset: Preset,
    /// Average the gradients of N batches per optimizer step, over all devices; by default one per device. Each batch keeps its
    /// own in-batch negatives, so this does not replace a larger batch in the loss.
    #[arg(long, help_heading = TRAINING, value_name = "BATCHES", value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub accum_freq: Option<u64>,
}

/// The settings that define a run, as typed and as stored in its folder. Unknown keys are errors, so that a typo changes
/// nothing silently.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Train on `scenes`, or `scenes:COUNT` for another number of images per epoch; on a caption file (COCO's or Karpathy's
    /// JSON, Flickr's token file, a table with one image and caption per row), or its folder; on a folder with a text file
    /// beside each image; or on WebDataset shards, local or remote: `DIR/000.tar`, `https://HOST/{000..127}.tar`,
    /// `s3://BUCKET/{000..127}.tar`. Several sources are mixed in every batch; an epoch is one pass over the first.
    #[arg(long, help_heading = DATA, value_name = "SOURCE", default_value = "scenes", num_args = 1..)]
    pub data: Vec<String>,
    /// Search these folders for images, too; the captions' own folder is always searched.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    pub images: Vec<PathBuf>,
    /// Keep an index of the shards in this folder, so that later runs read only the images they show.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// Read COCO's `instances_….json`: an object that is in the image is never a negative of its captions.
    #[arg(long, help_heading = DATA, value_name = "FILE")]
    pub instances: Vec<PathBuf>,
    /// Train on this split of the captions; by default on `train`.
    #[arg(long, help_heading = DATA, value_name = "NAME")]
    pub split: Option<String>,
    /// Flip half of the photographs horizontally, unless their captions name a side.
    #[arg(long, help_heading = DATA)]
    pub mirror: bool,
    /// Crop photographs to one of N fixed regions of at least half the area (arXiv 1409.4842), as often as they are shown
    /// whole, unless their captions name a place.
    #[arg(long, help_heading = DATA, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=16))]
    pub crops: u32,
    /// Make hard negatives by replacing terms of these concepts, comma-separated.
    #[arg(long, help_heading = NEGATIVES, value_enum, value_delimiter = ',', default_value = "all")]
    pub negatives: Vec<Negatives>,
    /// Use at most N hard negatives per caption.
    #[arg(long, help_heading = NEGATIVES, default_value_t = 2)]
    pub per_caption: usize,
    /// Make hard negatives by this rule.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "replace")]
    pub strategy: Rules,
    /// Balance hard negatives, so that text alone does not tell them from captions: calibrated on the captions of each source.
    /// A caption whose terms cannot be balanced gets none.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "on")]
    #[serde(default)]
    pub balanced: Switch,
    /// Choose how hard negatives enter the loss.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "negclip")]
    pub loss: Loss,
    /// Fine-tune a bundle, such as an imported CLIP, with its tokenizer and size.
    #[arg(long, help_heading = MODEL, value_name = "BUNDLE", conflicts_with = "preset")]
    pub init: Option<PathBuf>,
    /// Load published weights into the image backbone of `--preset photo`: Google's MobileNetV2 under timm's names
    /// (`mobilenetv2_100`, safetensors; not timm's `ra_in1k`, which expects other preprocessing).
    #[arg(long, help_heading = MODEL, value_name = "FILE", conflicts_with = "init")]
    pub init_image: Option<PathBuf>,
    /// Freeze the image backbone and cache its features, which makes training on a CPU possible.
    #[arg(long, help_heading = MODEL)]
    pub freeze_backbone: bool,
    /// Keep the features of a frozen backbone in this folder for later runs.
    #[arg(long, help_heading = MODEL, value_name = "DIR", requires = "freeze_backbone")]
    pub feature_cache: Option<PathBuf>,
    /// Drop channels of the backbone's features with this probability (spatial dropout, arXiv 1411.4280).
    #[arg(long, help_heading = MODEL, value_name = "P", default_value_t = 0.0, value_parser = fraction)]
    pub channel_dropout: f64,
    /// Freeze the image tower and train the text tower only (LiT, arXiv 2111.07991).
    #[arg(long, help_heading = MODEL)]
    pub lock_image: bool,
    /// Train only low-rank adapters of the attention layers (LoRA, arXiv 2106.09685). Exported bundles have them merged.
    #[arg(long, help_heading = MODEL, value_name = "RANK", requires = "init", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub lora: Option<usize>,
    /// Pass over the data N times. Scenes are never repeated: each epoch draws new ones.
    #[arg(long, help_heading = TRAINING, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: u64,
    /// Put N images into a batch.
    #[arg(long, help_heading = TRAINING, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(2..=65536))]
    pub batch_size: usize,
    /// Set the peak learning rate.
    #[arg(long, help_heading = TRAINING, default_value_t = 2e-3)]
    pub lr: f64,
    /// Scale the image tower's learning rate. Below 1 for a pretrained tower.
    #[arg(long, help_heading = TRAINING, value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    pub image_lr_scale: f64,
    /// Set the weight decay of matrices (AdamW, arXiv 1711.05101).
    #[arg(long, help_heading = TRAINING, default_value_t = 0.1)]
    pub weight_decay: f32,
    /// Compute the towers in this precision; by default in float32, on CUDA with tf32 matrix products.
    #[arg(long, help_heading = TRAINING, value_enum)]
    pub precision: Option<FloatPrecision>,
    /// Seed weights, data order and negatives.
    #[arg(long, help_heading = TRAINING, default_value_t = 0)]
    pub seed: u64,
}

impl Settings {
    /// Whether negatives of this kind are asked for by its name.
    pub fn asks_for(&self, negatives: Negatives) -> bool {
        self.negatives.contains(&negatives)
    }

    /// The kinds of hard negatives as they are typed, with commas between them.
    pub fn named_negatives(&self) -> String {
        let values = self.negatives.iter().filter_map(ValueEnum::to_possible_value);
        values.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(",")
    }
}
