//! The contrastive losses: CLIP's, four published ways in which hard negatives enter it, and SigLIP's.
//!
//! Each caption must find its image among all images of the batch, as in CLIP (arXiv 2103.00020, figure 3). A hard
//! negative has no image, so it stands only on the other side, where each image must find its caption.
//!
//! With `s` for a cosine times the logit scale:
//!
//! | loss | what an image's caption must beat | source |
//! |---|---|---|
//! | [`Loss::NegClip`] | all captions and all hard negatives of the batch, in one softmax | figure 1 of arXiv 2403.02875; NegCLIP, arXiv 2210.01936 |
//! | [`Loss::Tsvlc`] | all captions; and, in a softmax of their own, the negatives of this very caption | TSVLC, arXiv 2211.11733 |
//! | [`Loss::FscClip`] | as `Tsvlc`, easy ones weighing less and no target being certain | FSC-CLIP, arXiv 2410.05210 |
//! | [`Loss::CeClip`] | as `NegClip`; and each own negative by a margin that grows with what was reached | CE-CLIP, arXiv 2306.08832 |
//! | [`Loss::Siglip`] | nothing: each pair of an image with a caption or hard negative is judged by itself | SigLIP, arXiv 2303.15343, equation 1 |
//!
//! A caption without negatives is an ordinary example under every one of them.

mod embedded;
mod logits;
mod margins;
mod own;
mod thresholds;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData, assert_shape};
use serde::{Deserialize, Serialize};

use super::negative_source::NegativeSource;
pub use embedded::{Embedded, Gradient, Negatives};
pub use logits::Logits;
pub use margins::Margins;
use own::Scores;
pub use thresholds::Thresholds;

/// How hard negatives enter the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Append the hard negatives of the batch to every image's softmax (NegCLIP).
    #[serde(rename = "negclip")]
    NegClip,
    /// Let each caption compete with its own negatives in a softmax of their own (TSVLC).
    Tsvlc,
    /// As `tsvlc`, with focal weights and smoothed labels (FSC-CLIP).
    FscClip,
    /// As `negclip`, and keep each negative below its caption by an adaptive margin (CE-CLIP).
    CeClip,
    /// Judge each pair of an image and a text by itself; hard negatives of the batch are such texts (SigLIP).
    Siglip,
}

impl Loss {
    /// The weight of the second term in the published recipes; 0 where there is none.
    pub fn published_weight(self) -> f64 {
        match self {
            Loss::NegClip | Loss::Siglip => 0.0,
            Loss::Tsvlc | Loss::FscClip => 0.5,
            Loss::CeClip => 0.2,
        }
    }
}

/// A loss, and what it remembers from step to step.
pub struct Objective {
    loss: Loss,
    weight: f64,
    /// How many images, one after the other, share their hard negatives; all of a step if nothing is said.
    local: Option<usize>,
    /// The thresholds of [`Loss::CeClip`], which follow the margins of the last step.
    thresholds: Thresholds,
    /// The margins of the current step.
    step: Option<Margins>,
    /// The margins since somebody asked.
    since_report: Option<Margins>,
}

impl Objective {
    /// A loss whose second term weighs `weight`.
    pub fn new(loss: Loss, weight: f64, thresholds: Thresholds) -> Self {
        Objective { loss, weight, local: None, thresholds, step: None, since_report: None }
    }

    /// The same loss, with hard negatives that only images of the same batch of `batch_size` compete with.
    pub fn keeping_negatives_within(self, batch_size: Option<usize>) -> Self {
        Objective { local: batch_size, ..self }
    }

    /// The accuracy on hard negatives since it was asked last: the share that their captions scored above, for each source that
    /// was seen. Waits for the device.
    ///
    /// # Errors
    /// If the device fails.
    pub fn take_accuracy(&mut self) -> anyhow::Result<Vec<(NegativeSource, f64)>> {
        self.since_report.take().map_or_else(|| Ok(Vec::new()), Margins::shares)
    }

    /// The state that a checkpoint saves.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The loss of a batch, `[1]`, and the margins of its captions, which are to be [counted](Objective::count).
    ///
    /// # Panics
    /// If the shapes do not agree.
    pub fn loss(&self, embedded: Embedded, logits: Logits) -> (Tensor<1>, Option<Margins>) {
        let Embedded { images, captions, negatives } = embedded;
        let contrastive = |negatives: Option<&Negatives>| match self.loss {
            Loss::Siglip => pairwise(images.clone(), captions.clone(), negatives, self.local, logits.clone()),
            _ => contrastive(images.clone(), captions.clone(), negatives, self.local, logits.scale.clone()),
        };
        let Some(negatives) = &negatives else { return (contrastive(None), None) };
        let scores = Scores::new(&images, &captions, negatives, &logits.scale);
        let margins = Margins::of(&scores);
        let loss = match self.loss {
            Loss::NegClip | Loss::Siglip => contrastive(Some(negatives)),
            Loss::Tsvlc => contrastive(None) + own::cross_entropy(scores) * self.weight,
            Loss::FscClip => contrastive(None) + own::focal(scores) * self.weight,
            Loss::CeClip => contrastive(Some(negatives)) + self.thresholds.rank(&scores) * self.weight,
        };
        (loss, Some(margins))
    }

    /// Takes note of the margins of a batch of the step under way.
    pub fn count(&mut self, margins: Option<Margins>) {
        for sum in [&mut self.step, &mut self.since_report] {
            *sum = match (sum.take(), margins.clone()) {
                (Some(before), Some(margins)) => Some(before.and(margins)),
                (before, margins) => before.or(margins),
            };
        }
    }

    /// Ends a step: its margins are the thresholds of the next one.
    pub fn end_step(&mut self) {
        if let Some(margins) = self.step.take() {
            self.thresholds.follow(&margins);
        }
    }
}

/// CLIP's loss; with `negatives` in one softmax with the captions, the loss of NegCLIP.
///
/// # Shapes
/// - `images`, `captions`: `[B, E]`, unit rows
/// - `logit_scale`: `[1]`
/// - returns `[1]`
fn contrastive(
    images: Tensor<2>,
    captions: Tensor<2>,
    negatives: Option<&Negatives>,
    local: Option<usize>,
    logit_scale: Tensor<1>,
) -> Tensor<1> {
    let [batch, embedding] = images.dims();
    assert_shape!(captions, [batch, embedding]);
    let device = images.device();
    let matching = Tensor::<1, Int>::arange(0..batch as i64, &device);
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);

    // A factor a row, whose gradients are then summed: that of one factor for all would be one sum of `B · (B + M)` numbers.
    let scale = logit_scale.reshape([1, 1]).expand([batch, 1]);
    let among_captions = images.clone().matmul(captions.transpose()) * scale.clone(); // [B, B]
    let among_images = among_captions.clone().transpose();
    let among_texts = match negatives {
        Some(negatives) => {
            let [_, slots, _] = negatives.embeddings.dims();
            let rows = negatives.embeddings.clone().reshape([batch * slots, embedding]);
            let mask = mask(&negatives.sources, [1, batch * slots], &device);
            let against = images.matmul(rows.transpose()) * scale + mask; // [B, B · K]
            let against = match local {
                Some(local) => against + (of_batch(batch, slots, local, &device) - 1.0) * -MASKED,
                None => against,
            };
            Tensor::cat(vec![among_captions, against], 1) // [B, B + B · K]
        }
        None => among_captions,
    };
    let image_to_text = cross_entropy.forward(among_texts, matching.clone());
    let text_to_image = cross_entropy.forward(among_images, matching);
    (image_to_text + text_to_image) / 2.0
}

/// SigLIP's loss (arXiv 2303.15343, equation 1); `negatives` are texts that belong to no image.
///
/// # Shapes
/// - `images`, `captions`: `[B, E]`, unit rows
/// - returns `[1]`
fn pairwise(
    images: Tensor<2>,
    captions: Tensor<2>,
    negatives: Option<&Negatives>,
    local: Option<usize>,
    logits: Logits,
) -> Tensor<1> {
    let [batch, embedding] = images.dims();
    let device = images.device();
    // As in `contrastive`, one a row.
    let each_row = |number: Tensor<1>| number.reshape([1, 1]).expand([batch, 1]);
    let scale = each_row(logits.scale);
    let bias = logits.bias.map_or_else(|| Tensor::zeros([batch, 1], &device), each_row);
    let logits = |texts: Tensor<2>| images.clone().matmul(texts.transpose()) * scale.clone() + bias.clone();
    // 1 for a caption with its own image, -1 for all others.
    let signs = Tensor::<2>::eye(batch, &device) * 2.0 - 1.0;
    let mut sum = log_sigmoid(logits(captions) * signs).sum();
    if let Some(Negatives { embeddings, sources }) = negatives {
        let [_, slots, _] = embeddings.dims();
        let filled: Vec<f32> = sources.iter().map(|source| f32::from(source.is_some())).collect();
        let filled = Tensor::<2>::from_data(TensorData::new(filled, [1, batch * slots]), &device);
        let filled = match local {
            Some(local) => of_batch(batch, slots, local, &device) * filled, // [B, B · K]
            None => filled,
        };
        let texts = embeddings.clone().reshape([batch * slots, embedding]);
        sum = sum + (log_sigmoid(-logits(texts)) * filled).sum();
    }
    -sum / batch as f64
}

/// A logit that no softmax notices. Finite, so that `0 × x` is not NaN.
const MASKED: f32 = -1e4;

/// What is added to the logits of slots: nothing, or [`MASKED`] where they are empty.
fn mask(sources: &[Option<NegativeSource>], shape: [usize; 2], device: &Device) -> Tensor<2> {
    let mask = |source: &Option<NegativeSource>| if source.is_some() { 0.0 } else { MASKED };
    Tensor::from_data(TensorData::new(sources.iter().map(mask).collect::<Vec<f32>>(), shape), device)
}

/// 1 where an image meets a slot of its own batch of `local` images, 0 elsewhere: `[B, B · K]` for `K` slots an image.
fn of_batch(images: usize, slots: usize, local: usize, device: &Device) -> Tensor<2> {
    let of_image =
        |image: usize| (0..images * slots).map(move |slot| f32::from(slot / slots / local == image / local));
    let ones: Vec<f32> = (0..images).flat_map(of_image).collect();
    Tensor::from_data(TensorData::new(ones, [images, images * slots]), device)
}

/// Whole numbers as a tensor, `[n]`.
pub fn indices(numbers: &[usize], device: &Device) -> Tensor<1, Int> {
    let numbers: Vec<i32> = numbers.iter().map(|number| *number as i32).collect();
    Tensor::from_ints(numbers.as_slice(), device)
}

#[cfg(test)]
mod tests;
