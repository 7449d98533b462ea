//! Models of the visitor's that are made here, or were before.

use shared::bundle::Precision;
use web_sys::Blob;

use super::{Work, progress};
use crate::engine::shelf::{IMPORTED, Label, Shelf};
use crate::engine::{blob, import, tell, tell_with};
use crate::protocol::{Event, Origin};

impl Work {
    /// Makes a bundle of a published model's files, keeps and loads it.
    pub(super) async fn import(&mut self, name: String, files: Vec<(String, Blob)>, precision: Precision) {
        let told = |share: f64| progress(format!("Importing {name}."), Some(share));
        let file = match import::import(&name, &files, precision, told).await {
            Ok(file) => file,
            Err(error) => return tell(&Event::BundleRefused { name, reason: error.to_string() }),
        };
        let mut is_kept = false;
        if let Ok(sha256) = blob::sha256(&file).await {
            let label = Label { name: name.clone(), address: format!("{IMPORTED}{name}"), etag: None };
            is_kept = Shelf::open().await.keep(&sha256, &label, &file).await;
        }
        tell_with(&Event::Imported { name: name.clone(), is_kept }, Some(&file));
        self.add_bundle(name, None, file, Origin::File).await;
    }

    /// Loads a bundle that the browser keeps.
    pub(super) async fn open_kept(&mut self, name: String, sha256: &str) {
        match Shelf::open().await.find(sha256).await {
            Some(file) => self.add_bundle(name, None, file, Origin::Cache).await,
            None => {
                let reason = "the browser does not keep it any more".to_owned();
                tell(&Event::BundleRefused { name, reason });
            }
        }
    }
}
