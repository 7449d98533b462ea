//! Hard positives (arXiv 2409.17958): the same negative against a caption and against the caption in other words. Who
//! takes every edit for a lie fails the second.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::{Benchmark, Item};
use crate::dataset::Folder;
use crate::system::files::{json, stem};

#[derive(Deserialize)]
struct Entry {
    true_caption: String,
    false_caption: String,
    image_path: String,
}

/// Reads `vl_checklist_attributes.json` and `vl_checklist_relations.json`, and the files of the same names in the
/// folder `swapped_data`.
///
/// # Errors
/// If none is there, one is there twice or has another form, or two that belong together differ in length.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let is_list = |name: &str| name.starts_with("vl_checklist") && name.ends_with(".json");
    let mut files: BTreeMap<String, [Option<Vec<Entry>>; 2]> = BTreeMap::new();
    for path in folder.need("vl_checklist_attributes.json", is_list)? {
        let expected = "a list of items with `image_path`, `true_caption` and `false_caption`";
        let within = path.strip_prefix(folder.root()).unwrap_or(path);
        let file = &mut files.entry(stem(path).replace("vl_checklist_", "")).or_default()
            [usize::from(is_reworded(within))];
        if file.replace(json(path, expected)?).is_some() {
            bail!("{} is there twice, the second is {}; name the folder of one", stem(path), path.display());
        }
    }
    let mut benchmark = Benchmark::default();
    for (name, [original, reworded]) in &files {
        let mut add = |kind: &str, entries: &[Entry], other: Option<&[Entry]>| {
            for (idx, entry) in entries.iter().enumerate() {
                let mut truths = vec![entry.true_caption.as_str()];
                truths.extend(other.map(|other| other[idx].true_caption.as_str()));
                let image = folder.image(&entry.image_path);
                let item = Item { extra: true, ..Item::new(&format!("{name}, {kind}"), idx) };
                benchmark.add_contest(item, image, &truths, &[&entry.false_caption]);
            }
        };
        let [original, reworded] = [original.as_deref(), reworded.as_deref()];
        if let Some(original) = original {
            add("original", original, None);
        }
        if let Some(reworded) = reworded {
            add("reworded", reworded, None);
        }
        if let (Some(original), Some(reworded)) = (original, reworded) {
            if original.len() != reworded.len() {
                let (ours, theirs) = (original.len(), reworded.len());
                bail!("the two files of {name} do not belong together: {ours} and {theirs} items");
            }
            add("both", original, Some(reworded));
        }
    }
    Ok(benchmark)
}

fn is_reworded(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_string_lossy().contains("swapped"))
}
