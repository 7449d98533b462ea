//! The bundles that the browser keeps for later visits, by the hash of their content.
//!
//! Storage may be denied or full. Then every visit downloads, and nothing else changes: nothing here fails.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, Headers, Request, Response, ResponseInit};

use super::{blob, open_cache};
use crate::protocol::Kept;

/// The name of the browser cache.
const CACHE: &str = "foil-bundles";

/// The addresses of its entries begin like this; nobody ever fetches them, and nobody could.
const PREFIX: &str = "https://foil.invalid/kept/";

/// The address of a bundle that was made of a published model's files begins like this.
pub const IMPORTED: &str = "imported:";

/// What is written on a kept bundle.
pub struct Label {
    /// What the model is called.
    pub name: String,
    /// Where the bundle came from.
    pub address: String,
    /// Which version that was, if the server names versions.
    pub etag: Option<String>,
}

mod labels {
    pub const NAME: &str = "x-foil-name";
    pub const ADDRESS: &str = "x-foil-address";
    pub const ETAG: &str = "x-foil-etag";
    pub const BYTES: &str = "x-foil-bytes";
}

/// What the browser keeps, if it keeps anything.
pub struct Shelf(Option<Cache>);

impl Shelf {
    /// Opens it.
    pub async fn open() -> Self {
        Shelf(open_cache(CACHE).await.ok())
    }

    /// The bundle of a hash. One that has changed on the shelf is thrown away.
    pub async fn find(&self, sha256: &str) -> Option<Blob> {
        let cache = self.0.as_ref()?;
        let found = JsFuture::from(cache.match_with_str(&format!("{PREFIX}{sha256}"))).await.ok()?;
        let response = found.dyn_into::<Response>().ok()?;
        let blob: Blob = JsFuture::from(response.blob().ok()?).await.ok()?.dyn_into().ok()?;
        if blob::sha256(&blob).await.is_ok_and(|found| found == sha256) {
            return Some(blob);
        }
        self.forget(sha256).await;
        None
    }

    /// The hash and version of what came from an address, if the server named the version.
    pub async fn version_of(&self, address: &str) -> Option<(String, String)> {
        let (sha256, headers) = self.of_address(address).await?;
        Some((sha256, headers.get(labels::ETAG).ok().flatten()?))
    }

    async fn of_address(&self, address: &str) -> Option<(String, Headers)> {
        let is_from =
            |headers: &Headers| headers.get(labels::ADDRESS).ok().flatten().as_deref() == Some(address);
        self.entries().await.into_iter().find(|(_, headers)| is_from(headers))
    }

    /// Keeps a bundle, in place of an older one from the same address. Says whether there was room.
    pub async fn keep(&self, sha256: &str, label: &Label, blob: &Blob) -> bool {
        if let Some((older, _)) = self.of_address(&label.address).await {
            self.forget(&older).await;
        }
        let response = || {
            let headers = Headers::new()?;
            headers.set(labels::NAME, &percent_encoded(&label.name))?;
            headers.set(labels::ADDRESS, &label.address)?;
            headers.set(labels::BYTES, &blob.size().to_string())?;
            if let Some(etag) = &label.etag {
                headers.set(labels::ETAG, etag)?;
            }
            let options = ResponseInit::new();
            options.set_headers(&headers);
            Response::new_with_opt_blob_and_init(Some(blob), &options)
        };
        if let (Some(cache), Ok(response)) = (&self.0, response()) {
            return JsFuture::from(cache.put_with_str(&format!("{PREFIX}{sha256}"), &response)).await.is_ok();
        }
        false
    }

    /// Throws a bundle away.
    pub async fn forget(&self, sha256: &str) {
        if let Some(cache) = &self.0 {
            JsFuture::from(cache.delete_with_str(&format!("{PREFIX}{sha256}"))).await.ok();
        }
    }

    /// All that is kept, in the order in which it came.
    pub async fn list(&self) -> Vec<Kept> {
        let text = |headers: &Headers, name: &str| headers.get(name).ok().flatten().unwrap_or_default();
        let entries = self.entries().await.into_iter();
        entries
            .map(|(sha256, headers)| Kept {
                name: percent_decoded(&text(&headers, labels::NAME)),
                bytes: text(&headers, labels::BYTES).parse().unwrap_or(0),
                is_imported: text(&headers, labels::ADDRESS).starts_with(IMPORTED),
                sha256,
            })
            .collect()
    }

    async fn entries(&self) -> Vec<(String, Headers)> {
        let Some(cache) = &self.0 else { return Vec::new() };
        let Ok(keys) = JsFuture::from(cache.keys()).await else { return Vec::new() };
        let mut entries = Vec::new();
        for key in keys.unchecked_into::<Array>().iter() {
            let request: Request = key.unchecked_into();
            let Some(sha256) = request.url().rsplit_once(PREFIX).map(|(_, hash)| hash.to_owned()) else {
                continue;
            };
            if let Ok(response) = JsFuture::from(cache.match_with_request(&request)).await
                && let Ok(response) = response.dyn_into::<Response>()
            {
                entries.push((sha256, response.headers()));
            }
        }
        entries
    }
}

/// Headers hold no text but ASCII.
fn percent_encoded(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

fn percent_decoded(text: &str) -> String {
    js_sys::decode_uri_component(text).map_or_else(|_| text.to_owned(), Into::into)
}
