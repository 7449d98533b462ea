//! A pretrained convolutional network as an image tower: its features over the whole image, and a small head that learns.

use burn::module::{Initializer, Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, assert_shape};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::projection;
use super::convnet::{Architecture, ConvNet, EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, MOBILENET_V2};
use super::layers::LayerNorm;

/// An image tower on a backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneConfig {
    /// The network.
    pub backbone: BackboneName,
    /// `W`, the width of the head's hidden layer.
    pub width: usize,
}

/// A network that published weights exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackboneName {
    /// MobileNetV2 of width 1.0 (arXiv 1801.04381), its channels pooled over the whole image.
    #[serde(rename = "mobilenet_v2_pooled")]
    MobileNetV2,
    /// EfficientNet-Lite0 (after arXiv 1905.11946), pooled likewise.
    #[serde(rename = "efficientnet_lite0_pooled")]
    EfficientNetLite0,
    /// EfficientNet-Lite2.
    #[serde(rename = "efficientnet_lite2_pooled")]
    EfficientNetLite2,
}

impl BackboneName {
    /// The name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            BackboneName::MobileNetV2 => "MobileNetV2",
            BackboneName::EfficientNetLite0 => "EfficientNet-Lite0",
            BackboneName::EfficientNetLite2 => "EfficientNet-Lite2",
        }
    }

    /// The layers, and which of them are read.
    pub const fn architecture(self) -> &'static Architecture {
        match self {
            BackboneName::MobileNetV2 => &MOBILENET_V2,
            BackboneName::EfficientNetLite0 => &EFFICIENTNET_LITE0,
            BackboneName::EfficientNetLite2 => &EFFICIENTNET_LITE2,
        }
    }

    /// The shape of the features of one image: `[P, C]`.
    pub fn feature_shape(self) -> [usize; 2] {
        [1, self.architecture().channels()]
    }
}

/// Images to embeddings that are not yet scaled to length 1.
#[derive(Module, Debug)]
pub struct BackboneTower {
    network: ConvNet,
    /// Brings features to one scale; published networks leave theirs as different as they were.
    feature_norm: FeatureNorm,
    /// `[C, W]`
    hidden: Linear,
    norm_pre: LayerNorm,
    norm_post: LayerNorm,
    /// `[W, E]`
    projection: Linear,
}

impl BackboneConfig {
    pub(super) fn validate(&self, most: usize) -> Result<(), String> {
        match self.width {
            width if (1..=most).contains(&width) => Ok(()),
            width => Err(format!("vision.width is {width}")),
        }
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> BackboneTower {
        let [_, channels] = self.backbone.feature_shape();
        // Not zero, or images without any contrast would have embeddings of length 0 before the first step.
        let reach = (channels as f64).powf(-0.5);
        let bias = Initializer::Uniform { min: -reach, max: reach }.init([self.width], device);
        let hidden = projection(channels, self.width, device);
        BackboneTower {
            network: ConvNet::init(self.backbone.architecture(), device),
            feature_norm: FeatureNorm::init(channels, device),
            hidden: Linear { bias: Some(bias), ..hidden },
            norm_pre: LayerNorm::init(self.width, clip.norm_epsilon, device),
            norm_post: LayerNorm::init(self.width, clip.norm_epsilon, device),
            projection: projection(self.width, clip.embedding, device),
        }
    }
}

impl BackboneTower {
    /// The tower with a network that no training step changes.
    pub(super) fn freeze(mut self) -> Self {
        self.network = self.network.no_grad();
        self
    }

    /// Images to features.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, P, C]`, as [`BackboneName::feature_shape`] says
    pub(super) fn features(&self, pixels: Tensor<4>) -> Tensor<3> {
        self.network.forward(pixels)
    }

    /// The tower whose features have mean 0 and deviation 1 over a sample (arXiv 1807.03039, section 3.1).
    ///
    /// # Shapes
    /// - `features`: `[N, P, C]`
    pub(super) fn standardize(mut self, features: Tensor<3>) -> Self {
        self.feature_norm = FeatureNorm::of(features);
        self
    }

    /// Features to embeddings.
    ///
    /// # Shapes
    /// - `features`: `[B, P, C]`
    /// - `weights`: `[B, 1, C]`, what each channel counts once features are on one scale; zero drops it
    /// - returns `[B, E]`
    pub(super) fn forward(&self, features: Tensor<3>, weights: Option<Tensor<3>>) -> Tensor<2> {
        let features = self.feature_norm.forward(features);
        let features = match weights {
            Some(weights) => features * weights,
            None => features,
        };
        let x = self.norm_pre.forward(self.hidden.forward(features)).mean_dim(1); // [B, 1, W]
        let [batch, _, width] = x.dims();
        assert_shape!(x, [batch, 1, width]);
        self.projection.forward(self.norm_post.forward(x).reshape([batch, width]))
    }
}

/// Takes a mean away from each channel and divides it by a deviation.
#[derive(Module, Debug)]
struct FeatureNorm {
    /// `[C]`
    norm_mean: Param<Tensor<1>>,
    /// `[C]`
    norm_scale: Param<Tensor<1>>,
}

impl FeatureNorm {
    fn init(channels: usize, device: &Device) -> Self {
        FeatureNorm {
            norm_mean: Initializer::Zeros.init([channels], device),
            norm_scale: Initializer::Ones.init([channels], device),
        }
    }

    /// `features`: `[N, P, C]`
    fn of(features: Tensor<3>) -> Self {
        /// A channel that never changes is left as small as it is.
        const LEAST: f64 = 1e-6;
        let [batch, positions, channels] = features.dims();
        let rows = features.reshape([batch * positions, channels]);
        let mean = rows.clone().mean_dim(0); // [1, C]
        let variance = (rows - mean.clone()).powi_scalar(2).mean_dim(0);
        let scale = (variance + LEAST).sqrt().recip();
        FeatureNorm {
            norm_mean: Param::from_tensor(mean.reshape([channels])),
            norm_scale: Param::from_tensor(scale.reshape([channels])),
        }
    }

    /// `[B, P, C]` to `[B, P, C]`
    fn forward(&self, features: Tensor<3>) -> Tensor<3> {
        (features - self.norm_mean.val().unsqueeze()) * self.norm_scale.val().unsqueeze()
    }
}
