//! A loaded bundle on a device: images and captions in, embeddings out. The same code answers natively and in
//! the page; reading results is asynchronous because a browser cannot wait for its GPU.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use crate::bundle::{Bundle, BundleError, Header, SelfTest};
use crate::image::Image;
use crate::model::{Clip, ImageInput};
use crate::preprocess::{Fit, Preprocess};
use crate::scene::{self, Scene};
use crate::similarity::{Embedding, Logits};
use crate::tokenizer::{TokenBatch, Tokenizer, TokenizerError};

/// The side of the scenes that a bundle's self-test renders, in pixels.
const SELFTEST_SIDE: u32 = 128;

/// The scenes of a self-test that is recorded, each with its own caption and the next one's.
const SELFTEST_SCENES: u64 = 4;

/// How far a similarity may lie from the one a bundle records. Backends sum in different orders, which moves a
/// cosine by about 1e-5; a wrong kernel or a wrong tensor moves it by far more than this.
pub const SELFTEST_TOLERANCE: f32 = 1e-3;

/// A model ready to answer.
#[derive(Debug)]
pub struct Engine {
    clip: Clip,
    tokenizer: Tokenizer,
    preprocess: Preprocess,
    context: usize,
    logits: Logits,
}

/// What a backbone makes of images, on the device: `[B, C]`.
#[derive(Clone, Debug)]
pub struct Features(Tensor<2>);

/// Why the engine has no answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A caption could not be read.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The bundle could not be loaded.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The device failed.
    #[error("the device failed while computing: {0}")]
    Device(String),
    /// The device computes, but wrongly.
    #[error(
        "this device computes wrong numbers: {caption:?} should score {expected:.4} and scores {found:.4}"
    )]
    SelfTest {
        /// The caption of the failing pair.
        caption: String,
        /// What the bundle records.
        expected: f32,
        /// What the device computed.
        found: f32,
    },
}

impl Engine {
    /// Puts a bundle's weights on a device.
    ///
    /// # Errors
    /// If the weights do not fit the bundle's config or the device fails.
    pub async fn load(bundle: &Bundle, device: &Device) -> Result<Self, EngineError> {
        Self::new(bundle.header(), bundle.model(device)?).await
    }

    /// Makes an engine of a model that was loaded already.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn new(header: &Header, clip: Clip) -> Result<Self, EngineError> {
        let scale = number(clip.logit_scale()).await?;
        let bias = match clip.logit_bias() {
            Some(bias) => Some(number(bias).await?),
            None => None,
        };
        Ok(Engine {
            clip,
            tokenizer: header.tokenizer().clone(),
            preprocess: header.config().preprocess.clone(),
            context: header.config().text.context,
            logits: Logits { scale, bias },
        })
    }

    /// How the model turns cosines into logits.
    pub fn logits(&self) -> Logits {
        self.logits
    }

    /// Embeds images in one pass: one embedding each, in order.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn embed_images(&self, images: &[&Image]) -> Result<Vec<Embedding>, EngineError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        read(self.clip.encode_image(self.pixels(images))).await
    }

    /// What the backbone makes of images in one pass; nothing if the model has none.
    ///
    /// # Panics
    /// If there are no images.
    pub fn features(&self, images: &[&Image]) -> Option<Features> {
        self.clip.backbone_features(self.pixels(images)).map(Features)
    }

    /// Embeds images by what a backbone equal to this model's has made of them: one embedding each, in order.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Panics
    /// If the model has no backbone.
    pub async fn embed_features(&self, features: &Features) -> Result<Vec<Embedding>, EngineError> {
        read(self.clip.encode_input(ImageInput::Features(features.0.clone()), None)).await
    }

    /// The model.
    pub fn clip(&self) -> &Clip {
        &self.clip
    }

    /// `[B, 3, S, S]`
    fn pixels(&self, images: &[&Image]) -> Tensor<4> {
        let side = self.preprocess.side;
        let pixels = images.iter().flat_map(|image| self.preprocess.pixels(image)).collect::<Vec<f32>>();
        Tensor::from_data(TensorData::new(pixels, [images.len(), 3, side, side]), &self.clip.device())
    }

    /// What the model sees of an image, and whether it sees all of it; embedding this is embedding the image.
    pub fn square(&self, image: &Image) -> (Image, bool) {
        (self.preprocess.square(image), self.preprocess.fit == Fit::Squash)
    }

    /// Embeds captions in one pass: one embedding each, in order.
    ///
    /// # Errors
    /// If a caption cannot be read or the device fails.
    pub async fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>, EngineError> {
        if captions.is_empty() {
            return Ok(Vec::new());
        }
        let tokens: Vec<_> = captions
            .iter()
            .map(|caption| self.tokenizer.encode(caption, self.context))
            .collect::<Result<_, _>>()?;
        read(self.clip.encode_tokens(&TokenBatch::of(&tokens))).await
    }

    /// The byte of the caption from which on the model reads nothing, if it is too long for it.
    ///
    /// # Errors
    /// If the caption cannot be read.
    pub fn cut_at(&self, caption: &str) -> Result<Option<usize>, EngineError> {
        Ok(self.tokenizer.encode(caption, self.context)?.cut_at)
    }

    /// The similarities of scenes, by their seeds, and captions, as self-tests record them. No scene is drawn twice, and
    /// all captions go through the tower together: this runs while a visitor waits.
    ///
    /// # Errors
    /// If a caption cannot be read or the device fails.
    pub async fn scene_similarities(&self, pairs: &[(u64, &str)]) -> Result<Vec<f32>, EngineError> {
        let mut scenes: BTreeMap<u64, Embedding> = BTreeMap::new();
        for (seed, _) in pairs {
            if !scenes.contains_key(seed) {
                let image = Scene::from_seed(*seed).render(SELFTEST_SIDE);
                scenes.insert(*seed, self.embed_images(&[&image]).await?.remove(0));
            }
        }
        let captions: Vec<&str> = pairs.iter().map(|(_, caption)| *caption).collect();
        let captions = self.embed_captions(&captions).await?;
        Ok(pairs.iter().zip(&captions).map(|((seed, _), caption)| scenes[seed].cosine(caption)).collect())
    }

    /// What the weights compute for a few scenes and captions, for a bundle to record.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn record_self_test(&self) -> Result<Vec<SelfTest>, EngineError> {
        let pairs: Vec<(u64, String)> = (0..SELFTEST_SCENES)
            .flat_map(|seed| [seed, seed + 1].map(|other| (seed, scene::caption_of_seed(other))))
            .collect();
        let asked: Vec<(u64, &str)> = pairs.iter().map(|(seed, caption)| (*seed, caption.as_str())).collect();
        let similarities = self.scene_similarities(&asked).await?;
        let test = |((image_seed, caption), similarity)| SelfTest { image_seed, caption, similarity };
        Ok(pairs.into_iter().zip(similarities).map(test).collect())
    }

    /// Replays the pairs that a bundle records and returns the largest difference.
    ///
    /// # Errors
    /// [`EngineError::SelfTest`] for the first pair off by more than [`SELFTEST_TOLERANCE`].
    pub async fn self_test(&self, header: &Header) -> Result<f32, EngineError> {
        let pairs = header.selftest();
        let asked: Vec<(u64, &str)> =
            pairs.iter().map(|pair| (pair.image_seed, pair.caption.as_str())).collect();
        let mut largest = 0.0f32;
        for (pair, found) in pairs.iter().zip(self.scene_similarities(&asked).await?) {
            let difference = (found - pair.similarity).abs();
            if difference.is_nan() || difference > SELFTEST_TOLERANCE {
                return Err(EngineError::SelfTest {
                    caption: pair.caption.clone(),
                    expected: pair.similarity,
                    found,
                });
            }
            largest = largest.max(difference);
        }
        Ok(largest)
    }
}

/// Brings a number back from the device.
async fn number(tensor: Tensor<1>) -> Result<f32, EngineError> {
    Ok(read(tensor.unsqueeze()).await?[0].values()[0])
}

/// Brings rows back from the device.
async fn read(rows: Tensor<2>) -> Result<Vec<Embedding>, EngineError> {
    let [_, width] = rows.dims();
    let data = rows.into_data_async().await.map_err(|error| EngineError::Device(format!("{error:?}")))?;
    let values: Vec<f32> = data.iter::<f32>().collect();
    Ok(values.chunks(width).map(|row| Embedding::from_unit_row(row.to_vec())).collect())
}
