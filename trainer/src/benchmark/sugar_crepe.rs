//! SugarCrepe (arXiv 2306.14610): an object of items a subset, whose keys are numbers with gaps; and SugarCrepe++
//! (arXiv 2406.11171), where a second caption says the same in other words and both must beat the negative.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{Benchmark, Folder, Item};
use crate::files::{json, stem};

/// One picture, what is true of it and what is not.
#[derive(Deserialize)]
pub struct Contest {
    /// The picture's file.
    pub filename: String,
    /// The true caption.
    pub caption: String,
    /// The true caption in other words, in SugarCrepe++ alone.
    caption2: Option<String>,
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

/// The subsets of SugarCrepe.
const SUBSETS: [&str; 7] =
    ["add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj"];

/// Reads SugarCrepe's seven files, or those of them that are there.
///
/// # Errors
/// If none is there, one is there twice, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let is_subset = |name: &str| name.strip_suffix(".json").is_some_and(|subset| SUBSETS.contains(&subset));
    read_files(folder, "SugarCrepe file such as replace_obj.json", is_subset)
}

/// Reads SugarCrepe++: `swap_object.json` and its four sisters.
///
/// # Errors
/// If none is there, one is there twice, or one has another form.
pub fn read_pp(folder: &Folder) -> Result<Benchmark> {
    let is_subset =
        |name: &str| name.ends_with(".json") && (name.starts_with("swap_") || name.starts_with("replace_"));
    read_files(folder, "SugarCrepe++ file such as swap_object.json", is_subset)
}

fn read_files(folder: &Folder, what: &str, is_subset: impl Fn(&str) -> bool) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let mut known = BTreeSet::new();
    for path in folder.need(what, is_subset)? {
        let subset = stem(path);
        if !known.insert(subset.clone()) {
            bail!("{subset} is there twice, the second is {}; name the folder of one", path.display());
        }
        for (key, item) in contests(path)? {
            let mut truths = vec![item.caption.as_str()];
            truths.extend(item.caption2.as_deref());
            let picture = folder.picture(&item.filename);
            benchmark.add_contest(Item::new(&subset, key), picture, &truths, &[&item.negative_caption]);
        }
    }
    Ok(benchmark)
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
