//! Published weights become a bundle: the same numbers under other names.
//!
//! Nothing here reads a file. Whoever has a model's files gives their texts ([`Documents`]) and tells the shapes of their tensors
//! ([`Tensors`]); what comes back says which tensors make which weight, so that one after the other can be read.
//!
//! - `layout`: whose files they are, and what each tensor of ours is made of
//! - `transformers`, `siglip`, `open_clip`, `timm`, `fastvit`: what their files say, and what they call their tensors
//! - `fold`: layers that have branches in training
//! - `vocabulary`, `sentencepiece`: a tokenizer where there is no `tokenizer.json`
//! - `weights`: where the tensors of a file are, and their numbers

mod fastvit;
mod fold;
mod layout;
mod open_clip;
mod sentencepiece;
mod siglip;
mod take;
mod timm;
mod transformers;
pub mod vocabulary;
pub mod weights;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::model::ClipConfig;
use crate::tokenizer::Tokenizer;
pub use fold::factors_and_shifts;
pub use layout::Layout;
use take::Names;
pub use take::Target;

/// The files that say what a model is, its weights aside. Not every model has each of them.
pub const DOCUMENTS: [&str; 9] = [
    open_clip::CONFIG,
    transformers::CONFIG,
    transformers::PREPROCESSOR,
    transformers::PROCESSOR,
    TOKENIZER,
    TOKENIZER_CONFIG,
    vocabulary::TOKENS,
    vocabulary::MERGES,
    sentencepiece::MODEL,
];

/// The files that a tokenizer may be in, each way by itself enough.
pub const TOKENIZERS: [&[&str]; 3] =
    [&[TOKENIZER], &[vocabulary::TOKENS, vocabulary::MERGES], &[sentencepiece::MODEL]];

const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Why published weights cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(String);

impl ImportError {
    /// With this sentence.
    pub fn new(sentence: String) -> Self {
        ImportError(sentence)
    }
}

impl From<anyhow::Error> for ImportError {
    fn from(error: anyhow::Error) -> Self {
        ImportError(format!("{error:#}"))
    }
}

/// The contents of those [`DOCUMENTS`] that a model has.
#[derive(Clone, Debug, Default)]
pub struct Documents(BTreeMap<String, Vec<u8>>);

impl Documents {
    /// Adds a file.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes);
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn bytes(&self, name: &str) -> Result<&[u8]> {
        Ok(self.0.get(name).with_context(|| format!("{name} is missing"))?)
    }

    fn text(&self, name: &str) -> Result<&str> {
        std::str::from_utf8(self.bytes(name)?).with_context(|| format!("{name} is not text"))
    }

    fn json(&self, name: &str) -> Result<Value> {
        let bytes = self.bytes(name)?;
        if bytes.starts_with(b"version https://git-lfs") {
            bail!("{name} is a Git LFS pointer and not the file itself; run `git lfs pull`");
        }
        serde_json::from_slice(bytes).with_context(|| format!("{name} is not the JSON of a published model"))
    }
}

/// The tensors of a file of weights, or of several.
pub trait Tensors {
    /// Every name.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;

    /// The shape of a weight.
    ///
    /// # Errors
    /// If there is no tensor of that name, or none that holds weights.
    fn shape(&self, name: &str) -> Result<&[usize], ImportError>;
}

/// A published model as its files describe it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Everything but the weights.
    pub config: ClipConfig,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    layout: Layout,
    names: Names,
}

impl Published {
    /// Reads what the files of a layout say.
    ///
    /// # Errors
    /// If one is missing or cannot be read, or they describe a model that Foil's towers cannot hold; the sentence says why.
    pub fn read(layout: Layout, documents: &Documents) -> Result<Self, ImportError> {
        Ok(Self::describe(layout, documents)?)
    }

    fn describe(layout: Layout, documents: &Documents) -> Result<Self> {
        let tokenizer = tokenizer(documents)?;
        let (config, names) = layout.config(documents, &tokenizer)?;
        config.validate()?;
        let tokenizer = config.text.prepare(tokenizer);
        if tokenizer.vocabulary() != config.text.vocabulary {
            bail!(
                "the tokenizer has {} tokens, the model {}",
                tokenizer.vocabulary(),
                config.text.vocabulary
            );
        }
        Ok(Published { config, tokenizer, layout, names })
    }

    /// The name of the layout.
    pub fn layout(&self) -> &'static str {
        self.layout.name()
    }

    /// Every weight of a bundle of the model, and what it is made of.
    pub fn targets(&self) -> Vec<Target> {
        layout::targets(&self.config, &self.names)
    }

    /// Checks that there is every tensor in its shape, and nothing else.
    ///
    /// # Errors
    /// Names the first tensor that is missing, misshapen or left over.
    pub fn check(&self, tensors: &dyn Tensors) -> Result<(), ImportError> {
        Ok(layout::check(&self.targets(), tensors)?)
    }
}

fn tokenizer(documents: &Documents) -> Result<Tokenizer> {
    let json = if documents.has(TOKENIZER) {
        documents.text(TOKENIZER)?.to_owned()
    } else if documents.has(sentencepiece::MODEL) {
        sentencepiece::tokenizer_json(documents.bytes(sentencepiece::MODEL)?)?
    } else {
        vocabulary::tokenizer_json(documents)?
    };
    Tokenizer::from_json(&json).context("the tokenizer cannot be used")
}

/// The token that captions are padded with, if the tokenizer's files name one.
fn padding_token(documents: &Documents, tokenizer: &Tokenizer) -> Result<Option<u32>> {
    if !documents.has(TOKENIZER_CONFIG) {
        return Ok(None);
    }
    let config = documents.json(TOKENIZER_CONFIG)?;
    let token = &config["pad_token"];
    let token = token.as_str().or_else(|| token["content"].as_str());
    Ok(token.and_then(|token| tokenizer.id(token)))
}

/// A number that a config may leave out.
fn number(config: &Value, key: &str, default: usize) -> Result<usize> {
    match &config[key] {
        Value::Null => Ok(default),
        value => {
            let number = value.as_u64().with_context(|| format!("{key} is {value}, not a whole number"))?;
            Ok(usize::try_from(number)?)
        }
    }
}

/// Mean or standard deviation of the three channels.
fn channels(config: &Value, key: &str, default: [f32; 3]) -> Result<[f32; 3]> {
    match &config[key] {
        Value::Null => Ok(default),
        value => serde_json::from_value(value.clone()).with_context(|| format!("{key} is {value}")),
    }
}
