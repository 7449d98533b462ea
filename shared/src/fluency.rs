//! How likely a run of words is as English, whatever the image: a bigram model small enough to ship.
//!
//! Negatives are drawn with it so that a reader of text alone cannot tell which caption was edited; the audit judges
//! with another one, made of other captions.

use std::collections::HashMap;
use std::sync::LazyLock;

use rustc_hash::FxBuildHasher;
use thiserror::Error;

use crate::varint::{VarintError, put, put_lines, take, take_lines};

/// Counts of the 30,000 training captions of Flickr8k; made by `trainer fluency`.
static TABLE: &[u8] = include_bytes!("../lexicon/bigrams.bin");

static FLUENCY: LazyLock<Fluency> = LazyLock::new(|| {
    Fluency::from_bytes(TABLE).expect("the table is part of the program, and a test reads it")
});

/// The table that ships with Foil.
pub fn fluency() -> &'static Fluency {
    &FLUENCY
}

/// What a table file begins with.
const MAGIC: &[u8] = b"foil-bigrams-1\n";

/// How much of every seen count is kept back for unseen pairs (absolute discounting, Ney et al. 1994).
const DISCOUNT: f64 = 0.75;

/// The number of the beginning and of the end of a caption, both the first word of every table.
pub const EDGE: u16 = 0;

/// What a word of the table is called that is not in it.
const UNKNOWN: u16 = u16::MAX;

/// A bigram model of captions: lower-case words, interpolated with unigrams.
#[derive(Clone, Debug, PartialEq)]
pub struct Fluency {
    ids: HashMap<Box<str>, u16, FxBuildHasher>,
    words: Vec<Word>,
    /// First word in the upper, second in the lower half of the key.
    pairs: HashMap<u32, u32, FxBuildHasher>,
    /// The probability of a word that is not in the table.
    unknown: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Word {
    count: u32,
    /// How often the word is followed by another, and by how many different ones.
    followed: u32,
    followers: u32,
    /// The probability of the word by itself.
    alone: f64,
}

/// Why a file is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FluencyError {
    /// The file does not begin as a table does.
    #[error("not a table of bigrams, or of another version")]
    Unknown,
    /// The file ends too early.
    #[error("the table of bigrams is truncated")]
    Truncated,
    /// A number is out of range.
    #[error("the table of bigrams is damaged")]
    Damaged,
}

impl From<VarintError> for FluencyError {
    fn from(error: VarintError) -> Self {
        match error {
            VarintError::Truncated => FluencyError::Truncated,
            VarintError::Damaged => FluencyError::Damaged,
        }
    }
}

impl Fluency {
    /// Counts the words and pairs of some captions. Words seen fewer than `at_least` times are left out.
    ///
    /// Of more than 65,534 different words those last in the alphabet are left out, too.
    ///
    /// A caption is its words, lower case.
    pub fn count<'a, W: IntoIterator<Item = &'a str>>(
        captions: impl IntoIterator<Item = W>,
        at_least: u32,
    ) -> Self {
        let captions: Vec<Vec<&str>> =
            captions.into_iter().map(|caption| caption.into_iter().collect()).collect();
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for word in captions.iter().flatten().copied() {
            *counts.entry(word).or_default() += 1;
        }
        counts.retain(|_, count| *count >= at_least);
        let mut names: Vec<&str> = counts.into_keys().collect();
        names.sort_unstable();
        let mut model = Fluency::of_words(names.into_iter());
        for caption in captions {
            let ids = caption.into_iter().map(|word| model.id(word));
            let ids: Vec<u16> = std::iter::once(EDGE).chain(ids).chain([EDGE]).collect();
            for pair in ids.windows(2) {
                if pair[0] != UNKNOWN && pair[1] != UNKNOWN {
                    *model.pairs.entry(key(pair[0], pair[1])).or_default() += 1;
                }
            }
        }
        model.add_up();
        model
    }

    fn of_words<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        // Named so that no caption has such a word.
        let ids =
            std::iter::once("").chain(names).map(Box::from).zip(0..UNKNOWN).collect::<HashMap<_, _, _>>();
        let words = vec![Word::default(); ids.len()];
        Fluency { ids, words, pairs: HashMap::default(), unknown: 1.0 }
    }

    /// Derives the counts and probabilities of single words from the counts of pairs.
    fn add_up(&mut self) {
        for (&pair, &count) in &self.pairs {
            let (first, second) = (pair >> 16, pair & 0xffff);
            let first = &mut self.words[first as usize];
            first.followed += count;
            first.followers += 1;
            self.words[second as usize].count += count;
        }
        let total: f64 = self.words.iter().map(|word| f64::from(word.count)).sum();
        let total = total + 0.5 * self.words.len() as f64 + 0.5;
        self.unknown = 0.5 / total;
        for word in &mut self.words {
            word.alone = (f64::from(word.count) + 0.5) / total;
        }
    }

    /// The number of different words and of different pairs.
    pub fn size(&self) -> (usize, usize) {
        (self.words.len(), self.pairs.len())
    }

    /// The number of a word, lower case.
    pub fn id(&self, word: &str) -> u16 {
        self.ids.get(word).copied().unwrap_or(UNKNOWN)
    }

    /// Whether a word, lower case, is in the table.
    pub fn knows(&self, word: &str) -> bool {
        self.ids.contains_key(word)
    }

    /// The probability of a word by itself.
    fn alone(&self, id: u16) -> f64 {
        self.words.get(usize::from(id)).map_or(self.unknown, |word| word.alone)
    }

    /// The probability of `second` behind `first`.
    pub fn behind(&self, first: u16, second: u16) -> f64 {
        let alone = self.alone(second);
        let Some(word) = self.words.get(usize::from(first)).filter(|word| word.followed > 0) else {
            return alone;
        };
        let seen =
            if second == UNKNOWN { 0 } else { self.pairs.get(&key(first, second)).copied().unwrap_or(0) };
        let held_back = DISCOUNT * f64::from(word.followers) * alone;
        ((f64::from(seen) - DISCOUNT).max(0.0) + held_back) / f64::from(word.followed)
    }

    /// The probability of a run of words, by their numbers, given the first of them.
    pub fn probability(&self, ids: impl IntoIterator<Item = u16>) -> f64 {
        let mut ids = ids.into_iter();
        let Some(mut last) = ids.next() else { return 1.0 };
        ids.fold(1.0, |product, id| product * self.behind(std::mem::replace(&mut last, id), id))
    }

    /// The logarithm of the probability of the words of a whole caption, lower case: by pairs, and by single words.
    pub fn log_probability<'a>(&self, caption: impl IntoIterator<Item = &'a str>) -> (f64, f64) {
        let mut last = EDGE;
        let ids = caption.into_iter().map(|word| self.id(word)).chain([EDGE]);
        ids.fold((0.0, 0.0), |(pairs, words), id| {
            let behind = self.behind(std::mem::replace(&mut last, id), id);
            let alone = if id == EDGE { 0.0 } else { libm::log(self.alone(id)) };
            (pairs + libm::log(behind), words + alone)
        })
    }

    /// The table as a file: words in alphabetical order, then for each the words behind it with their counts, all
    /// numbers as differences in base 128.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut names: Vec<(u16, &str)> = self.ids.iter().map(|(name, id)| (*id, &**name)).collect();
        names.sort_unstable();
        let mut pairs: Vec<(u32, u32)> = self.pairs.iter().map(|(key, count)| (*key, *count)).collect();
        pairs.sort_unstable();
        let mut bytes = MAGIC.to_vec();
        put_lines(&mut bytes, names[1..].iter().map(|(_, name)| *name));
        let mut pairs = pairs.into_iter().peekable();
        for first in 0..names.len() as u32 {
            let mut last = 0;
            while let Some((pair, count)) = pairs.next_if(|(pair, _)| pair >> 16 == first) {
                let second = pair & 0xffff;
                // One more than the difference, so that zero ends the list.
                put(&mut bytes, second - last + 1);
                put(&mut bytes, count);
                last = second;
            }
            put(&mut bytes, 0);
        }
        bytes
    }

    /// Reads a table.
    ///
    /// # Errors
    /// If the bytes are not a whole table.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FluencyError> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(FluencyError::Unknown)?;
        let names = take_lines(&mut rest)?;
        let count = names.len();
        let mut model = Fluency::of_words(names.into_iter());
        if model.words.len() != count + 1 {
            return Err(FluencyError::Damaged);
        }
        for first in 0..model.words.len() as u32 {
            let mut last = 0u32;
            loop {
                let step = take(&mut rest)?;
                if step == 0 {
                    break;
                }
                last = last.checked_add(step - 1).ok_or(FluencyError::Damaged)?;
                if last as usize >= model.words.len() {
                    return Err(FluencyError::Damaged);
                }
                model.pairs.insert(first << 16 | last, take(&mut rest)?);
            }
        }
        model.add_up();
        Ok(model)
    }
}

fn key(first: u16, second: u16) -> u32 {
    u32::from(first) << 16 | u32::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Fluency {
        let captions = ["a red car", "a red bus", "a blue car", "two cars"].map(|text| text.split(" "));
        Fluency::count(captions, 1)
    }

    fn probability(model: &Fluency, words: &[&str]) -> f64 {
        model.probability(words.iter().map(|word| model.id(word)))
    }

    #[test]
    fn probabilities_behind_a_word_add_up_to_one() {
        let model = model();
        for first in 0..model.words.len() as u16 {
            let known: f64 = (0..model.words.len() as u16).map(|second| model.behind(first, second)).sum();
            let sum = known + model.behind(first, UNKNOWN);
            assert!((sum - 1.0).abs() < 1e-9, "{sum} behind word {first}");
        }
    }

    #[test]
    fn what_was_seen_more_often_is_likelier() {
        let model = model();
        let [red, blue, unseen, unknown] =
            ["red", "blue", "cars", "xylophone"].map(|word| probability(&model, &["a", word]));
        assert!(red > blue && blue > unseen && unseen > unknown && unknown > 0.0);
    }

    #[test]
    fn by_hand() {
        // "a" is followed by red, red, blue: (2 - 0.75 + 0.75 * 2 * p(red)) / 3, with p(red) = 2.5 / 19 from the 15
        // words and ends and the 8 names: "", a, blue, bus, car, cars, red, two — and what is not known.
        let expected = (2.0 - 0.75 + 0.75 * 2.0 * 2.5 / (15.0 + 0.5 * 8.0 + 0.5)) / 3.0;
        assert!((probability(&model(), &["a", "red"]) - expected).abs() < 1e-12);
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_damage_is_named() {
        let model = model();
        let bytes = model.to_bytes();
        assert_eq!(Fluency::from_bytes(&bytes), Ok(model));
        assert_eq!(Fluency::from_bytes(b"nonsense"), Err(FluencyError::Unknown));
        for end in MAGIC.len()..bytes.len() {
            assert_eq!(Fluency::from_bytes(&bytes[..end]), Err(FluencyError::Truncated), "cut at {end}");
        }
    }

    #[test]
    fn the_shipped_table_is_small_and_knows_english() {
        assert!(TABLE.len() <= 300_000, "{} bytes", TABLE.len());
        let likely = probability(fluency(), &["a", "brown", "dog"]);
        let unlikely = probability(fluency(), &["a", "dog", "brown"]);
        assert!(likely > unlikely);
    }
}
