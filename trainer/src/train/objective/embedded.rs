//! The embeddings of a step, as one tensor of each kind.

use anyhow::Result;
use burn::tensor::{Device, Gradients, Tensor, TensorData, s};

use crate::system::device::floats;
use crate::system::process_group::ProcessGroup;
use crate::train::negative_source::NegativeSource;

/// The embeddings of one batch, or of several one after the other.
#[derive(Clone)]
pub struct Embedded {
    /// `[B, E]`, unit rows
    pub images: Tensor<2>,
    /// `[B, E]`, unit rows
    pub captions: Tensor<2>,
    /// Nothing in a run without hard negatives.
    pub negatives: Option<Negatives>,
}

/// The hard negatives of a batch: `K` slots a caption, some of which may be empty. A caption has the same number of slots
/// in every batch of a run, so that every step has the same shapes and a GPU compiles nothing new.
#[derive(Clone)]
pub struct Negatives {
    /// `[B, K, E]`, unit rows; that of an empty slot is any of them.
    pub embeddings: Tensor<3>,
    /// What is in each slot, `B · K`, the slots of a caption side by side.
    pub sources: Vec<Option<NegativeSource>>,
}

impl Embedded {
    /// The same numbers on a device, with no way back to what made them.
    pub fn detach(&self, device: &Device) -> Self {
        let device = &device.clone().inner();
        Embedded {
            images: self.images.clone().inner().to_device(device),
            captions: self.captions.clone().inner().to_device(device),
            negatives: self.negatives.as_ref().map(|negatives| Negatives {
                embeddings: negatives.embeddings.clone().inner().to_device(device),
                sources: negatives.sources.clone(),
            }),
        }
    }

    /// The same numbers as the beginning of a computation, whose gradient is asked for.
    pub fn with_gradient(self) -> Self {
        Embedded {
            images: self.images.autodiff().require_grad(),
            captions: self.captions.autodiff().require_grad(),
            negatives: self.negatives.map(|negatives| Negatives {
                embeddings: negatives.embeddings.autodiff().require_grad(),
                ..negatives
            }),
        }
    }

    /// Batches one after the other; nothing if there are none.
    pub fn cat(batches: Vec<Embedded>) -> Option<Self> {
        batches.into_iter().reduce(|before, next| Embedded {
            images: Tensor::cat(vec![before.images, next.images], 0),
            captions: Tensor::cat(vec![before.captions, next.captions], 0),
            negatives: before.negatives.zip(next.negatives).map(|(before, next)| Negatives {
                embeddings: Tensor::cat(vec![before.embeddings, next.embeddings], 0),
                sources: [before.sources, next.sources].concat(),
            }),
        })
    }

    /// The batches of all processes, by rank.
    ///
    /// # Errors
    /// If the device or another process fails.
    pub fn gather(self, group: &ProcessGroup) -> Result<Self> {
        if group.size() == 1 {
            return Ok(self);
        }
        let device = self.images.device();
        let gather = |rows: Tensor<2>| -> Result<Tensor<2>> {
            let [_, width] = rows.dims();
            let all = group.gather(&floats(rows)?);
            let n_rows = all.len() / width;
            Ok(Tensor::from_data(TensorData::new(all, [n_rows, width]), &device))
        };
        let negatives = match self.negatives {
            Some(Negatives { embeddings, sources }) => {
                let [n_captions, slots, width] = embeddings.dims();
                let all = gather(embeddings.reshape([n_captions * slots, width]))?;
                let [n_rows, _] = all.dims();
                let numbers: Vec<f32> = sources
                    .iter()
                    .map(|source| source.map_or(-1.0, |source| source.number() as f32))
                    .collect();
                let of_number =
                    |number: f32| NegativeSource::all().find(|source| source.number() as f32 == number);
                Some(Negatives {
                    embeddings: all.reshape([n_rows / slots, slots, width]),
                    sources: group.gather(&numbers).into_iter().map(of_number).collect(),
                })
            }
            None => None,
        };
        Ok(Embedded { images: gather(self.images)?, captions: gather(self.captions)?, negatives })
    }
}

/// The gradient of a loss with respect to embeddings, in their shapes.
pub struct Gradient {
    images: Tensor<2>,
    captions: Tensor<2>,
    negatives: Option<Tensor<3>>,
}

impl Gradient {
    /// Reads the gradient of embeddings that [ask for it](Embedded::with_gradient). It is zero where the loss does not depend on
    /// them.
    pub fn of(embedded: &Embedded, gradients: &Gradients) -> Self {
        fn of<const D: usize>(tensor: &Tensor<D>, gradients: &Gradients) -> Tensor<D> {
            tensor.grad(gradients).unwrap_or_else(|| tensor.clone().inner().zeros_like())
        }
        Gradient {
            images: of(&embedded.images, gradients),
            captions: of(&embedded.captions, gradients),
            negatives: embedded.negatives.as_ref().map(|negatives| of(&negatives.embeddings, gradients)),
        }
    }

    /// The part for `n` images from the one of number `first` on.
    pub fn of_batch(&self, first: usize, n: usize) -> Self {
        let rows = first..first + n;
        Gradient {
            images: self.images.clone().slice(s![rows.clone(), ..]),
            captions: self.captions.clone().slice(s![rows.clone(), ..]),
            negatives: self.negatives.clone().map(|negatives| negatives.slice(s![rows, .., ..])),
        }
    }

    /// The product with embeddings, `[1]`, whose gradient with respect to what made them is the loss's (the chain rule; arXiv
    /// 2101.06983, equation 7).
    pub fn dot(self, embedded: Embedded) -> Tensor<1> {
        fn dot<const D: usize>(gradient: Tensor<D>, embeddings: Tensor<D>) -> Tensor<1> {
            let device = embeddings.device().inner();
            (gradient.to_device(&device) * embeddings).sum()
        }
        let pairs = dot(self.images, embedded.images) + dot(self.captions, embedded.captions);
        match self.negatives.zip(embedded.negatives) {
            Some((gradient, negatives)) => pairs + dot(gradient, negatives.embeddings),
            None => pairs,
        }
    }
}
