//! SugarCrepe's files (arXiv 2306.14610), and those of SugarCrepe++ (arXiv 2406.11171): objects of items whose keys are numbers
//! with gaps, or lists.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::system::files::json;

/// One image, what is true of it and what is not.
#[derive(Deserialize)]
pub struct Contest {
    /// The image's file.
    pub filename: String,
    /// The true caption.
    pub caption: String,
    /// The true caption in other words, in SugarCrepe++ alone.
    pub caption2: Option<String>,
    /// The false caption.
    pub negative_caption: String,
}

/// Items by their keys, or in a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "one of them is missing or is no text")]
enum File {
    Keyed(BTreeMap<String, Contest>),
    Listed(Vec<Contest>),
}

/// The items of one file with their keys, in the order of these.
///
/// # Errors
/// If it cannot be read or has another form.
pub fn contests(path: &Path) -> Result<Vec<(String, Contest)>> {
    let expected = "items with `filename`, `caption` and `negative_caption`";
    let mut items: Vec<(String, Contest)> = match json(path, expected)? {
        File::Keyed(items) => items.into_iter().collect(),
        File::Listed(items) => (0..).map(|key: u64| key.to_string()).zip(items).collect(),
    };
    items.sort_by_key(|(key, _)| key.parse::<u64>().ok());
    Ok(items)
}
