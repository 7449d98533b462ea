//! Where an image comes from.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use shared::decode::decode;
use shared::image::Image;
use shared::scene::Scene;

use super::image_edit::Edit;
use super::image_names::image_key;
use super::shards::Shard;
use crate::system::files::file_name;

/// An image that is read when it is needed. Two are equal if they come from the same place.
#[derive(Clone, Debug)]
pub enum ImageSource {
    /// A file.
    File(PathBuf),
    /// A part of a file's image.
    Crop(PathBuf, Box2),
    /// A file's image after an edit.
    Edited(PathBuf, Edit),
    /// A file inside a shard, by its name there.
    Part(Arc<Shard>, Range<u64>, String),
    /// A file inside another one, such as a cell of a table, and its SHA-256.
    Bytes(Bytes, [u8; 32]),
    /// A scene that is drawn, by its name.
    Scene(String, Arc<Scene>),
}

/// A box in an image: left, top, width and height in pixels.
pub type Box2 = [u32; 4];

/// The side at which scenes are drawn, in pixels.
const SCENE_SIDE: u32 = 224;

impl ImageSource {
    /// An image file inside another file.
    pub fn bytes(bytes: Bytes) -> Self {
        let hash = Sha256::digest(&bytes).into();
        ImageSource::Bytes(bytes, hash)
    }

    /// What to call it in a report.
    pub fn name(&self) -> String {
        match self {
            ImageSource::File(path) | ImageSource::Crop(path, _) => file_name(path),
            ImageSource::Edited(path, edit) => format!("{}, {}", file_name(path), edit.words()),
            ImageSource::Bytes(_, hash) => hash[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
            ImageSource::Part(_, _, name) | ImageSource::Scene(name, _) => name.clone(),
        }
    }

    /// The file of its own that it is in, or a part of.
    pub fn path(&self) -> Option<&Path> {
        match self {
            ImageSource::File(path) | ImageSource::Crop(path, _) | ImageSource::Edited(path, _) => Some(path),
            ImageSource::Part(..) | ImageSource::Bytes(..) | ImageSource::Scene(..) => None,
        }
    }

    /// One name for the image in different files, as [`image_key`] gives it.
    pub fn key(&self) -> String {
        image_key(&self.path().map_or_else(|| self.name(), file_name))
    }

    /// Reads the image.
    ///
    /// # Errors
    /// If its file cannot be read, or is not an image.
    pub fn image(&self) -> Result<Image> {
        let decoded = |bytes: &[u8]| {
            let decoded = decode(bytes).with_context(|| format!("cannot use {}", self.name()))?;
            Ok::<_, anyhow::Error>(decoded.image)
        };
        match self {
            ImageSource::Scene(_, scene) => Ok(scene.render(SCENE_SIDE)),
            ImageSource::Crop(_, part) => Ok(crop(&decoded(&self.file_bytes()?)?, *part)),
            ImageSource::Edited(_, edit) => Ok(edit.apply(&decoded(&self.file_bytes()?)?)),
            ImageSource::File(_) | ImageSource::Part(..) | ImageSource::Bytes(..) => {
                decoded(&self.file_bytes()?)
            }
        }
    }

    /// The hash of what the image is made of: the same for copies of one file.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn content(&self) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        match self {
            ImageSource::Bytes(_, hash) => return Ok(*hash),
            ImageSource::Scene(name, _) => hash.update(name),
            ImageSource::File(_) | ImageSource::Part(..) => hash.update(&*self.file_bytes()?),
            ImageSource::Crop(_, part) => {
                hash.update(&*self.file_bytes()?);
                part.iter().for_each(|edge| hash.update(edge.to_le_bytes()));
            }
            ImageSource::Edited(_, edit) => {
                hash.update(&*self.file_bytes()?);
                hash.update(edit.words());
            }
        }
        Ok(hash.finalize().into())
    }

    /// The bytes of the image file; none of a scene.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file_bytes(&self) -> Result<Cow<'_, [u8]>> {
        match self {
            ImageSource::File(path) | ImageSource::Crop(path, _) | ImageSource::Edited(path, _) => {
                let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                Ok(Cow::Owned(bytes))
            }
            ImageSource::Part(shard, range, _) => Ok(Cow::Owned(shard.read(range.clone())?)),
            ImageSource::Bytes(bytes, _) => Ok(Cow::Borrowed(bytes)),
            ImageSource::Scene(..) => Ok(Cow::Borrowed(&[])),
        }
    }
}

/// The part of an image inside a box; what of the box lies outside of the image is left out.
fn crop(image: &Image, [left, top, width, height]: Box2) -> Image {
    let left = left.min(image.width() - 1);
    let top = top.min(image.height() - 1);
    let width = width.clamp(1, image.width() - left);
    let height = height.clamp(1, image.height() - top);
    image.cropped(left, top, width, height)
}

impl PartialEq for ImageSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ImageSource::File(a), ImageSource::File(b)) => a == b,
            (ImageSource::Crop(a, part), ImageSource::Crop(b, other)) => (a, part) == (b, other),
            (ImageSource::Edited(a, edit), ImageSource::Edited(b, other)) => (a, edit) == (b, other),
            (ImageSource::Part(a, range, _), ImageSource::Part(b, other, _)) => {
                (&a.address, range) == (&b.address, other)
            }
            (ImageSource::Bytes(_, a), ImageSource::Bytes(_, b)) => a == b,
            (ImageSource::Scene(a, _), ImageSource::Scene(b, _)) => a == b,
            _ => false,
        }
    }
}

impl Eq for ImageSource {}

impl Hash for ImageSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            ImageSource::File(path) => path.hash(state),
            ImageSource::Crop(path, part) => (path, part).hash(state),
            ImageSource::Edited(path, edit) => (path, edit).hash(state),
            ImageSource::Part(shard, range, _) => (&shard.address, range).hash(state),
            ImageSource::Bytes(_, hash) => hash.hash(state),
            ImageSource::Scene(name, _) => name.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_the_pixels_of_its_box_as_far_as_there_are_any() {
        let image = Image::new(3, 2, (0..18).collect());
        let part = crop(&image, [1, 0, 1, 2]);
        assert_eq!((part.width(), part.height(), part.rgb()), (1, 2, &[3, 4, 5, 12, 13, 14][..]));
        let part = crop(&image, [2, 1, 9, 9]);
        assert_eq!((part.width(), part.height(), part.rgb()), (1, 1, &[15, 16, 17][..]));
        let outside = crop(&image, [7, 7, 0, 0]);
        assert_eq!((outside.width(), outside.height()), (1, 1));
    }
}
