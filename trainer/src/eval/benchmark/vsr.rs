//! Visual Spatial Reasoning (arXiv 2205.00363) as pairs of captions: statements about one image and the same two
//! things, one true and one false, that differ in nothing but the relation.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Deserializer};

use super::{Benchmark, Item, Skip};
use crate::dataset::Folder;
use crate::system::files::json_lines;

#[derive(PartialEq, Eq, Deserialize)]
struct Statement {
    image: String,
    caption: String,
    relation: String,
    #[serde(deserialize_with = "label")]
    label: bool,
}

/// Labels are 0 and 1, in some of its files as decimals.
fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(f64::deserialize(deserializer)? > 0.5)
}

/// The name of the only subset.
const SUBSET: &str = "vsr";

/// Reads every `.jsonl` file.
///
/// # Errors
/// If there is none, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut about: BTreeMap<(String, String), Vec<Statement>> = BTreeMap::new();
    for path in folder.need("VSR file (.jsonl)", |name| name.ends_with(".jsonl"))? {
        for statement in
            json_lines::<Statement>(path, "a statement with `image`, `caption`, `relation` and `label`")?
        {
            let without = statement.caption.replacen(&statement.relation, "…", 1);
            let others = about.entry((statement.image.clone(), without)).or_default();
            // The authors' splits share statements with the file of all of them.
            if !others.contains(&statement) {
                others.push(statement);
            }
        }
    }
    let mut benchmark = Benchmark::default();
    for (number, statements) in about.values().enumerate() {
        let (truths, foils): (Vec<&Statement>, Vec<&Statement>) =
            statements.iter().partition(|one| one.label);
        if truths.is_empty() || foils.is_empty() {
            statements.iter().for_each(|_| benchmark.skip(SUBSET, Skip::Unpaired));
        }
        for (nth, truth) in truths.iter().enumerate() {
            for (mth, foil) in foils.iter().enumerate() {
                let item = Item {
                    class: Some(truth.relation.clone()),
                    ..Item::new(SUBSET, format!("{number}-{nth}-{mth}"))
                };
                let image = folder.image(&truth.image);
                benchmark.add_contest(item, image, &[&truth.caption], &[&foil.caption]);
            }
        }
    }
    Ok(benchmark)
}
