//! Files of images and their captions, as they are published: COCO's `captions_*.json`, Karpathy's `dataset_*.json` and ARO's
//! `*_karpathy_*.json`, Flickr's `*.token.txt`, and tables.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::caption_table;
use super::folder::Folder;
use super::record::{Record, Records};
use super::split::Split;
use crate::system::files::{file_name, json, open};

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
    for image in folder.images() {
        let path = image.with_extension("txt");
        if path.exists() {
            let text = std::io::read_to_string(open(&path)?)
                .with_context(|| format!("cannot read {}", path.display()))?;
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
    Table,
    Token,
}

fn form(name: &str) -> Option<Form> {
    let name = name.trim_end_matches(".gz");
    match name.rsplit_once('.')?.1 {
        "json" => Some(Form::Json),
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
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct CocoCaption {
    image_id: u64,
    caption: String,
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
    caption: Vec<String>,
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
        Some(Form::Table) | None => caption_table::read(open(path)?, split, &mut records)?,
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
                let place = records.place_of(id.clone(), id);
                records.add_to(place, &caption, &[]);
            }
        }
        Json::Karpathy { images } => {
            let wanted = split.name().unwrap_or("test");
            for image in images.into_iter().filter(|image| image.split == wanted) {
                records
                    .add_image(image.filename, image.sentences.iter().map(|sentence| sentence.raw.as_str()));
            }
        }
        Json::Listed(items) => {
            split.refuse_if_named()?;
            for item in items {
                records.add_image(item.image, item.caption.iter().map(String::as_str));
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
        for known in
            ["captions_val.json.gz", "dataset_coco.json", "coco_karpathy_test.json", "a.csv", "a.token.txt"]
        {
            assert!(is_known(known) && has_images(known), "{known}");
        }
        assert!(has_images("Mine.JSON") && !is_known("mine.json"));
        for lines in ["a.txt", "a.jsonl", "-", ""] {
            assert!(!has_images(lines) && !is_known(lines), "{lines}");
        }
    }
}
