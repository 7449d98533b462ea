//! Other people's hard negatives: pairs of a true and a false caption, in the files that they published.

pub mod sugar_crepe;
pub mod valse;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use shared::negative::HardNegative;

use super::caption_file;
use super::captions::NEAR;
use super::image_names::is_hidden;
use super::record::Annotation;
use super::split::Split;
use crate::system::files::{file_name, open, stem};

/// A true caption and a false one.
#[derive(Debug, PartialEq)]
pub struct TextPair {
    /// The subset of its benchmark.
    pub subset: String,
    /// The name of the image.
    pub image: String,
    /// The true caption.
    pub positive: String,
    /// The false caption.
    pub negative: String,
}

/// Reads SugarCrepe's or VALSE's JSON files (one, or a folder of them), NegCLIP's TSV, or the JSON lines that
/// `trainer negatives` writes.
///
/// # Errors
/// If a file cannot be read or is of neither form.
pub fn read(path: &Path) -> Result<Vec<TextPair>> {
    let mut pairs = Vec::new();
    for file in files(path)? {
        let subset = stem(&file);
        let extension = file.extension().and_then(|extension| extension.to_str());
        pairs.extend(match extension {
            Some("tsv") => neg_clip(&file, &subset)?,
            Some("jsonl") => own(&file, &subset)?,
            _ if valse::is_piece(&file_name(&file)) => valse_pairs(&file, &subset)?,
            _ => sugar_crepe_pairs(&file, &subset)?,
        });
    }
    if pairs.is_empty() {
        bail!("there are no pairs of captions in {}", path.display());
    }
    Ok(pairs)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    let known = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| ["json", "jsonl", "tsv"].iter().any(|known| extension == *known))
    };
    let known = |path: &PathBuf| known(path) && !is_hidden(&file_name(path));
    let mut files: Vec<PathBuf> = paths.into_iter().filter(known).collect();
    files.sort();
    Ok(files)
}

/// SugarCrepe (arXiv 2306.14610).
fn sugar_crepe_pairs(path: &Path, subset: &str) -> Result<Vec<TextPair>> {
    let pair = |(_, item): (String, sugar_crepe::Contest)| TextPair {
        subset: subset.to_owned(),
        image: item.filename,
        positive: item.caption,
        negative: item.negative_caption,
    };
    Ok(sugar_crepe::contests(path)?.into_iter().map(pair).collect())
}

/// VALSE (arXiv 2112.07566), of whose items those count that people confirmed.
fn valse_pairs(path: &Path, subset: &str) -> Result<Vec<TextPair>> {
    let confirmed = valse::contests(path)?.into_values().filter(|contest| contest.is_confirmed);
    let pair = |contest: valse::Contest| {
        Some(TextPair {
            subset: subset.to_owned(),
            image: contest.image,
            positive: contest.caption,
            negative: contest.foil?,
        })
    };
    Ok(confirmed.filter_map(pair).collect())
}

/// What `trainer negatives` writes: a line a caption. It names no images, so lines near each other count as of one.
fn own(path: &Path, subset: &str) -> Result<Vec<TextPair>> {
    let mut pairs = Vec::new();
    for (number, line) in open(path)?.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        let Line { caption, negatives } = serde_json::from_str(&line).with_context(|| {
            format!("{}, line {}: expected `caption` and `negatives`", path.display(), number + 1)
        })?;
        pairs.extend(negatives.into_iter().map(|negative| TextPair {
            subset: format!("{subset}/{}", negative.concept),
            image: format!("lines {}", number / NEAR),
            positive: caption.clone(),
            negative: negative.caption,
        }));
    }
    Ok(pairs)
}

#[derive(Deserialize)]
struct Line {
    caption: String,
    negatives: Vec<HardNegative>,
}

/// NegCLIP (arXiv 2210.01936): a table whose column `neg_caption` holds lists as Python prints them.
fn neg_clip(path: &Path, subset: &str) -> Result<Vec<TextPair>> {
    let mut pairs = Vec::new();
    for record in caption_file::read(path, Split::Unnamed)? {
        let image = record.name;
        for Annotation { caption, negatives, position } in record.captions {
            pairs.extend(negatives.into_iter().map(|negative| {
                let (subset, positive) = (subset.to_owned(), caption.text().to_owned());
                (position, TextPair { subset, image: image.clone(), positive, negative })
            }));
        }
    }
    if pairs.is_empty() {
        bail!("{}: expected a column `neg_caption` that lists captions", path.display());
    }
    pairs.sort_by_key(|(position, _)| *position);
    Ok(pairs.into_iter().map(|(_, pair)| pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_file(name: &str, text: &str) -> Result<Vec<TextPair>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        read(&path)
    }

    #[test]
    fn sugar_crepe_may_have_gaps_in_its_keys() -> Result<()> {
        let text = r#"{"0": {"filename": "000000000007.jpg", "caption": "a dog", "negative_caption": "a cat"},
            "12": {"filename": "000000000008.jpg", "caption": "a cup", "negative_caption": "a mug"}}"#;
        let pairs = read_file("replace_obj.json", text)?;
        assert_eq!(
            (pairs.len(), pairs[1].image.as_str(), pairs[0].subset.as_str()),
            (2, "000000000008.jpg", "replace_obj")
        );
        Ok(())
    }

    #[test]
    fn neg_clip_may_have_both_quotes_and_line_breaks() -> Result<()> {
        let text = "\ttitle\tfilepath\tneg_caption\tneg_image\n\
            0\t\"a dog\nruns\"\tcoco/val2014/COCO_val2014_000000000009.jpg\t\"['a \"\"run\"\"', \"\"it's\"\"]\"\t[1, 2]\n\
            1\ta cat\tx.jpg\t[]\t[]\n";
        let pairs = read_file("valid_neg_clip.tsv", text)?;
        let negatives: Vec<&str> = pairs.iter().map(|pair| pair.negative.as_str()).collect();
        assert_eq!(negatives, ["a \"run\"", "it's"]);
        assert_eq!(
            (pairs[0].positive.as_str(), pairs[0].image.as_str()),
            ("a dog runs", "coco/val2014/COCO_val2014_000000000009.jpg")
        );
        Ok(())
    }

    #[test]
    fn what_holds_no_pairs_is_refused() {
        for (name, text) in [("a.json", "{}"), ("a.json", "[]"), ("a.tsv", "x\ty\n1\t2\n"), ("a.json", "{")] {
            assert!(read_file(name, text).is_err(), "{name} {text}");
        }
    }
}
