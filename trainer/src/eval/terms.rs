//! Which words are mistaken for which, and which items are hardest.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::difference::exchanged;

use super::decide::{Decision, Measure};
use crate::eval::benchmark::{Ask, Benchmark, ImageId};

/// How often a word is told from another one that stands in its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// The part of the benchmark.
    pub subset: String,
    /// The words of the true caption.
    pub from: String,
    /// What the false one has instead.
    pub to: String,
    /// How often that was asked.
    pub n: usize,
    /// How often it was got right.
    pub hits: usize,
}

impl Term {
    /// Hits over items.
    pub fn share(&self) -> f64 {
        self.hits as f64 / self.n as f64
    }
}

/// Longer stretches are no terms.
const MOST_WORDS: usize = 4;

/// Every exchange of one stretch of a caption for another, most frequent first.
pub fn terms(benchmark: &Benchmark, decisions: &[Decision]) -> Vec<Term> {
    let mut counts: BTreeMap<(String, String, String), (usize, usize)> = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| !decision.extra) {
        let Some(case) = decision.case.map(|idx| &benchmark.cases[idx]) else { continue };
        let caption = |nth: usize| benchmark.captions[case.captions[nth]].as_str();
        let mut count = |from: &str, to: &str, hit: bool| {
            let is_term = |text: &str| !text.is_empty() && text.split_whitespace().count() <= MOST_WORDS;
            if is_term(from) && is_term(to) {
                let key = (decision.subset.clone(), bare(from), bare(to));
                let (n, hits) = counts.entry(key).or_default();
                *n += 1;
                *hits += usize::from(hit);
            }
        };
        match case.ask {
            // In both directions: each caption is the true one of its own image.
            Ask::Square => {
                let (first, second) = exchanged(caption(0), caption(1));
                count(first, second, decision.hit(Measure::FirstImage) == Some(true));
                count(second, first, decision.hit(Measure::SecondImage) == Some(true));
            }
            Ask::Captions { n_true: 1 } if case.captions.len() == 2 => {
                let (from, to) = exchanged(caption(0), caption(1));
                count(from, to, decision.hit(Measure::Accuracy) == Some(true));
            }
            Ask::Captions { .. } | Ask::Images => {}
        }
    }
    let term = |((subset, from, to), (n, hits))| Term { subset, from, to, n, hits };
    let mut terms: Vec<Term> = counts.into_iter().map(term).collect();
    terms.sort_by_key(|term| std::cmp::Reverse(term.n));
    terms
}

/// Lower case, and no article, which only follows the word behind it.
fn bare(text: &str) -> String {
    let text = text.to_lowercase();
    text.trim_start_matches("an ").trim_start_matches("a ").to_owned()
}

/// An item and how clearly it was decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hard {
    /// The item.
    pub id: String,
    /// What its first image is called.
    #[serde(rename = "picture")]
    pub image: String,
    /// Its images, for whoever shows them.
    #[serde(skip)]
    pub images: Vec<ImageId>,
    /// Its captions, true ones first.
    pub captions: Vec<String>,
    /// How many are true of its first image.
    pub n_true: usize,
    /// By how much the weakest right answer leads the strongest wrong one; below zero it does not.
    pub margin: f32,
}

/// The cases that were decided most wrongly and, the second, most rightly; at most `count` of each.
pub fn hardest(benchmark: &Benchmark, decisions: &[Decision], count: usize) -> [Vec<Hard>; 2] {
    let mut cases: Vec<&Decision> =
        decisions.iter().filter(|decision| decision.case.is_some() && !decision.extra).collect();
    cases.sort_by(|a, b| a.margin.total_cmp(&b.margin));
    let hard = |decision: &&Decision| {
        let case = &benchmark.cases[decision.case?];
        Some(Hard {
            id: decision.id.clone(),
            image: benchmark.images[decision.image].name(),
            images: case.images.clone(),
            captions: case.captions.iter().map(|id| benchmark.captions[*id].clone()).collect(),
            n_true: match case.ask {
                Ask::Captions { n_true } => n_true,
                Ask::Images | Ask::Square => 1,
            },
            margin: decision.margin,
        })
    };
    let misses = cases.iter().filter(|decision| decision.margin <= 0.0).filter_map(hard).take(count);
    let hits = cases.iter().rev().filter(|decision| decision.margin > 0.0).filter_map(hard).take(count);
    [misses.collect(), hits.collect()]
}
