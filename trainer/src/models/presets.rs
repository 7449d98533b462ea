//! Model sizes: one dial from which all else follows.

use serde::{Deserialize, Serialize};
use shared::model::{
    Activation, BackboneConfig, BackboneName, ClipConfig, ReadOut, Scoring, TextConfig, TextReadOut,
    VisionConfig, VitConfig,
};
use shared::preprocess::{CLIP_MEAN, CLIP_STD, Fit, Preprocess, Resample};

/// How large a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// A few thousand weights: for tests.
    Tiny,
    /// A few hundred thousand weights: learns scenes on a processor.
    Small,
    /// MobileNetV2 and a few million weights more: learns photographs on a processor if it begins with `--init-image`.
    Photo,
    /// As `photo`, with EfficientNet-Lite0 in place of MobileNetV2.
    #[serde(rename = "photo-lite0")]
    PhotoLite0,
    /// As `photo`, with EfficientNet-Lite2: larger and slower.
    #[serde(rename = "photo-lite2")]
    PhotoLite2,
    /// OpenAI's ViT-B/32: for GPUs.
    Base,
}

impl Preset {
    /// The number of tokens that the tokenizer learns.
    pub fn vocabulary(self) -> usize {
        match self {
            Preset::Tiny | Preset::Small => 640,
            Preset::Photo | Preset::PhotoLite0 | Preset::PhotoLite2 => 6144,
            Preset::Base => 16_384,
        }
    }

    /// The model for a tokenizer of `vocabulary` tokens.
    pub fn config(self, vocabulary: usize) -> ClipConfig {
        let vit = |embedding, side, vision, text| (embedding, vision, text, (side, CLIP_MEAN, CLIP_STD));
        let (embedding, vision, text, (side, mean, std)) = match self {
            Preset::Tiny => vit(
                16,
                32,
                vision(8, &[8, 12, 16], [32, 1, 2, 64]),
                TextConfig::clip(vocabulary, 16, [32, 1, 2, 64]),
            ),
            Preset::Small => vit(
                128,
                64,
                vision(16, &[16, 32, 64, 128], [128, 2, 4, 256]),
                TextConfig::clip(vocabulary, 32, [96, 2, 3, 192]),
            ),
            Preset::Base => vit(
                512,
                224,
                vision(32, &[], [768, 12, 12, 3072]),
                TextConfig::clip(vocabulary, 77, [512, 12, 8, 2048]),
            ),
            Preset::Photo => photo(BackboneName::MobileNetV2, vocabulary),
            Preset::PhotoLite0 => photo(BackboneName::EfficientNetLite0, vocabulary),
            Preset::PhotoLite2 => photo(BackboneName::EfficientNetLite2, vocabulary),
        };
        ClipConfig {
            embedding,
            vision,
            text,
            activation: Activation::QuickGelu,
            norm_epsilon: 1e-5,
            // Squashed, because captions name what stands at the edges.
            preprocess: Preprocess { side, fit: Fit::Squash, resample: Resample::Bicubic, mean, std },
            scoring: Scoring::Softmax,
        }
    }
}

/// What a preset chooses: the width of embeddings, both towers, and the side of images with mean and deviation of their channels.
type Chosen = (usize, VisionConfig, TextConfig, (usize, [f32; 3], [f32; 3]));

/// A model on a backbone whose published weights expect images of another scale than CLIP's.
fn photo(backbone: BackboneName, vocabulary: usize) -> Chosen {
    let (side, mean, std) = match backbone {
        BackboneName::MobileNetV2 => (256, 0.5, 0.5),
        // `(level - 127) / 128`
        BackboneName::EfficientNetLite0 => (224, 127.0 / 255.0, 128.0 / 255.0),
        BackboneName::EfficientNetLite2 => (260, 127.0 / 255.0, 128.0 / 255.0),
    };
    let vision = VisionConfig::Backbone(BackboneConfig { backbone });
    let text =
        TextConfig { read_out: TextReadOut::Mean, ..TextConfig::clip(vocabulary, 40, [256, 2, 4, 1024]) };
    (256, vision, text, (side, [mean; 3], [std; 3]))
}

fn vision(patch: usize, stem: &[usize], sizes: [usize; 4]) -> VisionConfig {
    // The class token is CLIP's; small models need to see where things are.
    let read_out = if stem.is_empty() { ReadOut::Class } else { ReadOut::Positions };
    VisionConfig::Vit(VitConfig { stem: stem.to_vec(), read_out, ..VitConfig::clip(patch, sizes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_describes_a_model() {
        let small = [Preset::Tiny, Preset::Small, Preset::Photo, Preset::PhotoLite0, Preset::PhotoLite2];
        for preset in small.into_iter().chain([Preset::Base]) {
            assert_eq!(preset.config(preset.vocabulary()).validate(), Ok(()));
        }
    }
}
