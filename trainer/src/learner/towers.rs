//! Both towers on one batch.

use burn::tensor::{Tensor, TensorData, s};
use shared::model::Clip;

use crate::data::Batch;
use crate::objective::{Embedded, Negatives};
use crate::run_config::RunConfig;

/// The embeddings of a batch.
pub fn embed(model: &Clip, batch: Batch, config: &RunConfig) -> Embedded {
    let features = model.image_features(stem(model, batch.images, config)); // [B, P, C]
    let features = match batch.channels {
        Some(weights) => {
            let [batch, _, channels] = features.dims();
            let weights = TensorData::new(weights, [batch, 1, channels]);
            features * Tensor::<3>::from_data(weights, &model.device())
        }
        None => features,
    };
    let texts = batch.texts.embed(model); // [B + M, E]
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
pub fn stem(model: &Clip, images: Vec<f32>, config: &RunConfig) -> Tensor<3> {
    let device = &model.device();
    let side = config.model.preprocess.side;
    if config.lock_stem {
        let [positions, channels] = config.model.vision.stem_shape(side);
        Tensor::from_data(TensorData::new(images, [config.batch, positions, channels]), device)
    } else {
        let pixels = TensorData::new(images, [config.batch, 3, side, side]);
        model.image_stem(Tensor::from_data(pixels, device))
    }
}
