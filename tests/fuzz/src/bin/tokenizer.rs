//! Any text in tokens, and any file as a tokenizer.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::tokenizer::{Cleaning, TokenBatch, Tokenizer};

static OURS: LazyLock<Tokenizer> = LazyLock::new(|| {
    Tokenizer::train(["a red car left of a blue cup", "an orange"].into_iter(), 300).expect("a tokenizer")
});

const CLEANINGS: [Cleaning; 4] =
    [Cleaning::OpenClip, Cleaning::OpenClipCanonical, Cleaning::Canonical, Cleaning::Lower];

static CLEANING: LazyLock<Vec<Tokenizer>> =
    LazyLock::new(|| CLEANINGS.map(|cleaning| OURS.clone().with_cleaning(cleaning)).to_vec());

fuzz_target!(|text: &str| {
    let tokens = OURS.encode(text, 77).expect("tokens");
    assert!((2..=77).contains(&tokens.ids().len()));
    for cleaning in CLEANING.iter() {
        let cut_at = cleaning.encode(text, 7).expect("tokens").cut_at;
        assert!(cut_at.is_none_or(|at| text.is_char_boundary(at)));
    }
    let cleaned = Cleaning::OpenClip.clean(text);
    assert_eq!(cleaned.trim(), cleaned);
    let batch = TokenBatch::of(&[tokens.clone(), tokens]);
    assert_eq!(batch.ids.len(), 2 * batch.length);
    if let Ok(theirs) = Tokenizer::from_json(text) {
        _ = theirs.encode("a red car", 77);
    }
});
