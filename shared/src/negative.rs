//! Hard negatives: captions that are almost right (arXiv 2403.02875).
//!
//! Two rules make them: *replace* exchanges one term for another of the same concept, *swap* lets two terms of one
//! concept trade places. Five laws hold for every negative:
//! 1. it never equals its positive, nor another caption known to be true of the image;
//! 2. it is the positive with exactly one stretch exchanged: `positive[..start] + to + positive[end..]`;
//! 3. the stretch begins and ends with whole words;
//! 4. no word is exchanged for one that looks the same, or that the caption or its siblings already use;
//! 5. the same seed gives the same negatives on every target.
//!
//! An indefinite article that the new word makes wrong is part of the stretch: `a red` → `an orange`.

mod balance;
mod draw;
mod exchange;
mod guard;
mod swap;

use serde::{Deserialize, Serialize};

use crate::caption::Caption;
use crate::concept::Concept;
use crate::lexicon::{Alternative, lexicon};
use crate::seed;
pub use balance::{Acceptance, Balance, BalanceError, Feature, Known, Side, Step, balance};
pub use draw::{Proposal, Recipe, Strategy, draw};
pub(crate) use exchange::starts_with_vowel_sound;
use exchange::{Candidate, Choice};
pub use guard::Guard;

/// How a negative was made from its positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// One term replaced by another of the same concept.
    Replace,
    /// Two terms of one concept in each other's place: the same words in another order.
    Swap,
}

impl Rule {
    /// Every rule, in the order in which tables list them.
    pub const ALL: [Rule; 2] = [Rule::Replace, Rule::Swap];

    /// The name used in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Replace => "replace",
            Rule::Swap => "swap",
        }
    }
}

/// A caption that is almost right, and what was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HardNegative {
    /// The whole edited caption.
    pub caption: String,
    /// What the edit changes.
    pub concept: Concept,
    /// How it was made.
    pub rule: Rule,
    /// First byte of `from` in the positive.
    pub start: usize,
    /// First byte after `from` in the positive.
    pub end: usize,
    /// The stretch of the positive that was taken out.
    pub from: String,
    /// What stands there instead.
    pub to: String,
    /// 1, or how likely it was to be drawn where that was not left to chance ([`Acceptance::Weight`]).
    #[serde(skip, default = "one")]
    pub weight: f32,
}

fn one() -> f32 {
    1.0
}

/// Every negative that replaces the term `idx` of a caption, the most plausible ones in this caption first; of a place or a
/// size its opposite before all others.
pub fn of_term(caption: &Caption, idx: usize) -> Vec<HardNegative> {
    let guard = &Guard::default();
    let mut words = balance().read(caption).ranked(idx, guard);
    if caption.terms()[idx].concept.has_opposites() {
        // The lexicon lists opposites side by side, and behind them what is only written.
        let opposite = alternatives(caption, idx, guard).next().map(|word| word.surface);
        words.sort_by_key(|candidate| Some(candidate.surface()) != opposite);
    }
    words.into_iter().map(|candidate| candidate.apply(caption)).collect()
}

/// Every negative of the given concepts that replaces one term, terms from left to right, no text twice.
pub fn all(caption: &Caption, concepts: &[Concept]) -> Vec<HardNegative> {
    let terms = caption.terms().iter().enumerate();
    let terms = terms.filter(|(_, term)| concepts.contains(&term.concept));
    terms.flat_map(|(idx, _)| of_term(caption, idx)).collect()
}

/// What may be written in place of one term and a guard allows.
fn alternatives(caption: &Caption, idx: usize, guard: &Guard) -> impl Iterator<Item = Alternative<'static>> {
    let term = &caption.terms()[idx];
    lexicon()
        .alternatives(term.senses())
        // "A red car and a blue car" never becomes "a blue car and a blue car".
        .filter(|word| !word.classes.iter().any(|class| caption.mentions(*class)))
        .filter(|word| guard.allows(word.classes))
}

/// The exchanges of one term that a guard allows.
fn replacements<'c>(caption: &'c Caption, idx: usize, guard: &Guard) -> impl Iterator<Item = Candidate<'c>> {
    let term = &caption.terms()[idx];
    alternatives(caption, idx, guard)
        .map(move |word| Candidate::replace(Choice { term, surface: word.surface }))
}

/// How many negatives of one concept a caption is shown against.
const SHOWN_PER_CONCEPT: usize = 4;

/// The negatives that the page and `trainer score` set a caption against: the same for the same text everywhere.
///
/// Of each concept first the opposites of places and sizes, then what a balanced draw gives, then the most plausible
/// words, from term to term.
pub fn shown(caption: &Caption) -> Vec<HardNegative> {
    let text = seed::of_text(caption.text());
    Concept::ALL.into_iter().flat_map(|concept| shown_of(caption, concept, text)).collect()
}

/// The negatives whose edit begins before a byte of their caption: behind it a model reads nothing, and cannot tell them from the
/// caption.
pub fn before(negatives: Vec<HardNegative>, cut_at: Option<usize>) -> Vec<HardNegative> {
    let is_read = |negative: &HardNegative| cut_at.is_none_or(|cut_at| negative.start < cut_at);
    negatives.into_iter().filter(is_read).collect()
}

fn shown_of(caption: &Caption, concept: Concept, text: u64) -> Vec<HardNegative> {
    let concepts = [concept];
    let proposal = Proposal::Balanced(balance(), Acceptance::Rejection);
    let recipe = Recipe { proposal, ..Recipe::replace(&concepts) };
    let drawn = draw(caption, &recipe, SHOWN_PER_CONCEPT, &mut seed::rng(&[text, concept as u64]));
    let terms = (0..caption.terms().len()).filter(|idx| caption.terms()[*idx].concept == concept);
    let plausible: Vec<Vec<HardNegative>> = terms.map(|idx| of_term(caption, idx)).collect();
    let nth = |nth: usize| plausible.iter().filter_map(move |of_term| of_term.get(nth).cloned());
    let opposites = nth(0).filter(|_| concept.has_opposites());
    let mut shown: Vec<HardNegative> = Vec::new();
    for negative in opposites.chain(drawn).chain((0..SHOWN_PER_CONCEPT).flat_map(nth)) {
        if shown.len() < SHOWN_PER_CONCEPT && shown.iter().all(|other| other.caption != negative.caption) {
            shown.push(negative);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(caption: &str, concept: Concept) -> Vec<String> {
        all(&Caption::new(caption), &[concept]).into_iter().map(|n| n.caption).collect()
    }

    #[test]
    fn one_word_is_replaced_and_the_article_repaired() {
        let colors = texts("A red car", Concept::Color);
        assert!(colors.contains(&"A blue car".into()) && colors.contains(&"An orange car".into()));
        let objects = texts("I see an umbrella.", Concept::Object);
        assert!(objects.contains(&"I see a kite.".into()), "{objects:?}");
        assert!(texts("a dog", Concept::Object).contains(&"an elephant".into()));
        assert!(texts("An \"Apple\" on a bus", Concept::Object).contains(&"A \"Banana\" on a bus".into()));
        assert!(texts("in a suit", Concept::Object).contains(&"in a uniform".into()));
    }

    #[test]
    fn the_case_and_the_hyphens_of_the_old_word_are_kept() {
        assert!(texts("Red car", Concept::Color).contains(&"Blue car".into()));
        assert!(texts("RED CAR", Concept::Color).contains(&"BLUE CAR".into()));
        assert!(texts("An Orange Car", Concept::Color).contains(&"A Blue Car".into()));
        assert!(texts("a light-green car", Concept::Color).contains(&"a light-blue car".into()));
    }

    #[test]
    fn a_place_is_answered_by_its_opposite() {
        assert_eq!(texts("a cup to the left of a cat", Concept::Location), ["a cup to the right of a cat"]);
        assert!(texts("a big dog", Concept::Size).contains(&"a small dog".into()));
        assert!(texts("a short man", Concept::Size).contains(&"a tall man".into()));
    }

    #[test]
    fn a_word_that_the_caption_uses_is_not_used_again() {
        let colors = texts("a black and white cow", Concept::Color);
        assert!(
            !colors.contains(&"a white and white cow".into())
                && colors.contains(&"a brown and white cow".into())
        );
    }

    #[test]
    fn what_is_shown_has_the_opposite_and_what_is_plausible_first() {
        let first = |caption: &str, concept: Concept| {
            let shown = shown(&Caption::new(caption));
            shown.into_iter().find(|negative| negative.concept == concept).map(|negative| negative.to)
        };
        assert_eq!(first("a cup on top of a plate", Concept::Location).as_deref(), Some("under"));
        assert_eq!(first("a cat under a table", Concept::Location).as_deref(), Some("above"));
        assert_eq!(first("a tall tree", Concept::Size).as_deref(), Some("short"));
    }

    #[test]
    fn what_is_shown_covers_every_concept_present() {
        let shown = shown(&Caption::new("a small red ball on the left of a blue cup"));
        for concept in Concept::ALL {
            let count = shown.iter().filter(|n| n.concept == concept).count();
            assert!((1..=SHOWN_PER_CONCEPT).contains(&count), "{count} of {concept}");
        }
    }
}
