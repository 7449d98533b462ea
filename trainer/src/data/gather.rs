//! From files of captions, folders and shards to pictures that can be trained on, and a list of what cannot.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde::Serialize;
use shared::caption::Caption;
use shared::decode::decode;
use shared::picture::Picture;

use super::Files;
use super::instances::{self, Instances};
use super::shards::{self, Contents, Shard};
use crate::benchmark::Folder;
use crate::captioned::{self, Captioned, Said, Split};
use crate::leakage;
use crate::picture_names::picture_key;

/// A picture with captions.
#[derive(Debug)]
pub struct Photograph {
    /// Its name in the data.
    pub name: String,
    /// What is said of it, never nothing.
    pub captions: Vec<Told>,
    /// What is known to be in it.
    pub kinds: Vec<String>,
    /// Its perceptual hash.
    pub look: u64,
    place: Place,
}

/// A caption of a picture.
#[derive(Debug)]
pub struct Told {
    /// What is true.
    pub caption: Caption,
    /// What the data itself says is wrong in its place.
    pub wrong: Vec<String>,
}

/// Where a picture's bytes are.
#[derive(Debug)]
enum Place {
    File(PathBuf),
    Part(Arc<Shard>, Range<u64>),
}

/// A picture that was left out, as `skipped.jsonl` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name in the data.
    pub picture: String,
    /// The reason.
    pub why: String,
}

impl Photograph {
    /// Reads the picture.
    ///
    /// # Errors
    /// If its file cannot be read any more, or is not a picture.
    pub fn picture(&self) -> Result<Picture> {
        let bytes = match &self.place {
            Place::File(path) => {
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            Place::Part(shard, range) => shard.read(range.clone())?,
        };
        Ok(decode(&bytes).with_context(|| format!("cannot use {}", self.name))?.picture)
    }
}

/// Finds all pictures that a source names and looks at each once. What cannot be used is left out.
///
/// # Errors
/// If the source cannot be read, has another form than its name promises, or no picture is left.
pub fn gather(data: &str, files: &Files) -> Result<(Vec<Photograph>, Vec<Skipped>)> {
    let mut gathered = Gathered::new(files)?;
    match list(data, files)? {
        Listed::Captions(folder, captioned) => gathered.files(&folder, captioned),
        Listed::Shards(addresses) => gathered.shards(&addresses)?,
    }
    let Gathered { photographs, skipped, .. } = gathered;
    if photographs.is_empty() {
        let first =
            skipped.first().map_or_else(String::new, |first| format!(": {}, {}", first.picture, first.why));
        bail!("no picture of {data} can be used{first}");
    }
    Ok((photographs, skipped))
}

/// The names of the pictures that a source names, without a look at any; of shards none, since that would be to read them.
///
/// # Errors
/// If the source cannot be read.
pub fn names(data: &str, files: &Files) -> Result<Vec<String>> {
    Ok(match list(data, files)? {
        Listed::Captions(_, captioned) => captioned.into_iter().map(|captioned| captioned.name).collect(),
        Listed::Shards(_) => Vec::new(),
    })
}

/// What a source names.
enum Listed {
    Captions(Folder, Vec<Captioned>),
    Shards(Vec<String>),
}

/// Reads what a source names: shards, a file of captions, or a folder with one such file, or with shards, or with a text file
/// beside each picture.
fn list(data: &str, files: &Files) -> Result<Listed> {
    if shards::is_shards(data) {
        return Ok(Listed::Shards(vec![data.to_owned()]));
    }
    let path = Path::new(data);
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let folder = Folder::open(root, files.images)?;
    let named = if path.is_dir() { folder.files(captioned::is_known) } else { vec![path] };
    let captioned = match named[..] {
        // Who names no part of a divided set means the one that is for training.
        [one] => captioned::read(one, files.split.map_or(Split::Usual("train"), Split::Named))?,
        [] => {
            let shards = folder.files(shards::is_shards);
            if !shards.is_empty() {
                let address = |shard: &&Path| shard.to_string_lossy().into_owned();
                return Ok(Listed::Shards(shards.iter().map(address).collect()));
            }
            captioned::beside(&folder)?
        }
        _ => bail!("{data} holds several files of captions; name one of them"),
    };
    Ok(Listed::Captions(folder, captioned))
}

/// What has been found so far.
struct Gathered<'a> {
    files: &'a Files<'a>,
    instances: Instances,
    names: HashSet<String>,
    photographs: Vec<Photograph>,
    skipped: Vec<Skipped>,
}

impl<'a> Gathered<'a> {
    fn new(files: &'a Files<'a>) -> Result<Self> {
        let mut instances = Instances::new();
        for path in files.instances {
            instances::read(path, &mut instances)?;
        }
        Ok(Gathered { files, instances, names: HashSet::new(), photographs: Vec::new(), skipped: Vec::new() })
    }

    /// Pictures of a folder.
    fn files(&mut self, folder: &Folder, captioned: Vec<Captioned>) {
        let looked_at: Vec<_> = captioned
            .into_par_iter()
            .map(|Captioned { name, captions }| {
                let look = folder
                    .picture_path(&name)
                    .ok_or_else(|| "the picture is not there".to_owned())
                    .and_then(|path| {
                        let bytes = std::fs::read(path)
                            .map_err(|error| format!("the file cannot be read: {error}"))?;
                        let decoded = decode(&bytes).map_err(|error| error.to_string())?;
                        Ok((Place::File(path.to_owned()), leakage::look(&decoded.picture)))
                    });
                (name, captions, look)
            })
            .collect();
        for (name, captions, look) in looked_at {
            self.add(name, captions, look);
        }
    }

    fn shards(&mut self, addresses: &[String]) -> Result<()> {
        for (shard, Contents { samples, broken }) in shards::open(addresses, self.files.index)? {
            for sample in samples {
                let captions = sample.captions.into_iter().map(Said::from).collect();
                let look = sample.look.map(|look| (Place::Part(Arc::clone(&shard), sample.range), look));
                self.add(sample.name, captions, look);
            }
            let rest = broken.map(|why| Skipped {
                picture: shard.address.clone(),
                why: format!("the rest of the shard cannot be read: {why}"),
            });
            self.skipped.extend(rest);
        }
        Ok(())
    }

    /// Adds a picture, or the reason why not.
    fn add(&mut self, name: String, captions: Vec<Said>, look: Result<(Place, u64), String>) {
        let mut skip = |why: &str| self.skipped.push(Skipped { picture: name.clone(), why: why.to_owned() });
        let n_captions = captions.len();
        let line = |text: &str| text.trim().replace(['\r', '\n'], " ");
        let captions: Vec<Told> = captions
            .into_iter()
            .map(|said| Told {
                caption: Caption::new(line(&said.text)),
                wrong: said.wrong.iter().map(|text| line(text)).filter(|text| !text.is_empty()).collect(),
            })
            .filter(|told| !told.caption.text().is_empty())
            .collect();
        if captions.len() < n_captions {
            skip("an empty caption");
        }
        match look {
            Err(why) => skip(&why),
            Ok(_) if captions.is_empty() => skip("it has no caption"),
            Ok(_) if self.names.contains(&name) => skip("another picture has the same name"),
            Ok((place, look)) => {
                let kinds = self.instances.get(&picture_key(&name)).into_iter().flatten().cloned().collect();
                self.names.insert(name.clone());
                self.photographs.push(Photograph { name, captions, kinds, look, place });
            }
        }
    }
}
