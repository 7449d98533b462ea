//! What to score on.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::benchmark::Name;
use crate::system::named::named;
use crate::system::one_or_more::one_or_more;
use crate::system::switch::Switch;

/// A benchmark and how to read it: as typed, and as an experiment's file has it.
#[derive(Args, Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Options {
    /// Score on this benchmark.
    #[arg(long, value_enum)]
    pub benchmark: Name,
    /// Read the benchmark's published files and images from this folder, which is searched by file names, or from one file.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// Search these folders for images, too.
    #[arg(long, value_name = "DIR")]
    #[serde(default, deserialize_with = "one_or_more")]
    pub images: Vec<PathBuf>,
    /// Use this split of captions; by default all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Retrieval: let N images compete with each other, such as 1000; by default all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    pub pool: Option<u32>,
    /// Zero-shot: describe a class by this prompt, in which its name replaces `{}`; several are averaged.
    #[arg(long, value_name = "TEXT", default_values_t = template())]
    #[serde(default = "template", deserialize_with = "one_or_more")]
    pub template: Vec<String>,
    /// Leave out the classes that this file lists, one per line, such as the symmetric relations that ARO's authors leave
    /// out.
    #[arg(long, value_name = "FILE")]
    pub exclude: Option<PathBuf>,
    /// Score a bundle even if it was trained on images of the benchmark.
    #[arg(long)]
    #[serde(default)]
    pub allow_leakage: bool,
    /// Render N scene pairs when there is no `--data`.
    #[arg(long, value_name = "N", default_value_t = count())]
    #[serde(default = "count")]
    pub count: usize,
    /// Benchmark `negatives`: balance them, so that text alone does not tell them from captions.
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_value = "on", default_missing_value = "on", value_parser = named::<Switch>)]
    #[serde(default = "on")]
    pub balanced: Switch,
    /// Seed scene pairs (training draws from other streams), our own negatives and shuffled captions.
    #[arg(long, default_value_t = 0)]
    #[serde(default)]
    pub seed: u64,
    /// Let the blind judges learn from these captions, each image judged by what was learned from others; by default they
    /// know what the generator of negatives knows.
    #[arg(long, value_name = "FILE")]
    pub judge: Option<PathBuf>,
}

fn count() -> usize {
    2000
}

fn template() -> Vec<String> {
    vec!["a photo of a {}.".to_owned()]
}

fn on() -> Switch {
    Switch::On
}
