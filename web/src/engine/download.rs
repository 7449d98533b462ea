//! One file over HTTP: never whole in the engine's memory, gone on with when the connection breaks.

use std::cell::RefCell;

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Blob, Headers, ReadableStreamDefaultReader, RequestInit, Response,
};

use super::fetch_error::FetchError;
use super::scope;

/// How often in a row a download that broke off is gone on with in vain.
const RETRIES: usize = 4;

/// Pieces of a download are handed to the browser, which may put them on disk, in heaps of this many bytes.
const HEAP: u32 = 4_000_000;

/// Whoever looks after a download.
pub trait Watcher {
    /// Hears how many bytes have come, of how many if the server says so.
    fn hear(&self, so_far: usize, total: Option<usize>);

    /// Looks at the beginning of the file, as far as it has come, and says whether it has seen enough of it.
    ///
    /// # Errors
    /// If the rest is not wanted, with the reason.
    fn has_seen_enough(&self, beginning: &[u8]) -> Result<bool, String>;
}

/// Nobody, who takes anything.
impl Watcher for () {
    fn hear(&self, _: usize, _: Option<usize>) {}

    fn has_seen_enough(&self, _: &[u8]) -> Result<bool, String> {
        Ok(true)
    }
}

/// A file that has come.
pub struct Downloaded {
    /// Its bytes, which the browser holds.
    pub blob: Blob,
    /// Which version of it, if the server names versions.
    pub etag: Option<String>,
}

thread_local! {
    /// What ends the download that is under way.
    static UNDER_WAY: RefCell<Option<AbortController>> = const { RefCell::new(None) };
}

/// Ends the download that is under way, if there is one.
pub fn cancel() {
    if let Some(download) = UNDER_WAY.take() {
        download.abort();
    }
}

/// Fetches a file, which is called `file` where something goes wrong. Where the connection breaks it asks for the rest.
///
/// # Errors
/// If it cannot be fetched, or `watcher` does not want it.
pub async fn download(url: &str, file: &str, watcher: &impl Watcher) -> Result<Downloaded, FetchError> {
    let abort = AbortController::new().map_err(|_| FetchError::Unreachable(file.to_owned()))?;
    UNDER_WAY.set(Some(abort.clone()));
    let signal = abort.signal();
    let mut so_far = SoFar::default();
    let mut in_vain = 0;
    while in_vain <= RETRIES {
        let before = so_far.bytes;
        match so_far.go_on(url, file, &signal, watcher).await {
            Err(_) if signal.aborted() => return Err(FetchError::Cancelled),
            Err(FetchError::CutOff(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return so_far.downloaded().ok_or_else(|| FetchError::CutOff(file.to_owned())),
        }
        in_vain = if so_far.bytes > before { 0 } else { in_vain + 1 };
    }
    Err(FetchError::CutOff(file.to_owned()))
}

/// What has come of a file.
#[derive(Default)]
struct SoFar {
    /// Heaps that the browser keeps.
    heaps: Array,
    /// Pieces that are not in a heap yet, and their length.
    pieces: Array,
    pieces_bytes: u32,
    /// All bytes that have come.
    bytes: usize,
    /// The version that they are of, if the server names it.
    etag: Option<String>,
    /// The beginning of the file until the watcher has seen enough.
    beginning: Vec<u8>,
    seen: bool,
}

impl SoFar {
    async fn go_on(
        &mut self,
        url: &str,
        file: &str,
        signal: &AbortSignal,
        watcher: &impl Watcher,
    ) -> Result<(), FetchError> {
        let cut_off = || FetchError::CutOff(file.to_owned());
        let response = match self.ask(url, signal).await {
            Ok(response) => response,
            Err(_) if self.bytes > 0 => return Err(cut_off()),
            Err(_) => return Err(FetchError::Unreachable(file.to_owned())),
        };
        if !response.ok() {
            return Err(FetchError::Status { file: file.to_owned(), status: response.status() });
        }
        // A server that knows no ranges, or has another version by now, begins anew.
        if response.status() != 206 {
            *self = SoFar::default();
        }
        let header = |name: &str| response.headers().get(name).ok().flatten();
        self.etag = header("etag");
        let compressed = header("content-encoding").is_some();
        let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
        let total = length.filter(|_| !compressed).map(|length| self.bytes + length);

        let stream = response.body().ok_or_else(cut_off)?;
        let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        loop {
            let chunk = JsFuture::from(reader.read()).await.map_err(|_| cut_off())?;
            let field = |name: &str| Reflect::get(&chunk, &name.into()).map_err(|_| cut_off());
            if field("done")?.is_truthy() {
                return if total.is_some_and(|total| self.bytes < total) { Err(cut_off()) } else { Ok(()) };
            }
            self.add(&field("value")?.unchecked_into());
            watcher.hear(self.bytes, total);
            if let Err(reason) = self.show_beginning(watcher) {
                // Whether the server listens or not, nothing more is read.
                drop(reader.cancel());
                return Err(FetchError::Refused(reason));
            }
        }
    }

    /// Asks for what is still missing.
    async fn ask(&self, url: &str, signal: &AbortSignal) -> Result<Response, JsValue> {
        let options = RequestInit::new();
        options.set_signal(Some(signal));
        if self.bytes > 0 {
            let headers = Headers::new()?;
            headers.set("range", &format!("bytes={}-", self.bytes))?;
            if let Some(etag) = &self.etag {
                headers.set("if-range", etag)?;
            }
            options.set_headers(&headers);
        }
        Ok(JsFuture::from(scope().fetch_with_str_and_init(url, &options)).await?.unchecked_into())
    }

    fn add(&mut self, piece: &Uint8Array) {
        if !self.seen {
            self.beginning.extend(piece.to_vec());
        }
        self.bytes += piece.length() as usize;
        self.pieces_bytes += piece.length();
        self.pieces.push(piece);
        if self.pieces_bytes >= HEAP {
            self.heap_up();
        }
    }

    fn heap_up(&mut self) {
        if let Ok(heap) = Blob::new_with_u8_array_sequence(&self.pieces) {
            self.heaps.push(&heap);
            self.pieces = Array::new();
            self.pieces_bytes = 0;
        }
    }

    fn show_beginning(&mut self, watcher: &impl Watcher) -> Result<(), String> {
        if !self.seen && watcher.has_seen_enough(&self.beginning)? {
            self.seen = true;
            self.beginning = Vec::new();
        }
        Ok(())
    }

    fn downloaded(mut self) -> Option<Downloaded> {
        self.heap_up();
        let blob = Blob::new_with_blob_sequence(&self.heaps).ok()?;
        let etag = self.etag;
        (blob.size() == self.bytes as f64).then_some(Downloaded { blob, etag })
    }
}
