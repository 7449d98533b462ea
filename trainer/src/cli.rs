//! The command line. Doc comments are the help; the options of a command stand beside what it does.

use clap::{Parser, Subcommand};

use crate::commands::average::AverageArgs;
use crate::commands::calibrate::CalibrateArgs;
use crate::commands::distill::DistillArgs;
use crate::commands::embed::EmbedArgs;
use crate::commands::evaluate::EvaluateArgs;
use crate::commands::experiment::ExperimentArgs;
use crate::commands::export::ExportArgs;
use crate::commands::fluency::FluencyArgs;
use crate::commands::import::ImportArgs;
use crate::commands::inspect::InspectArgs;
use crate::commands::negatives::NegativesArgs;
use crate::commands::scenes::ScenesArgs;
use crate::commands::score::ScoreArgs;
use crate::commands::verify::VerifyArgs;
use crate::{inpaint, train};

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
    /// Change one thing in captioned photographs, and one term of their captions: candidates of a challenge set like InpaintCOCO.
    Inpaint(inpaint::Options),
    /// Build the verified set from the candidates that reviewers accepted, and report how well they agree.
    Verify(VerifyArgs),
    /// List the hard negatives of captions, one JSON line per caption, or audit them.
    Negatives(NegativesArgs),
    /// Fit the table that draws balanced negatives to a file of captions.
    Calibrate(CalibrateArgs),
    /// Count the word pairs of captions, so that negatives read as likely as what they replace.
    Fluency(FluencyArgs),
    /// Train a model, from scratch or from a bundle.
    Pretrain(train::Options),
    /// Distill a sentence encoder into a text tower that `pretrain --init-text` begins with.
    Distill(DistillArgs),
    /// Train, score and compare many runs that one file describes.
    Experiment(ExperimentArgs),
    /// Score bundles on a benchmark.
    Evaluate(EvaluateArgs),
    /// Score captions against images, as the page does.
    Score(ScoreArgs),
    /// Write the embeddings of images or captions as a NumPy array.
    Embed(EmbedArgs),
    /// Make a bundle of published CLIP weights.
    Import(ImportArgs),
    /// Make a bundle of a training run.
    Export(ExportArgs),
    /// Average the weights of bundles with one starting point, so that a fine-tuned model keeps more of what it knew.
    Average(AverageArgs),
    /// Print what a bundle holds.
    Inspect(InspectArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
