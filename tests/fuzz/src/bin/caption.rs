//! Any text as a caption, and negatives of it: they keep their laws.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::fluency::fluency;
use shared::negative::{self, Acceptance, Guard, Proposal, Recipe, Strategy, balance};
use shared::seed;

fuzz_target!(|text: &str| {
    // A caption, and behind a line break another one of the same image.
    let (text, sibling) = text.split_once('\n').unwrap_or((text, ""));
    let caption = Caption::new(text);
    for term in caption.terms() {
        assert!(!text[term.span.clone()].is_empty());
    }
    let sibling = Caption::new(sibling);
    let guard = Guard::new([&sibling], []);
    let balanced = Proposal::Balanced(balance(), Acceptance::Rejection);
    for (strategy, proposal) in [
        (Strategy::Replace, Proposal::Fluent(fluency())),
        (Strategy::Replace, balanced),
        (Strategy::Swap, Proposal::Fluent(fluency())),
    ] {
        let recipe = Recipe { strategy, guard: Some(&guard), proposal, ..Recipe::replace(&Concept::ALL) };
        let drawn = negative::draw(&caption, &recipe, 3, &mut seed::rng(&[7]));
        assert!(drawn.len() <= 3);
        for negative in drawn {
            assert_ne!(negative.caption, text);
            assert_ne!(negative.caption, sibling.text());
            assert_eq!(&text[negative.start..negative.end], negative.from);
        }
    }
});
