//! CLIP's text tower with the states of all tokens, which the U-Net attends to. That of candle-transformers has the sizes of two
//! published models and no others.

use anyhow::{Result, bail};
use candle_core::{D, Device, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear, ops};
use serde::Deserialize;

/// `text_encoder/config.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct TextConfig {
    /// The number of token ids.
    pub vocab_size: usize,
    /// The width, `W`.
    pub hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    /// The number of tokens of each prompt, `T`.
    pub max_position_embeddings: usize,
    hidden_act: String,
    #[serde(default = "usual_epsilon")]
    layer_norm_eps: f64,
}

fn usual_epsilon() -> f64 {
    1e-5
}

#[derive(Clone, Copy)]
enum Activation {
    QuickGelu,
    Gelu,
}

/// Prompts to the states of their tokens.
pub struct TextEncoder {
    tokens: Embedding,
    /// `[T, W]`
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
    /// `[T, T]`: nothing where a token may look, and minus infinity at those behind it.
    mask: Tensor,
}

struct Layer {
    norms: [LayerNorm; 2],
    queries: Linear,
    keys: Linear,
    values: Linear,
    out: Linear,
    wide: Linear,
    narrow: Linear,
    heads: usize,
    activation: Activation,
}

impl TextEncoder {
    /// # Errors
    /// If a weight is missing or of another shape, or the activation is not known.
    pub fn new(builder: &VarBuilder<'_>, config: &TextConfig, device: &Device) -> Result<Self> {
        let activation = match config.hidden_act.as_str() {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            other => bail!("its text encoder has the activation {other}, which is not known here"),
        };
        let heads = config.num_attention_heads;
        if heads == 0 || !config.hidden_size.is_multiple_of(heads) {
            bail!("its text encoder does not divide {} into {heads} heads", config.hidden_size);
        }
        let (width, length) = (config.hidden_size, config.max_position_embeddings);
        let embeddings = builder.pp("embeddings");
        let positions = embedding(length, width, embeddings.pp("position_embedding"))?.embeddings().clone();
        let layer = |nth: usize| Layer::new(&builder.pp(format!("encoder.layers.{nth}")), config, activation);
        let mask: Vec<f32> = (0..length * length)
            .map(|at| if at % length > at / length { f32::NEG_INFINITY } else { 0.0 })
            .collect();
        Ok(TextEncoder {
            tokens: embedding(config.vocab_size, width, embeddings.pp("token_embedding"))?,
            positions,
            layers: (0..config.num_hidden_layers).map(layer).collect::<Result<_>>()?,
            norm: layer_norm(width, config.layer_norm_eps, builder.pp("final_layer_norm"))?,
            mask: Tensor::from_vec(mask, (length, length), device)?,
        })
    }

    /// # Shapes
    /// - `ids`: `[B, T]`
    /// - returns `[B, T, W]`
    ///
    /// # Errors
    /// If the device fails.
    pub fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let mut x = self.tokens.forward(ids)?.broadcast_add(&self.positions)?;
        for layer in &self.layers {
            x = layer.forward(&x, &self.mask)?;
        }
        Ok(self.norm.forward(&x)?)
    }
}

impl Layer {
    fn new(builder: &VarBuilder<'_>, config: &TextConfig, activation: Activation) -> Result<Self> {
        let (width, wide) = (config.hidden_size, config.intermediate_size);
        let norm = |name: &str| layer_norm(width, config.layer_norm_eps, builder.pp(name));
        let attention = |name: &str| linear(width, width, builder.pp("self_attn").pp(name));
        Ok(Layer {
            norms: [norm("layer_norm1")?, norm("layer_norm2")?],
            queries: attention("q_proj")?,
            keys: attention("k_proj")?,
            values: attention("v_proj")?,
            out: attention("out_proj")?,
            wide: linear(width, wide, builder.pp("mlp.fc1"))?,
            narrow: linear(wide, width, builder.pp("mlp.fc2"))?,
            heads: config.num_attention_heads,
            activation,
        })
    }

    fn forward(&self, x: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.attention(&self.norms[0].forward(x)?, mask)?)?;
        let wide = self.wide.forward(&self.norms[1].forward(&x)?)?;
        let wide = match self.activation {
            Activation::QuickGelu => (&wide * ops::sigmoid(&(&wide * 1.702)?)?)?,
            Activation::Gelu => wide.gelu_erf()?,
        };
        x + self.narrow.forward(&wide)?
    }

    fn attention(&self, x: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let head = width / self.heads;
        let split = |of: &Linear| {
            of.forward(x)?.reshape((batch, length, self.heads, head))?.transpose(1, 2)?.contiguous()
        };
        let queries = (split(&self.queries)? * (head as f64).powf(-0.5))?;
        let scores = queries.matmul(&split(&self.keys)?.t()?)?.broadcast_add(mask)?; // [B, H, T, T]
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&split(&self.values)?)?;
        self.out.forward(&mixed.transpose(1, 2)?.reshape((batch, length, width))?)
    }
}
