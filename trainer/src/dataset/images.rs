//! Images with captions that can be used, from a file of captions, a folder or shards; and a list of what cannot.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use serde::Serialize;
use shared::caption::Caption;
use shared::decode::decode;
use shared::image::Image;
use shared::negative::Guard;
use shared::seed;

use super::caption_file;
use super::corpus::Corpus;
use super::folder::Folder;
use super::image_names::image_key;
use super::image_source::ImageSource;
use super::instances::{self, Instances};
use super::perceptual_hash::perceptual_hash;
use super::record::{Annotation, Record};
use super::shards::{self, Contents};
use super::split::Split;
use crate::system::files::file_name;

/// What to know of files of captions besides their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// More folders to search for images.
    pub images: Vec<PathBuf>,
    /// COCO's files of what is in images.
    pub instances: Vec<PathBuf>,
    /// The split to read; by default `train`, or all of a file without splits.
    pub split: Option<String>,
    /// Where what is found in shards is kept.
    pub index: Option<PathBuf>,
}

/// Images that can be read and have captions, in the order of their file.
#[derive(Debug)]
pub struct Images {
    /// Each with its source and at least one caption.
    records: Vec<Record>,
    /// The perceptual hash of each.
    hashes: Vec<u64>,
    /// The number of each one's first caption among those of all.
    first_captions: Vec<usize>,
    /// What was left out.
    skipped: Vec<Skipped>,
}

/// An image that was left out, as `skipped.jsonl` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name in the data.
    pub image: String,
    /// The reason.
    pub why: String,
}

impl Images {
    /// Opens a file of captions or its folder, or shards, and decodes and hashes every image once.
    ///
    /// # Errors
    /// If it cannot be read, has another form than its name promises, or no image is left.
    pub fn open(data: &str, options: &Options) -> Result<Self> {
        let mut found = Found::new(options)?;
        match list(data, options)? {
            Listed::Captions(folder, records) => found.add_files(&folder, records),
            Listed::Shards(addresses) => found.add_shards(&addresses)?,
        }
        let Found { records, hashes, skipped, .. } = found;
        if records.is_empty() {
            let first =
                skipped.first().map_or_else(String::new, |first| format!(": {}, {}", first.image, first.why));
            bail!("no image of {data} can be used{first}");
        }
        let counts = records.iter().map(|record| record.captions.len());
        let first_captions =
            counts.scan(0, |before, count| Some(std::mem::replace(before, *before + count))).collect();
        Ok(Images { records, hashes, first_captions, skipped })
    }

    /// All of them.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Their names and perceptual hashes.
    pub fn known(&self) -> impl Iterator<Item = (&str, u64)> {
        self.records.iter().map(|record| record.name.as_str()).zip(self.hashes.iter().copied())
    }

    /// What was left out.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Whether the data provides negatives of any caption.
    pub fn provides_negatives(&self) -> bool {
        self.records.iter().flat_map(|record| &record.captions).any(|caption| !caption.negatives.is_empty())
    }

    /// Every caption in order, with the index of its image.
    pub fn captions(&self) -> impl Iterator<Item = (usize, &str)> {
        let of_each = self.records.iter().enumerate();
        of_each.flat_map(|(idx, record)| record.captions.iter().map(move |caption| (idx, caption.text())))
    }

    /// The number of a caption of an image, in the order of [`Images::captions`].
    pub fn caption_number(&self, image: usize, caption: usize) -> usize {
        self.first_captions[image] + caption
    }

    /// The image of the caption of a number, and which of its captions that is.
    fn place(&self, number: usize) -> (usize, usize) {
        let image = self.first_captions.partition_point(|first| *first <= number) - 1;
        (image, number - self.first_captions[image])
    }

    /// A number that changes with any name, caption, provided negative or object.
    pub fn fingerprint(&self) -> u64 {
        let texts = self.records.iter().flat_map(|record| {
            let captions = record.captions.iter().flat_map(|caption| {
                std::iter::once(caption.text()).chain(caption.negatives.iter().map(String::as_str))
            });
            let objects = record.objects.iter().map(String::as_str);
            std::iter::once(record.name.as_str()).chain(captions).chain(objects)
        });
        seed::mix(&texts.map(seed::of_text).collect::<Vec<_>>())
    }

    /// Reads an image.
    ///
    /// # Errors
    /// If its file cannot be read any more, or is not an image.
    pub fn read(&self, idx: usize) -> Result<Image> {
        let record = &self.records[idx];
        record.image.as_ref().with_context(|| format!("{} is gone", record.name))?.image()
    }
}

impl Corpus for Images {
    fn len(&self) -> usize {
        self.records.iter().map(|record| record.captions.len()).sum()
    }

    fn caption(&self, idx: usize) -> &Caption {
        let (image, caption) = self.place(idx);
        &self.records[image].captions[caption].caption
    }

    fn guard(&self, idx: usize) -> Guard {
        let (image, caption) = self.place(idx);
        self.records[image].guard(caption)
    }

    fn image(&self, idx: usize) -> u64 {
        self.place(idx).0 as u64
    }
}

/// The names of the images of a source, without reading any; of scenes and shards none, since that would be to read them.
///
/// # Errors
/// If the source cannot be read.
pub fn names(data: &str, options: &Options) -> Result<Vec<String>> {
    if !Path::new(data).exists() {
        return Ok(Vec::new());
    }
    Ok(match list(data, options)? {
        Listed::Captions(_, records) => records.into_iter().map(|record| record.name).collect(),
        Listed::Shards(_) => Vec::new(),
    })
}

/// Whether a source is files: a file of captions, a folder, or shards.
pub fn is_files(data: &str) -> bool {
    Path::new(data).exists() || shards::is_shards(data)
}

/// What a source names.
enum Listed {
    Captions(Box<Folder>, Vec<Record>),
    Shards(Vec<String>),
}

/// Reads what a source names: shards, a file of captions, or a folder with one such file, or with shards, or with a text file
/// beside each image.
fn list(data: &str, options: &Options) -> Result<Listed> {
    if shards::is_shards(data) {
        return Ok(Listed::Shards(vec![data.to_owned()]));
    }
    let path = Path::new(data);
    let root = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let folder = Folder::open(root, &options.images)?;
    let named = if path.is_dir() { folder.files(caption_file::is_known) } else { vec![path] };
    let records = match &named[..] {
        // The default split: `train`.
        [one] => {
            caption_file::read(one, options.split.as_deref().map_or(Split::Usual("train"), Split::Named))?
        }
        [] => {
            let shards = folder.files(shards::is_shards);
            if !shards.is_empty() {
                let address = |shard: &&Path| shard.to_string_lossy().into_owned();
                return Ok(Listed::Shards(shards.iter().map(address).collect()));
            }
            caption_file::read_beside_images(&folder)?
        }
        [first, second, ..] => {
            let names = [first, second].map(|path| file_name(path)).join(" and ");
            bail!("{data} holds several files of captions, such as {names}; name one of them")
        }
    };
    Ok(Listed::Captions(Box::new(folder), records))
}

/// What has been found so far.
struct Found<'a> {
    options: &'a Options,
    instances: Instances,
    names: HashSet<String>,
    records: Vec<Record>,
    hashes: Vec<u64>,
    skipped: Vec<Skipped>,
}

impl<'a> Found<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        let mut instances = Instances::new();
        for path in &options.instances {
            instances::read(path, &mut instances)?;
        }
        let (names, records, hashes, skipped) = Default::default();
        Ok(Found { options, instances, names, records, hashes, skipped })
    }

    fn add_files(&mut self, folder: &Folder, records: Vec<Record>) {
        let hashed: Vec<_> = records
            .into_par_iter()
            .map(|mut record| {
                let found = folder.find(&record.name).map(|path| ImageSource::File(path.to_owned()));
                let hash = found.as_ref().map_err(ToString::to_string).and_then(hash);
                record.image = found.ok();
                (record, hash)
            })
            .collect();
        for (record, hash) in hashed {
            self.add(record, hash);
        }
    }

    fn add_shards(&mut self, addresses: &[String]) -> Result<()> {
        for (shard, Contents { samples, broken }) in shards::open(addresses, self.options.index.as_deref())? {
            for sample in samples {
                let captions = sample.captions.iter().enumerate();
                let captions = captions.map(|(nth, text)| Annotation::new(text, nth)).collect();
                let image = ImageSource::Part(Arc::clone(&shard), sample.range, sample.name.clone());
                let record = Record { image: Some(image), captions, ..Record::new(sample.name) };
                self.add(record, sample.hash);
            }
            let rest = broken.map(|why| Skipped {
                image: shard.address.clone(),
                why: format!("the rest of the shard cannot be read: {why}"),
            });
            self.skipped.extend(rest);
        }
        Ok(())
    }

    /// Adds an image, or the reason why not.
    fn add(&mut self, mut record: Record, hash: Result<u64, String>) {
        let mut skip =
            |why: &str| self.skipped.push(Skipped { image: record.name.clone(), why: why.to_owned() });
        let n_captions = record.captions.len();
        record.captions.retain(|caption| !caption.text().is_empty());
        if record.captions.len() < n_captions {
            skip("an empty caption");
        }
        match hash {
            Err(why) => skip(&why),
            Ok(_) if record.captions.is_empty() => skip("it has no caption"),
            Ok(_) if self.names.contains(&record.name) => skip("another image has the same name"),
            Ok(hash) => {
                let objects = self.instances.get(&image_key(&record.name));
                record.objects = objects.into_iter().flatten().cloned().collect();
                self.names.insert(record.name.clone());
                self.records.push(record);
                self.hashes.push(hash);
            }
        }
    }
}

/// The perceptual hash of an image, or why it cannot be used.
fn hash(source: &ImageSource) -> Result<u64, String> {
    let bytes =
        source.file_bytes().map_err(|error| format!("the file cannot be read: {}", error.root_cause()))?;
    let decoded = decode(&bytes).map_err(|error| error.to_string())?;
    Ok(perceptual_hash(&decoded.image))
}
