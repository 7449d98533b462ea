//! Files of weights in safetensors: where each tensor is, and its numbers.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata};

use super::ImportError;

/// Headers of a hundred megabytes are not read: no model has one.
const LONGEST_HEADER: u64 = 100_000_000;

/// How many bytes of a file tell how long its header is.
pub const PREFIX: usize = 8;

/// How a float is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floats {
    /// Half precision.
    F16,
    /// The upper half of 32 bits.
    BF16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// None of what holds no floats that are read.
    pub floats: Option<Floats>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where it lies in the file.
    pub bytes: Range<u64>,
}

impl Floats {
    /// The numbers in bytes, in the order of safetensors and of PyTorch: the lowest first.
    pub fn values(self, bytes: &[u8]) -> Vec<f32> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
        }
        match self {
            Floats::F32 => each(bytes, f32::from_le_bytes),
            Floats::F16 => each(bytes, |two| f16::from_le_bytes(two).to_f32()),
            Floats::BF16 => each(bytes, |two| bf16::from_le_bytes(two).to_f32()),
            Floats::F64 => each(bytes, |eight| f64::from_le_bytes(eight) as f32),
        }
    }
}

/// How many bytes the header of a file takes, as its first [`PREFIX`] bytes say; the file has `length` bytes.
///
/// # Errors
/// If it is no such file, or cut off.
pub fn header_length(beginning: &[u8], length: u64) -> Result<u64, ImportError> {
    Ok(header_of(beginning, length)?)
}

fn header_of(beginning: &[u8], length: u64) -> Result<u64> {
    let start = beginning.first_chunk::<PREFIX>().context("it is cut off: it ends before its header does")?;
    let header_length = u64::from_le_bytes(*start);
    if start == b"version " {
        bail!("it is a Git LFS pointer and not the weights themselves; run `git lfs pull`");
    }
    if header_length > LONGEST_HEADER {
        bail!("it is not a safetensors file");
    }
    if PREFIX as u64 + header_length > length {
        bail!("it is cut off: it ends before its header does");
    }
    Ok(header_length)
}

/// The tensors of a file of `length` bytes, of which `header` are those behind the [`PREFIX`].
///
/// # Errors
/// If it is no such file, or ends before its tensors do.
pub fn tensors(header: &[u8], length: u64) -> Result<Vec<(String, Stored)>, ImportError> {
    Ok(stored(header, length)?)
}

fn stored(header: &[u8], length: u64) -> Result<Vec<(String, Stored)>> {
    let metadata: Metadata = serde_json::from_slice(header).context("it is not a safetensors file")?;
    let begin = (PREFIX + header.len()) as u64;
    let stored = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (first, last) = info.data_offsets;
        let bytes = begin + first as u64..begin + last as u64;
        if bytes.end > length {
            bail!("it is cut off: it ends at byte {length}, its tensor {name} at byte {}", bytes.end);
        }
        let floats = match info.dtype {
            Dtype::F16 => Some(Floats::F16),
            Dtype::BF16 => Some(Floats::BF16),
            Dtype::F32 => Some(Floats::F32),
            Dtype::F64 => Some(Floats::F64),
            _ => None,
        };
        Ok((name, Stored { floats, shape: info.shape.clone(), bytes }))
    };
    metadata.tensors().into_iter().map(stored).collect()
}
