//! One stretch of a caption exchanged for other words, with case, hyphens and article kept right.

use std::ops::Range;

use super::{HardNegative, Rule};
use crate::caption::{Caption, Term};
use crate::concept::Concept;
use crate::fluency::{EDGE, Fluency};

/// A negative that has not been written out yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'c> {
    first: Choice<'c>,
    /// The other half of a swap, further right.
    second: Option<Choice<'c>>,
}

/// A term and the words that are to stand in its place, lower case, joined by single spaces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'c> {
    pub term: &'c Term,
    pub surface: &'c str,
}

/// A choice fitted into its caption.
struct Exchange<'c> {
    choice: Choice<'c>,
    /// The words taken out, with the article before them if it must change.
    words: Range<usize>,
    span: Range<usize>,
    /// The article that replaces the one taken out.
    article: Option<&'static str>,
}

impl<'c> Exchange<'c> {
    fn new(caption: &Caption, choice: Choice<'c>) -> Self {
        let Choice { term, surface } = choice;
        let mut exchange =
            Exchange { choice, words: term.words.clone(), span: term.span.clone(), article: None };
        let old = term.words.start.checked_sub(1).and_then(|before| caption.word(before));
        let new = if starts_with_vowel_sound(surface) { "an" } else { "a" };
        let before = &caption.text()[..term.span.start];
        // Of "an, blue" the article belongs to something else; quotation marks and brackets may open in between.
        let opens = |c: char| c.is_whitespace() || "\"'“‘(".contains(c);
        let up_to_article = before.trim_end_matches(opens);
        let gap = &before[up_to_article.len()..];
        let beside = up_to_article.ends_with(char::is_alphanumeric) && gap.contains(char::is_whitespace);
        if let Some(old @ ("a" | "an")) = old
            && old != new
            && beside
        {
            exchange.words.start -= 1;
            exchange.span.start = up_to_article.len() - old.len();
            exchange.article = Some(new);
        }
        exchange
    }

    /// What is written in place of the span.
    fn written(&self, caption: &Caption) -> String {
        let old = &caption.text()[self.choice.term.span.clone()];
        let mut word = with_case_of(old, self.choice.surface);
        if old.contains('-') && !old.contains(char::is_whitespace) {
            word = word.replace(' ', "-");
        }
        match self.article {
            Some(article) => {
                let taken_out = &caption.text()[self.span.start..self.choice.term.span.start];
                let gap = taken_out.trim_start_matches(char::is_alphabetic);
                format!("{}{gap}{word}", with_case_of(taken_out, article))
            }
            None => word,
        }
    }

    /// How much likelier the caption becomes as English.
    fn odds(&self, text: &Numbered) -> f64 {
        let Numbered { fluency, ids, steps, longer } = text;
        // Word `n` of the caption has place `n + 1`, behind the edge.
        let (before, behind) = (ids[self.words.start], ids[self.words.end + 1]);
        let new = self.article.into_iter().chain(self.choice.surface.split(' ')).map(|word| fluency.id(word));
        let new = fluency.probability(std::iter::once(before).chain(new).chain([behind]));
        let old: f64 = steps[self.words.start..=self.words.end].iter().product();
        let taken_out = self.words.len() - usize::from(self.article.is_some());
        let put_in = self.choice.surface.split(' ').count();
        let odds = new / old;
        if put_in == taken_out {
            return odds;
        }
        // Whoever weighs whole captions prefers short ones, whoever weighs them by the word long ones: for both, then.
        odds * libm::pow(*longer, put_in as f64 - taken_out as f64).min(1.0)
    }
}

/// A caption in the numbers of a table, the edge of the caption before and behind it.
pub(super) struct Numbered<'f> {
    fluency: &'f Fluency,
    ids: Vec<u16>,
    /// The probability of each number behind the one before it.
    steps: Vec<f64>,
    /// By how much likelier a caption of one word more may be held: one over the mean probability of a word.
    longer: f64,
}

impl<'f> Numbered<'f> {
    pub fn new(caption: &Caption, fluency: &'f Fluency) -> Self {
        let words = caption.words().map(|word| fluency.id(word));
        let ids: Vec<u16> = std::iter::once(EDGE).chain(words).chain([EDGE]).collect();
        let steps: Vec<f64> = ids.windows(2).map(|pair| fluency.behind(pair[0], pair[1])).collect();
        let longer = libm::pow(steps.iter().product(), -1.0 / steps.len() as f64);
        Numbered { fluency, ids, steps, longer }
    }
}

impl<'c> Candidate<'c> {
    pub fn replace(choice: Choice<'c>) -> Self {
        Candidate { first: choice, second: None }
    }

    pub fn swap(first: Choice<'c>, second: Choice<'c>) -> Self {
        Candidate { first, second: Some(second) }
    }

    pub fn concept(&self) -> Concept {
        self.first.term.concept
    }

    /// The new words; of a swap those further left.
    pub fn surface(&self) -> &'c str {
        self.first.surface
    }

    /// How much likelier the caption becomes as English: above one, a reader of text alone would take the negative
    /// for the original.
    pub fn odds(&self, caption: &Caption, text: &Numbered) -> f64 {
        let choices = std::iter::once(self.first).chain(self.second);
        choices.map(|choice| Exchange::new(caption, choice).odds(text)).product()
    }

    pub fn apply(&self, caption: &Caption) -> HardNegative {
        let text = caption.text();
        let first = Exchange::new(caption, self.first);
        let (start, mut end) = (first.span.start, first.span.end);
        let mut to = first.written(caption);
        if let Some(second) = self.second {
            let second = Exchange::new(caption, second);
            to.push_str(&text[end..second.span.start]);
            to.push_str(&second.written(caption));
            end = second.span.end;
        }
        let mut edited = String::with_capacity(text.len() + to.len());
        edited.push_str(&text[..start]);
        edited.push_str(&to);
        edited.push_str(&text[end..]);
        HardNegative {
            caption: edited,
            concept: self.concept(),
            rule: if self.second.is_some() { Rule::Swap } else { Rule::Replace },
            start,
            end,
            from: text[start..end].to_owned(),
            to,
            weight: 1.0,
        }
    }
}

/// `word` in the case of `model`: all capitals, first capital or as it is.
fn with_case_of(model: &str, word: &str) -> String {
    let mut letters = model.chars().filter(|c| c.is_alphabetic());
    let first_is_upper = letters.next().is_some_and(char::is_uppercase);
    // Two capitals are an abbreviation (TV), not a caption that shouts.
    if first_is_upper && letters.clone().count() > 1 && letters.all(char::is_uppercase) {
        return word.to_uppercase();
    }
    match (first_is_upper, word.chars().next()) {
        (true, Some(first)) => first.to_uppercase().chain(word[first.len_utf8()..].chars()).collect(),
        _ => word.to_owned(),
    }
}

/// Whether *an* goes before the word. Enough for the words of the lexicon: the vowels that are spelt but not spoken
/// are those of *uniform* and *one*.
pub(crate) fn starts_with_vowel_sound(word: &str) -> bool {
    word.starts_with(['a', 'e', 'i', 'o', 'u']) && !word.starts_with("uni") && !word.starts_with("one")
}
