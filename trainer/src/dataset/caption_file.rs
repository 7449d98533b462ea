//! Files of images and their captions, as they are published: COCO's `captions_*.json`, Karpathy's `dataset_*.json` and ARO's
//! `*_karpathy_*.json` (BLIP's, too), Flickr's `*.token.txt`, Hugging Face's `metadata.jsonl`, and tables.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Deserializer};

use super::caption_table;
use super::folder::Folder;
use super::image_names::coco_name;
use super::record::{Record, Records};
use super::split::Split;
use crate::system::files::{file_name, json, json_lines, open, read_text};
use crate::system::one_or_more::one_or_more;

/// Reads a file, or the split of it that is wanted: one record per image, in the order in which they first come.
///
/// # Errors
/// If it cannot be read, has another form than its name promises, or lacks the split that was named.
pub fn read(path: &Path, split: Split) -> Result<Vec<Record>> {
    parse(path, split).with_context(|| format!("cannot read {} as captions of images", path.display()))
}

/// The images of a folder that have a text file of the same name beside them, one caption per line.
///
/// # Errors
/// If there is none, or a text file cannot be read.
pub fn read_beside_images(folder: &Folder) -> Result<Vec<Record>> {
    let mut records = Records::default();
    let texts = folder.files(|name| name.ends_with(".txt"));
    let texts: HashMap<PathBuf, &Path> =
        texts.into_iter().map(|path| (path.with_extension(""), path)).collect();
    for image in folder.images() {
        if let Some(path) = texts.get(&image.with_extension("")) {
            let failed = || format!("cannot read {}", path.display());
            let mut bytes = Vec::new();
            open(path).with_context(failed)?.read_to_end(&mut bytes).with_context(failed)?;
            let Ok(text) = String::from_utf8(bytes) else {
                eprintln!("left out: {} is not in UTF-8", path.display());
                continue;
            };
            let name = image.strip_prefix(folder.root()).unwrap_or(image);
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            records.add_image(name.to_string_lossy().into_owned(), lines);
        }
    }
    if records.is_empty() {
        let root = folder.root().display();
        bail!(
            "{root} has neither a file of captions (.json, .csv, .tsv, .token.txt), nor shards (.tar), nor images with a .txt file beside them"
        );
    }
    Ok(records.into_records())
}

/// Whether a file that lies among others is one of captions, by its name in lower case.
pub fn is_known(name: &str) -> bool {
    let published = ["captions_", "dataset_", "flickr30k_test"];
    match form(name) {
        Some(Form::Json) => {
            published.iter().any(|start| name.starts_with(start)) || name.contains("karpathy")
        }
        Some(Form::JsonLines) => name.starts_with("metadata."),
        form => form.is_some(),
    }
}

/// Whether a file of captions says which images they belong to, by its name.
pub fn has_images(name: &str) -> bool {
    form(&name.to_lowercase()).is_some()
}

/// The form of a file by its name.
#[derive(Clone, Copy)]
enum Form {
    Json,
    /// A JSON object per line, as in `metadata.jsonl` of Hugging Face's image folders.
    JsonLines,
    Table,
    Token,
}

fn form(name: &str) -> Option<Form> {
    let name = name.trim_end_matches(".gz");
    match name.rsplit_once('.')?.1 {
        "json" => Some(Form::Json),
        "jsonl" => Some(Form::JsonLines),
        "csv" | "tsv" => Some(Form::Table),
        "txt" if name.ends_with(".token.txt") => Some(Form::Token),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "it has neither `annotations` with `image_id` and `caption`, nor `images` with `filename`, `split` and \
                 `sentences`, nor is it a list with `image` and `caption`"
)]
enum Json {
    Coco {
        #[serde(default)]
        images: Vec<CocoImage>,
        annotations: Vec<CocoCaption>,
    },
    Karpathy {
        images: Vec<KarpathyImage>,
    },
    Listed(Vec<Listed>),
}

#[derive(Deserialize)]
struct CocoImage {
    id: Id,
    file_name: String,
}

/// An annotation; one without a caption is of another kind, such as a box.
#[derive(Deserialize)]
struct CocoCaption {
    image_id: Id,
    #[serde(default, deserialize_with = "present")]
    caption: Option<Option<String>>,
}

/// A value that is there, though it may be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The number of an image, however it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Whole(u64),
    Decimal(f64),
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Whole(id) => id.fmt(f),
            // 1.0 is 1.
            Id::Decimal(id) => id.fmt(f),
            Id::Text(id) => id.fmt(f),
        }
    }
}

#[derive(Deserialize)]
struct KarpathyImage {
    filename: String,
    split: String,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

#[derive(Deserialize)]
struct Listed {
    image: String,
    #[serde(deserialize_with = "one_or_more")]
    caption: Vec<String>,
}

#[derive(Deserialize)]
struct MetadataLine {
    #[serde(alias = "image", alias = "filename", alias = "image_name")]
    file_name: String,
    #[serde(alias = "caption", deserialize_with = "one_or_more")]
    text: Vec<String>,
}

fn parse(path: &Path, split: Split) -> Result<Vec<Record>> {
    let mut records = Records::default();
    match form(&file_name(path).to_lowercase()) {
        Some(Form::Json) => {
            published_json(json(path, "COCO's, Karpathy's or ARO's form")?, split, &mut records)?
        }
        Some(Form::Token) => {
            split.refuse_if_named()?;
            let text = std::io::read_to_string(open(path)?)?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let (name, caption) = line.split_once('\t').context("expected a tab after the image")?;
                records.add_caption(name.split('#').next().unwrap_or(name).to_owned(), caption, &[]);
            }
        }
        Some(Form::JsonLines) => {
            split.refuse_if_named()?;
            for line in json_lines::<MetadataLine>(path, "an object with `file_name` and `text`")? {
                for text in line.text {
                    records.add_caption(line.file_name.clone(), &text, &[]);
                }
            }
        }
        Some(Form::Table) | None => caption_table::read(&read_text(path)?, split, &mut records)?,
    }
    Ok(records.into_records())
}

fn published_json(json: Json, split: Split, records: &mut Records) -> Result<()> {
    match json {
        Json::Coco { images, annotations } => {
            split.refuse_if_named()?;
            for image in images {
                let id = image.id.to_string();
                records.place_of(id, image.file_name);
            }
            for CocoCaption { image_id, caption } in annotations {
                // A file of captions alone may leave its images out.
                let id = image_id.to_string();
                if let Some(caption) = caption {
                    let name = coco_name(&id);
                    let place = records.place_of(id, name);
                    // Null is a caption that somebody left empty.
                    records.add_to(place, &caption.unwrap_or_default(), &[]);
                }
            }
        }
        Json::Karpathy { images } => {
            let wanted = if split.name().is_some() { split } else { Split::Named("test") };
            for image in images.into_iter().filter(|image| wanted.includes(&image.split)) {
                records
                    .add_image(image.filename, image.sentences.iter().map(|sentence| sentence.raw.as_str()));
            }
        }
        Json::Listed(items) => {
            split.refuse_if_named()?;
            for item in items {
                for caption in &item.caption {
                    records.add_caption(item.image.clone(), caption, &[]);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_may_have_any_name_when_it_is_named_and_a_published_one_when_it_is_found() {
        for known in [
            "captions_val.json.gz",
            "dataset_coco.json",
            "coco_karpathy_test.json",
            "metadata.jsonl",
            "a.csv",
            "a.token.txt",
        ] {
            assert!(is_known(known) && has_images(known), "{known}");
        }
        assert!(has_images("Mine.JSON") && !is_known("mine.json"));
        for lines in ["a.txt", "-", ""] {
            assert!(!has_images(lines) && !is_known(lines), "{lines}");
        }
    }
}
