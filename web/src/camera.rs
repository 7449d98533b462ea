//! What a sentence asks of a camera: the sentence, and the same with its first term exchanged.

use shared::caption::{Caption, Term};
use shared::concept::Concept;
use shared::negative;

use crate::words::without_article;

/// A word, and the caption that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word.
    pub word: String,
    /// The whole caption.
    pub caption: String,
}

/// The sentence's own word first, then what can stand in its place: of a color if it names one, else of its first term. Nothing if
/// it has no term.
pub fn choices(sentence: &str) -> Vec<Choice> {
    /// More than eleven colors nobody can read at a glance.
    const MOST: usize = 11;
    let caption = Caption::new(sentence);
    let is_color = |term: &Term| term.concept == Concept::Color;
    let at = caption.terms().iter().position(is_color).unwrap_or(0);
    let Some(term) = caption.terms().get(at) else { return Vec::new() };
    let own = Choice { word: sentence[term.span.clone()].to_owned(), caption: sentence.to_owned() };
    let others = negative::of_term(&caption, at).into_iter();
    let others = others
        .map(|negative| Choice { word: without_article(&negative.to).to_owned(), caption: negative.caption });
    std::iter::once(own).chain(others).take(MOST).collect()
}

/// The places of the largest numbers, the largest first.
pub fn ranked(similarities: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..similarities.len()).collect();
    order.sort_by(|a, b| similarities[*b].total_cmp(&similarities[*a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_competes_with_itself_in_other_words() {
        let found = choices("a person in a red shirt");
        assert_eq!((&*found[0].word, &*found[0].caption), ("red", "a person in a red shirt"));
        let orange = found.iter().find(|choice| choice.word == "orange").expect("another color");
        assert_eq!(orange.caption, "a person in an orange shirt");
        assert_eq!(choices("a dog")[0].word, "dog");
        assert_eq!(choices("lovely weather"), []);
    }

    #[test]
    fn the_largest_comes_first() {
        assert_eq!(ranked(&[0.1, 0.5, -0.2]), [1, 0, 2]);
    }
}
