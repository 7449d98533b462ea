//! Drawn scenes and their counterfactuals: pairs without confounds that need no file.

use std::sync::Arc;

use super::{Benchmark, Item};
use crate::dataset::ImageSource;
use crate::dataset::scene_pairs::pair;

/// Draws `count` pairs, other ones with another seed; concepts take turns.
pub fn drawn(count: usize, seed: u64) -> Benchmark {
    let mut benchmark = Benchmark::default();
    for number in 0..count as u64 {
        let pair = pair(seed, number);
        let image = |half: &str, scene| {
            Some(ImageSource::Scene(format!("scene {seed}-{number}, {half}"), Arc::new(scene)))
        };
        let images = [image("first", pair.scene().clone()), image("second", pair.foil_scene().clone())];
        // Counted from 1, like the rows of a file.
        let item = Item::new(pair.concept().name(), number + 1);
        benchmark.add_square(item, images, [pair.caption(), pair.foil_caption()]);
    }
    benchmark
}
