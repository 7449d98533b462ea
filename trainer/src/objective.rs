//! The contrastive losses: CLIP's, four published ways in which hard negatives enter it, and two of our own.
//!
//! Each caption must find its picture among all pictures of the batch, as in CLIP (arXiv 2103.00020, figure 3). A hard
//! negative has no picture, so it stands only on the other side, where each picture must find its caption.
//!
//! With `s` for a cosine times the logit scale:
//!
//! | loss | what a picture's caption must beat | source |
//! |---|---|---|
//! | [`Loss::Append`] | all captions and all hard negatives of the batch, in one softmax | figure 1 of arXiv 2403.02875; NegCLIP, arXiv 2210.01936 |
//! | [`Loss::Own`] | all captions; and, in a softmax of their own, the negatives of this very caption | TSVLC, arXiv 2211.11733 |
//! | [`Loss::Both`] | as `Append`, and as `Own` | ours |
//! | [`Loss::Balanced`] | as `Append`, and as `Own` with a softmax a concept, all concepts counting alike | ours |
//! | [`Loss::Focal`] | as `Own`, easy ones weighing less and no target being certain | FSC-CLIP, arXiv 2410.05210 |
//! | [`Loss::Rank`] | as `Append`; and each own negative by a margin that grows with what was reached | CE-CLIP, arXiv 2306.08832 |
//!
//! A caption without negatives is an ordinary example under every one of them.

mod kind;
mod leads;
mod own;
mod rank;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Int, Tensor, assert_shape};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use kind::Kind;
pub use leads::Leads;
use own::Scores;
pub use rank::Margins;

/// How hard negatives enter the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// All negatives of the batch are more columns of every picture's softmax (NegCLIP).
    Append,
    /// Each caption also competes with its own negatives alone (TSVLC).
    Own,
    /// Columns, and each caption also competes with its own negatives alone.
    Both,
    /// Columns, and each caption also competes with its own negatives of each concept alone, where every concept counts alike
    /// however few captions name it.
    Balanced,
    /// As `own`, with focal weights and smoothed labels (FSC-CLIP).
    Focal,
    /// Columns, and each own negative must stay below by an adaptive margin (CE-CLIP).
    Rank,
}

impl Loss {
    /// The weight of the second term in the published recipes, for our own that of `Own`; `Append` has no second term.
    pub fn published_weight(self) -> f64 {
        match self {
            Loss::Append => 0.0,
            Loss::Own | Loss::Both | Loss::Balanced | Loss::Focal => 0.5,
            Loss::Rank => 0.2,
        }
    }
}

/// The embeddings of one step.
pub struct Embedded {
    /// `[B, E]`, unit rows
    pub images: Tensor<2>,
    /// `[B, E]`, unit rows
    pub captions: Tensor<2>,
    /// Nothing when no caption of the batch has a negative.
    pub negatives: Option<Negatives>,
}

/// The hard negatives of a batch, `M` of them.
pub struct Negatives {
    /// `[M, E]`, unit rows
    pub embeddings: Tensor<2>,
    /// The row of the caption that each is a negative of.
    pub of: Vec<usize>,
    /// What each is.
    pub kinds: Vec<Kind>,
}

/// A loss, and what it remembers from step to step.
pub struct Objective {
    loss: Loss,
    weight: f64,
    /// The margins that the last step has reached, for [`Loss::Rank`].
    margins: Margins,
    /// How far captions were ahead of their negatives in the step under way.
    step: Option<Leads>,
    /// The same since somebody asked.
    told: Option<Leads>,
}

impl Objective {
    /// A loss whose second term weighs `weight`.
    pub fn new(loss: Loss, weight: f64, margins: Margins) -> Self {
        Objective { loss, weight, margins, step: None, told: None }
    }

    /// The share of negatives that their captions were ahead of since this was asked last, for each kind that was
    /// seen. Makes the device wait.
    ///
    /// # Errors
    /// If the device fails.
    pub fn take_beaten(&mut self) -> anyhow::Result<Vec<(Kind, f64)>> {
        self.told.take().map_or_else(|| Ok(Vec::new()), Leads::shares)
    }

    /// What has to be saved to go on later.
    pub fn margins(&self) -> &Margins {
        &self.margins
    }

    /// The loss of a batch, `[1]`, and how far its captions are ahead of their negatives, which is to be
    /// [counted](Objective::count).
    ///
    /// # Shapes
    /// - `logit_scale`: `[1]`
    ///
    /// # Panics
    /// If the shapes do not agree.
    pub fn loss(&self, embedded: Embedded, logit_scale: Tensor<1>) -> (Tensor<1>, Option<Leads>) {
        let Embedded { images, captions, negatives } = embedded;
        let appended = negatives.as_ref().map(|negatives| negatives.embeddings.clone());
        let contrastive =
            |appended| contrastive(images.clone(), captions.clone(), appended, logit_scale.clone());
        let Some(negatives) = &negatives else { return (contrastive(None), None) };
        let scores = Scores::new(&images, &captions, negatives, &logit_scale);
        let leads = Leads::of(&scores, &negatives.kinds);
        let loss = match self.loss {
            Loss::Append => contrastive(appended),
            Loss::Own => contrastive(None) + own::cross_entropy(scores) * self.weight,
            Loss::Both => contrastive(appended) + own::cross_entropy(scores) * self.weight,
            Loss::Balanced => contrastive(appended) + own::balanced(scores, &negatives.kinds) * self.weight,
            Loss::Focal => contrastive(None) + own::focal(scores) * self.weight,
            Loss::Rank => contrastive(appended) + self.margins.rank(&scores, &negatives.kinds) * self.weight,
        };
        (loss, Some(leads))
    }

    /// Takes note of the leads of a batch of the step under way.
    pub fn count(&mut self, leads: Option<Leads>) {
        for sum in [&mut self.step, &mut self.told] {
            *sum = match (sum.take(), leads.clone()) {
                (Some(before), Some(leads)) => Some(before.and(leads)),
                (before, leads) => before.or(leads),
            };
        }
    }

    /// Ends a step: its leads are the margins of the next one.
    pub fn end_step(&mut self) {
        if let Some(leads) = self.step.take() {
            self.margins.follow(&leads);
        }
    }
}

/// CLIP's loss; with `negatives` in one softmax with the captions, the loss of NegCLIP.
///
/// # Shapes
/// - `images`, `captions`: `[B, E]`, unit rows
/// - `negatives`: `[M, E]`, unit rows
/// - `logit_scale`: `[1]`
/// - returns `[1]`
fn contrastive(
    images: Tensor<2>,
    captions: Tensor<2>,
    negatives: Option<Tensor<2>>,
    logit_scale: Tensor<1>,
) -> Tensor<1> {
    let [batch, embedding] = images.dims();
    assert_shape!(captions, [batch, embedding]);
    let device = images.device();
    let matching = Tensor::<1, Int>::arange(0..batch as i64, &device);
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);

    let scale = logit_scale.reshape([1, 1]);
    let among_captions = images.clone().matmul(captions.transpose()) * scale.clone(); // [B, B]
    let among_pictures = among_captions.clone().transpose();
    let among_texts = match negatives {
        Some(negatives) => {
            let against = images.matmul(negatives.transpose()) * scale; // [B, M]
            Tensor::cat(vec![among_captions, against], 1) // [B, B + M]
        }
        None => among_captions,
    };
    let image_to_text = cross_entropy.forward(among_texts, matching.clone());
    let text_to_image = cross_entropy.forward(among_pictures, matching);
    (image_to_text + text_to_image) / 2.0
}

/// Whole numbers as a tensor, `[n]`.
pub fn indices(numbers: &[usize], device: &Device) -> Tensor<1, Int> {
    let numbers: Vec<i32> = numbers.iter().map(|number| *number as i32).collect();
    Tensor::from_ints(numbers.as_slice(), device)
}

#[cfg(test)]
mod tests;
