//! What turns cosines into logits, and the gradient of a loss with respect to it.

use anyhow::{Context, Result};
use burn::tensor::{Device, Gradients, Tensor};
use shared::model::Clip;

/// The numbers that turn cosines into logits, or their gradients.
#[derive(Clone)]
pub struct Logits {
    /// The factor, `[1]`.
    pub scale: Tensor<1>,
    /// What is added, `[1]`; nothing in a model that compares captions by a softmax.
    pub bias: Option<Tensor<1>>,
}

impl Logits {
    /// Those of a model.
    pub fn of(model: &Clip) -> Self {
        Logits { scale: model.logit_scale(), bias: model.logit_bias() }
    }

    /// The same numbers as the beginning of a computation, whose gradient is asked for.
    pub fn with_gradient(self) -> Self {
        self.map(|number| number.inner().autodiff().require_grad())
    }

    /// The gradient of a loss with respect to numbers that [ask for it](Logits::with_gradient). That of the bias is zero where the
    /// loss does not depend on it.
    ///
    /// # Errors
    /// If the loss does not depend on the scale.
    pub fn gradient(&self, gradients: &Gradients) -> Result<Self> {
        let scale = self.scale.grad(gradients).context("the loss depends on the logit scale")?;
        let of_bias =
            |bias: &Tensor<1>| bias.grad(gradients).unwrap_or_else(|| bias.clone().inner().zeros_like());
        Ok(Logits { scale, bias: self.bias.as_ref().map(of_bias) })
    }

    /// Each divided by a number.
    pub fn divided_by(self, number: f64) -> Self {
        self.map(|of| of / number)
    }

    /// The product of gradients with numbers, `[1]`.
    pub fn dot(self, numbers: Logits, device: &Device) -> Tensor<1> {
        let Logits { scale, bias } = self.map(|gradient| gradient.to_device(device));
        let product = numbers.scale * scale;
        match bias.zip(numbers.bias) {
            Some((gradient, bias)) => product + bias * gradient,
            None => product,
        }
    }

    fn map(self, change: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        Logits { scale: change(self.scale), bias: self.bias.map(change) }
    }
}
