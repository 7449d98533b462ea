//! A judge that learns: logistic regression on how an edited caption differs from its original, never shown an image.
//!
//! It is fitted on one half of the images and asked about the other half, and the other way round, so no pair is judged by
//! what was learned from it. Rules written in advance, as those of [`blind`](crate::negatives::blind), see far less.

use std::collections::HashMap;
use std::hash::Hash;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use rayon::prelude::*;
use serde::Serialize;
use shared::caption::Caption;
use shared::seed;

use crate::statistics::{Outcome, Share};

/// What the judge looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Words, pairs of neighboring words, and the length.
    Neighbors,
    /// The same, and any two words of a caption.
    Pairs,
}

/// A caption, what was made of it, and what tells images apart.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The original.
    pub positive: &'a str,
    /// The edited caption.
    pub negative: &'a str,
    /// Pairs of one image have the same number.
    pub image: u64,
}

/// How often a judge that learns from other images' pairs takes the positive for the original; ½ is chance, and less
/// tells as much as more. Intervals draw images anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Learned {
    /// It reads words, pairs of neighboring words, and the length.
    pub neighbors: Share,
    /// It also reads any two words of a caption.
    pub pairs: Share,
}

impl Learned {
    /// Asks the judge about pairs.
    ///
    /// # Errors
    /// If the solver fails.
    pub fn of(pairs: &[Pair], seed: u64) -> anyhow::Result<Self> {
        let share = |reads| {
            let verdicts = verdicts(pairs, reads, seed)?;
            let outcome = |(pair, value): (&Pair, f64)| Outcome { cluster: pair.image as usize, value };
            anyhow::Ok(Share::over_images(&pairs.iter().zip(verdicts).map(outcome).collect::<Vec<_>>(), seed))
        };
        Ok(Learned { neighbors: share(Reads::Neighbors)?, pairs: share(Reads::Pairs)? })
    }
}

/// The inverse of the strength of the L2 penalty, as scikit-learn's `C`.
const C: f64 = 1.0;

/// Gradients that L-BFGS remembers.
const MEMORY: usize = 7;

/// Steps of L-BFGS at most.
const STEPS: u64 = 60;

/// Characters, and words, that count as one unit of length.
const CHARACTERS: f64 = 10.0;
const WORDS: f64 = 3.0;

/// For every pair whether the judge takes the positive for the original: 1, 0, or ½ where it cannot tell.
///
/// # Errors
/// If the solver fails, which it does for no numbers that texts can give.
pub fn verdicts(pairs: &[Pair], reads: Reads, seed: u64) -> Result<Vec<f64>, Error> {
    let mut features = Features::default();
    let rows: Vec<Row> = pairs.iter().map(|pair| features.difference(pair, reads)).collect();
    let half = |pair: &Pair| seed::mix(&[seed, pair.image]) % 2;
    let fitted: Vec<Vec<f64>> = (0..2)
        .into_par_iter()
        .map(|asked| {
            let of_other = pairs.iter().zip(&rows).filter(|(pair, _)| half(pair) != asked);
            fit(of_other.map(|(_, row)| row).collect(), features.numbers.len())
        })
        .collect::<Result<_, Error>>()?;
    Ok(pairs.iter().zip(&rows).map(|(pair, row)| decide(dot(row, &fitted[half(pair) as usize]))).collect())
}

fn decide(score: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    if score.abs() <= ROUNDING { 0.5 } else { f64::from(score > 0.0) }
}

/// The features of a positive less those of its negative, by their numbers.
type Row = Vec<(u32, f64)>;

fn dot(row: &Row, weights: &[f64]) -> f64 {
    row.iter().map(|(feature, value)| weights[*feature as usize] * value).sum()
}

/// What a caption has, by the numbers of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Feature {
    Word(u32),
    Neighbors(u32, u32),
    Together(u32, u32),
    Characters,
    Words,
}

/// All features seen so far, in the order in which they were.
#[derive(Default)]
struct Features {
    words: HashMap<String, u32>,
    numbers: HashMap<Feature, u32>,
}

/// The word before the first and behind the last.
const EDGE: u32 = 0;

impl Features {
    fn difference(&mut self, pair: &Pair, reads: Reads) -> Row {
        let mut counts: HashMap<Feature, f64> = HashMap::new();
        for (text, sign) in [(pair.positive, 1.0), (pair.negative, -1.0)] {
            let mut add = |feature, value: f64| *counts.entry(feature).or_default() += sign * value;
            let words: Vec<u32> = Caption::new(text).words().map(|word| self.word(word)).collect();
            let with_edges: Vec<u32> =
                std::iter::once(EDGE).chain(words.iter().copied()).chain([EDGE]).collect();
            words.iter().for_each(|word| add(Feature::Word(*word), 1.0));
            with_edges.windows(2).for_each(|two| add(Feature::Neighbors(two[0], two[1]), 1.0));
            if reads == Reads::Pairs {
                let mut known = words.clone();
                known.sort_unstable();
                known.dedup();
                for (nth, first) in known.iter().enumerate() {
                    known[nth + 1..].iter().for_each(|second| add(Feature::Together(*first, *second), 1.0));
                }
            }
            add(Feature::Characters, text.trim().chars().count() as f64 / CHARACTERS);
            add(Feature::Words, words.len() as f64 / WORDS);
        }
        let mut differs: Vec<(Feature, f64)> =
            counts.into_iter().filter(|(_, count)| *count != 0.0).collect();
        differs.sort_unstable_by_key(|(feature, _)| *feature);
        differs.into_iter().map(|(feature, count)| (number(&mut self.numbers, feature), count)).collect()
    }

    fn word(&mut self, word: &str) -> u32 {
        let next = self.words.len() as u32 + EDGE + 1;
        *self.words.entry(word.to_owned()).or_insert(next)
    }
}

fn number<K: Eq + Hash>(numbers: &mut HashMap<K, u32>, key: K) -> u32 {
    let next = numbers.len() as u32;
    *numbers.entry(key).or_insert(next)
}

/// Logistic regression without an intercept, since a pair has no order: every row is one of the class of originals.
struct Regression<'r> {
    rows: Vec<&'r Row>,
}

impl CostFunction for Regression<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let losses: f64 = self.rows.iter().map(|row| softplus(-dot(row, weights))).sum();
        Ok(losses + weights.iter().map(|weight| weight * weight).sum::<f64>() / (2.0 * C))
    }
}

impl Gradient for Regression<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut gradient: Vec<f64> = weights.iter().map(|weight| weight / C).collect();
        for row in &self.rows {
            let doubt = 1.0 / (1.0 + dot(row, weights).exp());
            row.iter().for_each(|(feature, value)| gradient[*feature as usize] -= doubt * value);
        }
        Ok(gradient)
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn fit(rows: Vec<&Row>, n_features: usize) -> Result<Vec<f64>, Error> {
    if rows.is_empty() {
        return Ok(vec![0.0; n_features]);
    }
    let tolerance = 1e-3 * (rows.len() as f64).sqrt();
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(tolerance)?;
    let start = vec![0.0; n_features];
    let done = Executor::new(Regression { rows }, solver)
        .configure(|state| state.param(start.clone()).max_iters(STEPS))
        .run()?;
    Ok(done.state().get_best_param().cloned().unwrap_or(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accuracy(pairs: &[(String, String)], reads: Reads) -> f64 {
        let pairs: Vec<Pair> = pairs
            .iter()
            .zip(0..)
            .map(|((positive, negative), image)| Pair { positive, negative, image })
            .collect();
        let verdicts = verdicts(&pairs, reads, 0).expect("verdicts");
        verdicts.iter().sum::<f64>() / verdicts.len() as f64
    }

    fn pairs(of: impl Fn(usize) -> (&'static str, &'static str)) -> Vec<(String, String)> {
        (0..400).map(of).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    #[test]
    fn a_flow_that_only_goes_one_way_is_learned_and_a_balanced_one_is_not() {
        let one_way = pairs(|_| ("a red car", "a blue car"));
        assert_eq!(accuracy(&one_way, Reads::Neighbors), 1.0);
        let balanced = pairs(|nth| [("a red car", "a blue car"), ("a blue car", "a red car")][nth / 2 % 2]);
        let found = accuracy(&balanced, Reads::Pairs);
        assert!((0.4..=0.6).contains(&found), "{found}");
    }

    #[test]
    fn what_goes_together_is_read_from_pairs_of_words_alone() {
        // Each word is as often taken out as put in; only with what it stands is always the same.
        let at_sea = pairs(|nth| {
            [
                ("a surfer seen from the sea", "a skier seen from the sea"),
                ("a skier seen from the snow", "a surfer seen from the snow"),
            ][nth % 2]
        });
        assert!((0.4..=0.6).contains(&accuracy(&at_sea, Reads::Neighbors)));
        assert_eq!(accuracy(&at_sea, Reads::Pairs), 1.0);
    }
}
