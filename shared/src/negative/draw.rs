//! Drawing negatives: which concept, which term, which word.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::exchange::{Candidate, Numbered};
use super::swap::swaps;
use super::{Guard, Negative, replacements};
use crate::caption::Caption;
use crate::concept::Concept;
use crate::fluency::Fluency;

/// Which rules make negatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Replace terms (arXiv 2403.02875).
    #[default]
    Replace,
    /// Swap two terms.
    Swap,
    /// Swap where that is possible, in one of two draws; replace otherwise.
    Mixed,
}

/// How negatives are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The concepts whose terms may change.
    pub concepts: &'a [Concept],
    /// The rules.
    pub strategy: Strategy,
    /// What must not be said of the picture. Without it nothing is known but the caption.
    pub guard: Option<&'a Guard>,
    /// What tells likely captions from unlikely ones. Without it every word has the same chance.
    pub fluency: Option<&'a Fluency>,
    /// The only words, lower case, that may be written. Without it all of the lexicon's.
    pub vocabulary: Option<&'a BTreeSet<String>>,
}

impl<'a> Recipe<'a> {
    /// Replace terms of these concepts by any other.
    pub fn replace(concepts: &'a [Concept]) -> Self {
        Recipe { concepts, strategy: Strategy::Replace, guard: None, fluency: None, vocabulary: None }
    }
}

/// At most `count` different negatives, drawn so that each concept present has an equal chance at every draw.
pub fn draw(caption: &Caption, recipe: &Recipe, count: usize, rng: &mut impl Rng) -> Vec<Negative> {
    let mut pools: Vec<(Concept, Option<Pool>)> = recipe
        .concepts
        .iter()
        .copied()
        .filter(|concept| caption.names(*concept))
        .map(|concept| (concept, None))
        .collect();
    let numbered = recipe.fluency.map(|fluency| Numbered::new(caption, fluency));
    let mut drawn: Vec<Negative> = Vec::new();
    while drawn.len() < count && !pools.is_empty() {
        let nth = rng.random_range(0..pools.len());
        let (concept, pool) = &mut pools[nth];
        let pool = pool.get_or_insert_with(|| Pool::new(caption, *concept, recipe, numbered.as_ref()));
        let Some(candidate) = pool.take(rng) else {
            pools.remove(nth);
            continue;
        };
        let negative = candidate.apply(caption);
        let known = negative.caption == caption.text()
            || drawn.iter().any(|other| other.caption == negative.caption)
            || recipe.guard.is_some_and(|guard| !guard.allows_text(&negative.caption));
        if !known {
            drawn.push(negative);
        }
    }
    drawn
}

/// What is left to draw from for one concept.
struct Pool<'c> {
    replacements: Vec<Weighed<'c>>,
    swaps: Vec<Weighed<'c>>,
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
        let mut pool = Pool { replacements: Vec::new(), swaps: Vec::new() };
        if recipe.strategy != Strategy::Swap {
            let none = Guard::default();
            let guard = recipe.guard.unwrap_or(&none);
            let terms = caption.terms().iter().enumerate().filter(|(_, term)| term.concept == concept);
            let all = terms.flat_map(|(idx, _)| replacements(caption, idx, guard));
            let writable = |word: &str| recipe.vocabulary.is_none_or(|words| words.contains(word));
            pool.replacements = all.filter(|candidate| writable(candidate.surface())).map(weighed).collect();
        }
        if recipe.strategy != Strategy::Replace {
            pool.swaps = swaps(caption, concept).map(weighed).collect();
        }
        pool
    }

    /// Takes out one candidate, if there is one left.
    fn take(&mut self, rng: &mut impl Rng) -> Option<Candidate<'c>> {
        let swap = match (self.swaps.is_empty(), self.replacements.is_empty()) {
            (true, true) => return None,
            (false, false) => rng.random_range(0..2_u32) == 0,
            (no_swaps, _) => !no_swaps,
        };
        let candidates = if swap { &mut self.swaps } else { &mut self.replacements };
        let total: f64 = candidates.iter().map(|one| one.weight).sum();
        let mut left = total * rng.random::<f64>();
        let drawn = candidates.iter().position(|one| {
            left -= one.weight;
            left < 0.0
        });
        // Rounding can leave a little over behind the last.
        let drawn = drawn.unwrap_or(candidates.len() - 1);
        Some(candidates.swap_remove(drawn).candidate)
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
    use crate::negative::Rule;
    use crate::seed;

    const TEXT: &str = "a small red ball on the left of a blue cup";

    fn drawn(recipe: &Recipe, stream: u64) -> Vec<Negative> {
        draw(&Caption::new(TEXT), recipe, 9, &mut seed::rng(&[stream]))
    }

    #[test]
    fn a_draw_is_repeatable_and_has_no_text_twice() {
        for fluency in [None, Some(fluency())] {
            let recipe = Recipe { fluency, ..Recipe::replace(&Concept::ALL) };
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
        assert_eq!(negatives.len(), 2, "each of two colours can become green: {negatives:?}");
        assert!(negatives.iter().all(|negative| negative.to == "green"));
    }
}
