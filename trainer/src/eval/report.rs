//! What an evaluation found, and the forms in which it is told: to the terminal, as JSON, CSV and one page. And the
//! course of a training run, as a page.

pub mod csv;
pub mod html;
pub mod summary;
pub mod terminal;

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::Comparison;
use super::table::Row;
use super::terms::{Hard, Term};
use crate::eval::benchmark::Benchmark;

/// The version of the report's JSON. Fields may be added under one number; none changes its meaning.
pub const SCHEMA: u32 = 1;

/// What an evaluation found. Its JSON has these names.
#[derive(Debug, Serialize)]
pub struct Report {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// The benchmark.
    pub benchmark: String,
    /// Where it was read from.
    pub data: String,
    /// What the blind judges have read.
    pub judge: String,
    /// Items that were left out.
    pub skipped: Vec<Skipped>,
    /// One entry a bundle, in the order in which they were named.
    pub models: Vec<ModelReport>,
    /// Every further bundle against the first.
    pub comparisons: Vec<Comparison>,
}

/// What one bundle got.
#[derive(Debug, Serialize)]
pub struct ModelReport {
    /// The bundle's file name without its ending.
    pub bundle: String,
    /// The hard negatives it was trained with.
    pub negatives: String,
    /// What it was trained on.
    pub data: Vec<String>,
    /// The seed of its training.
    pub seed: u64,
    /// How many of the benchmark's images it was trained on. More than none makes its scores worth little.
    pub trained_on_pictures: usize,
    /// How many have no names, so that nobody can tell; none if it was not trained on images of files.
    pub nameless_pictures: usize,
    /// The table.
    pub rows: Vec<Row>,
    /// Which words are mistaken for which, most frequent first.
    pub terms: Vec<Term>,
    /// The items that were decided most wrongly.
    pub hardest: Vec<Hard>,
    /// The items that were decided most rightly.
    pub easiest: Vec<Hard>,
}

/// How many items of a subset were left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The part of the benchmark.
    pub subset: String,
    /// The reason.
    pub why: &'static str,
    /// How many.
    pub count: usize,
}

impl Skipped {
    /// All that a benchmark had to leave out.
    pub fn of(benchmark: &Benchmark) -> Vec<Self> {
        let skipped = |((subset, why), count): (&(String, crate::eval::benchmark::Skip), &usize)| Skipped {
            subset: subset.clone(),
            why: why.words(),
            count: *count,
        };
        benchmark.skipped.iter().map(skipped).collect()
    }
}

impl Report {
    /// Items left out of all subsets, by reason.
    pub fn skipped_by_reason(&self) -> BTreeMap<&'static str, usize> {
        let mut reasons = BTreeMap::new();
        for skipped in &self.skipped {
            *reasons.entry(skipped.why).or_default() += skipped.count;
        }
        reasons
    }
}
