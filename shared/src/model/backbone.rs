//! A pretrained convolutional network as an image tower: its features and the image's colors, and a linear layer that learns.

use burn::module::{Initializer, Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::projection;
use super::color_histogram::{self, ColorHistogram};
use super::convnet::{Architecture, ConvNet, EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, MOBILENET_V2};

/// Standardized features beyond this many deviations are clamped: a few channels are zero in almost every image.
const MOST_DEVIATIONS: f64 = 6.0;

/// An image tower on a backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneConfig {
    /// The network.
    pub backbone: BackboneName,
}

/// A network that published weights exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackboneName {
    /// MobileNetV2 of width 1.0 (arXiv 1801.04381).
    #[serde(rename = "mobilenet_v2")]
    MobileNetV2,
    /// EfficientNet-Lite0 (after arXiv 1905.11946).
    #[serde(rename = "efficientnet_lite0")]
    EfficientNetLite0,
    /// EfficientNet-Lite2.
    #[serde(rename = "efficientnet_lite2")]
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

    /// `C`, the number of features of an image.
    pub fn n_features(self) -> usize {
        self.architecture().channels() + color_histogram::LENGTH
    }
}

/// Images to embeddings that are not yet scaled to length 1.
#[derive(Module, Debug)]
pub struct BackboneTower {
    network: ConvNet,
    colors: ColorHistogram,
    /// Brings features to one scale; published networks leave theirs as different as they were.
    feature_norm: FeatureNorm,
    /// `[C, E]`
    projection: Linear,
}

impl BackboneConfig {
    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> BackboneTower {
        let n_features = self.backbone.n_features();
        // Not zero, or images without any contrast would have embeddings of length 0 before the first step.
        let reach = (n_features as f64).powf(-0.5);
        let bias = Initializer::Uniform { min: -reach, max: reach }.init([clip.embedding], device);
        BackboneTower {
            network: ConvNet::init(self.backbone.architecture(), device),
            colors: ColorHistogram::new(&clip.preprocess),
            feature_norm: FeatureNorm::init(n_features, device),
            projection: Linear { bias: Some(bias), ..projection(n_features, clip.embedding, device) },
        }
    }
}

impl BackboneTower {
    /// The tower with a network that no training step changes.
    pub(super) fn freeze(mut self) -> Self {
        self.network = self.network.no_grad();
        self
    }

    /// The tower with the network of another one.
    pub(super) fn with_network_of(mut self, other: &BackboneTower) -> Self {
        self.network = other.network.clone();
        self
    }

    /// Images to features.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, C]`, `C` as [`BackboneName::n_features`] says
    pub(super) fn features(&self, pixels: Tensor<4>) -> Tensor<2> {
        let colors = self.colors.forward(pixels.clone());
        Tensor::cat(vec![self.network.forward(pixels), colors], 1)
    }

    /// The tower whose features have mean 0 and deviation 1 over a sample (arXiv 1807.03039, section 3.1).
    ///
    /// # Shapes
    /// - `features`: `[N, C]`
    pub(super) fn standardize(mut self, features: Tensor<2>) -> Self {
        self.feature_norm = FeatureNorm::of(features);
        self
    }

    /// Features to embeddings.
    ///
    /// # Shapes
    /// - `features`: `[B, C]`
    /// - `weights`: `[B, C]`, what each feature counts once all are on one scale; zero drops it
    /// - returns `[B, E]`
    pub(super) fn forward(&self, features: Tensor<2>, weights: Option<Tensor<2>>) -> Tensor<2> {
        let features = self.feature_norm.forward(features);
        self.projection.forward(match weights {
            Some(weights) => features * weights,
            None => features,
        })
    }
}

/// Takes a mean away from each feature, divides it by a deviation, and clamps what is far out.
#[derive(Module, Debug)]
struct FeatureNorm {
    /// `[C]`
    norm_mean: Param<Tensor<1>>,
    /// `[C]`
    norm_scale: Param<Tensor<1>>,
}

impl FeatureNorm {
    fn init(n_features: usize, device: &Device) -> Self {
        FeatureNorm {
            norm_mean: Initializer::Zeros.init([n_features], device),
            norm_scale: Initializer::Ones.init([n_features], device),
        }
    }

    /// `features`: `[N, C]`
    fn of(features: Tensor<2>) -> Self {
        /// A feature that never changes is left as small as it is.
        const LEAST: f64 = 1e-6;
        let [_, n_features] = features.dims();
        let mean = features.clone().mean_dim(0); // [1, C]
        let variance = (features - mean.clone()).powi_scalar(2).mean_dim(0);
        let scale = (variance + LEAST).sqrt().recip();
        FeatureNorm {
            norm_mean: Param::from_tensor(mean.reshape([n_features])),
            norm_scale: Param::from_tensor(scale.reshape([n_features])),
        }
    }

    /// `[B, C]` to `[B, C]`
    fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        let standard = (features - self.norm_mean.val().unsqueeze()) * self.norm_scale.val().unsqueeze();
        standard.clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS)
    }
}
