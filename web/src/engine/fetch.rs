//! Bundles over HTTP, with progress, checked and kept by the browser under their content's hash.

use js_sys::{Reflect, Uint8Array};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, ReadableStreamDefaultReader, Response, Url};

use super::scope;
use crate::protocol::Origin;

/// The name of the browser cache.
const CACHE: &str = "foil-bundles";

/// The list of bundles that the page loads by itself.
const MANIFEST: &str = "bundles.json";

/// One bundle of the list.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    /// What the model is called.
    pub name: String,
    /// Where it is, relative to the page.
    pub file: String,
    /// Its size, for the progress bar: a compressed transfer announces another one.
    pub bytes: usize,
    /// The SHA-256 of its content in hexadecimal.
    pub sha256: String,
}

/// Why nothing was fetched, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error("{0} could not be fetched; is the network on?")]
    Unreachable(String),
    /// An answer that is no success.
    #[error("{file} could not be fetched: the server answered {status}")]
    Status {
        /// What was asked for.
        file: String,
        /// What the server said.
        status: u16,
    },
    /// The connection ended early.
    #[error("the download of {0} was cut off")]
    CutOff(String),
    /// Another content than the list promises.
    #[error("{0} is not what the page expected (its checksum differs); reload the page")]
    Checksum(String),
    /// An address elsewhere.
    #[error("{0} is on another site; only bundles from this site are loaded")]
    OtherOrigin(String),
    /// The list is broken.
    #[error("the list of bundles cannot be read: {0}")]
    Manifest(String),
}

/// Fetches the list of default bundles.
///
/// # Errors
/// If it cannot be fetched or read.
pub async fn manifest(base: &str) -> Result<Vec<Listed>, FetchError> {
    let response = get(&resolve(MANIFEST, base)?, MANIFEST).await?;
    let bytes = read(&response, MANIFEST, |_| ()).await?;
    serde_json::from_slice(&bytes).map_err(|error| FetchError::Manifest(error.to_string()))
}

/// Fetches a listed bundle, from the browser's cache if it is there. `progress` hears the bytes so far.
///
/// # Errors
/// If it cannot be fetched, or is not what the list promises.
pub async fn listed(
    bundle: &Listed,
    base: &str,
    progress: impl Fn(usize),
) -> Result<(Vec<u8>, Origin), FetchError> {
    let url = format!("{}?sha256={}", resolve(&bundle.file, base)?, bundle.sha256);
    // Storage may be denied or full. Then every visit downloads, and nothing else changes.
    let cache = open_cache().await.ok();
    if let Some(kept) = kept(cache.as_ref(), &url).await
        && is_intact(&kept, &bundle.sha256)
    {
        return Ok((kept, Origin::Cache));
    }
    let response = get(&url, &bundle.file).await?;
    let bytes = read(&response, &bundle.file, progress).await?;
    if !is_intact(&bytes, &bundle.sha256) {
        return Err(FetchError::Checksum(bundle.file.clone()));
    }
    if let Some(cache) = cache {
        keep(&cache, &url, &bytes).await;
    }
    Ok((bytes, Origin::Downloaded))
}

/// Fetches a bundle that is on no list.
///
/// # Errors
/// If it is on another site or cannot be fetched.
pub async fn unlisted(file: &str, base: &str, progress: impl Fn(usize)) -> Result<Vec<u8>, FetchError> {
    let response = get(&resolve(file, base)?, file).await?;
    read(&response, file, progress).await
}

fn resolve(file: &str, base: &str) -> Result<String, FetchError> {
    let url = Url::new_with_base(file, base).map_err(|_| FetchError::Unreachable(file.to_owned()))?;
    if url.origin() != scope().location().origin() {
        return Err(FetchError::OtherOrigin(file.to_owned()));
    }
    Ok(url.href())
}

async fn get(url: &str, file: &str) -> Result<Response, FetchError> {
    let unreachable = |_| FetchError::Unreachable(file.to_owned());
    let response = JsFuture::from(scope().fetch_with_str(url)).await.map_err(unreachable)?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(FetchError::Status { file: file.to_owned(), status: response.status() });
    }
    Ok(response)
}

async fn read(response: &Response, file: &str, progress: impl Fn(usize)) -> Result<Vec<u8>, FetchError> {
    let cut_off = || FetchError::CutOff(file.to_owned());
    let stream = response.body().ok_or_else(cut_off)?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| cut_off())?;
        let field = |name: &str| Reflect::get(&chunk, &name.into()).map_err(|_| cut_off());
        if field("done")?.is_truthy() {
            return Ok(bytes);
        }
        let value: Uint8Array = field("value")?.unchecked_into();
        let start = bytes.len();
        bytes.resize(start + value.length() as usize, 0);
        value.copy_to(&mut bytes[start..]);
        progress(bytes.len());
    }
}

fn is_intact(bytes: &[u8], sha256: &str) -> bool {
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    found == sha256
}

async fn open_cache() -> Result<Cache, JsValue> {
    let cache = JsFuture::from(scope().caches()?.open(CACHE)).await?;
    Ok(cache.unchecked_into())
}

async fn kept(cache: Option<&Cache>, url: &str) -> Option<Vec<u8>> {
    let found = JsFuture::from(cache?.match_with_str(url)).await.ok()?;
    let response = found.dyn_into::<Response>().ok()?;
    read(&response, url, |_| ()).await.ok()
}

async fn keep(cache: &Cache, url: &str, bytes: &[u8]) {
    if let Ok(response) = Response::new_with_opt_js_u8_array(Some(&Uint8Array::from(bytes))) {
        // A full disk only means that the next visit downloads again.
        JsFuture::from(cache.put_with_str(url, &response)).await.ok();
    }
}
