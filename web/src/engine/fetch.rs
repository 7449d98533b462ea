//! Bundles over HTTP: the page's own by its list, others by their address; kept by the browser once they have come.

use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Headers, RequestInit, Response, Url};

use super::download::{Watcher, download};
use super::fetch_error::FetchError;
use super::shelf::{Label, Shelf};
use super::{blob, scope};
use crate::protocol::{Origin, Set, model_name};

/// The list of bundles that the page offers.
const MANIFEST: &str = "bundles.json";

/// One bundle of the list.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    /// What the model is called.
    pub name: String,
    /// The set it belongs to.
    pub set: Set,
    /// The bundle.
    #[serde(flatten)]
    pub file: ListedFile,
    /// The file that holds its backbone, which others may share.
    pub backbone: Option<ListedFile>,
}

/// A file of the list.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedFile {
    /// Where it is, relative to the page.
    pub file: String,
    /// Its size, for the progress bar: a compressed transfer announces another one.
    pub bytes: usize,
    /// The SHA-256 of its content in hexadecimal.
    pub sha256: String,
}

/// Fetches the list of bundles that the page offers.
///
/// # Errors
/// If it cannot be fetched or read.
pub async fn manifest(base: &str) -> Result<Vec<Listed>, FetchError> {
    let list = download(&resolve(MANIFEST, base)?, MANIFEST, &()).await?;
    let bytes = blob::read(&list.blob).await.map_err(FetchError::Manifest)?;
    serde_json::from_slice(&bytes).map_err(|error| FetchError::Manifest(error.to_string()))
}

/// Fetches a listed file, from the browser's shelf if it is there.
///
/// # Errors
/// If it cannot be fetched, or is not what the list promises.
pub async fn listed(
    listed: &ListedFile,
    base: &str,
    watcher: &impl Watcher,
) -> Result<(Blob, Origin), FetchError> {
    let shelf = Shelf::open().await;
    if let Some(kept) = shelf.find(&listed.sha256).await {
        return Ok((kept, Origin::Cache));
    }
    // The hash in the address keeps other caches on the way from answering with an older version.
    let address = resolve(&listed.file, base)?;
    let come = download(&format!("{address}?sha256={}", listed.sha256), &listed.file, watcher).await?;
    if !blob::sha256(&come.blob).await.is_ok_and(|found| found == listed.sha256) {
        return Err(FetchError::Checksum(listed.file.clone()));
    }
    let label = Label { name: model_name(&listed.file), address, etag: come.etag };
    // A full disk only means that the next visit downloads again.
    shelf.keep(&listed.sha256, &label, &come.blob).await;
    Ok((come.blob, Origin::Downloaded))
}

/// Fetches a bundle that is on no list; from the browser's shelf if the server says that it has no newer version, or
/// says nothing.
///
/// # Errors
/// If it is on another site, cannot be fetched, or is not wanted.
pub async fn unlisted(file: &str, base: &str, watcher: &impl Watcher) -> Result<(Blob, Origin), FetchError> {
    let address = resolve(file, base)?;
    let shelf = Shelf::open().await;
    if let Some((sha256, etag)) = shelf.version_of(&address).await
        && !has_newer(&address, &etag).await
        && let Some(kept) = shelf.find(&sha256).await
    {
        return Ok((kept, Origin::Cache));
    }
    let come = download(&address, file, watcher).await?;
    if let Ok(sha256) = blob::sha256(&come.blob).await {
        let label = Label { name: model_name(file), address, etag: come.etag };
        shelf.keep(&sha256, &label, &come.blob).await;
    }
    Ok((come.blob, Origin::Downloaded))
}

/// Whether the server has another version of a file; without an answer there is none to be had.
async fn has_newer(address: &str, etag: &str) -> bool {
    let options = RequestInit::new();
    options.set_method("HEAD");
    let Ok(headers) = Headers::new() else { return true };
    if headers.set("if-none-match", etag).is_err() {
        return true;
    }
    options.set_headers(&headers);
    match JsFuture::from(scope().fetch_with_str_and_init(address, &options)).await {
        Ok(response) => response.unchecked_into::<Response>().status() != 304,
        Err(_) => false,
    }
}

fn resolve(file: &str, base: &str) -> Result<String, FetchError> {
    let url = Url::new_with_base(file, base).map_err(|_| FetchError::Unreachable(file.to_owned()))?;
    if url.origin() != scope().location().origin() {
        return Err(FetchError::OtherOrigin(file.to_owned()));
    }
    Ok(url.href())
}
