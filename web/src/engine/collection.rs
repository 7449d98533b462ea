//! The visitor's challenge set. The browser keeps it from case to case, so that neither an engine that is started again nor
//! a page that is closed loses it.

use js_sys::Array;
use sha2::{Digest, Sha256};
use shared::bundle::hexadecimal;
use shared::challenge_set::{self, Case, ChallengeSetError};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Cache, FormData, Request, Response};

use super::{blob, open_cache};
use crate::png;

/// The name of the browser cache.
const CACHE: &str = "foil-cases";

/// The addresses of its entries begin like this; nobody ever fetches them, and nobody could.
const PREFIX: &str = "https://foil.invalid/case/";

/// The fields of a case as the browser keeps it: texts and PNG files.
mod fields {
    pub const CONCEPT: &str = "concept";
    pub const CAPTIONS: [&str; 2] = ["caption", "other-caption"];
    pub const PICTURES: [&str; 2] = ["picture", "other-picture"];
    pub const MASK: &str = "mask";
}

/// Why a case is not kept, or the set not handed over.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    #[error(transparent)]
    Case(#[from] ChallengeSetError),
    /// It is denied: the window is private, or the page did not come over a secure connection.
    #[error("this browser keeps nothing for the page here")]
    Denied,
    #[error("the browser has no room for it")]
    Full,
    /// Somebody else wrote into the browser's storage, or took a part of it away.
    #[error("a case that was kept cannot be read any more")]
    Unreadable,
    #[error("{0}")]
    Browser(String),
}

/// What the browser keeps. Every question is asked of the browser anew, because another tab may collect too.
pub struct Collection(Cache);

impl Collection {
    /// Opens it.
    ///
    /// # Errors
    /// If the browser keeps nothing here.
    pub async fn open() -> Result<Self, CollectionError> {
        open_cache(CACHE).await.map(Collection).map_err(|_| CollectionError::Denied)
    }

    /// How many cases there are.
    ///
    /// # Errors
    /// If the browser does not say.
    pub async fn count(&self) -> Result<usize, CollectionError> {
        Ok(self.requests().await?.length() as usize)
    }

    /// Keeps a case. The same one is kept once.
    ///
    /// # Errors
    /// If the browser has no room for it.
    pub async fn keep(&self, case: &Case) -> Result<(), CollectionError> {
        let mut hash = Sha256::new();
        for text in [case.concept.name(), &case.captions[0], &case.captions[1]] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        case.images.iter().chain([&case.mask]).for_each(|file| hash.update(file));
        let address = format!("{PREFIX}{}", hexadecimal(&hash.finalize()));
        let response =
            Response::new_with_opt_form_data(Some(&form(case)?)).map_err(|_| CollectionError::Full)?;
        let put = JsFuture::from(self.0.put_with_str(&address, &response)).await;
        put.map(drop).map_err(|_| CollectionError::Full)
    }

    /// All cases as one parquet file, in the order in which they came.
    ///
    /// # Errors
    /// If a case cannot be read, or the file not be written.
    pub async fn file(&self) -> Result<Blob, CollectionError> {
        let mut cases = Vec::new();
        for request in self.requests().await?.iter() {
            cases.push(self.case(&request.unchecked_into()).await?);
        }
        let bytes = challenge_set::write(Vec::new(), cases.into_iter().map(Ok::<_, ChallengeSetError>))?;
        png::blob(&bytes).map_err(CollectionError::Browser)
    }

    /// Throws all cases away.
    ///
    /// # Errors
    /// If the browser does not let go of them.
    pub async fn clear(&self) -> Result<(), CollectionError> {
        for request in self.requests().await?.iter() {
            let gone = JsFuture::from(self.0.delete_with_request(&request.unchecked_into())).await;
            gone.map_err(|_| CollectionError::Unreadable)?;
        }
        Ok(())
    }

    async fn requests(&self) -> Result<Array, CollectionError> {
        let keys = JsFuture::from(self.0.keys()).await.map_err(|_| CollectionError::Unreadable)?;
        Ok(keys.unchecked_into())
    }

    async fn case(&self, request: &Request) -> Result<Case, CollectionError> {
        let form = async {
            let response: Response = JsFuture::from(self.0.match_with_request(request)).await?.dyn_into()?;
            JsFuture::from(response.form_data()?).await?.dyn_into::<FormData>()
        };
        let form = form.await.map_err(|_| CollectionError::Unreadable)?;
        let text = |field: &str| form.get(field).as_string().ok_or(CollectionError::Unreadable);
        let bytes = async |field: &str| {
            let file = form.get(field).dyn_into::<Blob>().map_err(|_| CollectionError::Unreadable)?;
            blob::read(&file).await.map_err(CollectionError::Browser)
        };
        let [first, second] = fields::CAPTIONS;
        let [image, other] = fields::PICTURES;
        Ok(Case {
            concept: text(fields::CONCEPT)?.parse().map_err(|_| CollectionError::Unreadable)?,
            captions: [text(first)?, text(second)?],
            images: [bytes(image).await?.into(), bytes(other).await?.into()],
            mask: bytes(fields::MASK).await?.into(),
            provenance: None,
        })
    }
}

fn form(case: &Case) -> Result<FormData, CollectionError> {
    let full = |_: JsValue| CollectionError::Full;
    let form = FormData::new().map_err(full)?;
    form.append_with_str(fields::CONCEPT, case.concept.name()).map_err(full)?;
    for (field, caption) in fields::CAPTIONS.into_iter().zip(&case.captions) {
        form.append_with_str(field, caption).map_err(full)?;
    }
    let files = case.images.iter().chain([&case.mask]);
    for (field, file) in fields::PICTURES.into_iter().chain([fields::MASK]).zip(files) {
        let file = png::blob(file).map_err(CollectionError::Browser)?;
        form.append_with_blob(field, &file).map_err(full)?;
    }
    Ok(form)
}
