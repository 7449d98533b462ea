//! Weights of convolutional networks, as timm names them (`mobilenetv2_100`, `tf_efficientnet_lite0`, `tf_efficientnet_lite2`), become
//! an image tower's backbone.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use burn::tensor::TensorData;
use shared::import::factors_and_shifts;
use shared::model::convnet::{Architecture, Stage};
use shared::model::{BackboneName, Clip};

use super::tensors::TensorFiles;

/// Where the network is in our model.
const OURS: &str = "image.network";

/// A convolution, the batch norm behind it, and what we call the two together.
struct Layer {
    ours: String,
    convolution: String,
    norm: String,
}

/// The model with the weights of a file in its image tower's network.
///
/// # Errors
/// If the model has no such network, the file cannot be read, or a tensor is missing or has another shape.
pub fn load(path: &Path, backbone: BackboneName, mut clip: Clip) -> Result<Clip> {
    let failed = || format!("cannot begin with {} as the weights of {}", path.display(), backbone.name());
    let file = TensorFiles::open(&[path.to_owned()])?;
    let mut tensors = Vec::new();
    let architecture = backbone.architecture();
    for layer in layers(architecture) {
        let folded = layer.folded(&file, architecture.epsilon);
        let (weight, bias, shape) = folded.with_context(failed)?;
        let n_outputs = bias.len();
        for (name, data) in
            [("weight", TensorData::new(weight, shape)), ("bias", TensorData::new(bias, [n_outputs]))]
        {
            tensors.push(bridge::from_data(data, format!("{}.{name}", layer.ours), None));
        }
    }
    let n_weights = tensors.len();
    let applied = clip.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true);
    if let Some(error) = applied.errors.first() {
        bail!("cannot begin with {}: {error}", path.display());
    }
    if applied.applied.len() < n_weights {
        bail!("{} is for a model with {} in its image tower", path.display(), backbone.name());
    }
    Ok(clip)
}

impl Layer {
    /// Weights and biases with the norm folded in, and the shape of the weights.
    fn folded(&self, file: &TensorFiles, epsilon: f32) -> Result<(Vec<f32>, Vec<f32>, Vec<usize>)> {
        let of_norm = |part: &str| file.values(&format!("{}.{part}", self.norm));
        let convolution = format!("{}.weight", self.convolution);
        let shape = file.shape(&convolution)?.to_vec();
        let mut weight = file.values(&convolution)?;
        let norm = [of_norm("weight")?, of_norm("bias")?, of_norm("running_mean")?, of_norm("running_var")?];
        let misfit = || format!("{} does not fit {convolution}", self.norm);
        let (factors, shifts) = factors_and_shifts(norm, epsilon).with_context(misfit)?;
        let n = shape.first().copied().unwrap_or(0);
        if n == 0 || factors.len() != n {
            bail!(misfit());
        }
        let n_inputs = weight.len() / n;
        for (row, factor) in weight.chunks_mut(n_inputs).zip(&factors) {
            row.iter_mut().for_each(|value| *value *= factor);
        }
        Ok((weight, shifts, shape))
    }
}

/// Every layer of the network; the classifier is not ours.
fn layers(architecture: &Architecture) -> Vec<Layer> {
    let layer = |ours: String, convolution: String, norm: String| {
        let ours = format!("{OURS}.{ours}");
        Layer { ours, convolution, norm }
    };
    let ends = [("stem", "conv_stem", "bn1"), ("head", "conv_head", "bn2")];
    let end =
        |(ours, theirs, norm): (&str, &str, &str)| layer(ours.to_owned(), theirs.to_owned(), norm.to_owned());
    let mut layers: Vec<Layer> = ends.into_iter().map(end).collect();
    let mut nth = 0;
    for (stage, Stage { factor, repeats, .. }) in architecture.stages.into_iter().enumerate() {
        for block in 0..repeats {
            // A block that does not widen calls its layers by other names.
            let parts: &[_] = if factor == 1 {
                &[("depthwise", "conv_dw", "bn1"), ("project", "conv_pw", "bn2")]
            } else {
                &[
                    ("expand", "conv_pw", "bn1"),
                    ("depthwise", "conv_dw", "bn2"),
                    ("project", "conv_pwl", "bn3"),
                ]
            };
            let theirs = |part: &str| format!("blocks.{stage}.{block}.{part}");
            layers.extend(parts.iter().map(|(ours, convolution, norm)| {
                layer(format!("blocks.{nth}.{ours}"), theirs(convolution), theirs(norm))
            }));
            nth += 1;
        }
    }
    layers
}
