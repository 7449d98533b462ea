//! NegCLIP's validation pairs (arXiv 2210.01936), as the audit of negatives reads them.

use anyhow::Result;

use super::{Benchmark, Item};
use crate::dataset::Folder;
use crate::dataset::text_pairs;

/// Reads every `.tsv` file that has NegCLIP's columns.
///
/// # Errors
/// If there is none, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("NegCLIP table (.tsv)", |name| name.ends_with(".tsv"))? {
        for (idx, pair) in text_pairs::read(path)?.iter().enumerate() {
            let image = folder.image(&pair.image);
            benchmark.add_contest(Item::new(&pair.subset, idx), image, &[&pair.positive], &[&pair.negative]);
        }
    }
    Ok(benchmark)
}
