//! Whether a model has been trained on what it is scored on.

use std::collections::BTreeSet;

use shared::bundle::Training;
use shared::seed;

use crate::benchmark::{Benchmark, Source};
use crate::captions::picture_key;

/// A picture as training facts remember it: the lower half of a hash of its key, the same for all names of a picture of
/// COCO. Two of a million pictures share one by chance, which a warning can bear.
pub fn fingerprint(name: &str) -> u32 {
    seed::of_text(&picture_key(name)) as u32
}

/// What is known of a bundle and the pictures of a benchmark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leakage {
    /// The names of those that it was trained on.
    pub known: Vec<String>,
    /// How many have no names of their own, as cells of tables.
    pub nameless: usize,
}

/// Looks for the pictures of a benchmark among those that a bundle was trained on, by their names.
pub fn trained_on(training: &Training, benchmark: &Benchmark) -> Leakage {
    let seen: BTreeSet<u32> = training.pictures.iter().copied().collect();
    if seen.is_empty() {
        return Leakage::default();
    }
    let mut leakage = Leakage::default();
    let mut files = BTreeSet::new();
    for source in &benchmark.pictures {
        let name = source.name();
        match (source, source.path()) {
            (_, Some(path)) if seen.contains(&fingerprint(&name)) && files.insert(path) => {
                leakage.known.push(name);
            }
            (Source::Bytes(..), _) => leakage.nameless += 1,
            _ => {}
        }
    }
    leakage
}
