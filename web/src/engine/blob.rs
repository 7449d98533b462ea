//! Bytes that the browser holds, read piece by piece: a bundle is larger than what the engine should ever hold of it.

use std::ops::Range;

use burn::tensor::Device;
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use shared::bundle::{BundleError, Header, Loader, TensorEntry, backbone_tensors};
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
async fn slice(blob: &Blob, range: Range<usize>) -> Result<Vec<u8>, String> {
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
    Ok(hexadecimal(hash))
}

/// A hash in hexadecimal.
pub fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The header of a bundle.
///
/// # Errors
/// If it is no bundle.
pub async fn header(blob: &Blob) -> Result<Header, LoadError> {
    let beginning = slice(blob, 0..Header::PREFIX).await.map_err(LoadError::Unreadable)?;
    let end = Header::end(&beginning)?;
    let header = Header::read(&slice(blob, 0..end).await.map_err(LoadError::Unreadable)?)?;
    if (blob.size() as usize) < header.file_bytes() {
        return Err(BundleError::Truncated.into());
    }
    Ok(header)
}

/// The model of a bundle on a device, its backbone from another file if the bundle leaves it out. `progress` hears which share
/// has been read.
///
/// # Errors
/// If a tensor is missing, does not fit, or cannot be read.
pub async fn model(
    blob: &Blob,
    header: &Header,
    backbone: Option<&Blob>,
    device: &Device,
    progress: impl Fn(f64),
) -> Result<Clip, LoadError> {
    let mut loader = Loader::new(header, device);
    let bytes = blob.size() + backbone.map_or(0.0, Blob::size);
    let mut so_far = 0.0;
    if let Some(backbone) = backbone {
        let beginning = slice(backbone, 0..Header::PREFIX).await.map_err(LoadError::Unreadable)?;
        let beginning = slice(backbone, 0..Header::end(&beginning)?).await.map_err(LoadError::Unreadable)?;
        load(&mut loader, backbone, &backbone_tensors(&beginning)?, |read| progress(read / bytes)).await?;
        so_far = backbone.size();
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
