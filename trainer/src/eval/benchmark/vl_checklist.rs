//! VL-CheckList (arXiv 2207.00221): lists of an image with true and false phrases, one file a kind of change.
//!
//! Every item is asked, and missing images are counted: the reference implementation asks the first part of each file
//! and leaves out what it does not find without a word.

use anyhow::Result;
use serde::Deserialize;

use super::{Benchmark, Item, Skip};
use crate::dataset::Folder;
use crate::system::files::json;

#[derive(Deserialize)]
struct Phrases {
    #[serde(rename = "POS")]
    truths: Vec<String>,
    #[serde(rename = "NEG")]
    foils: Vec<String>,
}

/// Reads every list of the `TUPLE_JSON` form under the folder; a subset is called after its path.
///
/// # Errors
/// If there is none, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("VL-CheckList file (a .json list)", |name| name.ends_with(".json"))? {
        let within = path.strip_prefix(folder.root()).unwrap_or(path).with_extension("");
        let subset = within.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        let items: Vec<(String, Phrases)> = json(path, "a list of [image, {\"POS\": […], \"NEG\": […]}]")?;
        for (idx, (image, phrases)) in items.iter().enumerate() {
            for _ in 0..phrases.truths.len().abs_diff(phrases.foils.len()) {
                benchmark.skip(&subset, Skip::Unpaired);
            }
            for (nth, (truth, foil)) in phrases.truths.iter().zip(&phrases.foils).enumerate() {
                let id = if nth == 0 { idx.to_string() } else { format!("{idx}-{nth}") };
                let image = folder.image(image);
                benchmark.add_contest(Item::new(&subset, id), image, &[truth], &[foil]);
            }
        }
    }
    Ok(benchmark)
}
