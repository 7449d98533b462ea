//! Whose files a model is in, and what each weight of ours is made of there.

use anyhow::{Result, bail};
use serde_json::Value;

use super::take::{Names, Take, Target};
use super::{Documents, Tensors, fastvit, open_clip, siglip, transformers};
use crate::model::{ClipConfig, ReadOut, Scoring, VisionConfig, VitConfig};
use crate::tokenizer::Tokenizer;

/// Whose files a model is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `open_clip`.
    OpenClip,
    /// Hugging Face `transformers`.
    Transformers,
}

impl Layout {
    /// All of them, the one to prefer where a folder holds both first.
    pub const ALL: [Layout; 2] = [Layout::OpenClip, Layout::Transformers];

    /// What `open` makes of the first layout that fits, of those whose config is there; its first failure if none does, and nothing
    /// if there is no config.
    pub fn first_fitting<T, E>(
        has: impl Fn(&str) -> bool,
        mut open: impl FnMut(Layout) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let mut first_failure = None;
        for layout in Self::ALL {
            if has(layout.config_name()) {
                match open(layout) {
                    Ok(opened) => return Some(Ok(opened)),
                    Err(error) => first_failure = first_failure.or(Some(Err(error))),
                }
            }
        }
        first_failure
    }

    /// The name in messages and bundles.
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Transformers => "transformers",
            Layout::OpenClip => "open_clip",
        }
    }

    /// The file that describes a model.
    pub const fn config_name(self) -> &'static str {
        match self {
            Layout::Transformers => transformers::CONFIG,
            Layout::OpenClip => open_clip::CONFIG,
        }
    }

    /// What files of weights are called.
    pub const fn weights(self) -> &'static [&'static str] {
        match self {
            Layout::Transformers => transformers::WEIGHTS,
            Layout::OpenClip => open_clip::WEIGHTS,
        }
    }

    /// The model that the files describe, and what its tensors are called.
    pub(super) fn config(self, documents: &Documents, tokenizer: &Tokenizer) -> Result<(ClipConfig, Names)> {
        let model = documents.json(self.config_name())?;
        match self {
            Layout::OpenClip => open_clip::config(&model, super::padding_token(documents, tokenizer)?),
            Layout::Transformers => {
                let preprocessor = preprocessor(documents)?;
                match model["model_type"].as_str() {
                    Some("clip") => transformers::config(&model, &preprocessor),
                    Some("siglip") => siglip::config(&model, &preprocessor, documents, tokenizer),
                    Some(other) => bail!(
                        "{} describes a model of the type {other:?}, and neither \"clip\" nor \"siglip\"",
                        transformers::CONFIG
                    ),
                    None => {
                        bail!("{} does not say what it describes: it has no model_type", transformers::CONFIG)
                    }
                }
            }
        }
    }
}

/// What says how images are prepared: a file of its own or, since transformers 5, a part of another one.
fn preprocessor(documents: &Documents) -> Result<Value> {
    let [own, part] = [transformers::PREPROCESSOR, transformers::PROCESSOR];
    if documents.has(own) {
        return documents.json(own);
    }
    if documents.has(part) {
        return Ok(documents.json(part)?["image_processor"].take());
    }
    bail!("neither {own} nor {part} is there, which say how images are resized")
}

/// Whether a tensor holds no weight: constants that some versions saved with the model.
fn is_constant(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
        || name.ends_with("num_batches_tracked")
        || ["attn_mask", "text.attn_mask", "input_resolution", "context_length", "vocab_size"].contains(&name)
}

/// Checks that there is every tensor in its shape, and nothing else.
pub fn check(targets: &[Target], tensors: &dyn Tensors) -> Result<()> {
    let mut used = std::collections::BTreeSet::new();
    for target in targets {
        for (source, expected) in target.sources() {
            let found = tensors.shape(&source)?;
            if !fits(found, &expected) {
                bail!("the tensor {source} has shape {found:?}; the config asks for {expected:?}");
            }
            used.insert(source);
        }
    }
    match tensors.names().find(|name| !used.contains(*name) && !is_constant(name)) {
        Some(unknown) => bail!("the tensor {unknown} is none of the model's"),
        None => Ok(()),
    }
}

/// Whether a tensor can be taken as one of another shape: axes of length 1 do not matter, nor does it that a kernel
/// `[W, 3, p, p]` is not flattened yet.
fn fits(found: &[usize], expected: &[usize]) -> bool {
    let long = |shape: &[usize]| shape.iter().copied().filter(|axis| *axis != 1).collect::<Vec<_>>();
    let kernel = matches!((found, expected), ([a, rest @ ..], [b, c]) if rest.len() == 3 && a == b && rest.iter().product::<usize>() == *c);
    kernel || long(found) == long(expected)
}

/// Every weight of a model of vision and text transformer, as a bundle stores them.
pub fn targets(config: &ClipConfig, names: &Names) -> Vec<Target> {
    let mut targets = vec![Target::of("logit_scale", &[1], Take::same("logit_scale"))];
    if config.scoring == Scoring::Sigmoid {
        targets.push(Target::of("logit_bias", &[1], Take::same("logit_bias")));
    }
    let tower = |tower: &str, parts: Vec<Part>, take: fn(&str) -> Take| {
        let target =
            |(name, shape): Part| Target { take: take(&name), name: format!("{tower}.{name}"), shape };
        parts.into_iter().map(target).collect::<Vec<Target>>()
    };
    targets.extend(match &config.vision {
        VisionConfig::Vit(vit) => tower("image", image(config, vit), names.image),
        VisionConfig::FastVit(fastvit) => fastvit::targets(fastvit, config.embedding),
        // Published models have none that Foil reads together with a text tower.
        VisionConfig::Backbone(_) => Vec::new(),
    });
    targets.extend(tower("text", text(config), names.text));
    targets
}

/// The name of a weight, without that of its tower, and its shape.
type Part = (String, Vec<usize>);

fn image(config: &ClipConfig, vit: &VitConfig) -> Vec<Part> {
    let (width, n_class) = (vit.width, usize::from(vit.class_token));
    let patches = (config.preprocess.side / vit.patch).pow(2);
    let mut parts = vec![
        part("patch_embedding.weight", &[width, 3 * vit.patch * vit.patch]),
        part("position_embedding", &[n_class + patches, width]),
    ];
    if vit.patch_bias {
        parts.push(part("patch_embedding.bias", &[width]));
    }
    if vit.class_token {
        parts.push(part("class_embedding", &[width]));
    }
    if vit.norm_pre {
        parts.extend(layer("norm_pre", &[width]));
    }
    parts.extend(layer("norm_post", &[width]));
    if vit.read_out == ReadOut::Attention {
        parts.push(part("attention_pool.query", &[width]));
        parts.extend(layer("attention_pool.norm", &[width]));
        parts.extend(attention_and_mlp("attention_pool", width, vit.mlp_width));
    } else {
        parts.push(part("projection.weight", &[config.embedding, width]));
    }
    parts.extend(blocks(vit.layers, width, vit.mlp_width));
    parts
}

fn text(config: &ClipConfig) -> Vec<Part> {
    let text = &config.text;
    let mut parts = vec![
        part("token_embedding", &[text.vocabulary, text.width]),
        part("position_embedding", &[text.context, text.width]),
        part("projection.weight", &[config.embedding, text.width]),
    ];
    if text.projection_bias {
        parts.push(part("projection.bias", &[config.embedding]));
    }
    parts.extend(layer("norm_post", &[text.width]));
    parts.extend(blocks(text.layers, text.width, text.mlp_width));
    parts
}

fn blocks(layers: usize, width: usize, mlp_width: usize) -> Vec<Part> {
    let block = |block: usize| {
        let name = format!("blocks.{block}");
        let norms = ["norm_1", "norm_2"].map(|norm| layer(&format!("{name}.{norm}"), &[width]));
        norms.into_iter().flatten().chain(attention_and_mlp(&name, width, mlp_width))
    };
    (0..layers).flat_map(block).collect()
}

fn attention_and_mlp(name: &str, width: usize, mlp_width: usize) -> impl Iterator<Item = Part> + use<> {
    [
        layer(&format!("{name}.attention.qkv"), &[3 * width, width]),
        layer(&format!("{name}.attention.output"), &[width, width]),
        layer(&format!("{name}.mlp_in"), &[mlp_width, width]),
        layer(&format!("{name}.mlp_out"), &[width, mlp_width]),
    ]
    .into_iter()
    .flatten()
}

fn part(name: &str, shape: &[usize]) -> Part {
    (name.to_owned(), shape.to_vec())
}

/// Weight and bias of a layer.
fn layer(name: &str, shape: &[usize]) -> [Part; 2] {
    [part(&format!("{name}.weight"), shape), part(&format!("{name}.bias"), &shape[..1])]
}
