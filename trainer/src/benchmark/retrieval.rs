//! Retrieval: every caption among all, every picture among all, on COCO and Flickr.
//!
//! Read are COCO's `captions_*.json`, Karpathy's `dataset_*.json` and `*_karpathy_*.json`, `captions.csv` and other CSV
//! files of pictures and captions, and Flickr's `*.token.txt`. Of each picture the first five captions count.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::files::{Folder, json, stem};
use super::{Benchmark, Ranking, Recall, Skip, is_empty};
use crate::captions::open;

/// Captions a picture, as the published protocols have it.
const CAPTIONS: usize = 5;

/// A picture's file name and its captions.
type Captioned = (String, Vec<String>);

/// Reads the captions; `pool` pictures compete with each other, all of them without it.
///
/// # Errors
/// If there is no file of captions, it has another form, or a pool needs more pictures than there are.
pub fn read(folder: &Folder, split: Option<&str>, pool: Option<usize>) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let paths = folder.need("file of captions (.json, .csv, .token.txt)", |name| form(name).is_some())?;
    for path in paths {
        let subset = stem(path);
        let captioned = captions(path, split)
            .with_context(|| format!("cannot read {} as captions of pictures", path.display()))?;
        let mut found = Vec::new();
        for (name, captions) in captioned {
            let captions: Vec<String> =
                captions.into_iter().filter(|text| !is_empty(text)).take(CAPTIONS).collect();
            match folder.picture(&name) {
                None => benchmark.skip(&subset, Skip::MissingPicture),
                Some(_) if captions.is_empty() => benchmark.skip(&subset, Skip::EmptyCaption),
                Some(picture) => found.push((picture, captions)),
            }
        }
        let pool = pool.unwrap_or(found.len()).max(1);
        if pool > found.len() {
            bail!(
                "{} has {} pictures that were found, a pool of {pool} needs more",
                path.display(),
                found.len()
            );
        }
        // What is left over when the last pool is full competes with nobody.
        for pictures in found.chunks_exact(pool) {
            let mut ranking = Ranking {
                subset: subset.clone(),
                pictures: Vec::new(),
                texts: Vec::new(),
                true_of: Vec::new(),
                measure: Recall::Retrieval,
            };
            for (place, (picture, captions)) in pictures.iter().enumerate() {
                ranking.pictures.push(benchmark.picture(picture.clone()));
                for caption in captions {
                    ranking.texts.push(vec![benchmark.caption(caption.trim())]);
                    ranking.true_of.push(vec![place]);
                }
            }
            benchmark.rankings.push(ranking);
        }
    }
    Ok(benchmark)
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

fn captions(path: &Path, split: Option<&str>) -> Result<Vec<Captioned>> {
    let name = super::files::file_name(path).to_lowercase();
    match form(&name) {
        Some(Form::Json) => Ok(match json(path, "COCO's, Karpathy's or ARO's form")? {
            Json::Coco { images, annotations } => {
                let mut of: HashMap<u64, Vec<String>> = HashMap::new();
                for annotation in annotations {
                    of.entry(annotation.image_id).or_default().push(annotation.caption);
                }
                let images = images.into_iter();
                images.map(|image| (image.file_name, of.remove(&image.id).unwrap_or_default())).collect()
            }
            Json::Karpathy { images } => {
                let own = images.into_iter().filter(|image| image.split == split.unwrap_or("test"));
                own.map(|image| (image.filename, image.sentences.into_iter().map(|s| s.raw).collect()))
                    .collect()
            }
            Json::Listed(items) => items.into_iter().map(|item| (item.image, item.caption)).collect(),
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
            grouped.push((name, Vec::new()));
            grouped.len() - 1
        });
        grouped[place].1.push(caption);
    }
    grouped
}
