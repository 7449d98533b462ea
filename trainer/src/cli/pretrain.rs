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

/// Which hard negatives enter the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Negatives {
    None,
    Color,
    Object,
    Location,
    Size,
    All,
    /// What the data itself says is wrong (the column `neg_caption` of NegCLIP's tables).
    Given,
    /// The nearest captions of other pictures by the model itself, found anew for every epoch; as many as `--per-caption`,
    /// besides those of concepts.
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

/// What the towers compute in; weights, optimizer and loss keep their 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatPrecision {
    /// 32-bit floats, products of matrices included.
    F32,
    /// 32-bit floats whose products of matrices round their input to 10 bits of mantissa (tensor cores of NVIDIA GPUs).
    Tf32,
    /// bfloat16: mixed precision with 32-bit weights (arXiv 1710.03740).
    Bf16,
}

impl fmt::Display for FloatPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FloatPrecision::F32 => "float32",
            FloatPrecision::Tf32 => "float32, products of matrices in tf32",
            FloatPrecision::Bf16 => "bfloat16 with float32 weights",
        })
    }
}

/// A share that leaves some.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "must be at least 0 and less than 1".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a positive number".to_owned())
}

/// What a run is, and how it is taken today: into which folder, on what, until when. Four options are kept by
/// [`RunConfig`](crate::run_config::RunConfig) in another form than they are typed: `weight`, `loss_weight`, `preset` and
/// `accumulate`.
#[derive(Args, Clone)]
pub struct PretrainArgs {
    #[command(flatten)]
    pub settings: Settings,
    /// The run folder: settings, metrics and checkpoints.
    #[arg(long)]
    pub out: PathBuf,
    /// Go on with the run in the folder, with its own settings.
    #[arg(long)]
    pub resume: bool,
    /// Steps between two checkpoints.
    #[arg(long, value_name = "STEPS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: u64,
    /// Steps between two lines of metrics. To read a loss, the device has to wait.
    #[arg(long, value_name = "STEPS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub log_every: u64,
    /// Compile the GPU kernels of this run and keep them for it: a few steps of a model of three layers a tower, which need
    /// the same ones. Nothing is written into the run folder.
    #[arg(long, conflicts_with = "resume")]
    pub warm_up: bool,
    /// Stop after so many steps of the run, as at Ctrl-C; `--resume` goes on.
    #[arg(long, value_name = "STEPS")]
    pub stop_after: Option<u64>,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
    /// The numbers of several devices of that kind, with commas between them. Each learns from batches of its own, and their
    /// gradients are averaged; the batches of a step are not negatives of each other.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub devices: Vec<usize>,
    /// Compute activations again where that is cheap instead of keeping them (gradient checkpointing, arXiv 1604.06174):
    /// less memory, more time, the same numbers.
    #[arg(long)]
    pub gradient_checkpointing: bool,
    /// How much of every batch each source has, in the order of `--data`; without it all have the same.
    #[arg(long, help_heading = DATA, value_name = "NUMBER")]
    pub weight: Vec<f64>,
    /// The weight of the loss's second term; without it that of its authors: 0.5 (own, both, focal) or 0.2 (rank).
    #[arg(long, help_heading = NEGATIVES, value_name = "WEIGHT")]
    pub loss_weight: Option<f64>,
    /// The size of the model.
    #[arg(long, help_heading = MODEL, value_enum, default_value = "small")]
    pub preset: Preset,
    /// Batches a step, on all devices together; without it one a device. Their gradients are averaged; each batch has its own
    /// negatives still, so this makes up for little memory in the optimiser, not in the loss.
    #[arg(long, help_heading = TRAINING, value_name = "BATCHES", value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub accumulate: Option<u64>,
}

/// What makes a run what it is, as it is typed and as it is kept in its folder. Unknown keys are errors, so that a typing
/// mistake changes nothing silently.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to train from: `scenes`, or `scenes:COUNT` for another number of pictures an epoch; or a file of captions
    /// (COCO's or Karpathy's JSON, Flickr's token file, a table with a picture and a caption a row), or its folder;
    /// or a folder with a text file beside each picture; or shards as WebDataset writes them, here or behind an address:
    /// `DIR/000.tar`, `https://HOST/{000..127}.tar`, `s3://BUCKET/{000..127}.tar`.
    /// Several sources are mixed in every batch, and an epoch is one of the first.
    #[arg(long, help_heading = DATA, value_name = "SOURCE", default_value = "scenes", num_args = 1..)]
    pub data: Vec<String>,
    /// More folders to search for pictures; the one of the captions is searched by itself.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    pub images: Vec<PathBuf>,
    /// A folder to keep what was found in shards for the runs to come, which then read only what they show.
    #[arg(long, help_heading = DATA, value_name = "DIR")]
    pub index: Option<PathBuf>,
    /// COCO's `instances_….json`: what is in a picture is no negative of its captions, though they may not name it.
    #[arg(long, help_heading = DATA, value_name = "FILE")]
    pub instances: Vec<PathBuf>,
    /// Of captions that have splits, the one to train on; `train` if none is named.
    #[arg(long, help_heading = DATA, value_name = "NAME")]
    pub split: Option<String>,
    /// Show photographs mirrored in one of two draws, unless their captions name a side.
    #[arg(long, help_heading = DATA)]
    pub mirror: bool,
    /// Show photographs cut to as many different parts of theirs as often as whole, at least half of the area
    /// (arXiv 1409.4842), unless their captions name a place.
    #[arg(long, help_heading = DATA, value_name = "PARTS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=16))]
    pub crops: u32,
    /// Show photographs in another light each time, up to this strength (colour jitter, arXiv 2002.05709); their hues turn only
    /// if the caption names no color. Not while color is taught: what is said of an odd hue would give negatives away.
    #[arg(long, help_heading = DATA, value_name = "STRENGTH", default_value_t = 0.0, value_parser = share, conflicts_with = "lock_stem")]
    pub jitter: f64,
    /// Which terms of the captions are replaced to make hard negatives; several with commas between them.
    #[arg(long, help_heading = NEGATIVES, value_enum, value_delimiter = ',', default_value = "all")]
    pub negatives: Vec<Negatives>,
    /// The most hard negatives a caption.
    #[arg(long, help_heading = NEGATIVES, default_value_t = 2)]
    pub per_caption: usize,
    /// How hard negatives are made.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "replace")]
    pub strategy: Rules,
    /// Whether replaced terms are balanced, so that text alone does not tell negatives from captions: calibrated on the
    /// captions of each source, and kept in the run folder. A caption whose terms cannot be balanced goes without.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "on")]
    #[serde(default)]
    pub balanced: Switch,
    /// How hard negatives enter the loss.
    #[arg(long, help_heading = NEGATIVES, value_enum, default_value = "append")]
    pub loss: Loss,
    /// Go on from a bundle, such as an imported CLIP, with its tokenizer and its size (fine-tuning).
    #[arg(long, help_heading = MODEL, value_name = "BUNDLE", conflicts_with = "preset")]
    pub init: Option<PathBuf>,
    /// Begin with published weights in the image tower's network: Google's MobileNetV2 under timm's
    /// names (`mobilenetv2_100`, safetensors; not timm's own `ra_in1k`, which expects other pixels). For `--preset photo`.
    #[arg(long, help_heading = MODEL, value_name = "FILE", conflicts_with = "init")]
    pub init_image: Option<PathBuf>,
    /// Leave the image tower's stem as it is. What it makes of a photograph is then computed once instead of once an epoch,
    /// which makes training on a processor possible.
    #[arg(long, help_heading = MODEL)]
    pub lock_stem: bool,
    /// With `--lock-stem`, a folder to keep that in for the runs to come.
    #[arg(long, help_heading = MODEL, value_name = "DIR")]
    pub features: Option<PathBuf>,
    /// Of what the image tower's stem says, forget this share of the channels, other ones with every picture
    /// (spatial dropout, arXiv 1411.4280), so that no few of them are relied on.
    #[arg(long, help_heading = MODEL, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub channel_dropout: f64,
    /// Leave the image tower as it is and train the text tower only (LiT, arXiv 2111.07991).
    #[arg(long, help_heading = MODEL)]
    pub lock_image: bool,
    /// Train low-rank adapters at the attention of both towers, and nothing else (LoRA, arXiv 2106.09685). A bundle has them
    /// merged into the weights.
    #[arg(long, help_heading = MODEL, value_name = "RANK", requires = "init", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub lora: Option<usize>,
    /// Export a moving average of the weights with this decay a step, such as 0.999 (Polyak averaging; EMA).
    #[arg(long, help_heading = MODEL, value_name = "DECAY", value_parser = share)]
    pub average: Option<f64>,
    /// Passes over the data. Scenes are never repeated: each pass draws new ones.
    #[arg(long, help_heading = TRAINING, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: u64,
    /// Pictures a batch.
    #[arg(long, help_heading = TRAINING, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(2..=65536))]
    pub batch: usize,
    /// The highest learning rate.
    #[arg(long, help_heading = TRAINING, default_value_t = 2e-3)]
    pub learning_rate: f64,
    /// The image tower's learning rate, as a multiple of the other one. Below 1 for a tower that was trained before.
    #[arg(long, help_heading = TRAINING, value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    pub image_rate: f64,
    /// How fast matrices shrink (decoupled weight decay, arXiv 1711.05101). Few pictures want more of it.
    #[arg(long, help_heading = TRAINING, default_value_t = 0.1)]
    pub weight_decay: f32,
    /// The precision of the towers. Without it: 32 bits, of which CUDA's tensor cores read 19 (tf32).
    #[arg(long, help_heading = TRAINING, value_enum)]
    pub precision: Option<FloatPrecision>,
    /// The seed of weights, data and negatives.
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
