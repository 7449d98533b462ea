//! Negatives that text alone does not give away.
//!
//! A reader who never sees the image tells a negative from its caption as soon as `a` is replaced by `b` more often than
//! `b` by `a` in the same context. Nobody can if both happen equally often (detailed balance), and they do if a term is
//! replaced by one step of a Markov chain whose stationary distribution is the one that captions come from. The step is
//! the metropolized Gibbs sampler (Liu 1996, doi:10.1093/biomet/83.3.681): with `p` for the distribution of a term given
//! its context, propose `b ≠ a` with probability `p(b) / (1 - p(a))` and accept it with probability
//! `min(1, (1 - p(a)) / (1 - p(b)))`; if it is rejected, the term has no negative.
//!
//! Here `p` is log-linear: a word's own strength, and one for each word before, behind and elsewhere in the caption. The
//! trainer fits the strengths to the captions at hand until a judge that learns cannot tell the two apart.

mod file;

use std::collections::HashMap;
use std::sync::LazyLock;

use rand::{Rng, RngExt};
use rustc_hash::FxBuildHasher;

use super::exchange::{Candidate, Choice};
use super::{Guard, HardNegative};
use crate::caption::{Caption, Term};
use crate::lexicon::{Alternative, lexicon};
pub use file::BalanceError;

/// Fitted to the 30,000 training captions of Flickr8k; made by `trainer calibrate`.
static TABLE: &[u8] = include_bytes!("../../lexicon/balance.bin");

static BALANCE: LazyLock<Balance> = LazyLock::new(|| {
    Balance::from_bytes(TABLE).expect("the table is part of the program, and a test reads it")
});

/// The table that ships with Foil.
pub fn balance() -> &'static Balance {
    &BALANCE
}

/// How a word of the context stands to a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Side {
    /// Right before it.
    Before,
    /// Right behind it.
    Behind,
    /// Anywhere else in the caption, or there as well.
    With,
}

impl Side {
    /// Every side.
    pub const ALL: [Side; 3] = [Side::Before, Side::Behind, Side::With];
}

/// A word of the context and its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Feature(u32);

impl Feature {
    /// The feature of a word, by its number in the table.
    pub fn new(word: u16, side: Side) -> Self {
        Feature(u32::from(word) * Side::ALL.len() as u32 + side as u32)
    }

    /// Its side.
    pub fn side(self) -> Side {
        Side::ALL[self.0 as usize % Side::ALL.len()]
    }
}

/// The log-linear model of a term given its context. A strength is the natural logarithm of a factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    /// By the number of what may be written; minus infinity for what never stands in a caption.
    alone: Vec<f32>,
    words: HashMap<Box<str>, u16, FxBuildHasher>,
    /// By feature: the terms that it makes more or less likely, in order.
    rows: Vec<Vec<(u16, f32)>>,
}

/// How a step that is not certain to be accepted counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// It is taken or left.
    #[default]
    Rejection,
    /// It is always taken, and weighs as much as it would have been likely to be taken.
    Weight,
}

/// A term replaced by one step of the chain.
#[derive(Clone, Debug)]
pub struct Step {
    /// The negative.
    pub negative: HardNegative,
    /// The number of the term taken out.
    pub from: u16,
    /// The number of the term put in.
    pub to: u16,
    /// 1, or how likely the step was to be accepted where it was not asked.
    pub weight: f32,
}

impl Balance {
    /// A model that knows these terms, each as likely as the others, and these words of the context, which change nothing.
    /// Of more than 65,536 words the last are left out.
    ///
    /// # Panics
    /// If there is not one entry for everything that may be written.
    pub fn new<'a>(known: &[bool], words: impl IntoIterator<Item = &'a str>) -> Self {
        assert_eq!(known.len(), lexicon().written().len(), "one entry for everything that may be written");
        let alone = known.iter().map(|known| if *known { 0.0 } else { f32::NEG_INFINITY }).collect();
        let words: HashMap<_, _, _> = words.into_iter().map(Box::from).zip(0..=u16::MAX).collect();
        let rows = vec![Vec::new(); words.len() * Side::ALL.len()];
        Balance { alone, words, rows }
    }

    /// Changes the strength of a term whatever stands beside it. What never stands in a caption stays so.
    pub fn set_alone(&mut self, term: u16, strength: f32) {
        let alone = &mut self.alone[usize::from(term)];
        if *alone != f32::NEG_INFINITY {
            *alone = strength;
        }
    }

    /// Changes what all features do, given in order of feature and term.
    pub fn set_features(&mut self, strengths: impl IntoIterator<Item = (Feature, u16, f32)>) {
        self.rows.iter_mut().for_each(Vec::clear);
        for (feature, term, strength) in strengths {
            self.rows[feature.0 as usize].push((term, strength));
        }
    }

    /// A caption in the numbers of the table.
    pub fn read<'c>(&'c self, caption: &'c Caption) -> Known<'c> {
        let known = |word: &str| self.words.get(if word == "an" { "a" } else { word }).copied();
        let words: Vec<Option<u16>> = caption.words().map(known).collect();
        let mut different: Vec<u16> = words.iter().copied().flatten().collect();
        different.sort_unstable();
        different.dedup();
        Known { balance: self, caption, edge: known(""), words, different }
    }

    /// The number of words and of strengths.
    pub fn size(&self) -> (usize, usize) {
        (self.words.len(), self.rows.iter().map(Vec::len).sum())
    }
}

/// A caption in the numbers of a table. `an` counts as `a`, since the article follows the term.
pub struct Known<'c> {
    balance: &'c Balance,
    caption: &'c Caption,
    /// What stands before the first word and behind the last.
    edge: Option<u16>,
    words: Vec<Option<u16>>,
    /// The words without repetition, in order.
    different: Vec<u16>,
}

impl<'c> Known<'c> {
    /// What stands around a term, as far as the table knows it.
    pub fn features(&self, term: &Term) -> impl Iterator<Item = Feature> {
        let at =
            |word: Option<usize>| word.and_then(|word| self.words.get(word)).copied().unwrap_or(self.edge);
        let before = at(term.words.start.checked_sub(1)).map(|word| Feature::new(word, Side::Before));
        let behind = at(Some(term.words.end)).map(|word| Feature::new(word, Side::Behind));
        let own = &self.words[term.words.clone()];
        let with = self.different.iter().filter(|word| !own.contains(&Some(**word)));
        before.into_iter().chain(behind).chain(with.map(|word| Feature::new(*word, Side::With)))
    }

    /// How strong some terms are where a term stands, in their order. Terms that replace each other have numbers near each
    /// other, so only a stretch of every row is looked at.
    fn strengths(&self, term: &Term, of: &[u16]) -> Vec<f32> {
        let (Some(&low), Some(&high)) = (of.iter().min(), of.iter().max()) else { return Vec::new() };
        let mut strengths = self.balance.alone[usize::from(low)..=usize::from(high)].to_vec();
        for feature in self.features(term) {
            let row = &self.balance.rows[feature.0 as usize];
            let begin = row.partition_point(|(term, _)| *term < low);
            for (term, strength) in row[begin..].iter().take_while(|(term, _)| *term <= high) {
                strengths[usize::from(term - low)] += strength;
            }
        }
        of.iter().map(|term| strengths[usize::from(term - low)]).collect()
    }

    /// What may stand in place of a term, and how strong it is there, the strongest first.
    pub(super) fn ranked(&self, idx: usize, guard: &Guard) -> Vec<Candidate<'c>> {
        let caption = self.caption;
        let term = &caption.terms()[idx];
        let mut found: Vec<Alternative> = super::alternatives(caption, idx, guard).collect();
        found.sort_by_key(|word| word.number);
        found.dedup_by_key(|word| word.number);
        let numbers: Vec<u16> = found.iter().map(|word| word.number).collect();
        let strengths = self.strengths(term, &numbers);
        let mut found: Vec<(Alternative, f32)> = found.into_iter().zip(strengths).collect();
        found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let candidate =
            |(word, _): (Alternative, f32)| Candidate::replace(Choice { term, surface: word.surface });
        found.into_iter().map(candidate).collect()
    }

    /// Takes one step from a term to another of `writable`, or to none.
    pub fn step(
        &self,
        idx: usize,
        guard: &Guard,
        writable: impl Fn(&str) -> bool,
        acceptance: Acceptance,
        rng: &mut impl Rng,
    ) -> Option<Step> {
        let caption = self.caption;
        let term = &caption.terms()[idx];
        // A word that is understood but never written has no way back.
        let from = lexicon().number_of(&caption.surface(term.words.clone()))?;
        if self.balance.alone[usize::from(from)] == f32::NEG_INFINITY {
            return None;
        }
        let words = super::alternatives(caption, idx, guard).filter(|word| writable(word.surface));
        let mut words: Vec<Alternative> = words.collect();
        if term.senses().len() > 1 {
            // It can have a word twice.
            words.sort_by_key(|word| word.number);
            words.dedup_by_key(|word| word.number);
        }
        let numbers: Vec<u16> = std::iter::once(from).chain(words.iter().map(|word| word.number)).collect();
        let strengths = self.strengths(term, &numbers);
        let (own, others) = strengths.split_first()?;
        let odds: Vec<f64> = others.iter().map(|other| libm::exp(f64::from(other - own))).collect();
        let rest: f64 = odds.iter().sum();
        let mut left = rest * rng.random::<f64>();
        let proposed = odds.iter().position(|odds| {
            left -= odds;
            left < 0.0
        })?;
        let (word, odds) = (words[proposed], odds[proposed]);
        // With the caption's own term as the unit: 1 - p(a) is `rest`, and 1 - p(b) is what `b` would leave.
        let probability = (rest / (1.0 + rest - odds)).min(1.0);
        let accepted = rng.random::<f64>() < probability;
        let weight = match acceptance {
            Acceptance::Rejection if !accepted => return None,
            Acceptance::Rejection => 1.0,
            Acceptance::Weight => probability as f32,
        };
        let negative = Candidate::replace(Choice { term, surface: word.surface }).apply(caption);
        let step = Step { negative, from, to: word.number, weight };
        (guard.allows_text(&step.negative.caption) && is_reversible(caption, term, from, &step))
            .then_some(step)
    }
}

/// Whether the caption could have been made of its negative as the negative was made of it.
fn is_reversible(caption: &Caption, term: &Term, from: u16, step: &Step) -> bool {
    let edited = Caption::new(step.negative.caption.as_str());
    let mut terms = edited.terms().iter();
    terms.any(|other| {
        other.words.start == term.words.start
            && lexicon().number_of(&edited.surface(other.words.clone())) == Some(step.to)
            && edited.words().len() - other.words.len() == caption.words().len() - term.words.len()
            && lexicon().alternatives(other.senses()).any(|word| word.number == from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed;

    /// A model in which hues are the only terms: the first is likelier than the others, and more so of a car.
    pub(super) fn model() -> Balance {
        let hues = ["red", "blue", "green"].map(|hue| lexicon().number_of(hue).expect("a hue"));
        let mut known = vec![false; lexicon().written().len()];
        hues.iter().for_each(|hue| known[usize::from(*hue)] = true);
        let mut model = Balance::new(&known, ["a", "car"]);
        let mut sorted = hues;
        sorted.sort_unstable();
        model.set_alone(hues[0], 1.5);
        let behind = Feature::new(1, Side::Behind);
        model.set_features(sorted.map(|hue| (behind, hue, if hue == hues[1] { 2.0 } else { -0.5 })));
        model
    }

    fn steps(text: &str, acceptance: Acceptance, draws: u64) -> Vec<Step> {
        let (caption, model) = (Caption::new(text), model());
        let take = |stream| {
            let known = model.read(&caption);
            known.step(0, &Guard::default(), |_| true, acceptance, &mut seed::rng(&[stream]))
        };
        (0..draws).filter_map(take).collect()
    }

    /// From captions distributed as the model says, as many go from a hue to another as come back.
    #[test]
    fn steps_between_two_terms_are_as_frequent_one_way_as_the_other() {
        let draws = 40_000;
        // The strengths at "a _ car": 1.5 - 0.5, 2 and -0.5.
        let hues = [("red", 1.0f64), ("blue", 2.0), ("green", -0.5)];
        let total: f64 = hues.iter().map(|(_, strength)| strength.exp()).sum();
        let flow = |from: &str, to: &str, acceptance| {
            let strength = hues.iter().find(|(hue, _)| *hue == from).expect("a hue").1;
            let steps = steps(&format!("a {from} car"), acceptance, draws);
            let taken: f64 =
                steps.iter().filter(|step| step.negative.to == to).map(|step| f64::from(step.weight)).sum();
            strength.exp() / total * taken / draws as f64
        };
        for acceptance in [Acceptance::Rejection, Acceptance::Weight] {
            for (a, b) in [("red", "blue"), ("red", "green"), ("blue", "green")] {
                let (there, back) = (flow(a, b, acceptance), flow(b, a, acceptance));
                assert!((there - back).abs() < 0.005 && there > 0.01, "{a} to {b}: {there}, back: {back}");
            }
        }
    }

    #[test]
    fn what_never_stands_in_a_caption_is_neither_written_nor_replaced() {
        assert!(steps("a red car", Acceptance::Rejection, 500).iter().all(|step| step.negative.to != "pink"));
        assert!(steps("a pink car", Acceptance::Rejection, 500).is_empty());
        assert!(steps("a scarlet car", Acceptance::Rejection, 500).is_empty(), "never written");
    }

    #[test]
    fn the_shipped_table_is_small_and_knows_what_goes_together() {
        assert!(TABLE.len() <= 300_000, "{} bytes", TABLE.len());
        let caption = Caption::new("a dog running on the beach");
        let ranked = balance().read(&caption).ranked(1, &Guard::default());
        let place = |word: &str| ranked.iter().position(|candidate| candidate.surface() == word);
        assert!(place("field") < place("bridge") && place("bridge").is_some(), "{ranked:?}");
    }
}
