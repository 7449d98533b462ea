//! Files of weights as other people write them, safetensors or PyTorch's own: headers in memory, tensors read when they
//! are wanted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pytorch_reader::{DType, PytorchReader};
use shared::import::weights::{self, Floats};
use shared::import::{ImportError, Tensors};

/// The tensors of one or several files, by name.
pub struct TensorFiles {
    tensors: BTreeMap<String, Entry>,
}

struct Entry {
    path: PathBuf,
    /// None of what holds no floats.
    floats: Option<Floats>,
    shape: Vec<usize>,
    place: Place,
}

/// Where the bytes of a tensor are.
enum Place {
    /// First and last byte in the file.
    Bytes(u64, u64),
    /// In an archive of PyTorch's.
    Archive(pytorch_reader::Tensor),
}

impl TensorFiles {
    /// Reads the headers.
    ///
    /// # Errors
    /// If a file is not in the format, or ends before its tensors do.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for path in paths {
            let is_pytorch = path
                .extension()
                .is_some_and(|ending| ["bin", "pt", "pth"].iter().any(|known| ending == *known));
            let add = if is_pytorch { add_pytorch } else { add_safetensors };
            add(&mut tensors, path).with_context(|| format!("cannot use {}", path.display()))?;
        }
        let tensors = weights_among(tensors.into_iter().collect()).into_iter().collect();
        Ok(TensorFiles { tensors })
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a weight.
    ///
    /// # Errors
    /// If there is no tensor of that name, or it holds no floats that are read.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        let (entry, _) = self.weight(name)?;
        Ok(&entry.shape)
    }

    /// The values of a tensor, whatever type of float they are stored as.
    ///
    /// # Errors
    /// If there is no such tensor, it holds no floats, or the file cannot be read.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        let (entry, floats) = self.weight(name)?;
        let failed = || format!("cannot read {}", entry.path.display());
        let bytes = match &entry.place {
            Place::Bytes(first, last) => {
                let mut file = File::open(&entry.path).with_context(failed)?;
                file.seek(SeekFrom::Start(*first)).with_context(failed)?;
                let mut bytes = vec![0; (last - first) as usize];
                file.read_exact(&mut bytes).with_context(failed)?;
                bytes
            }
            Place::Archive(tensor) => tensor.read().with_context(failed)?,
        };
        Ok(floats.values(&bytes))
    }

    fn weight(&self, name: &str) -> Result<(&Entry, Floats)> {
        let entry = self.tensors.get(name).with_context(|| format!("the tensor {name} is missing"))?;
        let floats = entry.floats.with_context(|| {
            format!("the tensor {name} holds no floats of 16, 32 or 64 bits, and is no weight")
        })?;
        Ok((entry, floats))
    }
}

impl Tensors for TensorFiles {
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(TensorFiles::names(self))
    }

    fn shape(&self, name: &str) -> Result<&[usize], ImportError> {
        Ok(TensorFiles::shape(self, name)?)
    }
}

fn add_safetensors(tensors: &mut BTreeMap<String, Entry>, path: &Path) -> Result<()> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut beginning = Vec::new();
    (&file).take(weights::PREFIX as u64).read_to_end(&mut beginning)?;
    let header_length = weights::header_length(&beginning, length)?;
    let mut header = Vec::new();
    file.take(header_length).read_to_end(&mut header)?;
    for (name, weights::Stored { floats, shape, bytes }) in weights::tensors(&header, length)? {
        let place = Place::Bytes(bytes.start, bytes.end);
        tensors.insert(name, Entry { path: path.to_owned(), floats, shape, place });
    }
    Ok(())
}

/// Reads what `torch.save` writes. Checkpoints of training programs keep the weights one or two levels down, beside optimizers
/// that have tensors of their own.
fn add_pytorch(tensors: &mut BTreeMap<String, Entry>, path: &Path) -> Result<()> {
    if is_torch_script(path)? {
        bail!(
            "it is a TorchScript archive, a program with its weights; save its weights with `torch.save(model.state_dict(), …)`"
        );
    }
    let reader = PytorchReader::new(path).context("it is not a checkpoint of PyTorch, or a damaged one")?;
    for (name, tensor) in reader.into_tensors() {
        let floats = match tensor.dtype() {
            DType::F16 => Some(Floats::F16),
            DType::BF16 => Some(Floats::BF16),
            DType::F32 => Some(Floats::F32),
            DType::F64 => Some(Floats::F64),
            _ => None,
        };
        let shape = tensor.shape().to_vec();
        tensors.insert(name, Entry { path: path.to_owned(), floats, shape, place: Place::Archive(tensor) });
    }
    Ok(())
}

/// The weights of a model among the tensors of a checkpoint, by the names that the model has for them.
fn weights_among<T>(mut found: Vec<(String, T)>) -> Vec<(String, T)> {
    for level in ["state_dict.", "model."] {
        if found.iter().any(|(name, _)| name.starts_with(level)) {
            found.retain(|(name, _)| name.starts_with(level));
            strip(&mut found, level);
            break;
        }
    }
    // What wraps a model: several GPUs, or a model of which CLIP is a part.
    for wrapper in ["module.", "clip."] {
        if found.iter().all(|(name, _)| name.starts_with(wrapper)) {
            strip(&mut found, wrapper);
        }
    }
    found
}

fn strip<T>(named: &mut [(String, T)], prefix: &str) {
    for (name, _) in named {
        if let Some(rest) = name.strip_prefix(prefix) {
            *name = rest.to_owned();
        }
    }
}

/// Whether a file is an archive of `torch.jit.save`, by the names in its directory, which stands at its end.
fn is_torch_script(path: &Path) -> Result<bool> {
    const DIRECTORY: u64 = 4 << 20;
    const ONLY_THERE: &[u8] = b"/constants.pkl";
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(DIRECTORY)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(end.windows(ONLY_THERE.len()).any(|bytes| bytes == ONLY_THERE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_checkpoint_the_weights_are_taken_and_the_rest_is_left() {
        let named = |names: &[&str]| {
            let found = names.iter().map(|name| ((*name).to_owned(), ())).collect();
            weights_among(found).into_iter().map(|(name, ())| name).collect::<Vec<_>>()
        };
        for names in [
            &["state_dict.module.visual.proj", "state_dict.module.logit_scale", "optimizer.state.0.exp_avg"]
                [..],
            &["model.visual.proj", "model.logit_scale", "epoch"],
            &["module.visual.proj", "module.logit_scale"],
            &["clip.visual.proj", "clip.logit_scale"],
            &["visual.proj", "logit_scale"],
        ] {
            assert_eq!(named(names), ["visual.proj", "logit_scale"], "{names:?}");
        }
    }
}
