//! Everything that can be wrong with a bundle, in sentences.

use super::VERSION;
use crate::model::InvalidConfig;

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
    /// A bundle without a backbone that could be in a file of its own.
    #[error("the bundle has no image backbone that another file could hold")]
    NoBackbone,
    /// Not the backbone that the bundle was made with.
    #[error("{0} is not the backbone that the bundle was made with")]
    OtherBackbone(String),
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
