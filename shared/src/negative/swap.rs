//! The rule *swap*: two terms of one concept trade places, where that changes what the caption says.

use super::exchange::{Candidate, Choice};
use crate::caption::{Caption, Term};
use crate::concept::Concept;
use crate::lexicon::lexicon;

/// Words between two nouns after which it matters which comes first.
const ONE_WAY: [&str; 30] = [
    "on",
    "onto",
    "under",
    "above",
    "below",
    "beneath",
    "behind",
    "over",
    "riding",
    "rides",
    "ride",
    "chasing",
    "chases",
    "carrying",
    "carries",
    "holding",
    "holds",
    "pulling",
    "pulls",
    "pushing",
    "pushes",
    "following",
    "follows",
    "licking",
    "biting",
    "bites",
    "feeding",
    "catching",
    "catches",
    "petting",
];

/// Words between two terms that join them as equals: "red and blue" is "blue and red".
const EQUALS: [&str; 7] = ["and", "or", "&", "with", "by", "next", "near"];

/// Every swap of two terms of a concept.
pub(super) fn swaps(caption: &Caption, concept: Concept) -> impl Iterator<Item = Candidate<'_>> {
    let terms = move || caption.terms().iter().filter(move |term| term.concept == concept);
    let pairs = terms()
        .enumerate()
        .flat_map(move |(nth, first)| terms().skip(nth + 1).map(move |second| (first, second)));
    pairs.filter(|(first, second)| changes_what_is_said(caption, first, second)).map(
        move |(first, second)| {
            Candidate::swap(
                Choice { term: first, surface: caption.lower(second.span.clone()) },
                Choice { term: second, surface: caption.lower(first.span.clone()) },
            )
        },
    )
}

fn changes_what_is_said(caption: &Caption, first: &Term, second: &Term) -> bool {
    let different = !first.senses().iter().any(|sense| second.looks_like(sense.class()));
    let one_form = first.senses()[0].form() == second.senses()[0].form();
    let between: Vec<&str> =
        (first.words.end..second.words.start).filter_map(|word| caption.word(word)).collect();
    // Commas list equals, and hyphens make one word of two.
    let plain = !caption.text()[first.span.end..second.span.start].contains(['-', ',', '.']);
    let one_line =
        [first, second].iter().all(|term| !caption.text()[term.span.clone()].contains(['-', '\n']));
    different
        && exchangeable(first, second)
        && one_form
        && plain
        && one_line
        && match first.concept {
            // The words behind them are what they describe; of one and the same thing all the colors are true.
            concept if concept.is_attribute() => {
                let described = [first, second].map(|term| caption.word(term.words.end));
                let bound =
                    |word: Option<&str>| word.is_some_and(|word| !EQUALS.contains(&word) && word != "in");
                between.len() > 1 && described[0] != described[1] && described.into_iter().all(bound)
            }
            Concept::Location => true,
            _ => {
                let counted =
                    |term: &Term| term.senses().iter().all(|sense| lexicon().is_counted(sense.class()));
                counted(first)
                    && counted(second)
                    && determined(caption, first) == determined(caption, second)
                    && between.iter().any(|word| ONE_WAY.contains(word))
                    && !between.iter().any(|word| EQUALS.contains(word))
            }
        }
}

/// Whether each of two terms could replace the other.
fn exchangeable(first: &Term, second: &Term) -> bool {
    lexicon()
        .alternatives(first.senses())
        .any(|word| word.classes.iter().any(|class| second.looks_like(*class)))
}

/// Whether an article or the like stands before a noun.
fn determined(caption: &Caption, term: &Term) -> bool {
    let before = term.words.start.checked_sub(1).and_then(|word| caption.word(word));
    matches!(before, Some("a" | "an" | "the" | "one" | "his" | "her" | "its" | "their"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swapped(text: &str) -> Vec<String> {
        let caption = Caption::new(text);
        let swaps = Concept::ALL.into_iter().flat_map(|concept| swaps(&caption, concept).collect::<Vec<_>>());
        swaps.map(|swap| swap.apply(&caption).caption).collect()
    }

    #[test]
    fn terms_trade_places_with_their_articles_and_capitals() {
        assert_eq!(swapped("an orange cat sees a red bus"), ["a red cat sees an orange bus"]);
        assert_eq!(swapped("Monkey riding elephant"), ["Elephant riding monkey"]);
        assert_eq!(swapped("a big dog watches a small cat").len(), 1);
        assert_eq!(
            swapped("a cup on the left and a plate on the right"),
            ["a cup on the right and a plate on the left"]
        );
    }

    #[test]
    fn a_swap_that_says_the_same_is_not_made() {
        for same in [
            "a black and white cow",
            "a red, blue and green kite",
            "a dog and a cat",
            "a dog next to a cat",
            "a red car and a blue car",
            "two dogs on a couch",
            "a dog on the snow",
            "a dog chasing a puppy",
        ] {
            assert_eq!(swapped(same), Vec::<String>::new(), "{same}");
        }
    }
}
