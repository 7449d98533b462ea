//! What two captions do not share.

use std::ops::Range;

/// The words in which two captions differ: what stands between their common beginning and their common end.
pub fn exchanged<'a>(caption: &'a str, negative: &'a str) -> (&'a str, &'a str) {
    let [ours, theirs] = exchanged_spans(caption, negative);
    (&caption[ours], &negative[theirs])
}

/// Where these words stand in the caption and in its negative, in bytes.
pub fn exchanged_spans<'a>(caption: &'a str, negative: &'a str) -> [Range<usize>; 2] {
    let words = |text: &'a str| text.split_inclusive(' ').collect::<Vec<_>>();
    let (ours, theirs) = (words(caption), words(negative));
    // The last word of a caption has no space behind it.
    let same = |(a, b): &(&&str, &&str)| a.trim_end() == b.trim_end();
    let begin = ours.iter().zip(&theirs).take_while(same).count();
    let most = ours.len().min(theirs.len()) - begin;
    let end = ours.iter().rev().zip(theirs.iter().rev()).take(most).take_while(same).count();
    let middle = |text: &'a str, words: &[&str]| {
        let start: usize = words[..begin].iter().map(|word| word.len()).sum();
        let stop: usize = words[..words.len() - end].iter().map(|word| word.len()).sum();
        let is_around = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
        let part = &text[start..stop];
        let begin = start + part.len() - part.trim_start_matches(is_around).len();
        begin..begin + part.trim_matches(is_around).len()
    };
    [middle(caption, &ours), middle(negative, &theirs)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_exchanged_is_found_between_what_stayed() {
        assert_eq!(exchanged("a red car.", "a blue car."), ("red", "blue"));
        assert_eq!(exchanged("a car left of a cup", "a car right of a cup"), ("left", "right"));
        assert_eq!(exchanged("a red car", "an orange car"), ("a red", "an orange"));
        assert_eq!(exchanged("a cup.", "a hat."), ("cup", "hat"));
        assert_eq!(exchanged("a red car", "a red car with a dog"), ("", "with a dog"));
        assert_eq!(exchanged_spans("a cat on a cat", "a cat on a dog"), [11..14, 11..14]);
        assert_eq!(exchanged_spans("a cup.", "a cup ."), [2..5, 2..5]);
        assert_eq!(exchanged_spans("a cup", "a cup"), [5..5, 5..5]);
    }
}
