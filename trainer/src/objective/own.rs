//! Each caption against its own negatives, and nothing else.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::{Negatives, indices};

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

    /// One row a caption that has negatives: its own logit first, then those of its negatives, then nothing. Returns
    /// the logits and which of them are something, both `[R, 1 + K]` with `K` the most negatives of a caption.
    fn rows(self) -> (Tensor<2>, Tensor<2>) {
        let device = self.captions.device();
        let [batch] = self.captions.dims();
        let [n_negatives] = self.negatives.dims();
        let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
        for (number, caption) in self.of.iter().enumerate() {
            match rows.last_mut() {
                Some((last, own)) if last == caption => own.push(batch + number),
                _ => rows.push((*caption, vec![batch + number])),
            }
        }
        let width = 1 + rows.iter().map(|(_, own)| own.len()).max().unwrap_or(0);
        let filler = batch + n_negatives;
        let mut taken = Vec::with_capacity(rows.len() * width);
        for (caption, own) in &rows {
            taken.push(*caption);
            taken.extend(own);
            taken.resize(taken.len() + width - 1 - own.len(), filler);
        }
        let real: Vec<f32> = taken.iter().map(|place| f32::from(u8::from(*place != filler))).collect();
        let shape = [rows.len(), width];
        let nothing = Tensor::full([1], NOTHING, &device);
        let logits = Tensor::cat(vec![self.captions, self.negatives, nothing], 0);
        let logits = logits.select(0, indices(&taken, &device)).reshape(shape);
        (logits, Tensor::from_data(TensorData::new(real, shape), &device))
    }
}

/// The mean over captions with negatives of the cross-entropy among caption and own negatives, `[1]`.
pub fn cross_entropy(scores: Scores) -> Tensor<1> {
    let (logits, _) = scores.rows();
    let [rows, _] = logits.dims();
    -log_softmax(logits, 1).slice([0..rows, 0..1]).mean()
}

/// The same with smoothed labels, each caption weighed by how unsure the model is of it, `[1]`: `(1 − p)² · CE`.
pub fn focal(scores: Scores) -> Tensor<1> {
    let (logits, real) = scores.rows();
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
