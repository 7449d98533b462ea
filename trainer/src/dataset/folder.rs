//! A folder of other people's files: found by their names, wherever they lie in it.
//!
//! People keep benchmarks in folders of their own making, so an image's own name counts first, and folders before it
//! only where several have the same name: `val2017/000000000139.jpg` is found for `000000000139.jpg`, and
//! `COCO_val2014_000000000139.jpg` too, because COCO's images have one number.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::image_names::{coco_number, is_image};
use super::image_source::ImageSource;
use crate::system::files::{file_name, stem};

/// Deeper folders are not looked into: a link may lead round in a circle.
const DEPTH: usize = 12;

/// Every file under some folders.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
    by_name: HashMap<String, Vec<usize>>,
    by_stem: HashMap<String, Vec<usize>>,
    by_number: HashMap<u64, Vec<usize>>,
}

impl Folder {
    /// Lists a folder, or takes a single file, and further folders of images.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn open(root: &Path, images: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for path in std::iter::once(root).chain(images.iter().map(PathBuf::as_path)) {
            list(path, DEPTH, &mut files).with_context(|| format!("cannot read {}", path.display()))?;
        }
        files.sort();
        files.dedup();
        let mut folder = Folder {
            root: root.to_owned(),
            files,
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
            by_number: HashMap::new(),
        };
        for (idx, file) in folder.files.iter().enumerate().filter(|(_, file)| is_image(file)) {
            let name = file_name(file);
            if let Some(number) = coco_number(&name) {
                folder.by_number.entry(number).or_default().push(idx);
            }
            folder.by_stem.entry(stem(file)).or_default().push(idx);
            folder.by_name.entry(name).or_default().push(idx);
        }
        Ok(folder)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An image of this name, which may have folders before it.
    pub fn image(&self, name: &str) -> Option<ImageSource> {
        self.image_path(name).map(|path| ImageSource::File(path.to_owned()))
    }

    /// The image that [`image_key`] gives this key.
    ///
    /// [`image_key`]: crate::dataset::image_names::image_key
    pub fn image_of_key(&self, key: &str) -> Option<ImageSource> {
        self.path_of_key(key).map(|path| ImageSource::File(path.to_owned()))
    }

    /// Where the image of a key is.
    pub fn path_of_key(&self, key: &str) -> Option<&Path> {
        let of_number = key.parse().ok().and_then(|number: u64| self.by_number.get(&number));
        let found = of_number.or_else(|| self.by_stem.get(key))?;
        Some(&self.files[found[0]])
    }

    /// Where an image of this name is. Of several the one is taken that shares most of the folders named before it.
    pub fn image_path(&self, name: &str) -> Option<&Path> {
        let mut folders: Vec<&str> = name.split(['/', '\\']).collect();
        let bare = folders.pop()?;
        let without_ending = || self.by_stem.get(bare).filter(|_| !is_image(Path::new(bare)));
        let of_number = || self.by_number.get(&coco_number(bare)?);
        let found = self.by_name.get(bare).or_else(without_ending).or_else(of_number)?;
        let shared = |path: &Path| {
            let own = path.iter().rev().skip(1);
            own.zip(folders.iter().rev()).take_while(|(own, named)| own == *named).count()
        };
        let best = found.iter().max_by_key(|idx| (shared(&self.files[**idx]), Reverse(**idx)))?;
        Some(&self.files[*best])
    }

    /// Every image, in order of its path.
    pub fn images(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path).filter(|file| is_image(file))
    }

    /// The files whose names, in lower case, fit; in order of their paths.
    pub fn files(&self, fits: impl Fn(&str) -> bool) -> Vec<&Path> {
        let fitting = self.files.iter().filter(|file| fits(&file_name(file).to_lowercase()));
        fitting.map(PathBuf::as_path).collect()
    }

    /// Like [`Folder::files`], but there must be at least one.
    ///
    /// # Errors
    /// Says what was looked for.
    pub fn need(&self, what: &str, fits: impl Fn(&str) -> bool) -> Result<Vec<&Path>> {
        let files = self.files(fits);
        if files.is_empty() {
            bail!("there is no {what} in {}", self.root.display());
        }
        Ok(files)
    }
}

fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() {
            if depth > 0 {
                list(&entry, depth - 1, files)?;
            }
        } else {
            files.push(entry);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_apart_by_their_folders_and_only_cocos_have_numbers() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["a/1.jpg", "b/1.jpg", "b/c/000000000139.jpg", "b/85329.jpg", "b/ex_0_img_0.png"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        let folder = Folder::open(root.path(), &[]).expect("the folder");
        let found = |name: &str| {
            let path = folder.image_path(name)?.strip_prefix(root.path()).ok()?;
            Some(path.to_string_lossy().replace('\\', "/"))
        };
        let is_at = |name: &str, place: &str| assert_eq!(found(name).as_deref(), Some(place), "{name}");
        is_at("1.jpg", "a/1.jpg");
        is_at("b/1.jpg", "b/1.jpg");
        is_at("x\\b\\1.jpg", "b/1.jpg");
        is_at("COCO_val2014_000000000139.jpg", "b/c/000000000139.jpg");
        is_at("val2017/000000000139.png", "b/c/000000000139.jpg");
        is_at("ex_0_img_0", "b/ex_0_img_0.png");
        for absent in ["000000085329.jpg", "139.jpg", "2.jpg", "1.png", ""] {
            assert_eq!(found(absent), None, "{absent}");
        }
    }
}
