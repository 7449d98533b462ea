//! Published weights on disk: a model's folder, and the tensors of its files. What they mean is `shared::import`'s business.
//!
//! - `hub`: a model's files by its name
//! - `tensors`: files of weights, one tensor at a time
//! - `convnet`: an image tower begins with weights that know photographs

mod convnet;
pub mod hub;
pub mod tensors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use shared::bundle::Weight;
use shared::import::{DOCUMENTS, Documents, Layout, Published};
use shared::model::{BackboneName, Clip};

use crate::system::files;
use tensors::TensorFiles;

/// A published model, its files checked and its weights still on disk.
pub struct PublishedFolder {
    /// What the files say.
    pub model: Published,
    tensors: TensorFiles,
}

impl PublishedFolder {
    /// Opens a folder as `transformers` or open_clip save it, or train it. Where it holds both layouts, one that fits is taken.
    ///
    /// # Errors
    /// If the folder lacks a file, describes a model that Foil does not have, or its tensors do not fit its config.
    pub fn open(folder: &Path) -> Result<Self> {
        let documents = documents(folder)?;
        let opened = Layout::first_fitting(
            |name| documents.has(name),
            |layout| Self::open_as(layout, folder, &documents),
        );
        opened.unwrap_or_else(|| {
            let [open_clip, transformers] = Layout::ALL.map(Layout::config_name);
            bail!(
                "{} holds neither {transformers} (as transformers saves a model) nor {open_clip} (as open_clip does)",
                folder.display()
            )
        })
    }

    fn open_as(layout: Layout, folder: &Path, documents: &Documents) -> Result<Self> {
        let model = Published::read(layout, documents)
            .with_context(|| format!("cannot import {}", folder.display()))?;
        let mut first_failure = None;
        for paths in weights(folder, layout.weights())? {
            let fitting = TensorFiles::open(&paths).and_then(|tensors| {
                model.check(&tensors)?;
                Ok(tensors)
            });
            match fitting {
                Ok(tensors) => return Ok(PublishedFolder { model, tensors }),
                Err(error) => first_failure = first_failure.or(Some(error)),
            }
        }
        Err(first_failure
            .unwrap_or_else(|| anyhow!("{} has no {}", folder.display(), layout.weights().join(" or "))))
    }

    /// The weights by our names, read one after the other.
    pub fn weights(&self) -> impl Iterator<Item = Result<Weight>> {
        self.model.targets().into_iter().map(|target| {
            let sources = target.sources();
            let values = sources.iter().map(|(source, _)| self.tensors.values(source));
            Ok(target.weight(values.collect::<Result<_>>()?)?)
        })
    }
}

/// The files of a folder that say what its model is.
///
/// # Errors
/// If one cannot be read.
pub fn documents(folder: &Path) -> Result<Documents> {
    let mut documents = Documents::default();
    for name in DOCUMENTS {
        let path = folder.join(name);
        if path.is_file() {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            documents.insert(name, bytes);
        }
    }
    Ok(documents)
}

/// The model with the published weights of a file in the backbone of its image tower.
///
/// # Errors
/// If the model has no backbone, the file cannot be read, or a tensor is missing or has another shape.
pub fn load_backbone(path: &Path, backbone: Option<BackboneName>, model: Clip) -> Result<Clip> {
    match backbone {
        Some(backbone) => convnet::load(path, backbone, model),
        None => bail!("--init-image is for a model with an image backbone, such as --preset photo"),
    }
}

/// The JSON file of a folder.
fn json(folder: &Path, name: &str) -> Result<Value> {
    files::json(&folder.join(name), "the JSON of a published model")
}

/// The files of weights in a folder that may be the model's, each of them whole or in parts: those with the usual names, or the
/// only checkpoint.
fn weights(folder: &Path, names: &[&str]) -> Result<Vec<Vec<PathBuf>>> {
    let mut found = Vec::new();
    for name in names {
        if folder.join(name).is_file() {
            found.push(vec![folder.join(name)]);
        }
        let index = format!("{name}.index.json");
        if folder.join(&index).is_file() {
            let index = json(folder, &index)?;
            let parts = index["weight_map"].as_object().context("an index without a weight_map")?;
            let mut parts: Vec<&str> = parts.values().filter_map(Value::as_str).collect();
            parts.sort_unstable();
            parts.dedup();
            found.push(parts.into_iter().map(|part| folder.join(part)).collect());
        }
    }
    if found.is_empty() {
        let entries =
            std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
        let is_checkpoint = |path: &&PathBuf| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| ["pt", "pth", "bin"].contains(&ending))
        };
        let checkpoints: Vec<&PathBuf> = paths.iter().filter(is_checkpoint).collect();
        if let [only] = checkpoints[..] {
            found.push(vec![only.clone()]);
        }
    }
    Ok(found)
}
