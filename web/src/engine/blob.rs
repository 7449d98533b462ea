//! Bytes that the browser holds, read piece by piece: a bundle is larger than what the engine should ever hold of it.

use std::ops::Range;

use burn::tensor::Device;
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use shared::bundle::{BundleError, Header, Loader, TensorEntry, backbone_tensors, hexadecimal};
use shared::model::Clip;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

/// How many bytes are read at a time where it does not matter.
const PIECE: usize = 4_000_000;

/// Why a bundle could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bundle is of no use.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The browser does not give the bytes: the file was moved or changed meanwhile.
    #[error("{0}")]
    Unreadable(String),
}

/// All bytes.
///
/// # Errors
/// If the browser cannot read them.
pub async fn read(blob: &Blob) -> Result<Vec<u8>, String> {
    slice(blob, 0..blob.size() as usize).await
}

/// Some bytes; fewer than asked for if the blob ends before.
///
/// # Errors
/// If the browser cannot read them.
pub async fn slice(blob: &Blob, range: Range<usize>) -> Result<Vec<u8>, String> {
    let unreadable = || "the browser could not read the file".to_owned();
    let part = blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(|_| unreadable())?;
    let buffer = JsFuture::from(part.array_buffer()).await.map_err(|_| unreadable())?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The SHA-256 in hexadecimal.
///
/// # Errors
/// If the browser cannot read the bytes.
pub async fn sha256(blob: &Blob) -> Result<String, String> {
    let length = blob.size() as usize;
    let mut hash = Sha256::new();
    for start in (0..length).step_by(PIECE) {
        hash.update(slice(blob, start..length.min(start + PIECE)).await?);
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// The header of a bundle.
///
/// # Errors
/// If it is no bundle.
pub async fn header(blob: &Blob) -> Result<Header, LoadError> {
    let header = Header::read(&beginning(blob).await?)?;
    if (blob.size() as usize) < header.file_bytes() {
        return Err(BundleError::Truncated.into());
    }
    Ok(header)
}

/// The beginning of a safetensors file up to its tensors.
async fn beginning(blob: &Blob) -> Result<Vec<u8>, LoadError> {
    let prefix = slice(blob, 0..Header::PREFIX).await.map_err(LoadError::Unreadable)?;
    slice(blob, 0..Header::end(&prefix)?).await.map_err(LoadError::Unreadable)
}

/// Where a model's backbone comes from.
pub enum Backbone<'a> {
    /// The bundle, unless the model has none.
    Bundle,
    /// A file of its own.
    File(&'a Blob),
    /// A model that has it on the device.
    Loaded(&'a Clip),
}

/// The model of a bundle on a device. `progress` hears which share has been read.
///
/// # Errors
/// If a tensor is missing, does not fit, or cannot be read.
pub async fn model(
    blob: &Blob,
    header: &Header,
    backbone: Backbone<'_>,
    device: &Device,
    progress: impl Fn(f64),
) -> Result<Clip, LoadError> {
    let mut loader = match backbone {
        Backbone::Loaded(other) => Loader::sharing_backbone(header, other),
        Backbone::Bundle | Backbone::File(_) => Loader::new(header, device),
    };
    let (mut bytes, mut so_far) = (blob.size(), 0.0);
    if let Backbone::File(file) = backbone {
        bytes += file.size();
        let tensors = backbone_tensors(&beginning(file).await?)?;
        load(&mut loader, file, &tensors, |read| progress(read / bytes)).await?;
        so_far = file.size();
    }
    load(&mut loader, blob, header.tensors(), |read| progress((so_far + read) / bytes)).await?;
    Ok(loader.finish()?)
}

/// Loads tensors of a file, one at a time, or several small ones. `progress` hears how many bytes have been read.
async fn load(
    loader: &mut Loader,
    blob: &Blob,
    mut rest: &[TensorEntry],
    progress: impl Fn(f64),
) -> Result<(), LoadError> {
    while let Some(first) = rest.first() {
        // Asking the browser takes longer than a small tensor does, so neighbors come together.
        let start = first.bytes.start;
        let together = |tensor: &&TensorEntry| tensor.bytes.end - start <= PIECE;
        let (run, behind) = rest.split_at(rest.iter().take_while(together).count().max(1));
        let end = run.last().map_or(start, |last| last.bytes.end);
        let bytes = slice(blob, start..end).await.map_err(LoadError::Unreadable)?;
        for tensor in run {
            let own = bytes.get(tensor.bytes.start - start..tensor.bytes.end - start);
            loader.add(tensor, own.ok_or(BundleError::Truncated)?)?;
        }
        progress(end as f64);
        rest = behind;
    }
    Ok(())
}
