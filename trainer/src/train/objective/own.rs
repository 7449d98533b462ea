//! Each caption against its own negatives, and nothing else.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::{Negatives, mask};
use crate::train::negative_source::NegativeSource;

/// What FSC-CLIP publishes (arXiv 2410.05210, section 4): the exponent of the focal weight, and the share of the target
/// that is spread over all classes.
const FOCAL_GAMMA: i32 = 2;
const SMOOTHING: f64 = 0.02;

/// The logits of a batch's captions and of their own negatives, each with the image of its caption.
pub struct Scores {
    /// `[B, 1]`
    pub captions: Tensor<2>,
    /// `[B, K]`; what an empty slot has means nothing.
    pub negatives: Tensor<2>,
    /// What is in each slot, `B · K`.
    pub sources: Vec<Option<NegativeSource>>,
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
        let [batch, slots, _] = negatives.embeddings.dims();
        let scale = logit_scale.clone().reshape([1, 1]).expand([batch, 1]);
        let each = images.clone().unsqueeze_dim::<3>(1); // [B, 1, E]
        let own = (each * negatives.embeddings.clone()).sum_dim(2).reshape([batch, slots]);
        Scores {
            captions: (images.clone() * captions.clone()).sum_dim(1) * scale.clone(),
            negatives: own * scale,
            sources: negatives.sources.clone(),
        }
    }

    /// By how much each negative's caption is ahead of it, `[B, K]`.
    pub fn margins(&self) -> Tensor<2> {
        self.captions.clone() - self.negatives.clone()
    }

    /// The logits of each caption, the first, and of its negatives, `[B, 1 + K]`, with empty slots masked.
    fn logits(&self) -> Tensor<2> {
        let mask = mask(&self.sources, self.negatives.dims(), &self.negatives.device());
        Tensor::cat(vec![self.captions.clone(), self.negatives.clone() + mask], 1)
    }

    /// What is something, `[B, 1 + K]`: captions, and slots that are not empty.
    fn filled(&self) -> Tensor<2> {
        let [batch, slots] = self.negatives.dims();
        let row = |row: &[Option<NegativeSource>]| {
            let slots = row.iter().map(|source| f32::from(source.is_some()));
            std::iter::once(1.0).chain(slots).collect::<Vec<_>>()
        };
        let filled = self.sources.chunks(slots).flat_map(row).collect::<Vec<f32>>();
        Tensor::from_data(TensorData::new(filled, [batch, 1 + slots]), &self.negatives.device())
    }

    /// The mean of something over the captions that have a negative, `[1]`; 0 if none has.
    ///
    /// # Shapes
    /// - `of`: `[B, 1]`
    fn mean(&self, of: Tensor<2>) -> Tensor<1> {
        let [_, slots] = self.negatives.dims();
        let has_any = self.sources.chunks(slots).map(|row| row.iter().any(Option::is_some));
        (of * shares(has_any, &self.negatives.device()).unsqueeze_dim(1)).sum()
    }
}

/// The weight of each in a mean over those that count, `[n]`.
pub(super) fn shares(counts: impl Iterator<Item = bool> + Clone, device: &Device) -> Tensor<1> {
    let n_counted = counts.clone().filter(|counts| *counts).count().max(1) as f32;
    let shares: Vec<f32> = counts.map(|counts| f32::from(counts) / n_counted).collect();
    Tensor::from_data(shares.as_slice(), device)
}

/// The mean over captions with negatives of the cross-entropy among caption and own negatives, `[1]`.
pub fn cross_entropy(scores: Scores) -> Tensor<1> {
    scores.mean(-log_softmax(scores.logits(), 1).narrow(1, 0, 1))
}

/// The same with smoothed labels, each caption weighed by how unsure the model is of it, `[1]`: `(1 − p)² · CE`.
pub fn focal(scores: Scores) -> Tensor<1> {
    let filled = scores.filled(); // [B, 1 + K]
    let log_shares = log_softmax(scores.logits(), 1);
    let of_caption = log_shares.clone().narrow(1, 0, 1); // [B, 1]
    // The target: a little of everything that is something, the rest on the caption.
    let spread = filled.clone() / filled.clone().sum_dim(1) * SMOOTHING;
    let smooth = (spread * log_shares * filled).sum_dim(1);
    let entropy = -(of_caption.clone() * (1.0 - SMOOTHING) + smooth); // [B, 1]
    let unsure = (-of_caption.exp() + 1.0).powi_scalar(FOCAL_GAMMA);
    scores.mean(unsure * entropy)
}
