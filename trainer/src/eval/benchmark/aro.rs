//! ARO (arXiv 2210.01936): relations and attributes of Visual Genome, each asked of the part of an image inside a box;
//! and the order of words in captions of COCO and Flickr30k.
//!
//! Published figures are macro averages: every relation, or pair of attributes, weighs the same. For relations the
//! authors leave out a list of symmetric ones; `--exclude FILE` takes such a list. Of the four orders that they test,
//! two need a tagger of parts of speech; the two of neighboring words are made here.

use std::path::PathBuf;

use anyhow::Result;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::Deserialize;
use shared::seed;

use super::{Benchmark, Item, Skip};
use crate::dataset::{Folder, ImageSource};
use crate::dataset::{Split, caption_file};
use crate::system::files::json;

#[derive(Deserialize)]
struct Boxed {
    image_path: String,
    bbox_x: f64,
    bbox_y: f64,
    bbox_w: f64,
    bbox_h: f64,
    true_caption: String,
    false_caption: String,
    relation_name: Option<String>,
    attributes: Option<[String; 2]>,
}

impl Boxed {
    fn crop(&self, folder: &Folder) -> Option<ImageSource> {
        let path: PathBuf = folder.find(&self.image_path).ok()?.to_owned();
        let edges = [self.bbox_x, self.bbox_y, self.bbox_w, self.bbox_h];
        Some(ImageSource::Crop(path, edges.map(|edge| edge.max(0.0) as u32)))
    }
}

/// Reads `visual_genome_relation.json`.
///
/// # Errors
/// If it is not there or has another form.
pub fn read_relation(folder: &Folder) -> Result<Benchmark> {
    read_boxed(folder, "visual_genome_relation", |item| item.relation_name.clone())
}

/// Reads `visual_genome_attribution.json`.
///
/// # Errors
/// If it is not there or has another form.
pub fn read_attribution(folder: &Folder) -> Result<Benchmark> {
    read_boxed(folder, "visual_genome_attribution", |item| {
        item.attributes.as_ref().map(|[first, second]| format!("{first}_{second}"))
    })
}

fn read_boxed(folder: &Folder, name: &str, class: impl Fn(&Boxed) -> Option<String>) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let file = format!("{name}.json");
    for path in folder.need(&file, |found| found == file)? {
        let expected = "a list of items with `image_path`, a box, `true_caption` and `false_caption`";
        for (idx, boxed) in json::<Vec<Boxed>>(path, expected)?.iter().enumerate() {
            let item = Item { class: class(boxed), ..Item::new(name, idx) };
            let image = boxed.crop(folder);
            benchmark.add_contest(item, image, &[&boxed.true_caption], &[&boxed.false_caption]);
        }
    }
    Ok(benchmark)
}

/// Longer captions are cut, as by the authors.
const MOST_WORDS: usize = 30;

/// Reads `coco_karpathy_test.json` or `flickr30k_test.json`, and shuffles each caption in two ways.
///
/// # Errors
/// If neither is there or one has another form.
pub fn read_order(folder: &Folder, seed: u64) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let names = [("coco_karpathy_test.json", "coco"), ("flickr30k_test.json", "flickr30k")];
    for path in folder.need(names[0].0, |name| names.iter().any(|(known, _)| name == *known))? {
        let subset =
            names.iter().find(|(name, _)| path.ends_with(name)).map_or("order", |(_, subset)| subset);
        for (idx, record) in caption_file::read(path, Split::Unnamed)?.iter().enumerate() {
            for (nth, caption) in record.captions.iter().enumerate() {
                let text = plain(caption.text());
                let words: Vec<&str> = text.split(' ').collect();
                let rng = &mut seed::rng(&[seed, idx as u64, nth as u64]);
                let foils = [shuffle_within_trigrams(&words, rng), shuffle_trigrams(&words, rng)];
                let foils: Vec<&str> =
                    foils.iter().map(String::as_str).filter(|foil| *foil != text).collect();
                if foils.is_empty() {
                    benchmark.skip(subset, Skip::EqualCaptions);
                    continue;
                }
                let item = Item::new(subset, format!("{idx}-{nth}"));
                benchmark.add_contest(item, folder.image(&record.name), &[&text], &foils);
            }
        }
    }
    Ok(benchmark)
}

/// Lower case, no punctuation, at most [`MOST_WORDS`] words.
fn plain(caption: &str) -> String {
    let letters = |c: char| if c.is_alphanumeric() || c == '\'' { c } else { ' ' };
    let text: String = caption.to_lowercase().chars().map(letters).collect();
    text.split_whitespace().take(MOST_WORDS).collect::<Vec<_>>().join(" ")
}

fn shuffle_within_trigrams(words: &[&str], rng: &mut impl Rng) -> String {
    let shuffled = words.chunks(3).flat_map(|three| {
        let mut three = three.to_vec();
        three.shuffle(rng);
        three
    });
    shuffled.collect::<Vec<_>>().join(" ")
}

fn shuffle_trigrams(words: &[&str], rng: &mut impl Rng) -> String {
    let mut threes: Vec<&[&str]> = words.chunks(3).collect();
    threes.shuffle(rng);
    threes.concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_keep_the_words_and_their_neighborhood() {
        let text = plain("A Dog, runs after the red ball!");
        assert_eq!(text, "a dog runs after the red ball");
        let words: Vec<&str> = text.split(' ').collect();
        let rng = &mut seed::rng(&[1]);
        for _ in 0..20 {
            let within = shuffle_within_trigrams(&words, rng);
            let found: Vec<&str> = within.split(' ').collect();
            for (ours, theirs) in words.chunks(3).zip(found.chunks(3)) {
                let sorted = |three: &[&str]| {
                    let mut three = three.to_vec();
                    three.sort_unstable();
                    three.join(" ")
                };
                assert_eq!(sorted(ours), sorted(theirs));
            }
            let whole = shuffle_trigrams(&words, rng);
            assert!(whole.contains("a dog runs") && whole.contains("after the red"), "{whole}");
        }
    }
}
