//! Embeddings to numbers a person can read: cosines, probabilities, verdicts and 2×2 scores.

use serde::{Deserialize, Serialize};

use crate::concept::Concept;

/// A point on the unit sphere: what a tower makes of an image or a caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Wraps a row of [`crate::model::Clip::encode_image`] or [`crate::model::Clip::encode_text`], which has length 1.
    pub fn from_unit_row(row: Vec<f32>) -> Self {
        Embedding(row)
    }

    /// The coordinates, `[E]`.
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle between two points, from -1 to 1.
    ///
    /// # Panics
    /// If they come from models of different width.
    pub fn cosine(&self, other: &Embedding) -> f32 {
        assert_eq!(self.0.len(), other.0.len(), "widths of two embeddings");
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

/// What a scored text is to its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The caption under test.
    Caption,
    /// A caption that is almost right.
    Negative,
}

/// How one text fares with one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The text.
    pub caption: String,
    /// Whether it is the caption under test or a negative of it.
    pub kind: Kind,
    /// What the negative changes, if that is known; nothing for the caption itself.
    pub concept: Option<Concept>,
    /// The cosine of image and text.
    pub similarity: f32,
    /// Its share in the softmax over the texts it competes with, or the probability of the pair by itself: see [`Logits`].
    pub probability: f32,
}

/// Scores a caption and its negatives against an image, the caption first. A negative comes with the concept that it changes, if that
/// is known.
///
/// `texts` holds the embedding of the caption and then those of `negatives`, in order.
///
/// # Panics
/// If there is not one embedding for each text.
pub fn contest(
    image: &Embedding,
    caption: &str,
    negatives: &[(&str, Option<Concept>)],
    texts: &[Embedding],
    logits: Logits,
) -> Vec<Score> {
    assert_eq!(texts.len(), 1 + negatives.len(), "embeddings and texts");
    let similarities: Vec<f32> = texts.iter().map(|text| image.cosine(text)).collect();
    let own = (caption.to_owned(), Kind::Caption, None);
    let others = negatives.iter().map(|(text, concept)| ((*text).to_owned(), Kind::Negative, *concept));
    std::iter::once(own)
        .chain(others)
        .zip(similarities.iter().zip(logits.probabilities(&similarities)))
        .map(|((caption, kind, concept), (&similarity, probability))| Score {
            caption,
            kind,
            concept,
            similarity,
            probability,
        })
        .collect()
}

/// How a model turns cosines into logits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logits {
    /// The factor.
    pub scale: f32,
    /// What is added, in a model that was trained to judge pairs one by one (SigLIP, arXiv 2303.15343).
    pub bias: Option<f32>,
}

impl Logits {
    /// Cosines of texts that compete for an image, as probabilities: a softmax over them (CLIP), or a sigmoid of each.
    pub fn probabilities(self, similarities: &[f32]) -> Vec<f32> {
        // `libm`, because the standard library's exponential differs between targets.
        let Some(bias) = self.bias else { return softmax(similarities, self.scale) };
        similarities
            .iter()
            .map(|similarity| 1.0 / (1.0 + libm::expf(-(self.scale * similarity + bias))))
            .collect()
    }
}

/// The softmax of `scale * similarity`.
fn softmax(similarities: &[f32], scale: f32) -> Vec<f32> {
    let largest = similarities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = similarities.iter().map(|s| libm::expf(scale * (s - largest))).collect();
    let total: f32 = powers.iter().sum();
    powers.iter().map(|power| power / total).collect()
}

/// Whether a caption beats its strongest negative of one concept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The concept in question.
    pub concept: Concept,
    /// Which of the scores is the strongest negative.
    pub strongest: usize,
    /// Similarity of the caption minus that of the strongest negative. Zero is a tie, and a tie is a miss.
    pub margin: f32,
}

/// One verdict for each concept that has a negative among `scores`, as [`contest`] returns them.
pub fn verdicts(scores: &[Score]) -> Vec<Verdict> {
    let Some(caption) = scores.first() else {
        return Vec::new();
    };
    Concept::ALL
        .into_iter()
        .filter_map(|concept| {
            let of_concept = scores.iter().enumerate().filter(|(_, score)| score.concept == Some(concept));
            let (strongest, score) =
                of_concept.max_by(|(_, a), (_, b)| a.similarity.total_cmp(&b.similarity))?;
            Some(Verdict { concept, strongest, margin: caption.similarity - score.similarity })
        })
        .collect()
}

/// The similarities of two images and two captions that belong together crosswise:
/// Winoground (arXiv 2204.03162) and InpaintCOCO (arXiv 2403.02875).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Square {
    /// `[image][caption]`; matching ones on the diagonal.
    pub similarities: [[f32; 2]; 2],
}

impl Square {
    /// Scores two images and two captions, each in the order in which they belong together.
    pub fn of(images: [&Embedding; 2], captions: [&Embedding; 2]) -> Self {
        Square { similarities: images.map(|image| captions.map(|caption| image.cosine(caption))) }
    }

    /// By how much each image prefers its own caption, and then each caption its own image.
    pub fn margins(&self) -> [f32; 4] {
        let s = self.similarities;
        [s[0][0] - s[0][1], s[1][1] - s[1][0], s[0][0] - s[1][0], s[1][1] - s[0][1]]
    }

    /// Each image prefers its own caption. A tie is a miss.
    pub fn image_to_text(&self) -> bool {
        let [first, second, ..] = self.margins();
        first > 0.0 && second > 0.0
    }

    /// Each caption prefers its own image. A tie is a miss.
    pub fn text_to_image(&self) -> bool {
        let [.., first, second] = self.margins();
        first > 0.0 && second > 0.0
    }

    /// Both of these.
    pub fn group(&self) -> bool {
        self.image_to_text() && self.text_to_image()
    }

    /// Whether any of the four comparisons is between equal numbers.
    pub fn has_tie(&self) -> bool {
        self.margins().contains(&0.0)
    }
}

/// Chance levels of the three scores of a [`Square`]: 1/4, 1/4 and 1/6.
pub const CHANCE: [f64; 3] = [1.0 / 4.0, 1.0 / 4.0, 1.0 / 6.0];

#[cfg(test)]
mod tests {
    use super::*;

    fn square(similarities: [[f32; 2]; 2]) -> [bool; 3] {
        let square = Square { similarities };
        [square.image_to_text(), square.text_to_image(), square.group()]
    }

    #[test]
    fn the_three_scores_of_a_square_follow_their_definitions() {
        assert_eq!(square([[0.9, 0.1], [0.2, 0.8]]), [true, true, true]);
        // Both images prefer their captions, but the second caption prefers the first image.
        assert_eq!(square([[0.9, 0.8], [0.1, 0.7]]), [true, false, false]);
        assert_eq!(square([[0.9, 0.1], [0.95, 0.97]]), [true, false, false]);
        assert_eq!(square([[0.5, 0.6], [0.1, 0.7]]), [false, true, false]);
    }

    #[test]
    fn a_tie_is_a_miss_and_is_seen() {
        assert_eq!(square([[0.5; 2]; 2]), [false; 3]);
        assert!(Square { similarities: [[0.5, 0.1], [0.5, 0.9]] }.has_tie());
        assert!(!Square { similarities: [[0.5, 0.1], [0.4, 0.9]] }.has_tie());
    }

    #[test]
    fn equal_chances_give_the_group_score_one_time_in_six() {
        // Of the 24 orders of four different numbers, each score's share is its chance level.
        let mut hits = [0.0; 3];
        let mut orders = 0.0;
        for code in 0..256usize {
            let digits = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3];
            if (0..4).all(|digit| digits.contains(&digit)) {
                let s = digits.map(|digit| digit as f32);
                orders += 1.0;
                for (hit, score) in hits.iter_mut().zip(square([[s[0], s[1]], [s[2], s[3]]])) {
                    *hit += f64::from(score);
                }
            }
        }
        for (hit, chance) in hits.iter().zip(CHANCE) {
            assert!((hit / orders - chance).abs() < 1e-9, "{hit} of {orders}");
        }
    }

    #[test]
    fn probabilities_are_a_softmax_that_survives_large_logits() {
        let softmax = |similarities: &[f32], scale| Logits { scale, bias: None }.probabilities(similarities);
        let p = softmax(&[1.0, 0.0], 1.0);
        assert!((p[0] - 0.731_058_6).abs() < 1e-6 && (p[0] + p[1] - 1.0).abs() < 1e-6);
        assert_eq!(softmax(&[1.0, -1.0], 100.0)[0], 1.0);
    }

    #[test]
    fn with_a_bias_each_pair_has_a_probability_of_its_own() {
        let p = Logits { scale: 10.0, bias: Some(-1.0) }.probabilities(&[0.2, 0.1, 0.1]);
        assert!((p[0] - 0.731_058_6).abs() < 1e-6 && p[1] == 0.5 && p[2] == 0.5);
        assert_eq!(Logits { scale: 1e4, bias: Some(0.0) }.probabilities(&[1.0, -1.0]), [1.0, 0.0]);
    }

    #[test]
    fn a_verdict_is_given_against_the_strongest_negative() {
        let row = |concept, similarity| Score {
            caption: String::new(),
            kind: Kind::Negative,
            concept,
            similarity,
            probability: 0.0,
        };
        let scores = [
            row(None, 0.5),
            row(Some(Concept::Color), 0.1),
            row(Some(Concept::Color), 0.75),
            row(Some(Concept::Size), 0.25),
        ];
        let found: Vec<_> = verdicts(&scores).iter().map(|v| (v.concept, v.strongest, v.margin)).collect();
        assert_eq!(found, [(Concept::Color, 2, -0.25), (Concept::Size, 3, 0.25)]);
        assert_eq!(verdicts(&[]), []);
    }
}
