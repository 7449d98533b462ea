//! Safetensors files as other people write them: headers in memory, tensors read when they are wanted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};

/// Headers of a hundred megabytes are not read: no model has one.
const LONGEST_HEADER: u64 = 100_000_000;

/// The tensors of one or several files, by name.
pub struct TensorFiles {
    tensors: BTreeMap<String, Entry>,
}

struct Entry {
    path: PathBuf,
    dtype: Dtype,
    shape: Vec<usize>,
    /// First and last byte in the file.
    bytes: (u64, u64),
}

impl TensorFiles {
    /// Reads the headers.
    ///
    /// # Errors
    /// If a file is not in the format, or ends before its tensors do.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        for path in paths {
            add(&mut tensors, path).with_context(|| format!("cannot use {}", path.display()))?;
        }
        Ok(TensorFiles { tensors })
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.entry(name)?.shape)
    }

    /// The values of a tensor, whatever type of float they are stored as.
    ///
    /// # Errors
    /// If there is no such tensor, it holds no floats, or the file cannot be read.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        let entry = self.entry(name)?;
        let failed = || format!("cannot read {}", entry.path.display());
        let (first, last) = entry.bytes;
        let mut file = File::open(&entry.path).with_context(failed)?;
        file.seek(SeekFrom::Start(first)).with_context(failed)?;
        let mut bytes = vec![0; (last - first) as usize];
        file.read_exact(&mut bytes).with_context(failed)?;
        let bytes = bytes.as_slice();
        Ok(match entry.dtype {
            Dtype::F32 => each(bytes, f32::from_le_bytes),
            Dtype::F16 => each(bytes, |two| f16::from_le_bytes(two).to_f32()),
            Dtype::BF16 => each(bytes, |two| bf16::from_le_bytes(two).to_f32()),
            Dtype::F64 => each(bytes, |eight| f64::from_le_bytes(eight) as f32),
            other => {
                bail!("the tensor {name} is stored as {other:?}; F16, BF16, F32 and F64 can be imported")
            }
        })
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.tensors.get(name).with_context(|| format!("the tensor {name} is missing"))
    }
}

fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

fn add(tensors: &mut BTreeMap<String, Entry>, path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut start = [0; 8];
    file.read_exact(&mut start).context("it is cut off: it ends before its header does")?;
    let header_length = u64::from_le_bytes(start);
    if header_length > LONGEST_HEADER {
        bail!("it is not a safetensors file");
    }
    if 8 + header_length > length {
        bail!("it is cut off: it ends before its header does");
    }
    let mut header = Vec::new();
    file.take(header_length).read_to_end(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header).context("it is not a safetensors file")?;
    for (name, info) in metadata.tensors() {
        let (first, last) = info.data_offsets;
        let bytes = (8 + header_length + first as u64, 8 + header_length + last as u64);
        if bytes.1 > length {
            bail!("it is cut off: it ends at byte {length}, its tensor {name} at byte {}", bytes.1);
        }
        let entry = Entry { path: path.to_owned(), dtype: info.dtype, shape: info.shape.clone(), bytes };
        tensors.insert(name, entry);
    }
    Ok(())
}
