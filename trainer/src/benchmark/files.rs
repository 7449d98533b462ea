//! The files of a benchmark: found by their names, wherever they lie in the folder.
//!
//! People keep benchmarks in folders of their own making, so only names count: `val2017/000000000139.jpg` is found
//! for `000000000139.jpg`, and `COCO_val2014_000000000139.jpg` too, because COCO's pictures have one number.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use super::Source;
use crate::captions::{open, picture_key};

/// Endings of picture files.
const PICTURES: [&str; 7] = ["jpg", "jpeg", "png", "gif", "webp", "bmp", "jpe"];

/// Deeper folders are not looked into: a link may lead round in a circle.
const DEPTH: usize = 12;

/// Every file under some folders.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
    by_name: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
}

impl Folder {
    /// Lists a folder, or takes a single file, and further folders of pictures.
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
        let (mut by_name, mut by_key) = (HashMap::new(), HashMap::new());
        for (idx, file) in files.iter().enumerate().filter(|(_, file)| is_picture(file)) {
            let name = file_name(file);
            by_key.entry(picture_key(&name)).or_insert(idx);
            by_name.entry(name).or_insert(idx);
        }
        Ok(Folder { root: root.to_owned(), files, by_name, by_key })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A picture of this name, which may have folders before it.
    pub fn picture(&self, name: &str) -> Option<Source> {
        self.picture_path(name).map(|path| Source::File(path.to_owned()))
    }

    /// Where a picture of this name is.
    pub fn picture_path(&self, name: &str) -> Option<&Path> {
        let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let found = self.by_name.get(bare).or_else(|| self.by_key.get(&picture_key(bare)));
        found.map(|idx| self.files[*idx].as_path())
    }

    /// Every picture, in order of its path.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path).filter(|file| is_picture(file))
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

/// Whether a file is a picture by its name.
pub fn is_picture(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| PICTURES.contains(&ending.as_str()))
}

/// The name of a file without folders.
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The name of a file without folders and ending.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Reads a JSON file of a benchmark. `expected` completes "expected …".
///
/// # Errors
/// If it cannot be read or has another form.
pub fn json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    let failed = || format!("cannot read {}", path.display());
    let text = std::io::read_to_string(open(path).with_context(failed)?).with_context(failed)?;
    serde_json::from_str(&text).with_context(|| format!("{}: expected {expected}", path.display()))
}

/// Reads a file of one JSON value a line, empty lines aside.
///
/// # Errors
/// If it cannot be read or a line has another form.
pub fn json_lines<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Vec<T>> {
    let failed = || format!("cannot read {}", path.display());
    let text = std::io::read_to_string(open(path).with_context(failed)?).with_context(failed)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(idx, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}: expected {expected}", path.display(), idx + 1))
        })
        .collect()
}

/// Reads a table with a header line, separated by commas or, in a `.tsv` file, by tabs.
///
/// # Errors
/// If it cannot be read or a row has another form.
pub fn table<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Vec<T>> {
    let delimiter = if path.extension().is_some_and(|ending| ending == "tsv") { b'\t' } else { b',' };
    let reader = open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(reader);
    let rows = reader.deserialize().collect::<Result<Vec<T>, _>>();
    rows.with_context(|| format!("{}: expected {expected}", path.display()))
}
