//! VALSE's files (arXiv 2112.07566): items by name, each with a caption, a foil and the votes of three people.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::system::files::json;

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

/// An item, whether it counts or not.
pub struct Contest {
    /// Its image.
    pub image: String,
    /// The true caption.
    pub caption: String,
    /// The false one, if there is one.
    pub foil: Option<String>,
    /// Whether enough people took the caption for the true one.
    pub is_confirmed: bool,
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

/// Whether a file, by its name, is one of VALSE's.
pub fn is_piece(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|piece| PIECES.contains(&piece))
}

/// Reads one of VALSE's files, its items by name.
///
/// # Errors
/// If it has another form.
pub fn contests(path: &Path) -> Result<BTreeMap<String, Contest>> {
    let entries: BTreeMap<String, Entry> =
        json(path, "items with `image_file`, `caption`, `foil` and `mturk.caption`")?;
    let contest = |entry: Entry| Contest {
        image: entry.image_file,
        caption: entry.caption,
        foil: entry.foil.or(entry.declarative_statement_foils.into_iter().next()),
        is_confirmed: entry.mturk.caption >= ENOUGH,
    };
    Ok(entries.into_iter().map(|(key, entry)| (key, contest(entry))).collect())
}
