//! Both towers on one batch.

use burn::tensor::{Device, Tensor, TensorData, s};
use shared::model::Clip;

use crate::data::Batch;
use crate::objective::{Embedded, Negatives, indices};
use crate::run_config::RunConfig;

/// The embeddings of a batch.
pub fn embed(model: &Clip, batch: Batch, config: &RunConfig, device: &Device) -> Embedded {
    let features = model.image_features(stem(model, batch.images, config, device)); // [B, P, C]
    let features = match batch.channels {
        Some(weights) => {
            let [batch, _, channels] = features.dims();
            features * Tensor::<3>::from_data(TensorData::new(weights, [batch, 1, channels]), device)
        }
        None => features,
    };
    let texts = batch.texts.groups.iter().map(|group| model.encode_tokens(group)).collect();
    let texts = Tensor::cat(texts, 0).select(0, indices(&batch.texts.places, device)); // [B + M, E]
    Embedded {
        images: model.encode_image_features(features),
        captions: texts.clone().slice(s![..config.batch, ..]),
        negatives: batch.negatives.map(|negatives| Negatives {
            embeddings: texts.slice(s![config.batch.., ..]),
            of: negatives.of,
            kinds: negatives.kinds,
        }),
    }
}

/// What the image tower's stem makes of the pictures of a batch, `[B, P, C]`. If it is locked, that is what they are.
pub fn stem(model: &Clip, images: Vec<f32>, config: &RunConfig, device: &Device) -> Tensor<3> {
    let side = config.model.preprocess.side;
    if config.lock_stem {
        let [positions, channels] = config.model.vision.stem_shape(side);
        Tensor::from_data(TensorData::new(images, [config.batch, positions, channels]), device)
    } else {
        let pixels = TensorData::new(images, [config.batch, 3, side, side]);
        model.image_stem(Tensor::from_data(pixels, device))
    }
}
