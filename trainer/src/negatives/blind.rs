//! Judges that never see the image: how far text alone gives away which caption was edited.

use std::borrow::Cow;

use serde::Serialize;
use shared::caption::Caption;
use shared::fluency::{Fluency, fluency};
use shared::seed;

use crate::dataset::captions::{Captions, image_number};
use crate::statistics::Share;

/// Parts that the captions are split into; each is judged by what was learned from the others.
const FOLDS: u64 = 5;

/// Language models that each have not read one part of the captions.
pub struct Judges {
    models: Vec<Cow<'static, Fluency>>,
}

/// How often each judge takes the positive for the original, a tie counting half; ½ is chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Blind {
    /// Takes the caption of fewer letters.
    pub shorter: Share,
    /// Takes the caption whose words are likelier on average.
    pub unigram: Share,
    /// Takes the caption whose pairs of words are likelier on average.
    pub bigram: Share,
    /// How many pairs are the same words in another order: no judge of words can tell these apart.
    pub same_words: Share,
}

/// What the judges say of one pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    shorter: f64,
    unigram: f64,
    bigram: f64,
    same_words: f64,
}

impl Judges {
    /// Learns from captions.
    pub fn new(captions: &Captions) -> Self {
        let fold = |idx: usize| fold(captions.image_key(idx).as_deref(), idx);
        let models = (0..FOLDS).map(|own| {
            let others = captions.all().iter().enumerate().filter(|(idx, _)| fold(*idx) != own);
            Cow::Owned(Fluency::count(others.map(|(_, caption)| caption.words()), 1))
        });
        Judges { models: models.collect() }
    }

    /// Has read what the generator of negatives has: Flickr8k's training captions, as a table of their commoner words.
    pub fn built_in() -> Self {
        Judges { models: vec![Cow::Borrowed(fluency())] }
    }

    /// Judges a pair by a model that has read no caption of its image. `idx` tells the parts apart where images
    /// have no names.
    pub fn judge(&self, image: Option<&str>, idx: usize, positive: &Caption, negative: &Caption) -> Verdict {
        let model = &self.models[fold(image, idx) as usize % self.models.len()];
        let (positive_pairs, positive_words) = model.log_probability(positive.words());
        let (negative_pairs, negative_words) = model.log_probability(negative.words());
        let letters = |caption: &Caption| caption.text().trim().chars().count() as f64;
        // The end of the caption counts as a word.
        let by_the_word = |sum: f64, caption: &Caption| sum / (caption.words().len() + 1) as f64;
        let sorted = |caption: &Caption| {
            let mut words: Vec<String> = caption.words().map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        Verdict {
            shorter: preferred(letters(negative), letters(positive)),
            unigram: preferred(by_the_word(positive_words, positive), by_the_word(negative_words, negative)),
            bigram: preferred(by_the_word(positive_pairs, positive), by_the_word(negative_pairs, negative)),
            same_words: f64::from(sorted(positive) == sorted(negative)),
        }
    }
}

impl Blind {
    /// Adds verdicts up.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let share = |of: fn(&Verdict) -> f64| Share::of(verdicts.iter().map(of));
        Blind {
            shorter: share(|verdict| verdict.shorter),
            unigram: share(|verdict| verdict.unigram),
            bigram: share(|verdict| verdict.bigram),
            same_words: share(|verdict| verdict.same_words),
        }
    }
}

/// 1 if the first is greater, ½ if they are equal. Sums of the same numbers in another order count as equal.
fn preferred(first: f64, second: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    if (first - second).abs() <= ROUNDING { 0.5 } else { f64::from(first > second) }
}

fn fold(image: Option<&str>, idx: usize) -> u64 {
    seed::mix(&[image_number(image, idx)]) % FOLDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::captions::NEAR;

    fn verdict(captions: &[&str], positive: &str, negative: &str) -> Verdict {
        let captions: Vec<Caption> = captions.iter().map(|text| Caption::new(*text)).collect();
        Judges { models: vec![Cow::Owned(Fluency::count(captions.iter().map(Caption::words), 1))] }.judge(
            None,
            0,
            &Caption::new(positive),
            &Caption::new(negative),
        )
    }

    #[test]
    fn each_judge_looks_at_one_thing() {
        let seen = ["a red car", "a red car", "a blue bus"];
        let found = verdict(&seen, "a red car", "a blue car");
        assert_eq!(found, Verdict { shorter: 1.0, unigram: 1.0, bigram: 1.0, same_words: 0.0 });
        let found = verdict(&seen, "car red a", "a red car");
        assert_eq!(found, Verdict { shorter: 0.5, unigram: 0.5, bigram: 0.0, same_words: 1.0 });
        let found = verdict(&seen, "a blue bus", "a blue bus.");
        assert_eq!(found, Verdict { shorter: 1.0, unigram: 0.5, bigram: 0.5, same_words: 1.0 });
    }

    #[test]
    fn captions_of_one_image_are_in_one_part() {
        assert_eq!(fold(Some("7"), 1), fold(Some("7"), 1000));
        let parts: std::collections::BTreeSet<u64> = (0..50).map(|idx| fold(None, idx * NEAR)).collect();
        assert_eq!(parts.len() as u64, FOLDS);
    }
}
