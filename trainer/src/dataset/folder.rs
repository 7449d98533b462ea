//! A folder of other people's files: found by their names, wherever they lie in it.
//!
//! People keep benchmarks in folders of their own making, so an image may lie deeper than its name says. But no folder may
//! contradict it: `cats/1.jpg` is not `birds/1.jpg`. COCO's images have one number, by which they are found in any folder:
//! `COCO_val2014_000000000139.jpg` as `val2017/000000000139.jpg`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use unicode_normalization::UnicodeNormalization;

use super::image_names::{coco_number, comparable, is_hidden, is_image};
use super::image_source::ImageSource;
use crate::system::files::{file_name, stem};

/// Deeper folders are not looked into: a link may lead round in a circle.
const DEPTH: usize = 12;

/// Every file under some folders, but those that systems and editors hide there.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
    /// The folders between what was opened and each file, the innermost first.
    within: Vec<Vec<String>>,
    by_name: HashMap<String, Vec<usize>>,
    by_stem: HashMap<String, Vec<usize>>,
    by_number: HashMap<u64, Vec<usize>>,
}

/// Why an image has not been found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No file has the name.
    #[error("the image is not there")]
    Missing,
    /// Several files do, and differ.
    #[error("several images have this name, and the data does not name their folders")]
    Ambiguous,
}

impl Folder {
    /// Lists a folder, or takes a single file, and further folders of images.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn open(root: &Path, images: &[PathBuf]) -> Result<Self> {
        let mut files: Vec<(PathBuf, Vec<String>)> = Vec::new();
        for path in std::iter::once(root).chain(images.iter().map(PathBuf::as_path)) {
            let mut found = Vec::new();
            list(path, DEPTH, &mut found).with_context(|| format!("cannot read {}", path.display()))?;
            files.extend(found.into_iter().map(|file| {
                let within =
                    file.strip_prefix(path).ok().and_then(Path::parent).map_or_else(Vec::new, folders);
                (file, within)
            }));
        }
        files.sort();
        files.dedup_by(|a, b| a.0 == b.0);
        let (files, within) = files.into_iter().unzip();
        let mut folder = Folder {
            root: root.to_owned(),
            files,
            within,
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
            by_number: HashMap::new(),
        };
        for (idx, file) in folder.files.iter().enumerate().filter(|(_, file)| is_image(file)) {
            let name = file_name(file);
            if let Some(number) = coco_number(&name) {
                folder.by_number.entry(number).or_default().push(idx);
            }
            folder.by_stem.entry(stem(file).nfc().collect()).or_default().push(idx);
            folder.by_name.entry(comparable(&name)).or_default().push(idx);
        }
        Ok(folder)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An image of this name, which may have folders before it.
    pub fn image(&self, name: &str) -> Option<ImageSource> {
        self.find(name).ok().map(|path| ImageSource::File(path.to_owned()))
    }

    /// Where an image of this name is, which may have folders before it.
    ///
    /// # Errors
    /// If no image has it that lies in the folders that are named, or several have.
    pub fn find(&self, name: &str) -> Result<&Path, NotFound> {
        let mut named: Vec<String> = name.split(['/', '\\']).map(|part| part.nfc().collect()).collect();
        let bare = named.pop().unwrap_or_default();
        // `.`, `..` and drives say nothing of what an image shows.
        named.retain(|folder| !folder.is_empty() && !folder.starts_with('.') && !folder.ends_with(':'));
        named.reverse();
        if let Some(found) = coco_number(&bare).and_then(|number| self.by_number.get(&number)) {
            let best = |idx: &&usize| {
                let is_called_so = file_name(&self.files[**idx]) == bare;
                (is_called_so, agreeing(&self.within[**idx], &named), Reverse(**idx))
            };
            return found
                .iter()
                .max_by_key(best)
                .map(|idx| self.files[*idx].as_path())
                .ok_or(NotFound::Missing);
        }
        let without_ending = || self.by_stem.get(&bare).filter(|_| !is_image(Path::new(&bare)));
        let found = self.by_name.get(&comparable(&bare)).or_else(without_ending).ok_or(NotFound::Missing)?;
        let standing = |idx: usize| {
            let (within, agreeing) = (&self.within[idx], agreeing(&self.within[idx], &named));
            let contradicts = agreeing < within.len().min(named.len());
            (!contradicts).then_some((agreeing, within.len() == agreeing, idx))
        };
        let mut best: Vec<(usize, bool, usize)> = found.iter().filter_map(|idx| standing(*idx)).collect();
        best.sort_by_key(|(agreeing, is_all, idx)| (Reverse((*agreeing, *is_all)), *idx));
        let Some((agreeing, is_all, first)) = best.first().copied() else { return Err(NotFound::Missing) };
        let first = self.files[first].as_path();
        let rivals = best.iter().skip(1).filter(|rival| (rival.0, rival.1) == (agreeing, is_all));
        match rivals.into_iter().all(|(.., idx)| is_copy(first, &self.files[*idx])) {
            true => Ok(first),
            false => Err(NotFound::Ambiguous),
        }
    }

    /// Every image, in order of its path.
    pub fn images(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path).filter(|file| is_image(file))
    }

    /// The files whose names, in lower case, fit, in order of their paths. Of further folders only images count.
    pub fn files(&self, fits: impl Fn(&str) -> bool) -> Vec<&Path> {
        let own = self.files.iter().filter(|file| file.starts_with(&self.root));
        own.filter(|file| fits(&file_name(file).to_lowercase())).map(PathBuf::as_path).collect()
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

/// The folders of a path, the innermost first.
fn folders(path: &Path) -> Vec<String> {
    path.iter().rev().map(|folder| folder.to_string_lossy().nfc().collect()).collect()
}

/// How many folders, from the innermost on, are the same, whatever their letters' case and whether words are joined by hyphens
/// or underscores.
fn agreeing(within: &[String], named: &[String]) -> usize {
    let plain = |folder: &String| folder.to_lowercase().replace('_', "-");
    within.iter().zip(named).take_while(|(within, named)| plain(within) == plain(named)).count()
}

fn is_copy(one: &Path, other: &Path) -> bool {
    let bytes = |path: &Path| std::fs::read(path).ok();
    bytes(one).is_some_and(|one| bytes(other).is_some_and(|other| one == other))
}

fn list(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if is_hidden(&file_name(&entry)) {
            continue;
        }
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

    fn folder_of(names: &[&str]) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            // Copies of an image end alike.
            std::fs::write(path, name.rsplit("copy of ").next().expect("a name")).expect("a file");
        }
        let folder = Folder::open(root.path(), &[]).expect("the folder");
        (root, folder)
    }

    #[test]
    fn images_are_told_apart_by_their_folders_and_only_cocos_have_numbers() {
        let (root, folder) = folder_of(&[
            "a/1.jpg",
            "b/1.jpg",
            "2.jpg",
            "c/2.jpg",
            "b/c/000000000139.jpg",
            "b/85329.jpg",
            "b/ex_0_img_0.png",
            "flickr30k_images/7.JPG",
            "d/café.jpg",
        ]);
        let find = |name: &str| {
            let path = folder.find(name)?.strip_prefix(root.path()).map_err(|_| NotFound::Missing)?;
            Ok(path.to_string_lossy().replace('\\', "/"))
        };
        for (name, place) in [
            ("b/1.jpg", "b/1.jpg"),
            ("x\\b\\1.jpg", "b/1.jpg"),
            ("C:\\data\\b\\1.jpg", "b/1.jpg"),
            ("./2.jpg", "2.jpg"),
            ("COCO_val2014_000000000139.jpg", "b/c/000000000139.jpg"),
            ("val2017/000000000139.png", "b/c/000000000139.jpg"),
            ("ex_0_img_0", "b/ex_0_img_0.png"),
            ("Flickr30k-Images/7.jpg", "flickr30k_images/7.JPG"),
            ("cafe\u{301}.jpg", "d/café.jpg"),
        ] {
            assert_eq!(find(name).as_deref(), Ok(place), "{name}");
        }
        for absent in ["000000085329.jpg", "139.jpg", "3.jpg", "1.png", "birds/1.jpg", "a/85329.jpg", ""] {
            assert_eq!(find(absent), Err(NotFound::Missing), "{absent}");
        }
        assert_eq!(find("1.jpg"), Err(NotFound::Ambiguous));
    }

    #[test]
    fn of_copies_the_first_is_taken() {
        let (root, folder) = folder_of(&["a/copy of 1.jpg", "b/copy of 1.jpg"]);
        assert_eq!(folder.find("copy of 1.jpg"), Ok(root.path().join("a/copy of 1.jpg").as_path()));
    }

    #[test]
    fn of_further_folders_only_images_are_found() {
        let (root, _) = folder_of(&["data/captions.csv", "more/captions.csv", "more/1.jpg"]);
        let [data, more] = ["data", "more"].map(|name| root.path().join(name));
        let folder = Folder::open(&data, std::slice::from_ref(&more)).expect("the folders");
        assert_eq!(folder.files(|name| name.ends_with(".csv")), [data.join("captions.csv")]);
        assert_eq!(folder.find("1.jpg"), Ok(more.join("1.jpg").as_path()));
    }

    #[test]
    fn what_systems_and_editors_hide_is_not_looked_at() {
        let (_root, folder) =
            folder_of(&["a/1.jpg", "a/._1.jpg", "__MACOSX/a/2.jpg", ".ipynb_checkpoints/3.jpg", ".DS_Store"]);
        assert_eq!((folder.images().count(), folder.files(|_| true).len()), (1, 1));
    }
}
