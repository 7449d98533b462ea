//! The masks of the things in an image, from COCO's outlines or from PNG files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use shared::challenge_set::Source;
use shared::decode::decode;
use shared::mask::Mask;

use crate::dataset::Folder;
use crate::dataset::image_names::image_key;
use crate::dataset::outlines::{self, Outlined};
use crate::system::files::stem;

/// A thing in an image.
#[derive(Clone, Debug)]
pub struct Thing {
    /// What it is called; nothing if the mask does not say.
    pub name: Option<String>,
    /// Whether it is several things that nobody told apart.
    pub is_crowd: bool,
    /// Where it is, at the size of the image.
    pub mask: Mask,
}

/// Masks of many images.
pub enum Things {
    /// By the image's key.
    Outlined(BTreeMap<String, Outlined>),
    /// PNG files by their name without the ending.
    Files(BTreeMap<String, PathBuf>),
}

impl Things {
    /// Reads files of outlines, or lists a folder of masks.
    ///
    /// # Errors
    /// If one cannot be read, or there are no masks.
    pub fn open(instances: &[PathBuf], masks: Option<&Path>) -> Result<Self> {
        let Some(masks) = masks else {
            let mut outlined = BTreeMap::new();
            for path in instances {
                outlines::read(path, &mut outlined)?;
            }
            return Ok(Things::Outlined(outlined));
        };
        let folder = Folder::open(masks, &[])?;
        let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in folder.files(|name| name.to_lowercase().ends_with(".png")) {
            if let Some(other) = files.insert(stem(path), path.to_owned()) {
                bail!(
                    "{} and {} have one name, by which masks are found: rename the image and its masks",
                    other.display(),
                    path.display()
                );
            }
        }
        ensure!(!files.is_empty(), "there are no PNG files in {}", masks.display());
        Ok(Things::Files(files))
    }

    /// What is known of the origin of an image.
    pub fn source(&self, image: &str) -> Source {
        let file_name = image.to_owned();
        match self {
            Things::Outlined(outlined) => match outlined.get(&image_key(image)) {
                Some(of) => Source { file_name, coco_url: of.url.clone(), image_license: of.license.clone() },
                None => Source { file_name, ..Source::default() },
            },
            Things::Files(_) => Source { file_name, ..Source::default() },
        }
    }

    /// What the things in an image are called.
    pub fn names(&self, image: &str) -> Vec<String> {
        match self {
            Things::Outlined(outlined) => {
                let things = outlined.get(&image_key(image)).into_iter().flat_map(|of| &of.things);
                things.map(|thing| thing.name.clone()).collect()
            }
            Things::Files(files) => files_of(files, image).filter_map(|(name, _)| name).collect(),
        }
    }

    /// The things in an image, with their masks at this size.
    ///
    /// # Errors
    /// If a mask cannot be read.
    pub fn of(&self, image: &str, width: u32, height: u32) -> Result<Vec<Thing>> {
        match self {
            Things::Outlined(outlined) => {
                let things = outlined.get(&image_key(image)).into_iter().flat_map(|of| &of.things);
                Ok(things
                    .map(|thing| Thing {
                        name: Some(thing.name.clone()),
                        is_crowd: thing.is_crowd,
                        mask: thing.mask(width, height),
                    })
                    .collect())
            }
            Things::Files(files) => files_of(files, image)
                .map(|(name, path)| {
                    Ok(Thing { name, is_crowd: false, mask: read(path)?.scaled(width, height) })
                })
                .collect(),
        }
    }
}

/// The masks of an image, and what each is of: the part of its name behind that of the image.
fn files_of<'a>(
    files: &'a BTreeMap<String, PathBuf>,
    image: &str,
) -> impl Iterator<Item = (Option<String>, &'a Path)> + use<'a> {
    let of_image = stem(Path::new(image));
    let first = of_image.clone();
    files
        .range(first..)
        .take_while({
            let of_image = of_image.clone();
            move |(name, _)| name.starts_with(&of_image)
        })
        .filter_map(move |(name, path)| match &name[of_image.len()..] {
            "" => Some((None, path.as_path())),
            thing => Some((Some(spoken(thing.strip_prefix('.')?)?), path.as_path())),
        })
}

/// What a part of a file name says: `red-bus-2` is a second red bus. Nothing if it is part of another image's name.
fn spoken(part: &str) -> Option<String> {
    let words: Vec<&str> = part.split(['-', '_', ' ']).filter(|word| !word.is_empty()).collect();
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = match words.split_last() {
        Some((last, rest)) if is_number(last) && !rest.is_empty() => rest,
        _ => &words[..],
    };
    (!part.contains('.') && !words.is_empty()).then(|| words.join(" ").to_lowercase())
}

fn read(path: &Path) -> Result<Mask> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let image = decode(&bytes).with_context(|| format!("cannot use {}", path.display()))?.image;
    let coverage = image.pixels().iter().map(|[red, ..]| *red).collect();
    Ok(Mask::new(image.width(), image.height(), coverage))
}

#[cfg(test)]
mod tests {
    use shared::encode;

    use super::*;

    #[test]
    fn masks_are_found_by_the_name_of_their_image_and_say_what_they_are_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let mask = encode::mask(&Mask::new(2, 1, vec![0, 255])).expect("a file");
        for name in
            ["bus.png", "bus.red-bus.png", "bus.dog-2.png", "bus2.dog.png", "bus.old.cat.png", "a.jpg.txt"]
        {
            std::fs::write(folder.path().join(name), &mask).expect("a file");
        }
        let things = Things::open(&[], Some(folder.path())).expect("masks");
        let found = things.of("some/bus.JPG", 2, 1).expect("things");
        let names: Vec<Option<&str>> = found.iter().map(|thing| thing.name.as_deref()).collect();
        assert_eq!(names, [None, Some("dog"), Some("red bus")]);
        assert!(found.iter().all(|thing| thing.mask.coverage() == [0, 255] && !thing.is_crowd));
        assert_eq!(things.names("bus.jpg"), ["dog", "red bus"]);
        assert_eq!(things.names("bus.old.jpg"), ["cat"], "an image whose name has a dot");
        assert_eq!(things.of("car.jpg", 2, 1).expect("none").len(), 0);
        std::fs::create_dir(folder.path().join("more")).expect("a folder");
        std::fs::write(folder.path().join("more/bus.png"), &mask).expect("a file");
        let error = Things::open(&[], Some(folder.path())).err().expect("two of one name").to_string();
        assert!(error.contains("have one name"), "{error}");
        let empty = tempfile::tempdir().expect("a folder");
        let error = Things::open(&[], Some(empty.path())).err().expect("no masks").to_string();
        assert!(error.contains("no PNG files"), "{error}");
    }
}
