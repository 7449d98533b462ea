//! The pre-norm residual attention block of both towers (Vaswani et al., arXiv 1706.03762; pre-norm as in CLIP).

use burn::module::{Initializer, Module, Param};
use burn::nn::Linear;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::{gelu, gelu_approximate, sigmoid, softmax};
use burn::tensor::{Device, Tensor, assert_shape, s};
use serde::{Deserialize, Serialize};

use super::layers::{self, LayerNorm};

/// The nonlinearity of the MLP. The first two differ by up to 0.02, enough to shift published scores when mistaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`, as in OpenAI's weights (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
    QuickGelu,
    /// `x * Φ(x)` (the same paper's exact form).
    Gelu,
    /// The same with Φ by a hyperbolic tangent, as in SigLIP.
    GeluTanh,
}

impl Activation {
    pub(super) fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "product")]
        if self == Activation::QuickGelu
            && let Some(activated) = super::product::quick_gelu_on_cpu(&x)
        {
            return activated;
        }
        match self {
            Activation::QuickGelu => x.clone() * sigmoid(x * 1.702),
            Activation::Gelu => gelu(x),
            Activation::GeluTanh => gelu_approximate(x),
        }
    }
}

/// The sizes of one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockConfig {
    pub width: usize,
    pub heads: usize,
    pub mlp_width: usize,
    /// The depth of the tower: deeper towers start with smaller residuals.
    pub layers: usize,
    pub activation: Activation,
    pub norm_epsilon: f64,
}

impl BlockConfig {
    pub(super) fn init(&self, device: &Device) -> Block {
        let width = self.width as f64;
        let residual = (2.0 * self.layers as f64 * width).powf(-0.5);
        Block {
            norm_1: LayerNorm::init(self.width, self.norm_epsilon, device),
            attention: Attention::init_scaled(self.width, self.heads, residual, device),
            norm_2: LayerNorm::init(self.width, self.norm_epsilon, device),
            mlp_in: linear(self.width, self.mlp_width, (2.0 * width).powf(-0.5), device),
            mlp_out: linear(self.mlp_width, self.width, residual, device),
            activation: self.activation,
        }
    }
}

/// A linear layer with normal weights and zero biases, as CLIP starts its layers.
fn linear(d_input: usize, d_output: usize, std: f64, device: &Device) -> Linear {
    Linear {
        weight: normal([d_input, d_output], std, device),
        bias: Some(Initializer::Zeros.init([d_output], device)),
    }
}

/// A bias-free linear layer with normal weights, as CLIP starts its projections.
pub(super) fn projection(d_input: usize, d_output: usize, device: &Device) -> Linear {
    Linear { weight: normal([d_input, d_output], (d_input as f64).powf(-0.5), device), bias: None }
}

/// A convolution with weights drawn for a rectifier-like nonlinearity (arXiv 1502.01852) and zero biases.
pub(super) fn convolution(config: Conv2dConfig, device: &Device) -> Conv2d {
    let kaiming = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
    let [_, output] = config.channels;
    let mut convolution = config.with_initializer(kaiming).init(device);
    convolution.bias = Some(Initializer::Zeros.init([output], device));
    convolution
}

/// A parameter drawn from a normal distribution of mean 0.
pub(super) fn normal<const D: usize>(shape: [usize; D], std: f64, device: &Device) -> Param<Tensor<D>> {
    Initializer::Normal { mean: 0.0, std }.init(shape, device)
}

/// `x + attention(norm(x))`, then `x + mlp(norm(x))`.
#[derive(Module, Debug)]
pub struct Block {
    norm_1: LayerNorm,
    attention: Attention,
    norm_2: LayerNorm,
    mlp_in: Linear,
    mlp_out: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Block {
    /// One block. `mask` is added to the attention scores.
    ///
    /// # Shapes
    /// - `x`: `[B, T, W]`, and so is the result
    /// - `mask`: `[1, 1, T, T]`
    pub(super) fn forward(&self, x: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let x = x.clone() + self.attention.forward(self.norm_1.forward(x), mask);
        let hidden = self.activation.apply(layers::linear(&self.mlp_in, self.norm_2.forward(x.clone())));
        x + layers::linear(&self.mlp_out, hidden)
    }
}

/// Multi-head self-attention with one matrix for queries, keys and values.
#[derive(Module, Debug)]
pub(super) struct Attention {
    qkv: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    pub(super) fn init(width: usize, heads: usize, device: &Device) -> Self {
        Self::init_scaled(width, heads, (width as f64).powf(-0.5), device)
    }

    /// The same whose output begins with weights of this deviation.
    fn init_scaled(width: usize, heads: usize, residual: f64, device: &Device) -> Self {
        Attention {
            qkv: linear(width, 3 * width, (width as f64).powf(-0.5), device),
            output: linear(width, width, residual, device),
            heads,
        }
    }

    /// # Shapes
    /// - `x`: `[B, T, W]`, and so is the result
    /// - `mask`: `[1, 1, T, T]`, added to the scores
    pub(super) fn forward(&self, x: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let [batch, length, width] = x.dims();
        let qkv = layers::linear(&self.qkv, x); // [B, T, 3W]
        assert_shape!(qkv, [batch, length, 3 * width]);
        let part = |idx: usize| qkv.clone().slice(s![.., .., idx * width..(idx + 1) * width]);
        layers::linear(&self.output, attend([part(0), part(1), part(2)], self.heads, mask))
    }
}

/// Scaled dot-product attention of several heads (arXiv 1706.03762, section 3.2).
///
/// # Shapes
/// - queries `[B, Q, W]`, keys and values `[B, T, W]`
/// - `mask`: `[1, 1, Q, T]`, added to the scores
/// - returns `[B, Q, W]`
fn attend(parts: [Tensor<3>; 3], heads: usize, mask: Option<&Tensor<4>>) -> Tensor<3> {
    let [batch, length, width] = parts[0].dims();
    let head = width / heads;
    let [queries, keys, values] = parts.map(|part| {
        let [_, length, _] = part.dims();
        part.reshape([batch, length, heads, head]).swap_dims(1, 2) // [B, H, T, W/H]
    });
    let scores = (queries * (head as f64).powf(-0.5)).matmul(keys.transpose()); // [B, H, Q, T]
    let scores = match mask {
        Some(mask) => scores + mask.clone(),
        None => scores,
    };
    let mixed = softmax(scores, 3).matmul(values); // [B, H, Q, W/H]
    mixed.swap_dims(1, 2).reshape([batch, length, width])
}

/// Attention pooling (SigLIP's head, arXiv 2303.15343; first in arXiv 2106.04560, section 3.4): a learned query looks at every
/// position, and what it sees passes an MLP.
#[derive(Module, Debug)]
pub(super) struct AttentionPool {
    /// The learned query, `[W]`.
    query: Param<Tensor<1>>,
    attention: Attention,
    norm: LayerNorm,
    mlp_in: Linear,
    mlp_out: Linear,
    #[module(skip)]
    activation: Activation,
}

impl BlockConfig {
    pub(super) fn init_pool(&self, device: &Device) -> AttentionPool {
        let Block { norm_1, attention, mlp_in, mlp_out, activation, .. } = self.init(device);
        let query = normal([self.width], (self.width as f64).powf(-0.5), device);
        AttentionPool { query, attention, norm: norm_1, mlp_in, mlp_out, activation }
    }
}

impl AttentionPool {
    /// # Shapes
    /// - `x`: `[B, T, W]`
    /// - returns `[B, W]`
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let [batch, _, width] = x.dims();
        let Attention { qkv, output, heads } = &self.attention;
        let query = self.query.val().reshape([1, 1, width]);
        // Of one matrix for all three, the query takes the first third, and every position the rest.
        let part = |of: Tensor<3>, columns: std::ops::Range<usize>| {
            let bias = qkv.bias.as_ref().map(|bias| bias.val().slice(s![columns.clone()]));
            layers::affine(of, qkv.weight.val().slice(s![.., columns]), bias)
        };
        let queries = part(query, 0..width).expand([batch, 1, width]);
        let keys = part(x.clone(), width..2 * width);
        let values = part(x, 2 * width..3 * width);
        let seen = layers::linear(output, attend([queries, keys, values], *heads, None)); // [B, 1, W]
        let hidden = self.activation.apply(layers::linear(&self.mlp_in, self.norm.forward(seen.clone())));
        (seen + layers::linear(&self.mlp_out, hidden)).reshape([batch, width])
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn apply(activation: Activation, x: f32) -> f32 {
        let x = Tensor::<1>::from_data(TensorData::from([x]), &Device::flex()).reshape([1, 1, 1]);
        activation.apply(x).into_scalar::<f32>()
    }

    #[test]
    fn the_activations_are_those_of_their_formulas() {
        // x * sigmoid(1.702 x), x * Φ(x) and its approximation at x = 1, from tables.
        assert!((apply(Activation::QuickGelu, 1.0) - 0.845_795).abs() < 1e-5);
        assert!((apply(Activation::Gelu, 1.0) - 0.841_345).abs() < 2e-6);
        assert!((apply(Activation::GeluTanh, 1.0) - 0.841_192).abs() < 2e-6);
    }

    #[test]
    fn attention_averages_values_when_all_scores_are_equal() {
        let device = Device::flex();
        let eye = Tensor::<2>::eye(2, &device);
        let zeros = Tensor::zeros([2, 2], &device);
        let attention = Attention {
            qkv: Linear {
                weight: Param::from_tensor(Tensor::cat(vec![zeros.clone(), zeros, eye.clone()], 1)),
                bias: None,
            },
            output: Linear { weight: Param::from_tensor(eye), bias: None },
            heads: 1,
        };
        let x = Tensor::<2>::from_data([[2.0, 0.0], [4.0, 6.0]], &device).reshape([1, 2, 2]);
        let mixed: Vec<f32> = attention.forward(x, None).into_data().iter::<f32>().collect();
        assert_eq!(mixed, [3.0, 3.0, 3.0, 3.0]);
    }
}
