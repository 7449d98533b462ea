//! Pictures and their captions, in the files in which they are published: COCO's `captions_*.json`, Karpathy's
//! `dataset_*.json` and ARO's `*_karpathy_*.json`, Flickr's `*.token.txt`, and CSV files with a picture and a caption a row.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::benchmark::files::{file_name, json};
use crate::captions::open;

/// A picture and what people said of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Captioned {
    /// The name of its file; folders may stand before it.
    pub name: String,
    /// Its captions, in the order of the file.
    pub captions: Vec<String>,
}

/// Reads a file. Of one with splits only the rows of `split` are kept; of Karpathy's, `test` if none is named.
///
/// # Errors
/// If it cannot be read or has another form than its name promises.
pub fn read(path: &Path, split: Option<&str>) -> Result<Vec<Captioned>> {
    parse(path, split).with_context(|| format!("cannot read {} as captions of pictures", path.display()))
}

/// Whether a file is of one of the forms, by its name in lower case.
pub fn is_known(name: &str) -> bool {
    form(name).is_some()
}

/// The form of a file by its name.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Csv,
    Token,
}

fn form(name: &str) -> Option<Form> {
    let name = name.trim_end_matches(".gz");
    let karpathy =
        name.starts_with("dataset_") || name.contains("karpathy") || name.starts_with("flickr30k_test");
    match name.rsplit('.').next() {
        Some("json") if karpathy || name.starts_with("captions_") => Some(Form::Json),
        Some("csv") => Some(Form::Csv),
        Some("txt") if name.ends_with(".token.txt") => Some(Form::Token),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Coco { images: Vec<CocoImage>, annotations: Vec<CocoCaption> },
    Karpathy { images: Vec<KarpathyImage> },
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

fn parse(path: &Path, split: Option<&str>) -> Result<Vec<Captioned>> {
    let name = file_name(path).to_lowercase();
    match form(&name) {
        Some(Form::Json) => Ok(match json(path, "COCO's, Karpathy's or ARO's form")? {
            Json::Coco { images, annotations } => {
                let mut of: HashMap<u64, Vec<String>> = HashMap::new();
                for annotation in annotations {
                    of.entry(annotation.image_id).or_default().push(annotation.caption);
                }
                let images = images.into_iter();
                images
                    .map(|image| Captioned {
                        captions: of.remove(&image.id).unwrap_or_default(),
                        name: image.file_name,
                    })
                    .collect()
            }
            Json::Karpathy { images } => {
                let own = images.into_iter().filter(|image| image.split == split.unwrap_or("test"));
                own.map(|image| Captioned {
                    name: image.filename,
                    captions: image.sentences.into_iter().map(|sentence| sentence.raw).collect(),
                })
                .collect()
            }
            Json::Listed(items) => {
                items.into_iter().map(|item| Captioned { name: item.image, captions: item.caption }).collect()
            }
        }),
        Some(Form::Token) => {
            let text = std::io::read_to_string(open(path)?)?;
            let pairs = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
                let (name, caption) = line.split_once('\t').context("expected a tab after the picture")?;
                Ok((name.split('#').next().unwrap_or(name).to_owned(), caption.to_owned()))
            });
            Ok(grouped(pairs.collect::<Result<Vec<_>>>()?))
        }
        _ => {
            let mut reader =
                csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(open(path)?);
            let headers = reader.headers()?.clone();
            let column = |names: &[&str]| headers.iter().position(|header| names.contains(&header));
            let image = column(&["image", "image_name", "filename", "file_name"]).unwrap_or(0);
            let caption = column(&["caption", "comment", "raw", "text"]).unwrap_or(1);
            let of_split = split.zip(column(&["split"]));
            let mut pairs = Vec::new();
            for row in reader.records() {
                let row = row?;
                if of_split.is_none_or(|(split, column)| row.get(column) == Some(split)) {
                    let cell = |column| row.get(column).context("a row is too short").map(str::to_owned);
                    pairs.push((cell(image)?, cell(caption)?));
                }
            }
            Ok(grouped(pairs))
        }
    }
}

/// Captions gathered by picture, in the order in which pictures first come.
fn grouped(pairs: Vec<(String, String)>) -> Vec<Captioned> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut grouped: Vec<Captioned> = Vec::new();
    for (name, caption) in pairs {
        let place = *places.entry(name.clone()).or_insert_with(|| {
            grouped.push(Captioned { name, captions: Vec::new() });
            grouped.len() - 1
        });
        grouped[place].captions.push(caption);
    }
    grouped
}
