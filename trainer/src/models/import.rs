//! Published CLIP weights become a model of ours: the same numbers under other names.
//!
//! - `hub`: a model's files by its name
//! - `tensors`: files of weights, one tensor at a time
//! - `layout`: what each tensor of ours is made of
//! - `transformers`, `open_clip`: what their files say, and what they call their tensors
//! - `mobilenet`: an image tower begins with weights that know photographs
//! - `vocabulary`: a tokenizer from CLIP's `vocab.json` and `merges.txt`

mod convnet;
pub mod hub;
mod layout;
mod open_clip;
mod take;
pub mod tensors;
mod transformers;
pub mod vocabulary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use shared::bundle::Weight;
use shared::model::{BackboneName, Clip, ClipConfig};
use shared::tokenizer::Tokenizer;

use crate::system::files;
use layout::Layout;
use tensors::TensorFiles;

/// A published model, its files checked and its weights still on disk.
pub struct Published {
    /// Everything but the weights.
    pub config: ClipConfig,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    layout: Layout,
    tensors: TensorFiles,
}

impl Published {
    /// Opens a folder as `transformers` or open_clip save it, or train it. Where it holds both layouts, one that fits is taken.
    ///
    /// # Errors
    /// If the folder lacks a file, describes a model that is not CLIP, or its tensors do not fit its config.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut first_failure = None;
        for layout in [Layout::OpenClip, Layout::Transformers] {
            if folder.join(layout.config_name()).is_file() {
                match Self::open_as(folder, layout) {
                    Ok(published) => return Ok(published),
                    Err(error) => first_failure = first_failure.or(Some(error)),
                }
            }
        }
        Err(first_failure.unwrap_or_else(|| {
            let [transformers, open_clip] = [transformers::CONFIG, open_clip::CONFIG];
            anyhow!(
                "{} holds neither {transformers} (as transformers saves a model) nor {open_clip} (as open_clip does)",
                folder.display()
            )
        }))
    }

    fn open_as(folder: &Path, layout: Layout) -> Result<Self> {
        let model = json(folder, layout.config_name())?;
        let (config, names) = match layout {
            Layout::OpenClip => (open_clip::config(&model), open_clip::WEIGHTS),
            Layout::Transformers => {
                let preprocessor = preprocessor(folder)?;
                (transformers::config(&model, &preprocessor), transformers::WEIGHTS)
            }
        };
        let config = config.with_context(|| format!("cannot import {}", folder.display()))?;
        config.validate().with_context(|| format!("cannot import {}", folder.display()))?;
        let tokenizer = tokenizer(folder)?.with_cleaning(config.text.cleaning);
        if tokenizer.vocabulary() != config.text.vocabulary {
            bail!(
                "the tokenizer in {} has {} tokens, its model {}",
                folder.display(),
                tokenizer.vocabulary(),
                config.text.vocabulary
            );
        }
        let mut first_failure = None;
        for paths in weights(folder, names)? {
            let fitting = TensorFiles::open(&paths)
                .and_then(|tensors| layout.check(&config, &tensors).map(|()| tensors));
            match fitting {
                Ok(tensors) => return Ok(Published { config, tokenizer, layout, tensors }),
                Err(error) => first_failure = first_failure.or(Some(error)),
            }
        }
        Err(first_failure.unwrap_or_else(|| anyhow!("{} has no {}", folder.display(), names.join(" or "))))
    }

    /// The name of the layout.
    pub fn layout(&self) -> &'static str {
        self.layout.name()
    }

    /// The weights by our names, read one after the other.
    pub fn weights(&self) -> impl Iterator<Item = Result<Weight>> {
        layout::targets(&self.config).into_iter().map(|target| self.layout.weight(target, &self.tensors))
    }
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

/// What says how images are prepared: a file of its own or, since transformers 5, a part of another one.
fn preprocessor(folder: &Path) -> Result<Value> {
    let [own, part] = [transformers::PREPROCESSOR, transformers::PROCESSOR];
    if folder.join(own).is_file() {
        return json(folder, own);
    }
    if folder.join(part).is_file() {
        let mut processor = json(folder, part)?;
        return Ok(processor["image_processor"].take());
    }
    bail!("{} has neither {own} nor {part}, which say how images are resized", folder.display())
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

fn tokenizer(folder: &Path) -> Result<Tokenizer> {
    let path = folder.join("tokenizer.json");
    let json = if path.is_file() {
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?
    } else {
        vocabulary::tokenizer_json(folder)?
    };
    Tokenizer::from_json(&json)
        .with_context(|| format!("the tokenizer in {} cannot be used", folder.display()))
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
