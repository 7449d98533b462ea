//! The dual encoder: two towers, one space (CLIP, arXiv 2103.00020).
//!
//! | letter | meaning |
//! |---|---|
//! | `B` | images or captions in a batch |
//! | `T` | positions of a sequence: tokens, or patches and the class token |
//! | `S` | side of the square image in pixels |
//! | `W` | width of a tower |
//! | `H` | attention heads |
//! | `E` | width of the shared embedding |
//! | `P` | patches of an image |
//! | `C` | channels, the numbers of a patch, or features of an image |
//! | `N` | images that something is measured on |
//!
//! It can hold OpenAI's ViT-B/32 exactly: pre-norm blocks, a norm before the image blocks, QuickGELU, bias-free
//! projections, text pooled at the end token; and SigLIP's: images pooled by attention, text without a mask and pooled at the last
//! position, logits with a bias. One deviation in form, none in value: the patch convolution is a
//! matrix product over flattened patches, which is the same sum and faster where kernels are not tuned.

mod backbone;
mod block;
mod color_histogram;
pub mod convnet;
mod fastvit;
mod layers;
#[cfg(any(test, feature = "product"))]
mod product;
mod scoring;
mod text;
mod vision;
mod vit;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, assert_shape};
use serde::{Deserialize, Serialize};

use crate::preprocess::Preprocess;
use crate::tokenizer::TokenBatch;
use backbone::BackboneTower;
pub use backbone::{BackboneConfig, BackboneName};
pub use block::Activation;
pub use fastvit::{EXCITED, FAR, FastVitConfig, NEAR, STAGES};
pub use layers::DistinctTokens;
pub use scoring::Scoring;
pub use text::{TextAttention, TextConfig, TextReadOut, TextTower};
pub use vision::{VisionConfig, VisionTower};
pub use vit::{ReadOut, VitConfig};

/// The logit scale starts at 1/0.07 (arXiv 2103.00020, section 2.5).
const INITIAL_TEMPERATURE: f32 = 0.07;

/// The logit scale never exceeds this (arXiv 2103.00020, section 2.5), unless there is a logit bias.
pub const MAX_LOGIT_SCALE: f32 = 100.0;

/// Where logit scale and logit bias start if there is a bias (arXiv 2303.15343, section 3.2).
const INITIAL_SIGMOID: [f32; 2] = [10.0, -10.0];

/// Everything needed to build the model and to feed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    /// `E`, the width of the shared embedding.
    pub embedding: usize,
    /// The image tower.
    pub vision: VisionConfig,
    /// The text tower.
    pub text: TextConfig,
    /// The nonlinearity of both towers.
    pub activation: Activation,
    /// The epsilon of every layer norm.
    pub norm_epsilon: f64,
    /// How images become input.
    pub preprocess: Preprocess,
    /// What a similarity becomes.
    #[serde(default, skip_serializing_if = "Scoring::is_softmax")]
    pub scoring: Scoring,
}

/// Why a config describes no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model config is inconsistent: {0}")]
pub struct InvalidConfig(String);

impl ClipConfig {
    /// Checks that a model can be built from the config, so that building it cannot panic.
    ///
    /// # Errors
    /// Names the first number that does not fit the others.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        const MOST: usize = 1 << 20;
        let text = &self.text;
        let numbers = [
            ("embedding", self.embedding),
            ("text.vocabulary", text.vocabulary),
            ("text.context", text.context),
            ("text.width", text.width),
            ("text.layers", text.layers),
            ("text.heads", text.heads),
            ("text.mlp_width", text.mlp_width),
            ("preprocess.side", self.preprocess.side),
        ];
        let refuse = |why: String| Err(InvalidConfig(why));
        for (name, number) in numbers {
            if !(1..=MOST).contains(&number) {
                return refuse(format!("{name} is {number}"));
            }
        }
        self.vision.validate(self.preprocess.side, self.embedding, MOST).map_err(InvalidConfig)?;
        text.validate().map_err(InvalidConfig)?;
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            return refuse(format!("norm_epsilon is {}", self.norm_epsilon));
        }
        if self.preprocess.std.iter().any(|std| std.is_nan() || *std <= 0.0) {
            return refuse(format!("preprocess.std is {:?}", self.preprocess.std));
        }
        Ok(())
    }

    /// A freshly initialized model.
    ///
    /// # Panics
    /// If the config does not pass [`ClipConfig::validate`].
    pub fn init(&self, device: &Device) -> Clip {
        if let Err(error) = self.validate() {
            panic!("{error}");
        }
        let (scale, bias) = match self.scoring {
            Scoring::Softmax => (1.0 / INITIAL_TEMPERATURE, None),
            Scoring::Sigmoid => (INITIAL_SIGMOID[0], Some(INITIAL_SIGMOID[1])),
        };
        let number = |number: f32| Param::from_data(TensorData::from([number]), device);
        Clip {
            image: self.vision.init(self, device),
            text: self.text.init(self, device),
            logit_scale: number(scale.ln()),
            logit_bias: bias.map(number),
        }
    }
}

/// Images on their way into the image tower.
#[derive(Clone, Debug)]
pub enum ImageInput {
    /// Preprocessed images, `[B, 3, S, S]`.
    Pixels(Tensor<4>),
    /// What a backbone made of them, `[B, C]`.
    Features(Tensor<2>),
}

/// The dual encoder.
#[derive(Module, Debug)]
pub struct Clip {
    image: VisionTower,
    text: TextTower,
    /// The logarithm of the factor that turns cosines into logits, `[1]`.
    logit_scale: Param<Tensor<1>>,
    /// What is added to logits that are probabilities of pairs, `[1]`; nothing in a model that compares captions by a softmax.
    logit_bias: Option<Param<Tensor<1>>>,
}

impl Clip {
    /// Embeds preprocessed images.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, E]`, unit rows
    ///
    /// # Panics
    /// If `pixels` has another shape.
    pub fn encode_image(&self, pixels: Tensor<4>) -> Tensor<2> {
        unit(self.image.forward(pixels))
    }

    /// What the backbone of the image tower makes of preprocessed images; nothing without a backbone.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, C]`, `C` as [`BackboneName::n_features`] says
    pub fn backbone_features(&self, pixels: Tensor<4>) -> Option<Tensor<2>> {
        Some(self.image.backbone()?.features(pixels))
    }

    /// Embeds images that may have passed the backbone already.
    ///
    /// # Shapes
    /// - `weights`: `[B, C]`, what each of the backbone's features counts; zero drops it
    /// - returns `[B, E]`, unit rows
    ///
    /// # Panics
    /// If there are features or weights, and the image tower has no backbone.
    pub fn encode_input(&self, input: ImageInput, weights: Option<Tensor<2>>) -> Tensor<2> {
        unit(match (self.image.backbone(), input) {
            (None, ImageInput::Pixels(pixels)) if weights.is_none() => self.image.forward(pixels),
            (None, _) => panic!("this image tower has no backbone"),
            (Some(tower), ImageInput::Pixels(pixels)) => tower.forward(tower.features(pixels), weights),
            (Some(tower), ImageInput::Features(features)) => tower.forward(features, weights),
        })
    }

    /// Embeds captions.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, `T` at most the context
    /// - `ends`: `[B]`, the position of each end token
    /// - returns `[B, E]`, unit rows
    ///
    /// # Panics
    /// If the shapes do not agree.
    pub fn encode_text(&self, ids: Tensor<2, Int>, ends: &[usize]) -> Tensor<2> {
        unit(self.text.forward(ids, ends, None))
    }

    /// Embeds a batch of tokenized captions: `[B, E]`, unit rows.
    pub fn encode_tokens(&self, batch: &TokenBatch) -> Tensor<2> {
        unit(self.text.forward(self.ids(batch), &batch.ends, None))
    }

    /// The same, with a token embedding whose gradient a GPU computes as a product of matrices.
    pub fn encode_distinct_tokens(&self, batch: &TokenBatch, distinct: &DistinctTokens) -> Tensor<2> {
        unit(self.text.forward(self.ids(batch), &batch.ends, Some(distinct)))
    }

    fn ids(&self, batch: &TokenBatch) -> Tensor<2, Int> {
        let ids = TensorData::new(batch.ids.clone(), [batch.ends.len(), batch.length]);
        Tensor::from_data(ids, &self.device())
    }

    /// The factor that turns cosines into logits, `[1]`, at most [`MAX_LOGIT_SCALE`] if there is no logit bias.
    pub fn logit_scale(&self) -> Tensor<1> {
        match self.logit_bias {
            Some(_) => self.logit_scale.val().exp(),
            None => self.logit_scale.val().clamp_max(MAX_LOGIT_SCALE.ln()).exp(),
        }
    }

    /// What is added to logits before a sigmoid, `[1]`; nothing in a model that compares captions by a softmax.
    pub fn logit_bias(&self) -> Option<Tensor<1>> {
        self.logit_bias.as_ref().map(Param::val)
    }

    /// The model with an image tower that no training step changes.
    pub fn lock_image(mut self) -> Self {
        self.image = self.image.no_grad();
        self
    }

    /// The model whose backbone features have mean 0 and deviation 1 over a sample, `[N, C]`; without a backbone nothing
    /// changes.
    pub fn standardize_features(mut self, features: Tensor<2>) -> Self {
        self.image = self.image.map_backbone(|tower| tower.standardize(features));
        self
    }

    /// The model with the backbone of another one in place of its own, which is the same: two models then hold it once. Without
    /// backbones nothing changes.
    pub fn share_backbone(mut self, other: &Clip) -> Self {
        if let Some(theirs) = other.image.backbone() {
            self.image = self.image.map_backbone(|tower| tower.with_network_of(theirs));
        }
        self
    }

    /// The model with a backbone that no training step changes.
    pub fn freeze_backbone(mut self) -> Self {
        self.image = self.image.map_backbone(BackboneTower::freeze);
        self
    }

    /// The model with all weights drawn, in the order of its parts. One that is fresh draws each when it is first needed,
    /// so that whatever is asked first would decide them.
    pub fn drawn(self) -> Self {
        struct Draw;
        impl ModuleVisitor for Draw {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                param.base();
            }
        }
        self.visit(&mut Draw);
        self
    }

    /// The device that holds the weights.
    pub fn device(&self) -> Device {
        self.logit_scale.val().device()
    }
}

/// Scales each row to length 1; `[B, E]` to `[B, E]`.
fn unit(rows: Tensor<2>) -> Tensor<2> {
    let [batch, _] = rows.dims();
    let length = rows.clone().powi_scalar(2).sum_dim(1).sqrt();
    assert_shape!(length, [batch, 1]);
    rows / length
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::preprocess::{Fit, Resample};

    pub(crate) fn tiny_vit() -> VitConfig {
        VitConfig::clip(8, [16, 2, 2, 32])
    }

    /// A model that is as small as it can be, for tests.
    pub(crate) fn tiny() -> ClipConfig {
        ClipConfig {
            embedding: 8,
            vision: VisionConfig::Vit(tiny_vit()),
            text: TextConfig::clip(300, 16, [16, 2, 2, 32]),
            activation: Activation::QuickGelu,
            norm_epsilon: 1e-5,
            preprocess: Preprocess {
                side: 16,
                fit: Fit::Squash,
                resample: Resample::Bicubic,
                mean: [0.5; 3],
                std: [0.25; 3],
            },
            scoring: Scoring::Softmax,
        }
    }

    fn ids(rows: &[[i32; 4]]) -> Tensor<2, Int> {
        let flat: Vec<i32> = rows.concat();
        Tensor::from_data(TensorData::new(flat, [rows.len(), 4]), &Device::flex())
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    #[test]
    fn embeddings_have_length_one() {
        let model = tiny().init(&Device::flex());
        let images = model.encode_image(Tensor::ones([3, 3, 16, 16], &Device::flex()));
        let texts = model.encode_text(ids(&[[1, 2, 3, 4], [1, 5, 4, 4]]), &[3, 2]);
        for row in values(images).chunks(8).chain(values(texts).chunks(8)) {
            let length: f32 = row.iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5, "{length}");
        }
    }

    #[test]
    fn what_follows_the_end_token_changes_nothing() {
        for read_out in [TextReadOut::End, TextReadOut::Mean] {
            padding_changes_nothing(read_out);
        }
    }

    fn padding_changes_nothing(read_out: TextReadOut) {
        let mut config = tiny();
        config.text.read_out = read_out;
        let model = config.init(&Device::flex());
        let short = values(model.encode_text(ids(&[[1, 5, 4, 4]]), &[2]));
        let padded = values(model.encode_text(ids(&[[1, 5, 4, 77]]), &[2]));
        for (a, b) in short.iter().zip(&padded) {
            assert!((a - b).abs() < 1e-6, "{a} and {b}");
        }
        let other = values(model.encode_text(ids(&[[9, 5, 4, 4]]), &[2]));
        assert!(short.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-3));
    }

    #[test]
    fn the_logit_scale_starts_at_one_over_its_temperature_and_is_capped() {
        let mut model = tiny().init(&Device::flex());
        assert!((values(model.logit_scale())[0] - 1.0 / INITIAL_TEMPERATURE).abs() < 1e-4);
        model.logit_scale = Param::from_data(TensorData::from([9.0f32]), &Device::flex());
        assert!((values(model.logit_scale())[0] - MAX_LOGIT_SCALE).abs() < 1e-3);
    }

    #[test]
    fn a_config_that_does_not_add_up_is_refused_by_name() {
        let refused = |change: fn(&mut ClipConfig)| {
            let mut config = tiny();
            change(&mut config);
            config.validate().expect_err("an inconsistent config").to_string()
        };
        assert!(
            refused(|config| config.vision = VisionConfig::Vit(VitConfig { patch: 5, ..tiny_vit() }))
                .contains("patches of 5")
        );
        assert!(refused(|config| config.text.heads = 3).contains("text.width"));
        assert!(refused(|config| config.embedding = 0).contains("embedding is 0"));
        assert!(
            refused(|config| config.text.read_out = TextReadOut::Last).contains("text.padding is missing")
        );
        assert!(refused(|config| config.text.padding = Some(300)).contains("of 300 tokens"));
        let siglip = |config: &mut ClipConfig| {
            config.vision = VisionConfig::Vit(VitConfig::siglip(8, [16, 2, 2, 32]));
        };
        assert!(refused(siglip).contains("embedding is 8"));
        assert_eq!(tiny().validate(), Ok(()));
    }
}
