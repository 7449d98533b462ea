//! The command line. Doc comments are the help.

mod pretrain;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use shared::bundle::Precision;
use shared::concept::Concept;
use shared::negative::Strategy;

use crate::device::Backend;
pub use pretrain::{FloatPrecision, Negatives, PretrainArgs, Settings};

/// Does the model know a red car from a blue one?
///
/// Trains and tests image-text models on captions that are almost right (arXiv 2403.02875).
#[derive(Parser)]
#[command(name = "trainer", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
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
pub enum Command {
    /// Write a challenge set of rendered scenes as parquet, with InpaintCOCO's columns.
    Scenes(ScenesArgs),
    /// List the hard negatives of captions, one JSON line a caption, or audit them.
    Negatives(NegativesArgs),
    /// Fit the table that draws balanced negatives to a file of captions.
    Calibrate(CalibrateArgs),
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
    /// Captions: a text file with one a line (`-` reads standard input), COCO's, Karpathy's or ARO's JSON, Flickr's
    /// `*.token.txt`, or a table (.csv, .tsv) with the columns `image` and `caption`; gzipped or not. Captions of one
    /// picture keep each other's words out.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of captions that have splits, the one to read; without it all of a table, and `test` of Karpathy's JSON.
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
    /// Choose words so that nobody can tell negatives from captions by text alone, calibrated on the captions of the file.
    /// Captions whose terms cannot be balanced go without a negative.
    #[arg(long, value_enum, num_args = 0..=1, default_value = "off", default_missing_value = "on")]
    pub balanced: Switch,
    /// With `--balanced`, other captions to calibrate on.
    #[arg(long, value_name = "FILE", requires = "balanced")]
    pub calibrate_on: Option<PathBuf>,
    /// How words are chosen without `--balanced`.
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
    /// part of them judged by what was learned from the others.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub judge: Option<PathBuf>,
    /// Write the report as JSON, too.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub json: Option<PathBuf>,
    /// Write a table of so many randomly chosen negatives of each concept, for people to judge.
    #[arg(long, value_name = "COUNT", conflicts_with = "audit")]
    pub sample: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// One term is replaced by another of the same concept (arXiv 2403.02875).
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    On,
    // What runs did before there was a choice.
    #[default]
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Draw {
    /// So that about half of the negatives read likelier than their positives.
    Fluent,
    /// Every word of the lexicon has the same chance.
    Uniform,
}

#[derive(Args)]
pub struct CalibrateArgs {
    /// Captions, in any of the forms that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of captions that have splits, the one to read; without it all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out strengths below this; the table gets smaller and less exact.
    #[arg(long, value_name = "STRENGTH", default_value_t = 0.0)]
    pub at_least: f32,
    /// Another seed draws other samples while calibrating.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The table to write; `shared/lexicon/balance.bin` is built into the program.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct FluencyArgs {
    /// Captions, in any of the forms that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of captions that have splits, the one to read; without it all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out words that are rarer than this.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub at_least: u32,
    /// The table to write; `shared/lexicon/bigrams.bin` is built into the program.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
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

/// What bundles are scored on; `docs/evaluation.md` says which files each reads.
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
    /// Of captions that have splits, the one to use; without it all of a table, and `test` of Karpathy's JSON.
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
    pub exclude: Option<PathBuf>,
    /// Score a bundle that was trained on pictures of the benchmark, which is an error without it.
    #[arg(long)]
    pub allow_leakage: bool,
    /// How many scene pairs to draw when there is no `--data`.
    #[arg(long, default_value_t = 2000)]
    pub count: usize,
    /// Benchmark `negatives`: draw negatives that text alone does not give away, calibrated on the benchmark's captions.
    #[arg(long, value_enum, num_args = 0..=1, default_value = "on", default_missing_value = "on")]
    pub balanced: Switch,
    /// The seed of scene pairs (training draws from other streams), of our own negatives and of shuffled captions.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Captions that the blind judges learn from, each picture judged by what was learned from others. Without it they
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
    /// One byte a weight, two in convolutions.
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
    /// Let the bundle remember how the pictures look that it was trained on (20 bytes a picture), so that `evaluate` finds
    /// copies of them under other names, in other sizes and formats. Names it remembers anyway.
    #[arg(long)]
    pub perceptual_hashes: bool,
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
