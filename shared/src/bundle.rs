//! The bundle: one `.safetensors` file that holds a model and all that is needed to use it.
//!
//! Weights are named tensors in PyTorch's layout; the metadata holds the keys listed in [`keys`]. What is here is a
//! promise to other people's readers: changing it means raising [`VERSION`].
//!
//! Whoever has the whole file uses [`Bundle`]; whoever streams it reads a [`Header`] and feeds a [`Loader`].

mod encode;
mod error;
mod facts;
mod load;
mod pieces;
mod split;

use std::collections::HashMap;
use std::ops::Range;

use burn::store::{BurnToPyTorchAdapter, ModuleSnapshot, bridge};
use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata, TensorView};
use serde::{Deserialize, Serialize};

use crate::model::{Clip, ClipConfig};
use crate::tokenizer::{Tokenizer, TokenizerError};
use encode::encode;
pub use error::BundleError;
pub use facts::{Imported, SelfTest, Training};
pub use load::Loader;
pub use pieces::Pieces;
pub use split::{BackboneFile, Split, backbone_tensors, hexadecimal};

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
    /// The [`super::BackboneFile`] as JSON, in a bundle that leaves its backbone to another file.
    pub const BACKBONE: &str = "foil.backbone";
}

/// How the weights are stored. They are always computed with as 32-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Four bytes a weight, exact.
    F32,
    /// Two bytes a weight.
    F16,
    /// One byte a weight: each row of a matrix, or output channel of a 1 × 1 convolution, as whole numbers from -127 to 127, with a
    /// 32-bit factor a row beside it. Larger convolutions, which have few weights, have two bytes a weight; vectors stay exact.
    Q8,
}

/// What follows the name of a matrix in the name of its rows' factors.
const SCALE: &str = ".scale";

/// What the names of the text tower's tensors begin with.
const TEXT_TOWER: &str = "text.";

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

/// What a bundle says before its weights.
#[derive(Clone, Debug)]
pub struct Header {
    config: ClipConfig,
    tokenizer: Tokenizer,
    training: Training,
    selftest: Vec<SelfTest>,
    backbone: Option<BackboneFile>,
    tensors: Vec<TensorEntry>,
    /// The length of the whole file in bytes.
    file_bytes: usize,
}

/// A tensor of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// How its numbers are stored.
    pub dtype: Dtype,
    /// Its shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// Where it lies in the file.
    pub bytes: Range<usize>,
    /// The matrix whose rows it has factors for, if it is no weight itself.
    factors_of: Option<String>,
}

impl Header {
    /// How many bytes of a file tell how long its header is.
    pub const PREFIX: usize = 8;

    /// Longer headers are not read; a vocabulary of CLIP's size takes 4 MB.
    const LONGEST: usize = 100_000_000;

    /// How many bytes from its beginning a file's header takes, as its first [`Header::PREFIX`] bytes say.
    ///
    /// # Errors
    /// If no bundle begins like that.
    pub fn end(beginning: &[u8]) -> Result<usize, BundleError> {
        let Some(prefix) = beginning.first_chunk::<{ Self::PREFIX }>() else {
            return Err(BundleError::NotSafetensors("it is too short for a header".to_owned()));
        };
        match usize::try_from(u64::from_le_bytes(*prefix)) {
            Ok(length) if length <= Self::LONGEST => Ok(Self::PREFIX + length),
            _ => Err(BundleError::NotSafetensors("its header would be longer than any bundle's".to_owned())),
        }
    }

    /// Reads a header; what comes behind it in `bytes` is not looked at.
    ///
    /// # Errors
    /// One [`BundleError`] for each thing that can be wrong, tensors aside.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let (header, end) = safetensors_header(bytes)?;
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
        let tokenizer = config.text.prepare(tokenizer);
        if tokenizer.vocabulary() != config.text.vocabulary {
            let (tokenizer, model) = (tokenizer.vocabulary(), config.text.vocabulary);
            return Err(BundleError::Vocabulary { tokenizer, model });
        }
        let training = parse(keys::TRAINING, value(keys::TRAINING)?)?;
        let selftest = parse(keys::SELFTEST, value(keys::SELFTEST)?)?;
        let backbone: Option<BackboneFile> =
            metadata.get(keys::BACKBONE).map(|json| parse(keys::BACKBONE, json)).transpose()?;
        if backbone.as_ref().is_some_and(|backbone| !backbone.is_beside()) {
            let reason = "it names a file in another folder".to_owned();
            return Err(BundleError::Metadata { key: keys::BACKBONE, reason });
        }
        let tensors = entries(&header, end);
        let file_bytes = end + header.data_len();
        Ok(Header { config, tokenizer, training, selftest, backbone, tensors, file_bytes })
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

    /// The file that has the tensors of the backbone, if this one leaves them out.
    pub fn backbone(&self) -> Option<&BackboneFile> {
        self.backbone.as_ref()
    }

    /// Every tensor, in the order in which they lie in the file, without gaps.
    pub fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    /// The length of the whole file in bytes.
    pub fn file_bytes(&self) -> usize {
        self.file_bytes
    }
}

/// The header of a safetensors file, and where it ends.
fn safetensors_header(bytes: &[u8]) -> Result<(Metadata, usize), BundleError> {
    let end = Header::end(bytes)?;
    let Some(json) = bytes.get(Header::PREFIX..end) else {
        // What does not even look like a header was never a bundle.
        let begun = bytes.get(Header::PREFIX).is_some_and(|first| *first == b'{');
        let other = || BundleError::NotSafetensors("it does not begin with a header".to_owned());
        return Err(if begun { BundleError::Truncated } else { other() });
    };
    let header = serde_json::from_slice(json)
        .map_err(|error| BundleError::NotSafetensors(format!("its header cannot be read: {error}")))?;
    Ok((header, end))
}

fn entries(header: &Metadata, end: usize) -> Vec<TensorEntry> {
    let infos = header.tensors();
    let is_whole = |name: &str| infos.get(name).is_some_and(|info| info.dtype == Dtype::I8);
    let entry = |name: String| {
        let info = infos.get(&name)?;
        let (first, last) = info.data_offsets;
        let matrix = name.strip_suffix(SCALE).filter(|matrix| info.dtype == Dtype::F32 && is_whole(matrix));
        Some(TensorEntry {
            dtype: info.dtype,
            shape: info.shape.clone(),
            bytes: end + first..end + last,
            factors_of: matrix.map(str::to_owned),
            name,
        })
    };
    header.offset_keys().into_iter().filter_map(entry).collect()
}

/// A bundle in memory, its header read and checked. Weights stay as bytes until a device asks for them.
#[derive(Debug)]
pub struct Bundle {
    header: Header,
    bytes: Vec<u8>,
}

impl Bundle {
    /// Reads the header of a bundle.
    ///
    /// # Errors
    /// If the header cannot be used, or the file ends before its tensors do.
    pub fn read(bytes: Vec<u8>) -> Result<Self, BundleError> {
        let header = Header::read(&bytes)?;
        if bytes.len() < header.file_bytes {
            return Err(BundleError::Truncated);
        }
        Ok(Bundle { header, bytes })
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
        Self::pack(config, weights(model), tokenizer, training, precision)
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
        let metadata = metadata(config, tokenizer, training, &[])?;
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
        let metadata = metadata(&self.header.config, &self.header.tokenizer, training, selftest)?;
        let file = SafeTensors::deserialize(&self.bytes)
            .map_err(|error| BundleError::NotSafetensors(error.to_string()))?;
        Bundle::read(serialize(file.tensors(), metadata)?)
    }

    /// The model, its weights on `device`.
    ///
    /// # Errors
    /// If a tensor is missing, of another shape or type, or left over.
    pub fn model(&self, device: &Device) -> Result<Clip, BundleError> {
        let mut loader = Loader::new(&self.header, device);
        for tensor in self.header.tensors() {
            loader.add(tensor, &self.bytes[tensor.bytes.clone()])?;
        }
        loader.finish()
    }

    /// A model with the text tower of this bundle in place of its own.
    ///
    /// # Errors
    /// If a tensor of the tower is missing, of another shape or type, or left over.
    pub fn with_text_tower(&self, model: Clip) -> Result<Clip, BundleError> {
        let mut loader = Loader::part(model, TEXT_TOWER);
        for tensor in self.header.tensors().iter().filter(|tensor| tensor.name.starts_with(TEXT_TOWER)) {
            loader.add(tensor, &self.bytes[tensor.bytes.clone()])?;
        }
        loader.finish()
    }

    /// What it says before its weights.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The weights of a model's text tower, for a bundle of nothing else ([`Bundle::with_text_tower`]).
pub fn text_tower(model: &Clip) -> impl Iterator<Item = Result<Weight, BundleError>> {
    weights_of(model, TEXT_TOWER)
}

/// All weights of a model, in the order of its layers.
pub fn weights(model: &Clip) -> impl Iterator<Item = Result<Weight, BundleError>> {
    weights_of(model, "")
}

/// The weights of a model whose names begin with `prefix`.
fn weights_of(model: &Clip, prefix: &str) -> impl Iterator<Item = Result<Weight, BundleError>> {
    let all = model.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true);
    all.into_iter().filter(move |tensor| tensor.name.starts_with(prefix)).map(|tensor| {
        let (name, shape) = (tensor.name.clone(), tensor.shape.to_vec());
        let data = bridge::into_data(tensor).map_err(|error| BundleError::Weights(error.to_string()))?;
        Ok(Weight { name, shape, values: data.iter::<f32>().collect() })
    })
}

fn metadata(
    config: &ClipConfig,
    tokenizer: &Tokenizer,
    training: &Training,
    selftest: &[SelfTest],
) -> Result<HashMap<String, String>, BundleError> {
    let tokenizer = tokenizer.to_json().map_err(unwritable_tokenizer)?;
    Ok(HashMap::from([
        (keys::VERSION.to_owned(), VERSION.to_owned()),
        (keys::CONFIG.to_owned(), write(keys::CONFIG, config)?),
        (keys::TOKENIZER.to_owned(), tokenizer),
        (keys::TRAINING.to_owned(), write(keys::TRAINING, training)?),
        (keys::SELFTEST.to_owned(), write(keys::SELFTEST, selftest)?),
    ]))
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
