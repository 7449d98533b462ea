//! VALSE (arXiv 2112.07566): items by name, each with a caption, a foil and the votes of three people. As its authors
//! do, items count only where at least two of them took the caption for the true one.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;

use super::{Benchmark, Folder, Item, Skip};
use crate::files::{json, stem};

#[derive(Deserialize)]
struct Entry {
    image_file: String,
    caption: String,
    /// Existence has its foils in a list.
    foil: Option<String>,
    #[serde(default)]
    declarative_statement_foils: Vec<String>,
    mturk: Votes,
}

#[derive(Deserialize)]
struct Votes {
    caption: f64,
}

/// Votes for the caption that an item needs.
const ENOUGH: f64 = 2.0;

/// VALSE's files.
const PIECES: [&str; 11] = [
    "actant-swap",
    "action-replacement",
    "coreference-hard",
    "coreference-standard",
    "counting-adversarial",
    "counting-hard",
    "counting-small-quant",
    "existence",
    "foil-it",
    "plurals",
    "relations",
];

/// Reads VALSE's eleven files, or those of them that are there.
///
/// # Errors
/// If none is there, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let is_piece = |name: &str| name.strip_suffix(".json").is_some_and(|piece| PIECES.contains(&piece));
    for path in folder.need("VALSE file such as existence.json", is_piece)? {
        let subset = stem(path);
        let expected = "items with `image_file`, `caption`, `foil` and `mturk.caption`";
        let entries: BTreeMap<String, Entry> = json(path, expected)?;
        for (key, entry) in entries {
            if entry.mturk.caption < ENOUGH {
                benchmark.skip(&subset, Skip::Unconfirmed);
                continue;
            }
            let Some(foil) = entry.foil.or(entry.declarative_statement_foils.into_iter().next()) else {
                benchmark.skip(&subset, Skip::EmptyCaption);
                continue;
            };
            let picture = folder.picture(&entry.image_file);
            benchmark.add_contest(Item::new(&subset, key), picture, &[&entry.caption], &[&foil]);
        }
    }
    Ok(benchmark)
}
