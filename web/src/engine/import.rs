//! A published model's files become a bundle, one weight after the other: the engine never holds more than one of them.

use std::collections::BTreeMap;

use burn::tensor::Device;
use js_sys::{Array, Uint8Array};
use shared::bundle::{BundleError, Header, Pieces, Precision, SelfTest, Training};
use shared::engine::{Engine, EngineError};
use shared::import::weights::{self, Stored};
use shared::import::{DOCUMENTS, Documents, ImportError, Layout, Published, Tensors};
use web_sys::Blob;

use super::blob::{self, Backbone, LoadError};

/// How the names of files of weights end.
const ENDING: &str = ".safetensors";

/// Why a model is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailed {
    /// There is no file that says what the model is.
    #[error("none of the files is {0}, which say what a model is; choose them together with the weights")]
    NoConfig(String),
    /// There are no weights in a format that the page reads.
    #[error("none of the files ends in {ENDING}, which the weights must be in")]
    NoWeights,
    /// It is no model that Foil has, or not whole.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What became of it is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It computes nothing.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The browser does not give or take bytes.
    #[error("{0}")]
    Browser(String),
}

/// The tensors of files, by name: the file that holds each, and where.
struct Table(BTreeMap<String, (Blob, Stored)>);

impl Table {
    async fn read(files: &[(String, Blob)]) -> Result<Self, ImportFailed> {
        let mut tensors = BTreeMap::new();
        for (_, file) in files.iter().filter(|(name, _)| name.ends_with(ENDING)) {
            let length = file.size() as u64;
            let bytes = |from: u64, to: u64| blob::slice(file, from as usize..to as usize);
            let prefix = weights::PREFIX as u64;
            let beginning = bytes(0, prefix).await.map_err(ImportFailed::Browser)?;
            let header_length = weights::header_length(&beginning, length)?;
            let header = bytes(prefix, prefix + header_length).await.map_err(ImportFailed::Browser)?;
            for (name, stored) in weights::tensors(&header, length)? {
                tensors.insert(name, (file.clone(), stored));
            }
        }
        if tensors.is_empty() { Err(ImportFailed::NoWeights) } else { Ok(Table(tensors)) }
    }

    fn find(&self, name: &str) -> Result<(&Blob, &Stored, weights::Floats), ImportError> {
        let (file, stored) =
            self.0.get(name).ok_or_else(|| ImportError::new(format!("the tensor {name} is missing")))?;
        let floats = stored.floats.ok_or_else(|| {
            ImportError::new(format!(
                "the tensor {name} holds no floats of 16, 32 or 64 bits, and is no weight"
            ))
        })?;
        Ok((file, stored, floats))
    }

    async fn values(&self, name: &str) -> Result<Vec<f32>, ImportFailed> {
        let (file, stored, floats) = self.find(name)?;
        let range = stored.bytes.start as usize..stored.bytes.end as usize;
        Ok(floats.values(&blob::slice(file, range).await.map_err(ImportFailed::Browser)?))
    }
}

impl Tensors for Table {
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.0.keys().map(String::as_str))
    }

    fn shape(&self, name: &str) -> Result<&[usize], ImportError> {
        Ok(&self.find(name)?.1.shape)
    }
}

/// A bundle of the model that files hold, called `name`. `progress` hears which share of the weights has been read.
///
/// # Errors
/// If the files are not a model that Foil has, or the browser cannot read or keep them.
pub async fn import(
    name: &str,
    files: &[(String, Blob)],
    precision: Precision,
    progress: impl Fn(f64),
) -> Result<Blob, ImportFailed> {
    let mut documents = Documents::default();
    for (name, file) in files {
        if DOCUMENTS.contains(&name.as_str()) {
            documents.insert(name, blob::read(file).await.map_err(ImportFailed::Browser)?);
        }
    }
    let table = Table::read(files).await?;
    let published = published(&documents, &table)?;
    drop(documents);

    let (mut pieces, parts) = (Pieces::new(precision), Array::new());
    let targets = published.targets();
    for (nth, target) in targets.iter().enumerate() {
        let mut sources = Vec::new();
        for (source, _) in target.sources() {
            sources.push(table.values(&source).await?);
        }
        let bytes = pieces.add(target.weight(sources)?);
        // The browser takes it at once, and may put it on disk.
        parts.push(&bytes_blob(&bytes)?.into());
        progress((nth + 1) as f64 / targets.len() as f64);
    }
    let training = Training::imported(name, published.layout(), "");
    let bundle = |selftest: &[SelfTest]| -> Result<Blob, ImportFailed> {
        let header = pieces.header(&published.config, &published.tokenizer, &training, selftest)?;
        let all = Array::of1(&bytes_blob(&header)?.into());
        parts.iter().for_each(|part| _ = all.push(&part));
        blob_of(&all)
    };
    // What the CPU computes with them is what a GPU must compute.
    let untested = bundle(&[])?;
    let header: Header = blob::header(&untested).await?;
    let model = blob::model(&untested, &header, Backbone::Bundle, &Device::flex(), |_| ()).await?;
    let selftest = Engine::new(&header, model).await?.record_self_test().await?;
    bundle(&selftest)
}

/// The layout that fits the files.
fn published(documents: &Documents, table: &Table) -> Result<Published, ImportFailed> {
    let fitting = Layout::first_fitting(
        |name| documents.has(name),
        |layout| {
            let published = Published::read(layout, documents)?;
            published.check(table)?;
            Ok(published)
        },
    );
    let names = || Layout::ALL.map(Layout::config_name).join(" or ");
    fitting.unwrap_or_else(|| Err(ImportFailed::NoConfig(names())))
}

fn bytes_blob(bytes: &[u8]) -> Result<Blob, ImportFailed> {
    blob_of(&Array::of1(&Uint8Array::from(bytes)))
}

fn blob_of(parts: &Array) -> Result<Blob, ImportFailed> {
    let failed = |_| ImportFailed::Browser("the browser has no room for the model".to_owned());
    Blob::new_with_blob_sequence(parts).map_err(failed)
}
