//! Where a picture of a benchmark comes from.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::decode::decode;
use shared::picture::Picture;
use shared::scene::Scene;

use super::edit::Edit;
use crate::files::file_name;
use crate::picture_names::picture_key;

/// A picture that is read when it is needed. Two are equal if they come from the same place.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A part of a file's picture.
    Crop(PathBuf, Box2),
    /// A file's picture after an edit.
    Edited(PathBuf, Edit),
    /// A file inside another one, such as a cell of a table, and its SHA-256.
    Bytes(Bytes, [u8; 32]),
    /// A scene that is drawn, by its name.
    Scene(String, Arc<Scene>),
}

/// A box in a picture: left, top, width and height in pixels.
pub type Box2 = [u32; 4];

/// The side at which scenes are drawn, in pixels.
const SCENE_SIDE: u32 = 224;

impl Source {
    /// A picture file inside another file.
    pub fn bytes(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes).into();
        Source::Bytes(bytes, hash)
    }

    /// What to call it in a report.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) | Source::Crop(path, _) => file_name(path),
            Source::Edited(path, edit) => format!("{}, {}", file_name(path), edit.words()),
            Source::Bytes(_, hash) => hash[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
            Source::Scene(name, _) => name.clone(),
        }
    }

    /// The file of its own that it is in, or a part of.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::File(path) | Source::Crop(path, _) | Source::Edited(path, _) => Some(path),
            Source::Bytes(..) | Source::Scene(..) => None,
        }
    }

    /// One name for the picture in different files, as [`picture_key`] gives it.
    pub fn key(&self) -> String {
        picture_key(&self.path().map_or_else(|| self.name(), file_name))
    }

    /// Reads the picture.
    ///
    /// # Errors
    /// If its file cannot be read, or is not a picture.
    pub fn picture(&self) -> Result<Picture> {
        let decoded = |bytes: &[u8]| {
            let decoded = decode(bytes).with_context(|| format!("cannot use {}", self.name()))?;
            Ok::<_, anyhow::Error>(decoded.picture)
        };
        match self {
            Source::Scene(_, scene) => Ok(scene.render(SCENE_SIDE)),
            Source::Crop(_, part) => Ok(crop(&decoded(&self.file()?)?, *part)),
            Source::Edited(_, edit) => Ok(edit.apply(&decoded(&self.file()?)?)),
            Source::File(_) | Source::Bytes(..) => decoded(&self.file()?),
        }
    }

    /// The hash of what the picture is made of: the same for copies of one file.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn content(&self) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        match self {
            Source::Bytes(_, hash) => return Ok(*hash),
            Source::Scene(name, _) => hash.update(name),
            Source::File(_) => hash.update(&*self.file()?),
            Source::Crop(_, part) => {
                hash.update(&*self.file()?);
                part.iter().for_each(|edge| hash.update(edge.to_le_bytes()));
            }
            Source::Edited(_, edit) => {
                hash.update(&*self.file()?);
                hash.update(edit.words());
            }
        }
        Ok(hash.finalize().into())
    }

    fn file(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            Source::File(path) | Source::Crop(path, _) | Source::Edited(path, _) => {
                let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Cow::Owned(bytes))
            }
            Source::Bytes(bytes, _) => Ok(Cow::Borrowed(bytes)),
            Source::Scene(..) => Ok(Cow::Borrowed(&[])),
        }
    }
}

/// The part of a picture inside a box; what of the box lies outside of the picture is left out.
fn crop(picture: &Picture, [left, top, width, height]: Box2) -> Picture {
    let left = left.min(picture.width() - 1);
    let top = top.min(picture.height() - 1);
    let width = width.clamp(1, picture.width() - left);
    let height = height.clamp(1, picture.height() - top);
    picture.cropped(left, top, width, height)
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Source::File(a), Source::File(b)) => a == b,
            (Source::Crop(a, part), Source::Crop(b, other)) => (a, part) == (b, other),
            (Source::Edited(a, edit), Source::Edited(b, other)) => (a, edit) == (b, other),
            (Source::Bytes(_, a), Source::Bytes(_, b)) => a == b,
            (Source::Scene(a, _), Source::Scene(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Source {}

impl Hash for Source {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Source::File(path) => path.hash(state),
            Source::Crop(path, part) => (path, part).hash(state),
            Source::Edited(path, edit) => (path, edit).hash(state),
            Source::Bytes(_, hash) => hash.hash(state),
            Source::Scene(name, _) => name.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_the_pixels_of_its_box_as_far_as_there_are_any() {
        let picture = Picture::new(3, 2, (0..18).collect());
        let part = crop(&picture, [1, 0, 1, 2]);
        assert_eq!((part.width(), part.height(), part.rgb()), (1, 2, &[3, 4, 5, 12, 13, 14][..]));
        let part = crop(&picture, [2, 1, 9, 9]);
        assert_eq!((part.width(), part.height(), part.rgb()), (1, 1, &[15, 16, 17][..]));
        let outside = crop(&picture, [7, 7, 0, 0]);
        assert_eq!((outside.width(), outside.height()), (1, 1));
    }
}
