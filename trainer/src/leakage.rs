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

/// The pictures of a benchmark that a bundle was trained on, by their names.
pub fn trained_on(training: &Training, benchmark: &Benchmark) -> Vec<String> {
    let known: BTreeSet<u32> = training.pictures.iter().copied().collect();
    let files =
        benchmark.pictures.iter().filter(|source| matches!(source, Source::File(_) | Source::Crop(..)));
    files.map(Source::name).filter(|name| known.contains(&fingerprint(name))).collect()
}
