//! The command line. Doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::bundle::Precision;
use shared::concept::Concept;

use crate::device::Backend;
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
  trainer export --run runs/hard-negative --out hard-negative.safetensors
  trainer evaluate --bundle hard-negative.safetensors --benchmark scenes
  trainer score --bundle hard-negative.safetensors --image cat.png --caption 'a white cat' --negatives
  echo 'a red car' | trainer negatives --captions -";

#[derive(Subcommand)]
pub enum Verb {
    /// Write a challenge set of rendered scenes as parquet, with InpaintCOCO's columns.
    Scenes(ScenesArgs),
    /// List the hard negatives of captions, one JSON line a caption.
    Negatives(NegativesArgs),
    /// Train a model from scratch.
    Pretrain(PretrainArgs),
    /// Score bundles on a benchmark.
    Evaluate(EvaluateArgs),
    /// Score captions against pictures, as the page does.
    Score(ScoreArgs),
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
    /// A text file with one caption a line; `-` reads standard input.
    #[arg(long)]
    pub captions: PathBuf,
    /// The concepts whose terms may be replaced.
    #[arg(long, value_delimiter = ',', default_value = "color,object,location,size")]
    pub concepts: Vec<Concept>,
    /// The most negatives a caption.
    #[arg(long, default_value_t = 4)]
    pub per_caption: usize,
    /// Another seed draws other negatives.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
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

#[derive(Args)]
pub struct PretrainArgs {
    /// Where to train from: `scenes`, or `scenes:COUNT` for another number of pictures an epoch.
    #[arg(long, value_name = "SOURCE", default_value = "scenes")]
    pub data: String,
    /// Which terms of the captions are replaced to make hard negatives.
    #[arg(long, value_enum, default_value = "all")]
    pub negatives: Negatives,
    /// The most hard negatives a caption.
    #[arg(long, default_value_t = 2)]
    pub per_caption: usize,
    /// The run folder: settings, metrics and checkpoints.
    #[arg(long)]
    pub out: PathBuf,
    /// The size of the model.
    #[arg(long, value_enum, default_value = "small")]
    pub preset: Preset,
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
    /// The seed of weights, data and negatives.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Go on with the run in the folder, with its own settings.
    #[arg(long)]
    pub resume: bool,
    /// Stop after so many steps of the run, as at Ctrl-C; `--resume` goes on.
    #[arg(long, value_name = "STEPS")]
    pub stop_after: Option<u64>,
    /// No progress bar.
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Benchmark {
    /// Rendered scenes and their counterfactuals, 2×2 as in Winoground.
    Scenes,
}

#[derive(Args)]
pub struct EvaluateArgs {
    /// The bundle to score.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// More bundles to score beside it.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// What to score on.
    #[arg(long, value_enum)]
    pub benchmark: Benchmark,
    /// A parquet file, or a folder of them, with InpaintCOCO's columns. Without it scenes are drawn anew.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// How many scene pairs to draw when there is no `--data`.
    #[arg(long, default_value_t = 2000)]
    pub count: usize,
    /// The seed of scene pairs; training draws from other streams.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the table as JSON, too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Storage {
    F32,
    F16,
}

impl From<Storage> for Precision {
    fn from(storage: Storage) -> Self {
        match storage {
            Storage::F32 => Precision::F32,
            Storage::F16 => Precision::F16,
        }
    }
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
