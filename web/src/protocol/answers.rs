//! What the engine knows and finds, as it travels to the page.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::concept::Concept;
use shared::similarity::{Kind, Score, Square};

/// A bundle that the browser keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What the model is called.
    pub name: String,
    /// Its size.
    pub bytes: usize,
    /// The SHA-256 of its content in hexadecimal.
    pub sha256: String,
    /// Whether it was made here of a published model, and is to be had nowhere else.
    pub is_imported: bool,
}

/// A candidate of a challenge set, without its images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Candidates of one item compete.
    pub item: u64,
    /// Its number among them.
    pub candidate: u64,
    /// What the captions differ in.
    pub concept: Concept,
    /// The caption of the image and of the edited one.
    pub captions: [String; 2],
    /// What edited the image; empty if the file does not say.
    pub made: String,
    /// The image's file and license; empty if the file does not say.
    pub source: String,
}

/// Facts about a loaded model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// What the model is called.
    pub name: String,
    /// The hard negatives it was trained with.
    pub negatives: String,
    /// What it was trained on.
    pub data: String,
    /// The size of its bundle.
    pub bytes: usize,
    /// The memory of the engine once the model was loaded, in bytes. It never shrinks, so this is the most there was.
    pub heap: usize,
    /// Where the bundle came from.
    pub origin: Origin,
    /// Whether its probabilities are of each pair by itself, and not shares among captions.
    pub judges_pairs: bool,
}

/// Where a bundle came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Over the network, just now.
    Downloaded,
    /// Kept by the browser since an earlier visit.
    Cache,
    /// A file of the visitor's.
    File,
}

/// The similarities of images and captions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The model.
    pub model: String,
    /// A row for each image, a number for each caption.
    pub rows: Vec<Vec<f32>>,
}

/// What is left of the similarities to two captions when a part is taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relevance {
    /// The model.
    pub model: String,
    /// Whether it sees the whole image, or the square in the middle.
    pub sees_all: bool,
    /// The similarities of the image as it is.
    pub whole: [f32; 2],
    /// Those without each cell of the row, from left to right.
    pub cells: Vec<[f32; 2]>,
    /// What is left without each word, with the first row only.
    pub words: Vec<WordWorth>,
}

/// The similarities to a caption and its foil without one word of each, at the same place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordWorth {
    /// The word of the caption.
    pub word: String,
    /// What is left.
    pub without: [f32; 2],
}

/// What one model says of one caption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The model.
    pub model: String,
    /// The caption first, then its negatives.
    pub scores: Vec<Score>,
    /// Whether the first negative is the one that the visitor asks about.
    pub asked: bool,
    /// The byte of the caption from which on the model read nothing.
    pub cut_at: Option<usize>,
    /// Both images and both captions, if another image was asked about.
    pub square: Option<Square>,
}

impl Answer {
    /// The answer without some foils, but with the one that is asked about. Probabilities that are shares among the captions become shares among those that are left;
    /// a model that judges pairs has none of these.
    #[must_use]
    pub fn without(mut self, foils: &BTreeSet<String>, judges_pairs: bool) -> Self {
        let asked = self.scores.get(1).filter(|_| self.asked).map(|score| score.caption.clone());
        self.scores.retain(|score| {
            score.kind == Kind::Caption
                || !foils.contains(&score.caption)
                || Some(&score.caption) == asked.as_ref()
        });
        let whole: f32 = self.scores.iter().map(|score| score.probability).sum();
        if !judges_pairs && whole > 0.0 {
            self.scores.iter_mut().for_each(|score| score.probability /= whole);
        }
        self
    }
}

/// A sample with a caption, and what the page's models answered when the page was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// The name of the sample.
    pub sample: String,
    /// Its caption.
    pub caption: String,
    /// The foil that is asked about.
    pub foil: String,
    /// The answers, as the page saves them.
    pub answers: Vec<Answer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foils_that_are_true_are_left_out_and_the_rest_shares_anew() {
        let score = |caption: &str, kind, probability| Score {
            caption: caption.into(),
            kind,
            concept: None,
            similarity: 0.5,
            probability,
        };
        let scores = vec![
            score("a red car", Kind::Caption, 0.2),
            score("a big car", Kind::Negative, 0.6),
            score("a blue car", Kind::Negative, 0.2),
        ];
        let answer = Answer { model: "m".into(), scores, asked: false, cut_at: None, square: None };
        let without = |foil: &str, judges_pairs| {
            let left = answer.clone().without(&BTreeSet::from([foil.to_owned()]), judges_pairs);
            left.scores.iter().map(|score| score.probability).collect::<Vec<f32>>()
        };
        assert_eq!(without("a big car", false), [0.5, 0.5]);
        assert_eq!(without("a big car", true), [0.2, 0.2]);
        assert_eq!(without("a red car", false), [0.2, 0.6, 0.2], "the caption itself stays");
        let asked = Answer { asked: true, ..answer.clone() };
        let foils = BTreeSet::from(["a big car".to_owned(), "a blue car".to_owned()]);
        assert_eq!(asked.without(&foils, true).scores.len(), 2, "the foil that is asked about stays");
    }
}
