//! What a negation covers. "There are no cars on the street" stays true with buses in place of the cars, so nothing that
//! it covers is ever exchanged.

use super::Caption;
use crate::lexicon::{Word, lexicon};

/// Words that deny only together with the word behind them.
const PHRASES: [(&str, &str); 9] = [
    ("empty", "of"),
    ("free", "of"),
    ("devoid", "of"),
    ("void", "of"),
    ("absence", "of"),
    ("bereft", "of"),
    ("instead", "of"),
    ("rather", "than"),
    ("other", "than"),
];

/// Behind *not*: it adds instead of denying.
const ADDS: [&str; 2] = ["only", "just"];

/// Behind *no*: the words of a sign, which is there.
const SIGNS: [&str; 8] =
    ["parking", "smoking", "entry", "stopping", "standing", "trespassing", "swimming", "left"];

/// Words that begin a clause of their own, which the negation does not reach.
const CONTRASTS: [&str; 9] =
    ["but", "however", "although", "though", "yet", "while", "whereas", "except", "because"];

/// For every word, whether a negation covers it: what stands behind the negation up to the end of its clause.
/// Empty if nothing is denied, as in most captions.
pub(super) fn covered(caption: &Caption, known: &[Word]) -> Vec<bool> {
    let contraction = |word: &str| word.ends_with("n't") || word.ends_with("n’t");
    let negates = |at: usize| match known[at] {
        Word::UNKNOWN => caption.word(at).is_some_and(contraction),
        word => lexicon().closed(word).negates && negates(caption, at),
    };
    let Some(first) = (0..known.len()).find(|at| negates(*at)) else { return Vec::new() };
    let mut covered = vec![false; known.len()];
    let mut inside = false;
    for (at, covered) in covered.iter_mut().enumerate().skip(first) {
        let begins_clause = at > 0 && ends_clause(caption.gap(at - 1));
        inside &= !begins_clause && !caption.word(at).is_some_and(|word| CONTRASTS.contains(&word));
        *covered = inside;
        inside |= negates(at);
    }
    covered
}

/// Whether a word that can deny does so here.
fn negates(caption: &Caption, at: usize) -> bool {
    let word = caption.word(at).unwrap_or("");
    let next = caption.word(at + 1).unwrap_or("");
    match word {
        "not" => !ADDS.contains(&next),
        "no" => !SIGNS.contains(&next),
        _ => PHRASES.iter().all(|(first, _)| *first != word) || PHRASES.contains(&(word, next)),
    }
}

fn ends_clause(gap: &str) -> bool {
    gap.contains(|c: char| !c.is_whitespace() && !matches!(c, '-' | '\'' | '"' | '’' | '“' | '”'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is a caption with the terms that may be exchanged.
    #[test]
    fn what_a_negation_covers_is_not_exchanged() {
        let rows: [(&str, &[&str]); 26] = [
            ("There are no cars on the street.", &[]),
            ("A bench that is not red.", &["bench"]),
            ("There isn't a dog in the picture.", &[]),
            ("There isn’t a dog in the picture.", &[]),
            ("A kitchen without a refrigerator.", &["kitchen"]),
            ("None of the cars are blue.", &[]),
            ("A cat, not a dog, lies on the bed.", &["cat", "bed"]),
            ("A bus stop where no bus is waiting.", &["bus stop"]),
            ("The wall is neither red nor blue.", &["wall"]),
            ("A street empty of cars.", &["street"]),
            ("A beach free of people and dogs", &["beach"]),
            ("a man who lacks a hat", &["man"]),
            ("He never rides a horse.", &[]),
            ("A red bus doesn't stop, a blue car does.", &["red", "bus", "blue", "car"]),
            ("a bed with no pillow but a red blanket", &["bed", "red", "blanket"]),
            ("nothing but grass", &["grass"]),
            ("not only a dog but a cat", &["dog", "cat"]),
            ("a no parking sign next to a red car", &["sign", "next to", "red", "car"]),
            ("a dog instead of a cat", &["dog"]),
            ("no. 7, the red bus", &["red", "bus"]),
            ("a small dog nobody owns", &["small", "dog"]),
            ("the cat cannot see the dog", &["cat"]),
            ("a man on a horse, no hat", &["man", "horse"]),
            ("a plate missing a fork", &["plate"]),
            ("two dogs dont like the cat", &["dogs"]),
            ("a red knot near a note", &["red", "near"]),
        ];
        for (text, expected) in rows {
            let caption = Caption::new(text);
            let terms: Vec<&str> =
                caption.terms().iter().map(|term| caption.lower(term.span.clone())).collect();
            assert_eq!(terms, expected, "in {text:?}");
        }
    }
}
