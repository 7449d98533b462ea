//! What two captions do not share.

/// The words in which two captions differ: what stands between their common beginning and their common end.
pub fn exchanged<'a>(caption: &'a str, negative: &'a str) -> (&'a str, &'a str) {
    let words = |text: &'a str| text.split_inclusive(' ').collect::<Vec<_>>();
    let (ours, theirs) = (words(caption), words(negative));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let begin = ours.iter().zip(&theirs).take_while(same).count();
    let most = ours.len().min(theirs.len()) - begin;
    let end = ours.iter().rev().zip(theirs.iter().rev()).take(most).take_while(same).count();
    let middle = |text: &'a str, words: &[&str]| {
        let start: usize = words[..begin].iter().map(|word| word.len()).sum();
        let stop: usize = words[..words.len() - end].iter().map(|word| word.len()).sum();
        text[start..stop].trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
    };
    (middle(caption, &ours), middle(negative, &theirs))
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
    }
}
