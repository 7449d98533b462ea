//! The text tower: a causal transformer read at the end token (arXiv 2103.00020, section 2.4), at all tokens, or at the last
//! position.

use burn::module::{Initializer, Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData, assert_shape, s};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::{Activation, Block, BlockConfig, normal, projection};
use super::layers::{DistinctTokens, LayerNorm, embedding};
use crate::tokenizer::{Cleaning, Tokenizer};

/// Added to the score of a position that must not be seen. Large and finite: WGSL has no infinities.
const UNSEEN: f32 = -1e9;

/// The sizes of the text tower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// The number of token ids.
    pub vocabulary: usize,
    /// The longest caption in tokens, start and end token included.
    pub context: usize,
    /// `W`.
    pub width: usize,
    /// The number of blocks.
    pub layers: usize,
    /// `H`.
    pub heads: usize,
    /// The width of the hidden layer of each block.
    pub mlp_width: usize,
    /// What is read of the last block.
    #[serde(default, skip_serializing_if = "TextReadOut::is_end")]
    pub read_out: TextReadOut,
    /// What is done to a caption before it is split into tokens.
    #[serde(default, skip_serializing_if = "Cleaning::is_none")]
    pub cleaning: Cleaning,
    /// The token that every caption is filled up with to the whole context, where the model reads what follows the end token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u32>,
    /// What a position may look at.
    #[serde(default, skip_serializing_if = "TextAttention::is_causal")]
    pub attention: TextAttention,
    /// Whether the projection has a bias.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub projection_bias: bool,
    /// The nonlinearity, where it is not that of the image tower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

/// What a position of a caption may look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextAttention {
    /// Itself and what stands before it, as in CLIP.
    #[default]
    Causal,
    /// All positions, padding included, as in SigLIP.
    Full,
}

impl TextAttention {
    fn is_causal(&self) -> bool {
        *self == TextAttention::Causal
    }
}

/// What of the last block becomes the embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextReadOut {
    /// The end token, as in CLIP.
    #[default]
    End,
    /// The mean of all tokens, which enter √W times as large (arXiv 1706.03762, section 3.4): beside what the blocks find,
    /// every word speaks for itself from the first step on, which is most of what thirty thousand captions teach.
    Mean,
    /// The last position of the context, whatever token it holds, as in SigLIP.
    Last,
}

impl TextReadOut {
    fn is_end(&self) -> bool {
        *self == TextReadOut::End
    }
}

/// Captions to points, before they are scaled to length 1.
#[derive(Module, Debug)]
pub struct TextTower {
    /// `[vocabulary, W]`
    token_embedding: Param<Tensor<2>>,
    /// `[context, W]`
    position_embedding: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm_post: LayerNorm,
    projection: Linear,
    #[module(skip)]
    read_out: TextReadOut,
    #[module(skip)]
    attention: TextAttention,
}

impl TextConfig {
    /// CLIP's tower of these sizes: tokens, context; width, layers, heads, width of the hidden layers.
    pub fn clip(vocabulary: usize, context: usize, [width, layers, heads, mlp_width]: [usize; 4]) -> Self {
        TextConfig {
            vocabulary,
            context,
            width,
            layers,
            heads,
            mlp_width,
            read_out: TextReadOut::End,
            cleaning: Cleaning::None,
            padding: None,
            attention: TextAttention::Causal,
            projection_bias: false,
            activation: None,
        }
    }

    /// The tokenizer, as this tower wants captions.
    pub fn prepare(&self, tokenizer: Tokenizer) -> Tokenizer {
        tokenizer.with_cleaning(self.cleaning).with_padding(self.padding)
    }

    /// Why a tower cannot be built.
    pub(super) fn validate(&self) -> Result<(), String> {
        if self.context < 3 {
            return Err(format!("text.context is {}, which leaves no room for a word", self.context));
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(format!("text.width {} does not divide into {} heads", self.width, self.heads));
        }
        let is_outside = |token: u32| token as usize >= self.vocabulary;
        if let Some(padding) = self.padding.filter(|token| is_outside(*token)) {
            return Err(format!("text.padding is {padding}, of {} tokens", self.vocabulary));
        }
        let reads_padding = self.read_out == TextReadOut::Last || self.attention == TextAttention::Full;
        if reads_padding && self.padding.is_none() {
            return Err("text.padding is missing, and the tower reads it".to_owned());
        }
        Ok(())
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> TextTower {
        let block = BlockConfig {
            width: self.width,
            heads: self.heads,
            mlp_width: self.mlp_width,
            layers: self.layers,
            activation: self.activation.unwrap_or(clip.activation),
            norm_epsilon: clip.norm_epsilon,
        };
        let mut projection = projection(self.width, clip.embedding, device);
        projection.bias = self.projection_bias.then(|| Initializer::Zeros.init([clip.embedding], device));
        TextTower {
            token_embedding: normal([self.vocabulary, self.width], 0.02, device),
            position_embedding: normal([self.context, self.width], 0.01, device),
            blocks: (0..self.layers).map(|_| block.init(device)).collect(),
            norm_post: LayerNorm::init(self.width, clip.norm_epsilon, device),
            projection,
            read_out: self.read_out,
            attention: self.attention,
        }
    }
}

impl TextTower {
    /// # Shapes
    /// - `ids`: `[B, T]`
    /// - `ends`: `[B]`, each below `T`
    /// - returns `[B, E]`
    pub(super) fn forward(
        &self,
        ids: Tensor<2, Int>,
        ends: &[usize],
        distinct: Option<&DistinctTokens>,
    ) -> Tensor<2> {
        let [batch, length] = ids.dims();
        assert_eq!(ends.len(), batch, "end positions and captions");
        let [_, width] = self.token_embedding.val().dims();
        let device = ids.device();
        let tokens = embedding(self.token_embedding.val(), ids.reshape([batch * length]), distinct);
        let tokens = match self.read_out {
            TextReadOut::End | TextReadOut::Last => tokens,
            TextReadOut::Mean => tokens * (width as f64).sqrt(),
        };
        let positions = self.position_embedding.val().slice(s![0..length, ..]);
        let mut x = tokens.reshape([batch, length, width]) + positions.unsqueeze(); // [B, T, W]
        let mask = match self.attention {
            TextAttention::Causal => Some(causal_mask(length, &device).cast(x.dtype())),
            TextAttention::Full => None,
        };
        for block in &self.blocks {
            x = block.forward(x, mask.as_ref());
        }
        let pooled = match self.read_out {
            TextReadOut::End => {
                let rows = ends.iter().enumerate().map(|(row, end)| (row * length + end) as i32);
                let rows = TensorData::new(rows.collect::<Vec<_>>(), [batch]);
                x.reshape([batch * length, width]).select(0, Tensor::<1, Int>::from_data(rows, &device))
            }
            TextReadOut::Mean => mean_until(x, ends),
            TextReadOut::Last => x.slice(s![.., length - 1.., ..]).reshape([batch, width]),
        };
        assert_shape!(pooled, [batch, width]);
        let normed = self.norm_post.forward(pooled.unsqueeze_dim(1)); // [B, 1, W]
        self.projection.forward(normed.reshape([batch, width]))
    }
}

/// The mean of each row's positions up to its end.
///
/// # Shapes
/// - `x`: `[B, T, W]`
/// - `ends`: `[B]`
/// - returns `[B, W]`
fn mean_until(x: Tensor<3>, ends: &[usize]) -> Tensor<2> {
    let [batch, length, width] = x.dims();
    let share = |end: usize| (0..length).map(move |at| if at <= end { 1.0 / (end + 1) as f32 } else { 0.0 });
    let shares: Vec<f32> = ends.iter().flat_map(|end| share(*end)).collect();
    let shares = Tensor::<3>::from_data(TensorData::new(shares, [batch, 1, length]), &x.device());
    shares.cast(x.dtype()).matmul(x).reshape([batch, width])
}

/// Zero where a position may look, at itself and before; [`UNSEEN`] after it. `[1, 1, T, T]`
fn causal_mask(length: usize, device: &Device) -> Tensor<4> {
    let mask: Vec<f32> = (0..length)
        .flat_map(|row| (0..length).map(move |column| if column > row { UNSEEN } else { 0.0 }))
        .collect();
    Tensor::from_data(TensorData::new(mask, [1, 1, length, length]), device)
}
