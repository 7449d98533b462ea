//! SugarCrepe (arXiv 2306.14610): an object of items a subset, whose keys are numbers with gaps; and SugarCrepe++
//! (arXiv 2406.11171), where a second caption says the same in other words and both must beat the negative.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::{Benchmark, Item};
use crate::dataset::Folder;
use crate::dataset::text_pairs::sugar_crepe::contests;
use crate::system::files::stem;

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
            let image = folder.image(&item.filename);
            benchmark.add_contest(Item::new(&subset, key), image, &truths, &[&item.negative_caption]);
        }
    }
    Ok(benchmark)
}
