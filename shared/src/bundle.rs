//! The bundle: one `.safetensors` file that holds a model and all that is needed to use it.
//!
//! Weights are named tensors in PyTorch's layout; the metadata holds the keys listed in [`keys`]. What is here is a
//! promise to other people's readers: changing it means raising [`VERSION`].

use std::collections::HashMap;

use burn::store::{
    ApplyError, ApplyResult, BurnToPyTorchAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
};
use burn::tensor::{Device, TensorData};
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use serde::{Deserialize, Serialize};

use crate::model::{Clip, ClipConfig, InvalidConfig};
use crate::tokenizer::{Tokenizer, TokenizerError};

/// The version that this code writes, and the only one it reads.
pub const VERSION: &str = "1";

/// The keys of the metadata.
pub mod keys {
    /// The version of the format.
    pub const VERSION: &str = "foil.version";
    /// The [`crate::model::ClipConfig`] as JSON.
    pub const CONFIG: &str = "foil.config";
    /// A Hugging Face `tokenizer.json`.
    pub const TOKENIZER: &str = "foil.tokenizer";
    /// The [`super::Training`] facts as JSON.
    pub const TRAINING: &str = "foil.training";
    /// A list of [`super::SelfTest`] as JSON.
    pub const SELFTEST: &str = "foil.selftest";
}

/// How the weights are stored. They are always computed with as 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Four bytes a weight, exact.
    F32,
    /// Two bytes a weight.
    F16,
    /// One byte a weight: each row of a matrix as whole numbers from -127 to 127, with a 32-bit factor a row beside
    /// it. What is no matrix stays exact; it is small.
    Q8,
}

/// What follows the name of a matrix in the name of its rows' factors.
const SCALE: &str = ".scale";

/// A weight on its way into a bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name in the bundle.
    pub name: String,
    /// Its shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// Its values, the last axis running fastest.
    pub values: Vec<f32>,
}

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The data sources.
    pub data: Vec<String>,
    /// Which hard negatives were used: `none`, a concept or `all`.
    pub negatives: String,
    /// Optimiser steps.
    pub steps: u64,
    /// Pictures a step.
    pub batch: usize,
    /// The seed of weights, data and negatives.
    pub seed: u64,
    /// The commit of the trainer.
    pub commit: String,
    /// What was measured at the end, by name.
    pub results: serde_json::Map<String, serde_json::Value>,
    /// Whose weights these are, if Foil did not train them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// Where published weights were taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The folder or the name on the hub.
    pub from: String,
    /// Whose names the tensors had: `transformers` or `open_clip`.
    pub layout: String,
}

/// One pair whose similarity every backend must reproduce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// The seed of the scene to render.
    pub image_seed: u64,
    /// The caption.
    pub caption: String,
    /// Their cosine.
    pub similarity: f32,
}

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Some other kind of file.
    #[error("not a bundle: {0}")]
    NotSafetensors(String),
    /// The file ends early.
    #[error("the bundle is cut off: the file ends before its tensors do")]
    Truncated,
    /// A safetensors file without Foil's metadata.
    #[error("not a Foil bundle: its metadata has no {0}")]
    MissingKey(&'static str),
    /// A version that this code does not know.
    #[error("the bundle has version {0:?}; this program reads version {VERSION:?}")]
    Version(String),
    /// Metadata that cannot be read.
    #[error("{key} cannot be read: {reason}")]
    Metadata {
        /// Which one.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Numbers that describe no model.
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    /// Tokenizer and text tower disagree.
    #[error("the tokenizer has {tokenizer} tokens, the model {model}")]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Rows of the token embedding.
        model: usize,
    },
    /// The model has a tensor that the file lacks.
    #[error("the tensor {0} is missing")]
    MissingTensor(String),
    /// The file has a tensor that the model lacks.
    #[error("the tensor {0} does not belong to the model")]
    UnknownTensor(String),
    /// A tensor of another size.
    #[error("the tensor {name} has shape {found}, the config asks for {expected}")]
    Shape {
        /// Which one.
        name: String,
        /// The shape that the config asks for.
        expected: String,
        /// The shape in the file.
        found: String,
    },
    /// A tensor of a type that is not read.
    #[error("the tensor {name} is stored as {dtype}; F32, F16, and I8 with a factor a row can be read")]
    Dtype {
        /// Which one.
        name: String,
        /// How it is stored.
        dtype: String,
    },
    /// The library's own words for something unforeseen.
    #[error("the weights cannot be used: {0}")]
    Weights(String),
}

/// A bundle in memory, its metadata read and checked. Weights stay as bytes until a device asks for them.
#[derive(Debug)]
pub struct Bundle {
    config: ClipConfig,
    tokenizer: Tokenizer,
    training: Training,
    selftest: Vec<SelfTest>,
    bytes: Vec<u8>,
}

impl Bundle {
    /// Reads the metadata of a bundle.
    ///
    /// # Errors
    /// One [`BundleError`] for each thing that can be wrong, tensors aside; [`Bundle::model`] checks those.
    pub fn read(bytes: Vec<u8>) -> Result<Self, BundleError> {
        // A header that outruns the file is a cut-off bundle if it looks like a header at all.
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| match error {
            SafeTensorError::InvalidHeaderLength if bytes.get(8) == Some(&b'{') => BundleError::Truncated,
            other => unreadable(other),
        })?;
        SafeTensors::deserialize(&bytes).map_err(unreadable)?;
        let none = HashMap::new();
        let metadata = header.metadata().as_ref().unwrap_or(&none);
        let value = |key| metadata.get(key).ok_or(BundleError::MissingKey(key));

        let version = value(keys::VERSION)?;
        if version != VERSION {
            return Err(BundleError::Version(version.clone()));
        }
        let config: ClipConfig = parse(keys::CONFIG, value(keys::CONFIG)?)?;
        config.validate()?;
        let tokenizer = Tokenizer::from_json(value(keys::TOKENIZER)?)
            .map_err(|error| BundleError::Metadata { key: keys::TOKENIZER, reason: error.to_string() })?;
        if tokenizer.vocabulary() != config.text.vocabulary {
            let (tokenizer, model) = (tokenizer.vocabulary(), config.text.vocabulary);
            return Err(BundleError::Vocabulary { tokenizer, model });
        }
        let training = parse(keys::TRAINING, value(keys::TRAINING)?)?;
        let selftest = parse(keys::SELFTEST, value(keys::SELFTEST)?)?;
        Ok(Bundle { config, tokenizer, training, selftest, bytes })
    }

    /// Makes a bundle of a model.
    ///
    /// # Errors
    /// If the tokenizer does not fit the model, or a weight cannot be read back from the device.
    pub fn new(
        config: &ClipConfig,
        model: &Clip,
        tokenizer: &Tokenizer,
        training: &Training,
        precision: Precision,
    ) -> Result<Self, BundleError> {
        let weights = model.collect(None, Some(Box::new(BurnToPyTorchAdapter)), false).into_iter();
        let weights = weights.map(|tensor| {
            let (name, shape) = (tensor.name.clone(), tensor.shape.to_vec());
            let data = bridge::into_data(tensor).map_err(|error| BundleError::Weights(error.to_string()))?;
            Ok(Weight { name, shape, values: data.iter::<f32>().collect() })
        });
        Self::pack(config, weights, tokenizer, training, precision)
    }

    /// Makes a bundle of weights, one at a time. It has no self-test yet.
    ///
    /// # Errors
    /// If a weight cannot be had, or the tokenizer does not fit the model.
    pub fn pack<E: From<BundleError>>(
        config: &ClipConfig,
        weights: impl Iterator<Item = Result<Weight, E>>,
        tokenizer: &Tokenizer,
        training: &Training,
        precision: Precision,
    ) -> Result<Self, E> {
        let metadata = HashMap::from([
            (keys::VERSION.to_owned(), VERSION.to_owned()),
            (keys::CONFIG.to_owned(), write(keys::CONFIG, config)?),
            (keys::TOKENIZER.to_owned(), tokenizer.to_json().map_err(unwritable_tokenizer)?),
            (keys::TRAINING.to_owned(), write(keys::TRAINING, training)?),
            (keys::SELFTEST.to_owned(), write::<[SelfTest]>(keys::SELFTEST, &[])?),
        ]);
        let mut stored = Vec::new();
        for weight in weights {
            stored.extend(encode(weight?, precision));
        }
        let views = stored.iter().map(|tensor| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
                .map_err(|error| BundleError::Weights(format!("{}: {error}", tensor.name)))?;
            Ok((tensor.name.as_str(), view))
        });
        let bytes = serialize(views.collect::<Result<Vec<_>, BundleError>>()?, metadata)?;
        drop(stored);
        Ok(Bundle::read(bytes)?)
    }

    /// The same bundle with these facts and this self-test.
    ///
    /// # Errors
    /// If the file cannot be written again, which [`Bundle::read`] would have found.
    pub fn with(self, training: &Training, selftest: &[SelfTest]) -> Result<Self, BundleError> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).map_err(unreadable)?;
        let mut metadata = header.metadata().clone().unwrap_or_default();
        metadata.insert(keys::TRAINING.to_owned(), write(keys::TRAINING, training)?);
        metadata.insert(keys::SELFTEST.to_owned(), write(keys::SELFTEST, selftest)?);
        let file = SafeTensors::deserialize(&self.bytes).map_err(unreadable)?;
        Bundle::read(serialize(file.tensors(), metadata)?)
    }

    /// The model, its weights on `device`.
    ///
    /// # Errors
    /// If a tensor is missing, of another shape or type, or left over.
    pub fn model(&self, device: &Device) -> Result<Clip, BundleError> {
        let file = SafeTensors::deserialize(&self.bytes).map_err(unreadable)?;
        let mut tensors = Vec::new();
        for (name, view) in file.iter().filter(|(name, _)| factors_of(&file, name).is_none()) {
            let data = TensorData::new(decode(&file, name, &view)?, view.shape().to_vec());
            tensors.push(bridge::from_data(data, name.to_owned(), None));
        }
        let mut model = self.config.init(device);
        let applied = model.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), false);
        complete(applied)?;
        Ok(model)
    }

    /// Everything needed to build the model and to feed it.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// The tokenizer that the text tower was trained with.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Where the weights come from.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// The pairs that every backend must reproduce.
    pub fn selftest(&self) -> &[SelfTest] {
        &self.selftest
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name, type and shape of every tensor, by name.
    ///
    /// # Errors
    /// If the file cannot be read, which [`Bundle::read`] would have found.
    pub fn tensors(&self) -> Result<Vec<(String, String, Vec<usize>)>, BundleError> {
        let file = SafeTensors::deserialize(&self.bytes).map_err(unreadable)?;
        let mut tensors: Vec<_> = file
            .iter()
            .map(|(name, view)| (name.to_owned(), format!("{:?}", view.dtype()), view.shape().to_vec()))
            .collect();
        tensors.sort();
        Ok(tensors)
    }
}

fn unreadable(error: SafeTensorError) -> BundleError {
    match error {
        SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::TensorInvalidInfo => {
            BundleError::Truncated
        }
        other => BundleError::NotSafetensors(other.to_string()),
    }
}

fn unwritable_tokenizer(error: TokenizerError) -> BundleError {
    BundleError::Metadata { key: keys::TOKENIZER, reason: error.to_string() }
}

fn parse<T: for<'a> Deserialize<'a>>(key: &'static str, json: &str) -> Result<T, BundleError> {
    serde_json::from_str(json).map_err(|error| BundleError::Metadata { key, reason: error.to_string() })
}

fn write<T: Serialize + ?Sized>(key: &'static str, value: &T) -> Result<String, BundleError> {
    serde_json::to_string(value).map_err(|error| BundleError::Metadata { key, reason: error.to_string() })
}

fn serialize<N: AsRef<str> + Ord + std::fmt::Display>(
    views: Vec<(N, TensorView)>,
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, BundleError> {
    safetensors::serialize(views, Some(metadata)).map_err(|error| BundleError::Weights(error.to_string()))
}

/// A tensor as it stands in the file.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn encode(weight: Weight, precision: Precision) -> Vec<Stored> {
    let Weight { name, shape, values } = weight;
    let precision = if precision == Precision::Q8 && shape.len() < 2 { Precision::F32 } else { precision };
    let stored = |name: String, dtype, shape, bytes| Stored { name, dtype, shape, bytes };
    match precision {
        Precision::F32 => {
            let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
            vec![stored(name, Dtype::F32, shape, bytes)]
        }
        Precision::F16 => {
            let bytes = values.into_iter().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect();
            vec![stored(name, Dtype::F16, shape, bytes)]
        }
        Precision::Q8 => {
            let rows = values.chunks((values.len() / shape[0]).max(1));
            let scale = |row: &[f32]| row.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
            let scales: Vec<f32> = rows.clone().map(scale).collect();
            let whole = |(row, &scale): (&[f32], &f32)| -> Vec<u8> {
                // A row of zeros has no scale to divide by.
                let per_unit = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                row.iter().map(|value| (value * per_unit).round() as i8 as u8).collect()
            };
            let bytes = rows.zip(&scales).flat_map(whole).collect();
            let scale_bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
            vec![
                stored(format!("{name}{SCALE}"), Dtype::F32, vec![scales.len()], scale_bytes),
                stored(name, Dtype::I8, shape, bytes),
            ]
        }
    }
}

/// Of the factors of a matrix's rows the matrix they belong to.
fn factors_of<'f>(file: &'f SafeTensors, name: &str) -> Option<TensorView<'f>> {
    let matrix = file.tensor(name.strip_suffix(SCALE)?).ok()?;
    (matrix.dtype() == Dtype::I8).then_some(matrix)
}

fn decode(file: &SafeTensors, name: &str, view: &TensorView) -> Result<Vec<f32>, BundleError> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(floats(bytes).collect()),
        Dtype::F16 => Ok(bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        Dtype::I8 => {
            let scales_name = format!("{name}{SCALE}");
            let Ok(scales) = file.tensor(&scales_name) else {
                return Err(BundleError::MissingTensor(scales_name));
            };
            let n_rows = view.shape().first().copied().unwrap_or(0);
            if (scales.dtype(), scales.shape()) != (Dtype::F32, &[n_rows]) {
                let found = format!("{:?} of {:?}", scales.shape(), scales.dtype());
                let expected = format!("{:?} of F32", [n_rows]);
                return Err(BundleError::Shape { name: scales_name, expected, found });
            }
            let rows = bytes.chunks((bytes.len() / n_rows.max(1)).max(1));
            let row = |(row, scale): (&[u8], f32)| -> Vec<f32> {
                row.iter().map(|&byte| f32::from(byte as i8) * scale).collect()
            };
            Ok(rows.zip(floats(scales.data())).flat_map(row).collect())
        }
        other => Err(BundleError::Dtype { name: name.to_owned(), dtype: format!("{other:?}") }),
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// The name in a file of what Burn calls by another one: its norms have a gamma and a beta.
fn stored_name(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => path.to_owned(),
    }
}

/// Turns the store's report into the first thing that is wrong.
fn complete(applied: ApplyResult) -> Result<(), BundleError> {
    if let Some(error) = applied.errors.into_iter().next() {
        return Err(match error {
            ApplyError::ShapeMismatch { path, expected, found } => BundleError::Shape {
                name: stored_name(&path),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            },
            other => BundleError::Weights(other.to_string()),
        });
    }
    if let Some((name, _)) = applied.missing.into_iter().next() {
        return Err(BundleError::MissingTensor(stored_name(&name)));
    }
    match applied.unused.into_iter().next() {
        Some(name) => Err(BundleError::UnknownTensor(name)),
        None => Ok(()),
    }
}
