//! The image tower: a choice of towers, each in a file of its own.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::backbone::{BackboneConfig, BackboneName, BackboneTower};
use super::fastvit::{FastVit, FastVitConfig};
use super::vit::{Vit, VitConfig};

/// Which image tower, and its sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "its image tower is of a kind that this version of Foil does not know")]
pub enum VisionConfig {
    /// A vision transformer.
    Vit(VitConfig),
    /// A pretrained convolutional network and a head.
    Backbone(BackboneConfig),
    /// Convolutions and attention, as in MobileCLIP.
    FastVit(FastVitConfig),
}

impl VisionConfig {
    /// The backbone, if the tower has one.
    pub fn backbone(&self) -> Option<BackboneName> {
        match self {
            VisionConfig::Vit(_) | VisionConfig::FastVit(_) => None,
            VisionConfig::Backbone(tower) => Some(tower.backbone),
        }
    }

    /// Why a model of images of `side` pixels and that many numbers an embedding cannot be built.
    pub(super) fn validate(&self, side: usize, embedding: usize, most: usize) -> Result<(), String> {
        match self {
            VisionConfig::Vit(vit) => vit.validate(side, embedding, most),
            VisionConfig::Backbone(_) => Ok(()),
            VisionConfig::FastVit(fastvit) => fastvit.validate(most),
        }
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> VisionTower {
        match self {
            VisionConfig::Vit(vit) => VisionTower::Vit(vit.init(clip, device)),
            VisionConfig::Backbone(backbone) => VisionTower::Backbone(backbone.init(clip, device)),
            VisionConfig::FastVit(fastvit) => VisionTower::FastVit(fastvit.init(clip, device)),
        }
    }
}

/// Images to embeddings that are not yet scaled to length 1.
// A model has one.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum VisionTower {
    /// A vision transformer.
    Vit(Vit),
    /// A pretrained convolutional network and a head.
    Backbone(BackboneTower),
    /// Convolutions and attention.
    FastVit(FastVit),
}

impl VisionTower {
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, E]`
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        match self {
            VisionTower::Vit(vit) => vit.forward(pixels),
            VisionTower::Backbone(tower) => tower.forward(tower.features(pixels), None),
            VisionTower::FastVit(fastvit) => fastvit.forward(pixels),
        }
    }

    /// The tower with its backbone, if it has one.
    pub(super) fn backbone(&self) -> Option<&BackboneTower> {
        match self {
            VisionTower::Vit(_) | VisionTower::FastVit(_) => None,
            VisionTower::Backbone(tower) => Some(tower),
        }
    }

    /// The tower changed, if it has a backbone; one without stays as it is.
    pub(super) fn map_backbone(self, change: impl FnOnce(BackboneTower) -> BackboneTower) -> Self {
        match self {
            VisionTower::Backbone(tower) => VisionTower::Backbone(change(tower)),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tower_of_another_version_is_refused_in_a_sentence() {
        let config = r#"{"backbone": "mobilenet_v4", "width": 256}"#;
        let error = serde_json::from_str::<VisionConfig>(config).expect_err("no such tower").to_string();
        assert!(error.contains("this version of Foil does not know"), "{error}");
    }
}
