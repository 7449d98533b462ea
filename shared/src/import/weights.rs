//! Files of weights in safetensors: where each tensor is, and its numbers.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, bail};
use half::{bf16, f16};
use serde::Deserialize;

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
    /// By the name that safetensors has for it.
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "F16" => Some(Floats::F16),
            "BF16" => Some(Floats::BF16),
            "F32" => Some(Floats::F32),
            "F64" => Some(Floats::F64),
            _ => None,
        }
    }

    /// The bytes of a number.
    fn size(self) -> u64 {
        match self {
            Floats::F16 | Floats::BF16 => 2,
            Floats::F32 => 4,
            Floats::F64 => 8,
        }
    }

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

/// What a header says of a tensor. The format's own library counts bits in the width of a pointer, which is too narrow in a browser for
/// the tokens of a large vocabulary.
#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

fn stored(header: &[u8], length: u64) -> Result<Vec<(String, Stored)>> {
    let mut entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(header).context("it is not a safetensors file")?;
    entries.remove("__metadata__");
    let begin = (PREFIX + header.len()) as u64;
    let stored = |(name, info): (String, serde_json::Value)| {
        let Info { dtype, shape, data_offsets: [first, last] } = serde_json::from_value(info)
            .with_context(|| format!("it is not a safetensors file: of {name} it says something else"))?;
        let floats = Floats::from_name(&dtype);
        let n_values = shape.iter().try_fold(1u64, |product, axis| product.checked_mul(*axis as u64));
        let n_bytes = floats.and_then(|floats| n_values?.checked_mul(floats.size()));
        if first > last || floats.is_some() && n_bytes != Some(last - first) {
            bail!("it is damaged: its tensor {name} is not as long as its shape says");
        }
        if last > length.saturating_sub(begin) {
            bail!(
                "it is cut off: it ends at byte {length}, its tensor {name} at byte {}",
                begin.saturating_add(last)
            );
        }
        Ok((name, Stored { floats, shape, bytes: begin + first..begin + last }))
    };
    entries.into_iter().map(stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, length: u64) -> Result<Vec<(String, Stored)>, String> {
        tensors(header.as_bytes(), length).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tensor_may_have_more_bits_than_a_browser_counts() {
        let header = r#"{"__metadata__": {"format": "pt"}, "w": {"dtype": "BF16", "shape": [256000, 1152], "data_offsets": [0, 589824000]}}"#;
        let begin = (PREFIX + header.len()) as u64;
        let found = read(header, begin + 589_824_000).expect("a tensor");
        let stored = Stored {
            floats: Some(Floats::BF16),
            shape: vec![256_000, 1152],
            bytes: begin..begin + 589_824_000,
        };
        assert_eq!(found, [("w".to_owned(), stored)]);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let one = |dtype: &str, shape: &str, offsets: &str| {
            format!(r#"{{"w": {{"dtype": "{dtype}", "shape": {shape}, "data_offsets": {offsets}}}}}"#)
        };
        for (header, words) in [
            ("[]".to_owned(), "not a safetensors file"),
            (r#"{"w": 3}"#.to_owned(), "of w it says something else"),
            (one("F32", "[2]", "[0, 4]"), "not as long as its shape"),
            (one("F32", "[2]", "[8, 0]"), "not as long as its shape"),
            (one("F32", "[4294967295, 4294967295, 4294967295]", "[0, 4]"), "not as long as its shape"),
            (one("F32", "[20]", "[0, 80]"), "cut off"),
            (one("I64", "[1]", "[0, 18446744073709551615]"), "cut off"),
        ] {
            let error = read(&header, 100).expect_err(words);
            assert!(error.contains(words), "{header}: {error}");
        }
    }
}
