//! Both towers on one batch.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor, TensorData, s};
use shared::model::Clip;

use crate::cli::FloatPrecision;
use crate::data::Batch;
use crate::objective::{Embedded, Negatives};
use crate::run_config::RunConfig;

/// The embeddings of a batch, in 32-bit floats whatever the towers compute in.
pub fn embed(model: &Clip, batch: Batch, config: &RunConfig) -> Embedded {
    let sixteen_bits;
    let model = if config.settings.precision == Some(FloatPrecision::Bf16) {
        sixteen_bits = model.clone().map(&mut Rounded);
        &sixteen_bits
    } else {
        model
    };
    let features = model.image_features(stem(model, batch.images, config)); // [B, P, C]
    let features = match batch.channels {
        Some(weights) => {
            let [batch, _, channels] = features.dims();
            let weights = TensorData::new(weights, [batch, 1, channels]);
            let weights = Tensor::<3>::from_data(weights, &model.device());
            features.clone() * weights.cast(features.dtype())
        }
        None => features,
    };
    let texts = batch.texts.embed(model).cast(DType::F32); // [B + B · K, E]
    let [n_texts, embedding] = texts.dims();
    let n_captions = config.settings.batch_size;
    let slots = config.negatives_per_caption();
    Embedded {
        images: model.encode_image_features(features).cast(DType::F32),
        captions: texts.clone().slice(s![..n_captions, ..]),
        negatives: (n_texts > n_captions).then(|| Negatives {
            embeddings: texts.slice(s![n_captions.., ..]).reshape([n_captions, slots, embedding]),
            sources: batch.negatives,
        }),
    }
}

/// What the image tower's stem makes of the pictures of a batch, `[B, P, C]`. If it is locked, that is what they are.
pub fn stem(model: &Clip, images: Vec<f32>, config: &RunConfig) -> Tensor<3> {
    let device = &model.device();
    let dtype = model.logit_scale().dtype();
    let side = config.model.preprocess.side;
    if config.settings.freeze_backbone {
        let [positions, channels] = config.model.vision.stem_shape(side);
        let stem = TensorData::new(images, [config.settings.batch_size, positions, channels]);
        Tensor::<3>::from_data(stem, device).cast(dtype)
    } else {
        let pixels = TensorData::new(images, [config.settings.batch_size, 3, side, side]);
        model.image_stem(Tensor::<4>::from_data(pixels, device).cast(dtype))
    }
}

/// Weights as 16-bit floats (bfloat16), as a function of the weights that learn: gradients flow back to these (mixed precision
/// with master weights, arXiv 1710.03740). This one has the range of 32-bit floats, so that no loss has to be scaled.
struct Rounded;

impl ModuleMapper for Rounded {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::initialized(param.id, param.val().cast(DType::BF16))
    }
}
