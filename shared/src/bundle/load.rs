//! Tensors of a file to a model, one at a time: whoever streams a file never holds more than one of them.

use std::collections::{BTreeSet, HashMap};

use burn::store::{ApplyError, ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use burn::tensor::{Device, TensorData};
use half::f16;
use safetensors::tensor::Dtype;

use super::split::BACKBONE;
use super::{BundleError, Header, SCALE, TensorEntry};
use crate::model::Clip;

/// A model whose weights are still on their way.
pub struct Loader {
    clip: Clip,
    /// The weights that have not come yet, by Burn's names.
    missing: BTreeSet<String>,
    /// The factors of rows whose matrix has not come yet, by the matrix.
    factors: HashMap<String, Vec<f32>>,
}

impl Loader {
    /// A model that waits for its weights. Nothing is computed or kept for a weight before it comes.
    pub fn new(header: &Header, device: &Device) -> Self {
        Loader::part(header.config().init(device), "")
    }

    /// A model that has the backbone of another one, which is the same, and waits for the rest of its weights.
    pub fn sharing_backbone(header: &Header, other: &Clip) -> Self {
        let clip = header.config().init(&other.device()).share_backbone(other);
        let Loader { clip, mut missing, factors } = Loader::part(clip, "");
        missing.retain(|name| !name.starts_with(BACKBONE));
        Loader { clip, missing, factors }
    }

    /// A model of which the weights whose names begin with `prefix` wait for others; the rest stay.
    pub(super) fn part(mut clip: Clip, prefix: &str) -> Self {
        let missing = clip.apply(Vec::new(), None, None, true).missing.into_iter().map(|(name, _)| name);
        let missing = missing.filter(|name| name.starts_with(prefix)).collect();
        Loader { clip, missing, factors: HashMap::new() }
    }

    /// Takes a tensor in. Factors of rows must come before their matrix, as they do in the format's own order.
    ///
    /// # Errors
    /// If the model has no such tensor, has it in another shape, or its type is not read.
    pub fn add(&mut self, tensor: &TensorEntry, bytes: &[u8]) -> Result<(), BundleError> {
        if let Some(matrix) = &tensor.factors_of {
            self.factors.insert(matrix.clone(), floats(bytes).collect());
            return Ok(());
        }
        let values = self.decode(tensor, bytes)?;
        let data = TensorData::new(values, tensor.shape.clone());
        let tensors = vec![bridge::from_data(data, tensor.name.clone(), None)];
        let applied = self.clip.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true);
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
        if let Some(name) = applied.unused.into_iter().next() {
            return Err(BundleError::UnknownTensor(name));
        }
        for name in applied.applied {
            self.missing.remove(&name);
        }
        Ok(())
    }

    /// The model, once every weight has come.
    ///
    /// # Errors
    /// Names a weight that has not.
    pub fn finish(self) -> Result<Clip, BundleError> {
        match self.missing.first() {
            Some(name) => Err(BundleError::MissingTensor(stored_name(name))),
            None => Ok(self.clip),
        }
    }

    fn decode(&mut self, tensor: &TensorEntry, bytes: &[u8]) -> Result<Vec<f32>, BundleError> {
        match tensor.dtype {
            Dtype::F32 => Ok(floats(bytes).collect()),
            Dtype::F16 => {
                Ok(bytes.as_chunks().0.iter().map(|chunk| f16::from_le_bytes(*chunk).to_f32()).collect())
            }
            Dtype::I8 => {
                let factors_name = || format!("{}{SCALE}", tensor.name);
                let factors = self.factors.remove(&tensor.name);
                let factors = factors.ok_or_else(|| BundleError::MissingTensor(factors_name()))?;
                let n_rows = tensor.shape.first().copied().unwrap_or(0);
                if factors.len() != n_rows {
                    return Err(BundleError::Shape {
                        name: factors_name(),
                        expected: format!("{:?}", [n_rows]),
                        found: format!("{:?}", [factors.len()]),
                    });
                }
                let rows = bytes.chunks((bytes.len() / n_rows.max(1)).max(1));
                let row = |(row, factor): (&[u8], f32)| -> Vec<f32> {
                    row.iter().map(|&byte| f32::from(byte as i8) * factor).collect()
                };
                Ok(rows.zip(factors).flat_map(row).collect())
            }
            other => Err(BundleError::Dtype { name: tensor.name.clone(), dtype: format!("{other:?}") }),
        }
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk))
}

/// The name in a file of what Burn calls by another one: its norms have a gamma and a beta.
fn stored_name(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => path.to_owned(),
    }
}
