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
    /// What to score on.
    #[arg(long, value_enum)]
    pub benchmark: Name,
    /// The benchmark's own published files and its images: a folder that is searched by file names, or one file.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// More folders to search for images.
    #[arg(long, value_name = "DIR")]
    #[serde(default, deserialize_with = "one_or_more")]
    pub images: Vec<PathBuf>,
    /// Of captions that have splits, the one to use; without it all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Retrieval: how many images compete with each other, such as 1000; all of them without it.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(2..))]
    pub pool: Option<u32>,
    /// Zero-shot: what to say of a class, which replaces `{}`; several are averaged.
    #[arg(long, value_name = "TEXT", default_values_t = template())]
    #[serde(default = "template", deserialize_with = "one_or_more")]
    pub template: Vec<String>,
    /// Classes to leave out, one a line, such as the symmetric relations that ARO's authors leave out.
    #[arg(long, value_name = "FILE")]
    pub exclude: Option<PathBuf>,
    /// Score a bundle that was trained on images of the benchmark, which is an error without it.
    #[arg(long)]
    #[serde(default)]
    pub allow_leakage: bool,
    /// How many scene pairs to draw when there is no `--data`.
    #[arg(long, default_value_t = count())]
    #[serde(default = "count")]
    pub count: usize,
    /// Benchmark `negatives`: draw negatives that text alone does not give away, calibrated on the benchmark's captions.
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_value = "on", default_missing_value = "on", value_parser = named::<Switch>)]
    #[serde(default = "on")]
    pub balanced: Switch,
    /// The seed of scene pairs (training draws from other streams), of our own negatives and of shuffled captions.
    #[arg(long, default_value_t = 0)]
    #[serde(default)]
    pub seed: u64,
    /// Captions that the blind judges learn from, each image judged by what was learned from others. Without it they
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
