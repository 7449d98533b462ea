//! Each caption against its own negatives, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::{Kind, Negatives, indices};

/// What FSC-CLIP publishes (arXiv 2410.05210, section 4): the exponent of the focal weight, and the share of the target
/// that is spread over all classes.
const FOCAL_GAMMA: i32 = 2;
const SMOOTHING: f64 = 0.02;

/// A logit that no softmax notices. Finite, so that nothing times it is a number.
const NOTHING: f32 = -1e4;

/// The logits of a batch's captions and of their own negatives.
pub struct Scores {
    /// Of each picture and its caption, `[B]`.
    pub captions: Tensor<1>,
    /// Of each negative and the picture of its caption, `[M]`.
    pub negatives: Tensor<1>,
    /// The caption of each negative, `M` rows of the batch.
    pub of: Vec<usize>,
}

impl Scores {
    /// # Shapes
    /// - `images`, `captions`: `[B, E]`, unit rows
    /// - `logit_scale`: `[1]`
    pub fn new(
        images: &Tensor<2>,
        captions: &Tensor<2>,
        negatives: &Negatives,
        logit_scale: &Tensor<1>,
    ) -> Self {
        let dot = |a: Tensor<2>, b: Tensor<2>| (a * b).sum_dim(1).squeeze_dim::<1>(1) * logit_scale.clone();
        let pictures = images.clone().select(0, indices(&negatives.of, &images.device()));
        Scores {
            captions: dot(images.clone(), captions.clone()),
            negatives: dot(pictures, negatives.embeddings.clone()),
            of: negatives.of.clone(),
        }
    }

    /// By how much each negative's caption is ahead of it, `[M]`.
    pub fn leads(&self) -> Tensor<1> {
        let own = self.captions.clone().select(0, indices(&self.of, &self.captions.device()));
        own - self.negatives.clone()
    }

    /// One row for the negatives of a caption that `group` puts together: the caption's logit first, then theirs, then
    /// nothing.
    fn rows(self, group: impl Fn(usize) -> usize) -> Rows {
        let device = self.captions.device();
        let [batch] = self.captions.dims();
        let [n_negatives] = self.negatives.dims();
        let mut rows: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (number, caption) in self.of.iter().enumerate() {
            rows.entry((*caption, group(number))).or_default().push(batch + number);
        }
        let width = 1 + rows.values().map(Vec::len).max().unwrap_or(0);
        let filler = batch + n_negatives;
        let mut taken = Vec::with_capacity(rows.len() * width);
        for ((caption, _), own) in &rows {
            taken.push(*caption);
            taken.extend(own);
            taken.resize(taken.len() + width - 1 - own.len(), filler);
        }
        let real: Vec<f32> = taken.iter().map(|place| f32::from(*place != filler)).collect();
        let shape = [rows.len(), width];
        let nothing = Tensor::full([1], NOTHING, &device);
        let logits = Tensor::cat(vec![self.captions, self.negatives, nothing], 0);
        Rows {
            logits: logits.select(0, indices(&taken, &device)).reshape(shape),
            real: Tensor::from_data(TensorData::new(real, shape), &device),
            groups: rows.into_keys().map(|(_, group)| group).collect(),
        }
    }
}

/// Captions and their own negatives, `R` rows with at most `K` negatives each.
struct Rows {
    /// `[R, 1 + K]`, the caption's first.
    logits: Tensor<2>,
    /// Which of them are something, `[R, 1 + K]`.
    real: Tensor<2>,
    /// The group of each row.
    groups: Vec<usize>,
}

/// The mean over captions with negatives of the cross-entropy among caption and own negatives, `[1]`.
pub fn cross_entropy(scores: Scores) -> Tensor<1> {
    let Rows { logits, .. } = scores.rows(|_| 0);
    let [rows, _] = logits.dims();
    -log_softmax(logits, 1).slice([0..rows, 0..1]).mean()
}

/// The cross-entropy among each caption and its own negatives of one kind, its mean over the captions that have any of that
/// kind, and the mean of that over the kinds that there are, `[1]`: what few captions name counts as much as what most do.
pub fn balanced(scores: Scores, kinds: &[Kind]) -> Tensor<1> {
    let Rows { logits, groups, .. } = scores.rows(|negative| kinds[negative].number());
    let [rows, _] = logits.dims();
    let n_kinds = groups.iter().collect::<BTreeSet<_>>().len();
    let of_kind = |group: &usize| groups.iter().filter(|other| *other == group).count();
    let weights: Vec<f32> = groups.iter().map(|group| 1.0 / (n_kinds * of_kind(group)) as f32).collect();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [rows, 1]), &logits.device());
    -(log_softmax(logits, 1).slice([0..rows, 0..1]) * weights).sum()
}

/// The same with smoothed labels, each caption weighed by how unsure the model is of it, `[1]`: `(1 − p)² · CE`.
pub fn focal(scores: Scores) -> Tensor<1> {
    let Rows { logits, real, .. } = scores.rows(|_| 0);
    let [rows, width] = logits.dims();
    let log_shares = log_softmax(logits, 1);
    let of_caption = log_shares.clone().slice([0..rows, 0..1]); // [R, 1]
    // The target: a little of everything that is something, the rest on the caption.
    let spread = real.clone() / real.clone().sum_dim(1) * SMOOTHING; // [R, 1 + K]
    let smooth = (spread * log_shares * real).sum_dim(1);
    let entropy = -(of_caption.clone() * (1.0 - SMOOTHING) + smooth); // [R, 1]
    debug_assert!(width > 1, "a row has a negative");
    let unsure = (-of_caption.exp() + 1.0).powi_scalar(FOCAL_GAMMA);
    (unsure * entropy).mean()
}
