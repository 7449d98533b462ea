//! Drawing negatives: which concept, which term, which word.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::balance::{Acceptance, Balance, Known};
use super::exchange::{Candidate, Numbered};
use super::swap::swaps;
use super::{Guard, HardNegative, replacements};
use crate::caption::Caption;
use crate::concept::Concept;
use crate::fluency::Fluency;

/// Which rules make negatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Replace terms (arXiv 2403.02875).
    #[default]
    Replace,
    /// Swap two terms.
    Swap,
    /// Swap where that is possible, in one of two draws; replace otherwise.
    Mixed,
}

/// How the word that replaces a term is chosen.
#[derive(Clone, Copy, Debug, Default)]
pub enum Proposal<'a> {
    /// Every word has the same chance.
    #[default]
    Uniform,
    /// Words that read likelier have a better chance.
    Fluent(&'a Fluency),
    /// So that text alone does not tell negatives from captions. Each term is replaced at most once, and stays where the
    /// step is rejected. Swaps are not balanced.
    Balanced(&'a Balance, Acceptance),
}

/// How negatives are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The concepts whose terms may change.
    pub concepts: &'a [Concept],
    /// The rules.
    pub strategy: Strategy,
    /// What must not be said of the image. Without it nothing is known but the caption.
    pub guard: Option<&'a Guard>,
    /// How the words are chosen.
    pub proposal: Proposal<'a>,
    /// The only words, lower case, that may be written. Without it all of the lexicon's.
    pub vocabulary: Option<&'a BTreeSet<String>>,
}

impl<'a> Recipe<'a> {
    /// Replace terms of these concepts by any other.
    pub fn replace(concepts: &'a [Concept]) -> Self {
        Recipe {
            concepts,
            strategy: Strategy::Replace,
            guard: None,
            proposal: Proposal::Uniform,
            vocabulary: None,
        }
    }
}

/// At most `count` different negatives, drawn so that each concept present has an equal chance at every draw.
pub fn draw(caption: &Caption, recipe: &Recipe, count: usize, rng: &mut impl Rng) -> Vec<HardNegative> {
    let mut pools: Vec<(Concept, Option<Pool>)> = recipe
        .concepts
        .iter()
        .copied()
        .filter(|concept| caption.names(*concept))
        .map(|concept| (concept, None))
        .collect();
    let (mut numbered, mut known) = (None, None);
    match recipe.proposal {
        Proposal::Uniform => {}
        Proposal::Fluent(fluency) => numbered = Some(Numbered::new(caption, fluency)),
        Proposal::Balanced(balance, acceptance) => known = Some((balance.read(caption), acceptance)),
    }
    let mut drawn: Vec<HardNegative> = Vec::new();
    while drawn.len() < count && !pools.is_empty() {
        let nth = rng.random_range(0..pools.len());
        let (concept, pool) = &mut pools[nth];
        let pool = pool.get_or_insert_with(|| Pool::new(caption, *concept, recipe, numbered.as_ref()));
        let negative = match pool.take(rng) {
            None => {
                pools.remove(nth);
                continue;
            }
            Some(Drawn::Candidate(candidate)) => candidate.apply(caption),
            Some(Drawn::Term(idx)) => {
                let Some(negative) = step(known.as_ref(), idx, recipe, rng) else { continue };
                negative
            }
        };
        let known = negative.caption == caption.text()
            || drawn.iter().any(|other| other.caption == negative.caption)
            || recipe.guard.is_some_and(|guard| !guard.allows_text(&negative.caption));
        if !known {
            drawn.push(negative);
        }
    }
    drawn
}

/// A balanced negative of a term.
fn step(
    known: Option<&(Known, Acceptance)>,
    idx: usize,
    recipe: &Recipe,
    rng: &mut impl Rng,
) -> Option<HardNegative> {
    let (known, acceptance) = known?;
    let none = Guard::default();
    let writable = |word: &str| recipe.vocabulary.is_none_or(|words| words.contains(word));
    let step = known.step(idx, recipe.guard.unwrap_or(&none), writable, *acceptance, rng)?;
    Some(HardNegative { weight: step.weight, ..step.negative })
}

/// What is left to draw from for one concept.
struct Pool<'c> {
    replacements: Vec<Weighed<'c>>,
    swaps: Vec<Weighed<'c>>,
    /// Terms that have not been asked for a balanced negative.
    terms: Vec<usize>,
}

/// What a pool gives.
enum Drawn<'c> {
    Candidate(Candidate<'c>),
    Term(usize),
}

/// A candidate and its share of the chances.
struct Weighed<'c> {
    candidate: Candidate<'c>,
    weight: f64,
}

impl<'c> Pool<'c> {
    fn new(caption: &'c Caption, concept: Concept, recipe: &Recipe, text: Option<&Numbered>) -> Self {
        let weighed =
            |candidate: Candidate<'c>| Weighed { candidate, weight: weight(&candidate, caption, text) };
        let mut pool = Pool { replacements: Vec::new(), swaps: Vec::new(), terms: Vec::new() };
        let terms = (0..caption.terms().len()).filter(|idx| caption.terms()[*idx].concept == concept);
        let balanced = matches!(recipe.proposal, Proposal::Balanced(..));
        if recipe.strategy != Strategy::Swap && balanced {
            pool.terms = terms.collect();
        } else if recipe.strategy != Strategy::Swap {
            let none = Guard::default();
            let guard = recipe.guard.unwrap_or(&none);
            let all = terms.flat_map(|idx| replacements(caption, idx, guard));
            let writable = |word: &str| recipe.vocabulary.is_none_or(|words| words.contains(word));
            pool.replacements = all.filter(|candidate| writable(candidate.surface())).map(weighed).collect();
        }
        if recipe.strategy != Strategy::Replace {
            pool.swaps = swaps(caption, concept).map(weighed).collect();
        }
        pool
    }

    /// Takes out one candidate or term, if there is one left.
    fn take(&mut self, rng: &mut impl Rng) -> Option<Drawn<'c>> {
        let no_replacements = self.replacements.is_empty() && self.terms.is_empty();
        let swap = match (self.swaps.is_empty(), no_replacements) {
            (true, true) => return None,
            (false, false) => rng.random_range(0..2_u32) == 0,
            (no_swaps, _) => !no_swaps,
        };
        if !swap && !self.terms.is_empty() {
            let drawn = rng.random_range(0..self.terms.len());
            return Some(Drawn::Term(self.terms.swap_remove(drawn)));
        }
        let candidates = if swap { &mut self.swaps } else { &mut self.replacements };
        let total: f64 = candidates.iter().map(|one| one.weight).sum();
        let mut left = total * rng.random::<f64>();
        let drawn = candidates.iter().position(|one| {
            left -= one.weight;
            left < 0.0
        });
        // Rounding can leave a little over behind the last.
        let drawn = drawn.unwrap_or(candidates.len() - 1);
        Some(Drawn::Candidate(candidates.swap_remove(drawn).candidate))
    }
}

/// The weight of a candidate: the same for all, or by how likely its caption is as English.
///
/// Drawn by likelihood itself, negatives would be what people write in that place. But people wrote the positive, too,
/// and mostly the likeliest word; and whoever judges has read other captions than the table. So the likely ones get
/// more than their share: the third power is the gentlest that leaves the judges of the notebook blind.
fn weight(candidate: &Candidate, caption: &Caption, text: Option<&Numbered>) -> f64 {
    let odds = text.map_or(1.0, |text| candidate.odds(caption, text));
    odds * odds * odds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fluency::fluency;
    use crate::negative::{Rule, balance};
    use crate::seed;

    const TEXT: &str = "a small red ball on the left of a blue cup";

    fn drawn(recipe: &Recipe, stream: u64) -> Vec<HardNegative> {
        draw(&Caption::new(TEXT), recipe, 9, &mut seed::rng(&[stream]))
    }

    #[test]
    fn a_draw_is_repeatable_and_has_no_text_twice() {
        for proposal in [Proposal::Uniform, Proposal::Fluent(fluency())] {
            let recipe = Recipe { proposal, ..Recipe::replace(&Concept::ALL) };
            let first = drawn(&recipe, 7);
            assert_eq!(first, drawn(&recipe, 7));
            assert_ne!(first, drawn(&recipe, 8));
            assert_eq!(first.len(), 9);
            for (idx, negative) in first.iter().enumerate() {
                assert!(first[..idx].iter().all(|other| other.caption != negative.caption));
            }
        }
        let empty = Caption::new("nothing to see");
        assert!(draw(&empty, &Recipe::replace(&Concept::ALL), 9, &mut seed::rng(&[7])).is_empty());
    }

    #[test]
    fn a_balanced_draw_replaces_each_term_at_most_once() {
        let recipe = Recipe {
            proposal: Proposal::Balanced(balance(), Acceptance::Rejection),
            ..Recipe::replace(&Concept::ALL)
        };
        let draws: Vec<Vec<HardNegative>> = (0..50).map(|stream| drawn(&recipe, stream)).collect();
        assert_eq!(draws[7], drawn(&recipe, 7));
        assert!(draws.iter().any(|draw| draw.len() > 1) && draws.iter().any(|draw| draw.len() < 4));
        for draw in draws {
            let mut places: Vec<usize> = draw.iter().map(|negative| negative.end).collect();
            places.dedup();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), draw.len(), "{draw:?}");
        }
    }

    #[test]
    fn the_strategy_decides_which_rules_are_used() {
        let rules = |strategy| -> BTreeSet<Rule> {
            let recipe = Recipe { strategy, ..Recipe::replace(&Concept::ALL) };
            (0..20).flat_map(|stream| drawn(&recipe, stream)).map(|negative| negative.rule).collect()
        };
        assert_eq!(rules(Strategy::Replace), BTreeSet::from([Rule::Replace]));
        assert_eq!(rules(Strategy::Swap), BTreeSet::from([Rule::Swap]));
        assert_eq!(rules(Strategy::Mixed), BTreeSet::from(Rule::ALL));
    }

    #[test]
    fn only_words_of_the_vocabulary_are_written() {
        let vocabulary = BTreeSet::from(["green".to_owned(), "cat".to_owned()]);
        let recipe = Recipe { vocabulary: Some(&vocabulary), ..Recipe::replace(&[Concept::Color]) };
        let negatives = drawn(&recipe, 1);
        assert_eq!(negatives.len(), 2, "each of two colors can become green: {negatives:?}");
        assert!(negatives.iter().all(|negative| negative.to == "green"));
    }
}
