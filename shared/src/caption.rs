//! A caption, split into words, with the terms that name a visual concept marked.

use std::ops::Range;

use crate::concept::Concept;
use crate::lexicon::{Sense, lexicon};

/// A caption and the terms found in it. Terms are whole words, never overlap, and stand in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    text: String,
    terms: Vec<Term>,
}

/// One term of a caption: a word or phrase of the lexicon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where it stands, in bytes of the caption.
    pub span: Range<usize>,
    /// The concept it names.
    pub concept: Concept,
    senses: Vec<Sense>,
}

impl Term {
    /// What the term can mean; at least one meaning, all of the same concept.
    pub fn senses(&self) -> &[Sense] {
        &self.senses
    }
}

impl Caption {
    /// Finds the terms of `text`: at each word the longest phrase of the lexicon, in one pass from the left.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let words = words(&text);
        let mut terms = Vec::new();
        let mut at = 0;
        while at < words.len() {
            match longest_phrase(&text, &words[at..]) {
                Some((length, senses)) => {
                    let span = words[at].start..words[at + length - 1].end;
                    if let Some(first) = senses.first() {
                        terms.push(Term { span, concept: first.concept(), senses: senses.to_vec() });
                    }
                    at += length;
                }
                None => at += 1,
            }
        }
        Caption { text, terms }
    }

    /// The caption as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The terms, from left to right.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }
}

/// The byte ranges of the words: runs of letters and digits, with apostrophes inside.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if !c.is_alphanumeric() {
            continue;
        }
        let mut end = start + c.len_utf8();
        while let Some(&(at, c)) = chars.peek() {
            let inside = c.is_alphanumeric()
                || (is_apostrophe(c) && text[at + c.len_utf8()..].starts_with(char::is_alphanumeric));
            if !inside {
                break;
            }
            end = at + c.len_utf8();
            chars.next();
        }
        words.push(start..end);
    }
    words
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

/// The longest phrase of the lexicon that the words begin with: its number of words and its meanings.
fn longest_phrase(text: &str, words: &[Range<usize>]) -> Option<(usize, &'static [Sense])> {
    let mut phrase = String::new();
    let mut longest = None;
    for (idx, word) in words.iter().take(lexicon().longest_words()).enumerate() {
        if idx > 0 {
            // Punctuation ends a phrase: in "on top, of course" nothing is on top of anything.
            let gap = &text[words[idx - 1].end..word.start];
            if !gap.chars().all(|c| c.is_whitespace() || c == '-') {
                break;
            }
            phrase.push(' ');
        }
        phrase.extend(text[word.clone()].chars().flat_map(char::to_lowercase));
        if let Some(senses) = lexicon().senses(&phrase) {
            longest = Some((idx + 1, senses));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Concept)]) {
        let caption = Caption::new(text);
        let found: Vec<_> = caption.terms().iter().map(|t| (&text[t.span.clone()], t.concept)).collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn terms_are_whole_words_in_any_case() {
        use Concept::*;
        check("A RED car", &[("RED", Color), ("car", Object)]);
        check("a covered, tanned and standing bystander", &[]);
        check("The dog's red-brown ball.", &[("red", Color), ("brown", Color), ("ball", Object)]);
        check("", &[]);
        check("🚗 ist größer", &[]);
    }

    #[test]
    fn the_longest_phrase_wins() {
        use Concept::*;
        check(
            "a cup to the left of a cat",
            &[("cup", Object), ("to the left of", Location), ("cat", Object)],
        );
        check("it sits on top of the box", &[("on top of", Location), ("box", Object)]);
        check("a book on top, of course", &[("book", Object)]);
    }

    #[test]
    fn phrases_that_only_look_like_terms_are_passed_over() {
        use Concept::*;
        check("a glass of white wine", &[]);
        check("a hot dog and a dog", &[("dog", Object)]);
        check("he left the house", &[("house", Object)]);
    }
}
