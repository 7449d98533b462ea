//! The five laws of hard negatives, over generated captions.

use proptest::prelude::*;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::fluency::fluency;
use shared::lexicon::lexicon;
use shared::negative::{
    self, Acceptance, Guard, HardNegative, Proposal, Recipe, Rule, Strategy as Rules, balance,
};
use shared::seed;

/// Captions made of words that matter, words that only look like it, and rubbish.
fn captions() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => prop::sample::select(vec![
            "red", "Orange", "gray", "a", "an", "A", "An", "car", "umbrella", "dogs", "big", "smaller", "left of",
            "to the left of", "on top of", "BLUE", "tiny", "short", "elephant", "egg", "above", "in front of",
            "dark blue", "sheep", "under", "riding", "and", "next to", "teal", "cat", "uniform", "behind", "little",
        ]).prop_map(str::to_owned),
        2 => prop::sample::select(vec![
            "covered", "bored", "cart", "left", "white wine", "hot dog", "the", "is", "his", "standing", "catlike",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ];
    let gap = prop::sample::select(vec![" ", " ", " ", "  ", ", ", ". ", "-", "\n", "’"]);
    prop::collection::vec((word, gap), 0..14)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| word + gap).collect())
}

/// A word without the article that was exchanged with it, in the lexicon's spelling.
fn bare(text: &str) -> String {
    let text = text.to_ascii_lowercase().replace('-', " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_start_matches("an ").trim_start_matches("a ").to_owned()
}

fn check(positive: &str, siblings: &[Caption], negative: &HardNegative) {
    let HardNegative { caption, start, end, from, to, rule, .. } = negative;
    // One: neither the positive nor a sibling.
    assert_ne!(caption, positive);
    assert!(siblings.iter().all(|sibling| sibling.text() != caption));
    // Two: exactly one stretch is exchanged.
    assert_eq!(&positive[*start..*end], from);
    assert_eq!(caption, &format!("{}{to}{}", &positive[..*start], &positive[*end..]));
    // Three: whole words.
    let outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    assert!(outside(positive[..*start].chars().next_back()), "{positive:?} {from:?}");
    assert!(outside(positive[*end..].chars().next()), "{positive:?} {from:?}");
    // An article that stands before what was put in fits it.
    let articles = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let vowel = |word: &str| word.starts_with(['a', 'e', 'i', 'o', 'u']) && !word.starts_with("uni");
        let plain = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase());
        let wrong = |pair: &&[&str]| {
            plain(pair[1]) && ((pair[0] == "a" && vowel(pair[1])) || (pair[0] == "an" && !vowel(pair[1])))
        };
        words.windows(2).filter(wrong).count()
    };
    assert!(articles(caption) <= articles(positive), "{caption:?} of {positive:?}");
    // Four: what was put in never looks like what it replaces, nor like anything that is known to be there.
    if *rule == Rule::Replace {
        assert!(!lexicon().look_alike(&bare(from), &bare(to)), "{from} and {to}");
        let read = Caption::new(positive);
        for known in std::iter::once(&read).chain(siblings) {
            for term in known.terms() {
                let term = bare(known.lower(term.span.clone()));
                assert!(term != bare(to), "{to} is said by {:?}", known.text());
            }
        }
    }
}

proptest! {
    #[test]
    fn every_negative_keeps_the_laws(text in captions()) {
        for negative in negative::all(&Caption::new(text.as_str()), &Concept::ALL) {
            check(&text, &[], &negative);
        }
    }

    #[test]
    fn a_draw_is_made_of_different_negatives_and_repeats_under_its_seed(
        texts in prop::collection::vec(captions(), 1..4),
        strategy in prop::sample::select(vec![Rules::Replace, Rules::Swap, Rules::Mixed]),
        proposal in prop::sample::select(vec![
            Proposal::Uniform,
            Proposal::Fluent(fluency()),
            Proposal::Balanced(balance(), Acceptance::Rejection),
            Proposal::Balanced(balance(), Acceptance::Weight),
        ]),
        stream: u64,
    ) {
        let captions: Vec<Caption> = texts.into_iter().map(Caption::new).collect();
        let (caption, siblings) = (&captions[0], &captions[1..]);
        let guard = Guard::new(siblings, ["dog"]);
        let recipe = Recipe { strategy, guard: Some(&guard), proposal, ..Recipe::replace(&Concept::ALL) };
        let draw = || negative::draw(caption, &recipe, 6, &mut seed::rng(&[stream]));
        let drawn = draw();
        prop_assert_eq!(&drawn, &draw());
        prop_assert!(drawn.len() <= 6);
        for (idx, negative) in drawn.iter().enumerate() {
            check(caption.text(), siblings, negative);
            prop_assert!(negative.rule == Rule::Swap || bare(&negative.to) != "dog");
            prop_assert!(drawn[..idx].iter().all(|other| other.caption != negative.caption));
        }
    }

    #[test]
    fn nothing_is_exchanged_that_a_negation_covers(
        before in prop::sample::select(vec!["a red car", "two dogs on a big bed", "The cat is under the table", ""]),
        negation in prop::sample::select(vec![
            "no", "not", "without", "isn't", "isn’t", "never", "nor", "none of the", "empty of", "free of", "lacks",
        ]),
        covered in prop::sample::select(vec!["cars", "a blue bus", "dogs on top of a small box", "a cat next to a dog"]),
        behind in prop::sample::select(vec!["", ", a green bird", " but a white sheep", ". A tall tree."]),
    ) {
        let text = format!("{before} {negation} {covered}{behind}");
        let text = text.trim_start();
        let scope = text.rfind(covered).expect("it is there");
        let scope = scope..scope + covered.len();
        let negatives = negative::all(&Caption::new(text), &Concept::ALL);
        for negative in &negatives {
            prop_assert!(negative.end <= scope.start || negative.start >= scope.end, "{text:?} becomes {negative:?}");
        }
        // And nothing else is left out.
        prop_assert_eq!(before.is_empty(), !negatives.iter().any(|negative| negative.end <= scope.start));
        prop_assert_eq!(behind.is_empty(), !negatives.iter().any(|negative| negative.start >= scope.end));
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

/// What the page shows for some captions, as text that a reader can check; the browser tests compare with the same file.
/// `UPDATE_EXPECT=1 cargo test` writes it anew.
#[test]
fn the_same_captions_have_these_negatives_on_every_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    let captions =
        std::fs::read_to_string(format!("{folder}/captions.txt")).expect("a file of the repository");
    let mut found = String::new();
    for caption in captions.lines().take(100) {
        found += &format!("{caption}\n");
        for negative in negative::shown(&Caption::new(caption)) {
            found += &format!("    {}: {} → {}\n", negative.concept, negative.from, negative.to);
        }
    }
    expect_test::expect_file!["golden/negatives.txt"].assert_eq(&found);
}
