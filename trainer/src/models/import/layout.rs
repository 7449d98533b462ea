//! What each weight of ours is made of in the files of others.

use anyhow::{Context, Result, bail};
use shared::bundle::Weight;
use shared::model::{ClipConfig, VisionConfig};

use super::take::{Take, Target};
use super::tensors::TensorFiles;
use super::{open_clip, transformers};

/// Whose names the tensors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Hugging Face `transformers`.
    Transformers,
    /// `open_clip`.
    OpenClip,
}

impl Layout {
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

    fn take(self, target: &str) -> Take {
        match self {
            Layout::Transformers => transformers::take(target),
            Layout::OpenClip => open_clip::take(target),
        }
    }

    /// Whether a tensor holds no weight: constants that some versions saved with the model.
    fn is_constant(self, name: &str) -> bool {
        match self {
            Layout::Transformers => name.ends_with("embeddings.position_ids"),
            Layout::OpenClip => {
                ["attn_mask", "input_resolution", "context_length", "vocab_size"].contains(&name)
            }
        }
    }

    /// Checks that the files hold every weight in its shape, and nothing else.
    ///
    /// # Errors
    /// Names the first tensor that is missing, misshapen or left over.
    pub fn check(self, config: &ClipConfig, tensors: &TensorFiles) -> Result<()> {
        let mut used = Vec::new();
        for Target { name, shape } in targets(config) {
            let take = self.take(&name);
            for (source, expected) in take.sources(&shape) {
                let found = tensors.shape(source)?;
                if !fits(found, &expected) {
                    bail!("the tensor {source} has shape {found:?}; the config asks for {expected:?}");
                }
                used.push(source.to_owned());
            }
        }
        match tensors.names().find(|name| !used.iter().any(|used| used == name) && !self.is_constant(name)) {
            Some(unknown) => bail!("the tensor {unknown} is none of a CLIP model's"),
            None => Ok(()),
        }
    }

    /// One weight, read and brought into its shape.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn weight(self, target: Target, tensors: &TensorFiles) -> Result<Weight> {
        let Target { name, shape } = target;
        let values = match self.take(&name) {
            Take::Same(source) => tensors.values(&source)?,
            Take::Stacked(sources) => {
                let parts = sources.iter().map(|source| tensors.values(source));
                parts.collect::<Result<Vec<_>>>()?.concat()
            }
            Take::Transposed(source) => {
                let values = tensors.values(&source)?;
                let [rows, columns] = *shape else { bail!("{name} is no matrix") };
                let row = |row: usize| values.iter().skip(row).step_by(rows).take(columns);
                (0..rows).flat_map(row).copied().collect()
            }
        };
        let n_values: usize = shape.iter().product();
        (values.len() == n_values)
            .then_some(())
            .with_context(|| format!("{name} has {} values", values.len()))?;
        Ok(Weight { name, shape, values })
    }
}

/// Whether a tensor can be taken as one of another shape: axes of length 1 do not matter, nor does it that a kernel
/// `[W, 3, p, p]` is not flattened yet.
fn fits(found: &[usize], expected: &[usize]) -> bool {
    let kernel = matches!((found, expected), ([a, rest @ ..], [b, c]) if rest.len() == 3 && a == b && rest.iter().product::<usize>() == *c);
    let scalar = found.is_empty() && expected == [1];
    found == expected || kernel || scalar
}

/// Every weight of a vision transformer without a stem and of its text tower, as a bundle stores them.
pub fn targets(config: &ClipConfig) -> Vec<Target> {
    // Nothing else is imported.
    let VisionConfig::Vit(vision) = &config.vision else { return Vec::new() };
    let (text, embedding) = (&config.text, config.embedding);
    let patches = (config.preprocess.side / vision.patch).pow(2);
    let mut targets = vec![
        target("logit_scale", &[1]),
        target("image.patch_embedding.weight", &[vision.width, 3 * vision.patch * vision.patch]),
        target("image.class_embedding", &[vision.width]),
        target("image.position_embedding", &[1 + patches, vision.width]),
        target("image.projection.weight", &[embedding, vision.width]),
        target("text.token_embedding", &[text.vocabulary, text.width]),
        target("text.position_embedding", &[text.context, text.width]),
        target("text.projection.weight", &[embedding, text.width]),
    ];
    targets.extend(layer("image.norm_pre", &[vision.width]));
    targets.extend(layer("image.norm_post", &[vision.width]));
    targets.extend(layer("text.norm_post", &[text.width]));
    for (tower, layers, width, mlp_width) in [
        ("image", vision.layers, vision.width, vision.mlp_width),
        ("text", text.layers, text.width, text.mlp_width),
    ] {
        for block in 0..layers {
            let part = |name: &str, shape: &[usize]| layer(&format!("{tower}.blocks.{block}.{name}"), shape);
            targets.extend(part("norm_1", &[width]));
            targets.extend(part("attention.qkv", &[3 * width, width]));
            targets.extend(part("attention.output", &[width, width]));
            targets.extend(part("norm_2", &[width]));
            targets.extend(part("mlp_in", &[mlp_width, width]));
            targets.extend(part("mlp_out", &[width, mlp_width]));
        }
    }
    targets
}

fn target(name: &str, shape: &[usize]) -> Target {
    Target { name: name.to_owned(), shape: shape.to_vec() }
}

/// Weight and bias of a layer.
fn layer(name: &str, shape: &[usize]) -> [Target; 2] {
    [target(&format!("{name}.weight"), shape), target(&format!("{name}.bias"), &shape[..1])]
}
