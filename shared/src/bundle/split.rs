//! Bundles that share a backbone: its tensors in a file of their own, which is downloaded and computed once for all of them.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Bundle, BundleError, TensorEntry, entries, keys, safetensors_header, serialize, write};

/// What the names of the backbone's tensors begin with.
pub(super) const BACKBONE: &str = "image.network.";

/// The file that has the tensors of a bundle's backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackboneFile {
    /// Its name; it lies beside the bundle.
    pub file: String,
    /// The SHA-256 of its content in hexadecimal.
    pub sha256: String,
}

impl BackboneFile {
    /// Whether it names a file and no folder.
    pub(super) fn is_beside(&self) -> bool {
        !self.file.is_empty() && !self.file.contains(['/', '\\', ':']) && self.file != ".."
    }
}

/// A bundle in two files.
#[derive(Debug)]
pub struct Split {
    /// The bundle without its backbone.
    pub bundle: Vec<u8>,
    /// The backbone. Equal weights give an equal file.
    pub backbone: Vec<u8>,
}

impl Bundle {
    /// The bundle in two files, of which the backbone's will be called `file`.
    ///
    /// # Errors
    /// If it has no backbone.
    pub fn split(&self, file: &str) -> Result<Split, BundleError> {
        let all = self.parts()?;
        let (backbone, own): (Vec<_>, Vec<_>) =
            all.tensors().into_iter().partition(|(name, _)| name.starts_with(BACKBONE));
        if backbone.is_empty() {
            return Err(BundleError::NoBackbone);
        }
        let backbone = serialize(backbone, HashMap::new())?;
        let names = BackboneFile { file: file.to_owned(), sha256: sha256(&backbone) };
        let mut metadata = self.metadata()?;
        metadata.insert(keys::BACKBONE.to_owned(), write(keys::BACKBONE, &names)?);
        Ok(Split { bundle: serialize(own, metadata)?, backbone })
    }

    /// The whole bundle, with the backbone of another file.
    ///
    /// # Errors
    /// If that is another file than the bundle names, or the bundle is whole already.
    pub fn join(self, backbone: &[u8]) -> Result<Self, BundleError> {
        let named = self.header().backbone().ok_or(BundleError::NoBackbone)?;
        if sha256(backbone) != named.sha256 {
            return Err(BundleError::OtherBackbone(named.file.clone()));
        }
        let theirs = SafeTensors::deserialize(backbone)
            .map_err(|error| BundleError::NotSafetensors(error.to_string()))?;
        let ours = self.parts()?;
        let tensors: Vec<(String, TensorView)> = ours.tensors().into_iter().chain(theirs.tensors()).collect();
        let mut metadata = self.metadata()?;
        metadata.remove(keys::BACKBONE);
        Bundle::read(serialize(tensors, metadata)?)
    }

    /// Whether another bundle stores the same backbone, byte by byte.
    pub fn has_backbone_of(&self, other: &Bundle) -> bool {
        let [ours, theirs] = [self, other].map(Bundle::stored_backbone);
        !ours.is_empty() && ours == theirs
    }

    /// The same bundle with the backbone of another one in place of its own, so that weights that are equal and were rounded once are
    /// not rounded again. If the two are stored at different precisions, the bundle is returned unchanged.
    ///
    /// # Errors
    /// If one of them cannot be read again, which [`Bundle::read`] would have found.
    pub fn with_backbone_of(self, other: &Bundle) -> Result<Self, BundleError> {
        let kinds = |bundle: &Bundle| {
            let stored = bundle.stored_backbone().into_iter();
            stored.map(|(name, (dtype, _))| (name.to_owned(), dtype)).collect::<Vec<_>>()
        };
        if kinds(&self) != kinds(other) {
            return Ok(self);
        }
        let (ours, theirs) = (self.parts()?, other.parts()?);
        let own = ours.tensors().into_iter().filter(|(name, _)| !name.starts_with(BACKBONE));
        let backbone = theirs.tensors().into_iter().filter(|(name, _)| name.starts_with(BACKBONE));
        Bundle::read(serialize(own.chain(backbone).collect(), self.metadata()?)?)
    }

    /// The tensors of the backbone, as they lie in the file.
    fn stored_backbone(&self) -> BTreeMap<&str, (Dtype, &[u8])> {
        let backbone = self.header().tensors().iter().filter(|tensor| tensor.name.starts_with(BACKBONE));
        backbone
            .map(|tensor| (tensor.name.as_str(), (tensor.dtype, &self.bytes()[tensor.bytes.clone()])))
            .collect()
    }

    fn parts(&self) -> Result<SafeTensors<'_>, BundleError> {
        SafeTensors::deserialize(self.bytes()).map_err(|error| BundleError::NotSafetensors(error.to_string()))
    }

    fn metadata(&self) -> Result<HashMap<String, String>, BundleError> {
        let (_, header) = SafeTensors::read_metadata(self.bytes())
            .map_err(|error| BundleError::NotSafetensors(error.to_string()))?;
        Ok(header.metadata().clone().unwrap_or_default())
    }
}

/// The tensors of a backbone's file, which begins with `beginning`: its header and as much as there is behind it.
///
/// # Errors
/// If it is no such file.
pub fn backbone_tensors(beginning: &[u8]) -> Result<Vec<TensorEntry>, BundleError> {
    let (header, end) = safetensors_header(beginning)?;
    Ok(entries(&header, end))
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// A hash as people write it.
pub fn hexadecimal(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
