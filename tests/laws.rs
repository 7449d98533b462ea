//! The four laws of hard negatives, over generated captions.

use proptest::prelude::*;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::lexicon::lexicon;
use shared::negative::{self, Negative};
use shared::seed;

/// Captions made of words that matter, words that only look like it, and rubbish.
fn captions() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "red", "Orange", "gray", "a", "an", "A", "An", "car", "umbrella", "dogs", "big", "smaller", "left of",
            "to the left of", "on top of", "BLUE", "tiny", "short", "elephant", "egg", "above", "in front of",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec!["covered", "bored", "cart", "left", "white wine", "hot dog", "the", "is"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    let gap = prop::sample::select(vec![" ", "  ", ", ", ". ", "-", "\n", "’"]);
    prop::collection::vec((word, gap), 0..12)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| word + gap).collect())
}

fn check(positive: &str, negative: &Negative) {
    let Negative { caption, start, end, from, to, .. } = negative;
    // One: never the positive itself.
    assert_ne!(caption, positive);
    // Two: exactly one stretch is exchanged.
    assert_eq!(&positive[*start..*end], from);
    assert_eq!(caption, &format!("{}{to}{}", &positive[..*start], &positive[*end..]));
    // Three: whole words.
    let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    assert!(outside(positive[..*start].chars().next_back()), "{positive:?} {from:?}");
    assert!(outside(positive[*end..].chars().next()), "{positive:?} {from:?}");
    // And what was exchanged never looks like what it replaces.
    let term = |text: &str| {
        let text = text.to_lowercase();
        text.trim_start_matches("an ").trim_start_matches("a ").to_owned()
    };
    assert!(!lexicon().look_alike(&term(from), &term(to)), "{from} and {to}");
}

proptest! {
    #[test]
    fn every_negative_keeps_the_laws(text in captions()) {
        for negative in negative::all(&Caption::new(text.as_str()), &Concept::ALL) {
            check(&text, &negative);
        }
    }

    #[test]
    fn a_draw_is_made_of_different_negatives_and_repeats_under_its_seed(text in captions(), stream: u64) {
        let caption = Caption::new(text.as_str());
        let draw = || negative::draw(&caption, &Concept::ALL, 6, &mut seed::rng(&[stream]));
        let drawn = draw();
        prop_assert_eq!(&drawn, &draw());
        prop_assert!(drawn.len() <= 6);
        for (idx, negative) in drawn.iter().enumerate() {
            check(&text, negative);
            prop_assert!(drawn[..idx].iter().all(|other| other.caption != negative.caption));
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*") {
        let caption = Caption::new(text.as_str());
        for term in caption.terms() {
            prop_assert!(text.get(term.span.clone()).is_some());
        }
        negative::shown(&caption);
    }
}

#[test]
fn the_same_seed_gives_these_negatives_on_every_target() {
    let drawn = negative::draw(
        &Caption::new("a small red ball on the left of a blue cup"),
        &Concept::ALL,
        4,
        &mut seed::rng(&[7]),
    );
    let found: Vec<&str> = drawn.iter().map(|negative| negative.caption.as_str()).collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [&str; 4] = [
    "a small red ball on the right of a blue cup",
    "a large red ball on the left of a blue cup",
    "a small red ball on the left of a brown cup",
    "a small red star on the left of a blue cup",
];
