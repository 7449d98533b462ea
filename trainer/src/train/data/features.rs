//! The image input of the model: pixels or, with a frozen backbone, its features. Those of photographs are computed once and
//! cached.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::{Tensor, TensorData};
use half::f16;
use rayon::prelude::*;
use shared::image::Image;
use shared::model::{BackboneName, Clip, ImageInput};
use shared::preprocess::Preprocess;
use shared::seed;

use crate::system::atomic_file;
use crate::system::device;
use crate::system::progress;
use crate::train::run_config::RunConfig;

/// Images that pass the backbone together.
const BATCH: usize = 16;

/// What the image tower is given: of one image, or of a batch one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageValues {
    /// Pixels, `[3, S, S]` each.
    Pixels(Vec<f32>),
    /// Features of a frozen backbone, `[C]` each.
    Features(Vec<f32>),
}

impl ImageValues {
    /// A batch of images, all of one kind.
    pub fn batch(images: impl Iterator<Item = ImageValues>) -> Self {
        let mut batch: Option<ImageValues> = None;
        for image in images {
            match (&mut batch, image) {
                (None, image) => batch = Some(image),
                (Some(ImageValues::Pixels(all)), ImageValues::Pixels(image))
                | (Some(ImageValues::Features(all)), ImageValues::Features(image)) => all.extend(image),
                (Some(_), _) => unreachable!("the encoder of a run is frozen or not"),
            }
        }
        batch.unwrap_or(ImageValues::Pixels(Vec::new()))
    }

    /// The batch of a run on the device of a model, in its precision.
    pub fn to_device(&self, model: &Clip, config: &RunConfig) -> ImageInput {
        let (device, dtype) = (&model.device(), model.logit_scale().dtype());
        let (batch, side) = (config.settings.batch_size, config.model.preprocess.side);
        match self {
            ImageValues::Pixels(values) => {
                let pixels = TensorData::new(values.clone(), [batch, 3, side, side]);
                ImageInput::Pixels(Tensor::<4>::from_data(pixels, device).cast(dtype))
            }
            ImageValues::Features(values) => {
                let features = TensorData::new(values.clone(), [batch, n_features(config)]);
                ImageInput::Features(Tensor::<2>::from_data(features, device).cast(dtype))
            }
        }
    }
}

/// The number of features of an image, `C`; none without a backbone.
pub fn n_features(config: &RunConfig) -> usize {
    config.model.vision.backbone().map_or(0, BackboneName::n_features)
}

/// Turns images into the model's input.
#[derive(Debug, Default)]
pub struct InputEncoder {
    /// The model whose backbone is frozen, if one is.
    frozen: Option<Clip>,
}

impl InputEncoder {
    /// An encoder that returns features of a model's backbone.
    pub fn frozen(clip: Clip) -> Self {
        InputEncoder { frozen: Some(clip) }
    }

    /// Pixels or, with a frozen backbone, features.
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode(&self, image: &Image, preprocess: &Preprocess) -> Result<ImageValues> {
        let pixels = preprocess.pixels(image);
        Ok(match &self.frozen {
            Some(clip) => ImageValues::Features(features(clip, preprocess.side, pixels)?),
            None => ImageValues::Pixels(pixels),
        })
    }

    /// Computes the features of images once and keeps them in memory and, for later runs, in a file of `folder`.
    ///
    /// `fingerprint` changes with the images; `read` reads the one of a number.
    ///
    /// # Errors
    /// If an image cannot be read, the device fails, or the folder cannot be written to.
    pub fn precompute(
        &self,
        preprocess: &Preprocess,
        n_images: usize,
        fingerprint: u64,
        folder: Option<&Path>,
        read: impl Fn(usize) -> Result<Image> + Sync,
    ) -> Result<CachedFeatures> {
        let clip = self.frozen.as_ref().context("only a frozen backbone has features to cache")?;
        // Other weights make other features of the same images.
        let probe = Image::new(32, 32, (0..3 * 32 * 32).map(|at| (at * 37 % 251) as u8).collect());
        let probe = features(clip, preprocess.side, preprocess.pixels(&probe))?;
        let probe: Vec<u64> = probe.iter().map(|value| u64::from(value.to_bits())).collect();
        let length = probe.len();
        let name = format!("{:016x}.features", seed::mix(&[&[fingerprint][..], &probe].concat()));
        let path = folder.map(|folder| folder.join(name));
        if let Some(path) = path.as_deref().filter(|path| path.exists()) {
            return CachedFeatures::read(path, n_images, length);
        }
        let bar = progress::bar(n_images, "images")?;
        // A small network leaves most cores idle, so each core takes images of its own.
        let of_some = |first: usize| {
            let mut pixels = Vec::new();
            let numbers = first..n_images.min(first + BATCH);
            for number in numbers.clone() {
                pixels.extend(preprocess.pixels(&read(number)?));
            }
            let seen = features(clip, preprocess.side, pixels)?;
            bar.inc(numbers.len() as u64);
            Ok(seen.into_iter().map(f16::from_f32).collect())
        };
        let firsts = (0..n_images).into_par_iter().step_by(BATCH);
        let values: Vec<Vec<f16>> = firsts.map(of_some).collect::<Result<_>>()?;
        bar.finish_and_clear();
        let kept = CachedFeatures { values: values.concat(), length };
        if let Some(path) = path {
            kept.write(&path)?;
        }
        Ok(kept)
    }
}

/// Pixels, one image after the other, to features.
fn features(clip: &Clip, side: usize, pixels: Vec<f32>) -> Result<Vec<f32>> {
    let n_images = pixels.len() / (3 * side * side);
    let pixels = TensorData::new(pixels, [n_images, 3, side, side]);
    let features = clip.backbone_features(Tensor::from_data(pixels, &clip.device()));
    device::floats(features.context("this image tower has no backbone")?)
}

/// Features of images, as float16.
#[derive(Debug)]
pub struct CachedFeatures {
    values: Vec<f16>,
    /// Numbers per image.
    length: usize,
}

impl CachedFeatures {
    /// The features of an image.
    pub fn get(&self, number: usize) -> ImageValues {
        let values = &self.values[number * self.length..(number + 1) * self.length];
        ImageValues::Features(values.iter().map(|value| value.to_f32()).collect())
    }

    fn read(path: &Path, n_images: usize, length: usize) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.len() != 2 * n_images * length {
            bail!("{} is damaged; remove it, and it will be made again", path.display());
        }
        let values = bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two)).collect();
        Ok(CachedFeatures { values, length })
    }

    fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        atomic_file::write(
            path,
            self.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
        )
    }
}
