//! Hard negatives: captions that are almost right (arXiv 2403.02875).
//!
//! The rule *replace* exchanges one term for another of the same concept. Four laws hold for every negative:
//! 1. it never equals its positive;
//! 2. it is the positive with exactly one stretch exchanged: `positive[..start] + to + positive[end..]`;
//! 3. the stretch is made of whole words;
//! 4. the same seed gives the same negatives on every target.
//!
//! An indefinite article that the new word makes wrong is part of the stretch: `a red` → `an orange`.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::caption::{Caption, Term};
use crate::concept::Concept;
use crate::lexicon::lexicon;
use crate::seed;

/// How a negative was made from its positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// One term replaced by another of the same concept.
    Replace,
}

/// A caption that is almost right, and what was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negative {
    /// The whole edited caption.
    pub caption: String,
    /// What the edit changes.
    pub concept: Concept,
    /// How it was made.
    pub rule: Rule,
    /// First byte of `from` in the positive.
    pub start: usize,
    /// First byte after `from` in the positive.
    pub end: usize,
    /// The stretch of the positive that was taken out.
    pub from: String,
    /// What stands there instead.
    pub to: String,
}

/// Every negative of the given concepts that the lexicon allows, terms from left to right, no text twice.
pub fn all(caption: &Caption, concepts: &[Concept]) -> Vec<Negative> {
    let mut negatives: Vec<Negative> = Vec::new();
    for term in caption.terms().iter().filter(|term| concepts.contains(&term.concept)) {
        for &sense in term.senses() {
            for word in lexicon().replacements(sense) {
                let negative = replace(caption.text(), term, word);
                let repeated = negatives.iter().any(|known| known.caption == negative.caption);
                if negative.caption != caption.text() && !repeated {
                    negatives.push(negative);
                }
            }
        }
    }
    negatives
}

/// At most `count` different negatives, drawn so that each concept present has an equal chance at every draw.
pub fn draw(caption: &Caption, concepts: &[Concept], count: usize, rng: &mut impl Rng) -> Vec<Negative> {
    draw_where(caption, concepts, count, rng, |_| true)
}

/// Like [`draw`], from those negatives that `keep` allows.
pub fn draw_where(
    caption: &Caption,
    concepts: &[Concept],
    count: usize,
    rng: &mut impl Rng,
    keep: impl Fn(&Negative) -> bool,
) -> Vec<Negative> {
    let mut pools: Vec<Vec<Negative>> = concepts
        .iter()
        .map(|&concept| all(caption, &[concept]).into_iter().filter(&keep).collect())
        .filter(|pool: &Vec<Negative>| !pool.is_empty())
        .collect();
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count && !pools.is_empty() {
        let pool = rng.random_range(0..pools.len() as u32) as usize;
        let pick = rng.random_range(0..pools[pool].len() as u32) as usize;
        drawn.push(pools[pool].remove(pick));
        if pools[pool].is_empty() {
            pools.remove(pool);
        }
    }
    drawn
}

/// How many negatives of one concept a caption is shown against.
const SHOWN_PER_CONCEPT: usize = 4;

/// The negatives that the page and `trainer score` set a caption against: the same for the same text everywhere.
pub fn shown(caption: &Caption) -> Vec<Negative> {
    let text = seed::of_text(caption.text());
    Concept::ALL
        .into_iter()
        .flat_map(|concept| {
            draw(caption, &[concept], SHOWN_PER_CONCEPT, &mut seed::rng(&[text, concept as u64]))
        })
        .collect()
}

fn replace(text: &str, term: &Term, word: &str) -> Negative {
    let old = &text[term.span.clone()];
    let word = with_case_of(old, word);
    let (start, to) = match wrong_article(&text[..term.span.start], &word) {
        Some((article_start, article)) => {
            let gap = &text[article_start..term.span.start];
            let gap = gap.trim_start_matches(char::is_alphabetic);
            (article_start, format!("{article}{gap}{word}"))
        }
        None => (term.span.start, word),
    };
    let end = term.span.end;
    Negative {
        caption: format!("{}{to}{}", &text[..start], &text[end..]),
        concept: term.concept,
        rule: Rule::Replace,
        start,
        end,
        from: text[start..end].to_owned(),
        to,
    }
}

/// `word` in the case of `model`: all capitals, first capital or as it is.
fn with_case_of(model: &str, word: &str) -> String {
    let mut letters = model.chars().filter(|c| c.is_alphabetic());
    let first_is_upper = letters.next().is_some_and(char::is_uppercase);
    let mut rest = letters.peekable();
    if first_is_upper && rest.peek().is_some() && rest.all(char::is_uppercase) {
        return word.to_uppercase();
    }
    match (first_is_upper, word.chars().next()) {
        (true, Some(first)) => first.to_uppercase().chain(word[first.len_utf8()..].chars()).collect(),
        _ => word.to_owned(),
    }
}

/// Where an article stands at the end of `before` that does not fit `word`, and the one that does.
fn wrong_article(before: &str, word: &str) -> Option<(usize, &'static str)> {
    let trimmed = before.trim_end();
    if trimmed.len() == before.len() {
        return None;
    }
    let start = trimmed
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |at| at + trimmed[at..].chars().next().map_or(0, char::len_utf8));
    let fits_vowel = starts_with_vowel_sound(word);
    match (&trimmed[start..], fits_vowel) {
        ("a", true) => Some((start, "an")),
        ("A", true) => Some((start, "An")),
        ("an", false) => Some((start, "a")),
        ("An" | "AN", false) => Some((start, "A")),
        _ => None,
    }
}

/// Whether *an* goes before the word. Enough for the words of the lexicon, all of which are spelt as they sound.
fn starts_with_vowel_sound(word: &str) -> bool {
    word.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(caption: &str, concept: Concept) -> Vec<String> {
        all(&Caption::new(caption), &[concept]).into_iter().map(|n| n.caption).collect()
    }

    #[test]
    fn one_word_is_replaced_and_the_article_repaired() {
        let colors = texts("A red car", Concept::Color);
        assert!(colors.contains(&"A blue car".into()) && colors.contains(&"An orange car".into()));
        let objects = texts("I see an umbrella.", Concept::Object);
        assert!(objects.contains(&"I see a hat.".into()));
        assert!(texts("a dog", Concept::Object).contains(&"an elephant".into()));
    }

    #[test]
    fn the_case_of_the_old_word_is_kept() {
        assert!(texts("Red car", Concept::Color).contains(&"Blue car".into()));
        assert!(texts("RED CAR", Concept::Color).contains(&"BLUE CAR".into()));
        assert!(texts("An Orange Car", Concept::Color).contains(&"A Blue Car".into()));
    }

    #[test]
    fn a_place_is_answered_by_its_opposite() {
        assert_eq!(texts("a cup to the left of a cat", Concept::Location), ["a cup to the right of a cat"]);
        assert_eq!(texts("a big dog", Concept::Size), ["a small dog"]);
    }

    #[test]
    fn a_draw_is_repeatable_and_has_no_text_twice() {
        let caption = Caption::new("a small red ball on the left of a blue cup");
        let first = draw(&caption, &Concept::ALL, 9, &mut seed::rng(&[7]));
        assert_eq!(first, draw(&caption, &Concept::ALL, 9, &mut seed::rng(&[7])));
        assert_eq!(first.len(), 9);
        for (idx, negative) in first.iter().enumerate() {
            assert!(first[..idx].iter().all(|other| other.caption != negative.caption));
        }
        assert!(draw(&Caption::new("nothing to see"), &Concept::ALL, 9, &mut seed::rng(&[7])).is_empty());
    }

    #[test]
    fn what_is_shown_covers_every_concept_present() {
        let shown = shown(&Caption::new("a small red ball on the left of a blue cup"));
        for concept in Concept::ALL {
            let count = shown.iter().filter(|n| n.concept == concept).count();
            assert!((1..=SHOWN_PER_CONCEPT).contains(&count), "{count} of {concept}");
        }
    }
}
