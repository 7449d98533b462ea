//! The command line. Doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use shared::bundle::Precision;
use shared::concept::Concept;
use shared::negative::Strategy;

use crate::device::Backend;
use crate::objective::Loss;
use crate::presets::Preset;

/// Does the model know a red car from a blue one?
///
/// Trains and tests image-text models on captions that are almost right (arXiv 2403.02875).
#[derive(Parser)]
#[command(name = "trainer", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  trainer pretrain --negatives all --out runs/hard-negative
  trainer pretrain --data flickr8k/captions.csv --split train --out runs/photographs
  trainer experiment trainer/recipes/scenes.toml --out runs/scenes
  trainer export --run runs/hard-negative --out hard-negative.safetensors
  trainer evaluate --bundle hard-negative.safetensors --benchmark scenes
  trainer evaluate --bundle clip.safetensors --benchmark sugarcrepe --data sugar-crepe/data --images val2017 --html report.html
  trainer score --bundle hard-negative.safetensors --image cat.png --caption 'a white cat' --negatives
  echo 'a red car' | trainer negatives --captions -";

#[derive(Subcommand)]
pub enum Verb {
    /// Write a challenge set of rendered scenes as parquet, with InpaintCOCO's columns.
    Scenes(ScenesArgs),
    /// List the hard negatives of captions, one JSON line a caption, or audit them.
    Negatives(NegativesArgs),
    /// Count the word pairs of captions, so that negatives read as likely as what they replace.
    Fluency(FluencyArgs),
    /// Train a model, from scratch or from a bundle.
    Pretrain(PretrainArgs),
    /// Train, score and compare many runs that one file describes.
    Experiment(ExperimentArgs),
    /// Score bundles on a benchmark.
    Evaluate(EvaluateArgs),
    /// Score captions against pictures, as the page does.
    Score(ScoreArgs),
    /// Write the embeddings of pictures or captions as a NumPy array.
    Embed(EmbedArgs),
    /// Make a bundle of published CLIP weights.
    Import(ImportArgs),
    /// Make a bundle of a training run.
    Export(ExportArgs),
    /// Say what a bundle holds.
    Inspect(InspectArgs),
}

#[derive(Args)]
pub struct ScenesArgs {
    /// The folder to write `test.parquet` into; made if it is not there.
    #[arg(long)]
    pub out: PathBuf,
    /// How many pairs, spread evenly over the four concepts.
    #[arg(long, default_value_t = 2000)]
    pub count: usize,
    /// Another seed gives other scenes.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The side of the pictures in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(16..=2048))]
    pub side: u32,
}

#[derive(Args)]
pub struct NegativesArgs {
    /// Captions: a text file with one a line (`-` reads standard input), COCO's `captions_*.json`, or a CSV file with
    /// the columns `image` and `caption`; gzipped or not. Captions of one picture keep each other's words out.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of a CSV file with a column `split`, the rows to read.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// The concepts whose terms may be replaced.
    #[arg(long, value_delimiter = ',', default_value = "color,object,location,size")]
    pub concepts: Vec<Concept>,
    /// The most negatives a caption.
    #[arg(long, default_value_t = 4)]
    pub per_caption: usize,
    /// Another seed draws other negatives.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How negatives are made.
    #[arg(long, value_enum, default_value = "replace")]
    pub strategy: Rules,
    /// How words are chosen.
    #[arg(long, value_enum, default_value = "fluent")]
    pub draw: Draw,
    /// Report on the negatives instead of listing them: coverage, broken laws, and how often text alone tells which
    /// caption was edited.
    #[arg(long)]
    pub audit: bool,
    /// Other people's pairs to audit in the same table: SugarCrepe's JSON files or their folder, or NegCLIP's TSV.
    #[arg(long, value_name = "PATH", requires = "audit")]
    pub against: Vec<PathBuf>,
    /// Captions that the judges of the audit learn from. Without it they learn from the captions themselves, each
    /// part of them judged by what was learnt from the others.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub judge: Option<PathBuf>,
    /// Write the report as JSON, too.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub json: Option<PathBuf>,
    /// Write a table of so many randomly chosen negatives of each concept, for people to judge.
    #[arg(long, value_name = "COUNT", conflicts_with = "audit")]
    pub sample: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// One term is replaced by another of the same concept (arXiv 2403.02875).
    #[default]
    Replace,
    /// Two terms of one concept trade places.
    Swap,
    /// Swap where that is possible, in one of two draws; replace otherwise.
    Mixed,
}

impl From<Rules> for Strategy {
    fn from(rules: Rules) -> Self {
        match rules {
            Rules::Replace => Strategy::Replace,
            Rules::Swap => Strategy::Swap,
            Rules::Mixed => Strategy::Mixed,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Draw {
    /// So that about half of the negatives read likelier than their positives.
    Fluent,
    /// Every word of the lexicon has the same chance.
    Uniform,
}

#[derive(Args)]
pub struct FluencyArgs {
    /// Captions, in any of the forms that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of a CSV file with a column `split`, the rows to read.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out words that are rarer than this.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub at_least: u32,
    /// The table to write; `shared/lexicon/bigrams.bin` is built into the program.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Which hard negatives enter the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Negatives {
    None,
    Color,
    Object,
    Location,
    Size,
    All,
}

impl Negatives {
    /// The concepts whose terms are replaced.
    pub fn concepts(self) -> &'static [Concept] {
        match self {
            Negatives::None => &[],
            Negatives::Color => &[Concept::Color],
            Negatives::Object => &[Concept::Object],
            Negatives::Location => &[Concept::Location],
            Negatives::Size => &[Concept::Size],
            Negatives::All => &Concept::ALL,
        }
    }
}

/// A share that leaves some.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "must be at least 0 and less than 1".to_owned())
}

#[derive(Args, Clone)]
pub struct PretrainArgs {
    /// Where to train from: `scenes`, or `scenes:COUNT` for another number of pictures an epoch; or a file of captions
    /// (COCO's or Karpathy's JSON, Flickr's token file, a table with a picture and a caption a row), or its folder;
    /// or a folder with a text file beside each picture.
    /// Several sources are mixed in every batch, and an epoch is one of the first.
    #[arg(long, value_name = "SOURCE", default_value = "scenes", num_args = 1..)]
    pub data: Vec<String>,
    /// How much of every batch each source has, in the order of `--data`; without it all have the same.
    #[arg(long, value_name = "NUMBER")]
    pub weight: Vec<f64>,
    /// More folders to search for pictures; the one of the captions is searched by itself.
    #[arg(long, value_name = "DIR")]
    pub images: Vec<PathBuf>,
    /// COCO's `instances_….json`: what is in a picture is no negative of its captions, though they may not name it.
    #[arg(long, value_name = "FILE")]
    pub instances: Vec<PathBuf>,
    /// Of captions that have splits, the one to train on; `train` if none is named.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Which terms of the captions are replaced to make hard negatives; several with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    pub negatives: Vec<Negatives>,
    /// The most hard negatives a caption.
    #[arg(long, default_value_t = 2)]
    pub per_caption: usize,
    /// How hard negatives are made.
    #[arg(long, value_enum, default_value = "replace")]
    pub strategy: Rules,
    /// How hard negatives enter the loss.
    #[arg(long, value_enum, default_value = "append")]
    pub loss: Loss,
    /// The weight of the loss's second term; without it that of its authors: 0.5 (own, both, focal) or 0.2 (rank).
    #[arg(long, value_name = "WEIGHT")]
    pub loss_weight: Option<f64>,
    /// The run folder: settings, metrics and checkpoints.
    #[arg(long)]
    pub out: PathBuf,
    /// The size of the model.
    #[arg(long, value_enum, default_value = "small")]
    pub preset: Preset,
    /// Go on from a bundle, such as an imported CLIP, with its tokenizer and its size (fine-tuning).
    #[arg(long, value_name = "BUNDLE", conflicts_with = "preset")]
    pub init: Option<PathBuf>,
    /// Begin with published weights in the image tower's network: MobileNetV2's as timm saves them
    /// (`mobilenetv2_100`, safetensors). For `--preset photo`.
    #[arg(long, value_name = "FILE", conflicts_with = "init")]
    pub init_image: Option<PathBuf>,
    /// Leave the image tower's stem as it is. What it makes of a photograph is then computed once instead of once an epoch,
    /// which makes training on a processor possible.
    #[arg(long)]
    pub lock_stem: bool,
    /// With `--lock-stem`, a folder to keep that in for the runs to come.
    #[arg(long, value_name = "DIR")]
    pub features: Option<PathBuf>,
    /// Show photographs mirrored in one of two draws, unless their captions name a side.
    #[arg(long)]
    pub mirror: bool,
    /// Show photographs cut to as many different parts of theirs as often as whole, at least half of the area
    /// (arXiv 1409.4842), unless their captions name a place.
    #[arg(long, value_name = "PARTS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=16))]
    pub crops: u32,
    /// Of what the image tower's stem says, forget this share of the channels, other ones with every picture
    /// (spatial dropout, arXiv 1411.4280), so that no few of them are relied on.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub channel_dropout: f64,
    /// Leave the image tower as it is and train the text tower only (LiT, arXiv 2111.07991).
    #[arg(long)]
    pub lock_image: bool,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
    /// Passes over the data. Scenes are never repeated: each pass draws new ones.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub epochs: u64,
    /// Pictures a step.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=65536))]
    pub batch: u32,
    /// The highest learning rate.
    #[arg(long, default_value_t = 2e-3)]
    pub learning_rate: f64,
    /// How fast matrices shrink (decoupled weight decay, arXiv 1711.05101). Few pictures want more of it.
    #[arg(long, default_value_t = 0.1)]
    pub weight_decay: f32,
    /// The seed of weights, data and negatives.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Go on with the run in the folder, with its own settings.
    #[arg(long)]
    pub resume: bool,
    /// Steps between two checkpoints.
    #[arg(long, value_name = "STEPS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: u64,
    /// Stop after so many steps of the run, as at Ctrl-C; `--resume` goes on.
    #[arg(long, value_name = "STEPS")]
    pub stop_after: Option<u64>,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Args)]
pub struct ExperimentArgs {
    /// The experiment: seeds, arms and benchmarks as TOML, such as `trainer/recipes/scenes.toml`.
    pub file: PathBuf,
    /// The folder of its runs, bundles, reports and tables.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
}

/// What bundles are scored on; `BENCHMARKS.md` says which files each reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Benchmark {
    /// Rendered scenes and their counterfactuals, 2×2 as in Winoground. Needs no file.
    Scenes,
    /// Photographs edited in one place, 2×2: parquet.
    #[value(name = "inpaintcoco", alias = "inpaint-coco")]
    InpaintCoco,
    /// A caption against an edited one, seven subsets: JSON.
    #[value(name = "sugarcrepe", alias = "sugar-crepe")]
    SugarCrepe,
    /// Two captions that say the same against an edited one: JSON.
    #[value(name = "sugarcrepe-pp", alias = "sugar-crepe-pp")]
    SugarCrepePp,
    /// Captions and foils of eleven kinds: JSON.
    Valse,
    /// Visual Genome's relations the wrong way round: JSON.
    AroRelation,
    /// Visual Genome's attributes at the wrong thing: JSON.
    AroAttribution,
    /// Captions in another order: JSON.
    AroOrder,
    /// True and false phrases of objects, attributes and relations: JSON.
    #[value(name = "vl-checklist", alias = "vlchecklist")]
    VlChecklist,
    /// The same words in another order, 2×2: JSON lines.
    Winoground,
    /// SugarCrepe with a picture for every negative, 2×2: parquet.
    #[value(name = "bivlc", alias = "bi-vlc")]
    Bivlc,
    /// A sentence and a picture with another subject, verb or object: CSV.
    SvoProbes,
    /// The same negatives against reworded captions: JSON.
    HardPositives,
    /// NegCLIP's validation pairs: TSV.
    #[value(name = "negclip", alias = "neg-clip")]
    NegClip,
    /// True and false statements of where two things are: JSON lines.
    Vsr,
    /// Foil's own negatives of your captions: CSV, or COCO's JSON.
    Negatives,
    /// Your own photographs edited by a rule so that a negative becomes true, 2×2: a hue replaced, left and right
    /// exchanged. CSV, or COCO's JSON.
    Edits,
    /// Every caption and every picture among all others: COCO's and Flickr's files.
    Retrieval,
    /// Pictures in folders that are called after their class.
    #[value(name = "zero-shot", alias = "zeroshot")]
    ZeroShot,
}

#[derive(Args)]
pub struct EvaluateArgs {
    /// The bundle to score.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// More bundles to score beside it; each is compared with the first, item by item.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// What to score on.
    #[arg(long, value_enum)]
    pub benchmark: Benchmark,
    /// The benchmark's own published files and its pictures: a folder that is searched by file names, or one file.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// More folders to search for pictures.
    #[arg(long, value_name = "DIR")]
    pub images: Vec<PathBuf>,
    /// Of captions that have splits (CSV, Karpathy's JSON), the one to use.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Retrieval: how many pictures compete with each other, such as 1000; all of them without it.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(2..))]
    pub pool: Option<u32>,
    /// Zero-shot: what to say of a class, which replaces `{}`; several are averaged.
    #[arg(long, value_name = "TEXT", default_value = "a photo of a {}.")]
    pub template: Vec<String>,
    /// Classes to leave out, one a line, such as the symmetric relations that ARO's authors leave out.
    #[arg(long, value_name = "FILE")]
    pub without: Option<PathBuf>,
    /// Score a bundle that was trained on pictures of the benchmark, which is an error without it.
    #[arg(long)]
    pub allow_leakage: bool,
    /// How many scene pairs to draw when there is no `--data`.
    #[arg(long, default_value_t = 2000)]
    pub count: usize,
    /// The seed of scene pairs (training draws from other streams), of our own negatives and of shuffled captions.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Captions that the blind judges learn from, each picture judged by what was learnt from others. Without it they
    /// know what the generator of negatives knows.
    #[arg(long, value_name = "FILE")]
    pub judge: Option<PathBuf>,
    /// Write the whole report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// No pictures in the page, for pictures that must not be passed on.
    #[arg(long, requires = "html")]
    pub no_thumbnails: bool,
    /// Write the table as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
}

#[derive(Args)]
pub struct ScoreArgs {
    /// The bundle that answers.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// The pictures.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub image: Vec<PathBuf>,
    /// The captions.
    #[arg(long, value_name = "TEXT", required = true, num_args = 1..)]
    pub caption: Vec<String>,
    /// Set each caption against its hard negatives. Without it the captions compete with each other.
    #[arg(long)]
    pub negatives: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
}

#[derive(Args)]
pub struct EmbedArgs {
    /// The bundle that embeds.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub what: Embedded,
    /// The array to write: `[n, E]`, 32-bit floats, unit rows. The names of its rows go to the same name with `.txt`.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Where to compute. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Embedded {
    /// A folder of pictures, embedded in order of their names.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// A text file with one caption a line (`-` reads standard input).
    #[arg(long, value_name = "FILE")]
    pub captions: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Storage {
    /// Four bytes a weight, exact.
    F32,
    /// Two bytes a weight.
    F16,
    /// One byte a weight.
    Q8,
}

impl From<Storage> for Precision {
    fn from(storage: Storage) -> Self {
        match storage {
            Storage::F32 => Precision::F32,
            Storage::F16 => Precision::F16,
            Storage::Q8 => Precision::Q8,
        }
    }
}

#[derive(Args)]
pub struct ImportArgs {
    /// A folder with a CLIP model as transformers or open_clip save it, or the name of one on the Hugging Face hub, such
    /// as `openai/clip-vit-base-patch32`.
    #[arg(long, value_name = "DIR_OR_NAME")]
    pub from: PathBuf,
    /// The bundle to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the weights are stored.
    #[arg(long, value_enum, default_value = "f16")]
    pub precision: Storage,
    /// Pictures on which to measure what the precision costs. Without them: drawn scenes.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub image: Vec<PathBuf>,
}

#[derive(Args)]
pub struct ExportArgs {
    /// The run folder.
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,
    /// The bundle to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the weights are stored.
    #[arg(long, value_enum, default_value = "f16")]
    pub precision: Storage,
}

#[derive(Args)]
pub struct InspectArgs {
    /// The bundle.
    pub bundle: PathBuf,
    /// Where to replay the self-test. Without it: the best that is there.
    #[arg(long, value_enum)]
    pub device: Option<Backend>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
