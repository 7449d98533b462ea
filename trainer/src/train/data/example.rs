//! What one image contributes to a batch, and the random numbers that decide it.

use rand::Rng;
use rand::seq::SliceRandom;
use shared::negative::{HardNegative, Recipe};
use shared::seed;

use super::features::ImageValues;
use crate::train::negative_source::NegativeSource;
use crate::train::run_config::RunConfig;

/// An image with one of its captions and hard negatives of it.
pub struct Example {
    /// The model's input.
    pub image: ImageValues,
    /// The caption.
    pub caption: String,
    /// Its hard negatives, each with its source.
    pub negatives: Vec<(NegativeSource, String)>,
}

/// A drawn negative and its source.
pub fn of_concept(negative: HardNegative) -> (NegativeSource, String) {
    (NegativeSource::Concept(negative.concept), negative.caption)
}

/// The streams of random numbers that a run's seed is split into.
#[repr(u64)]
pub enum Stream {
    Scene = 1,
    Caption = 2,
    Negative = 3,
    Order = 4,
    View = 5,
    Channels = 6,
    Candidates = 7,
    Given = 8,
    Edits = 9,
    Calibration = 10,
}

impl Stream {
    /// The random numbers of this stream for the batch, example or epoch of a number.
    pub fn of(self, run_seed: u64, number: u64) -> impl Rng {
        seed::rng(&[run_seed, self as u64, number])
    }

    /// Which of `n` things the batch of a number shows, `share` of them, in an order that each epoch draws anew. What is left of an
    /// epoch and does not fill a batch is not shown, so that no batch has a thing twice.
    pub fn batch(self, run_seed: u64, number: u64, share: u64, n: usize) -> Vec<usize> {
        let batches = n as u64 / share;
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut self.of(run_seed, number / batches));
        let begin = (number % batches * share) as usize;
        order[begin..begin + share as usize].to_vec()
    }
}

/// How a run draws negatives.
pub fn recipe(config: &RunConfig) -> Recipe<'_> {
    Recipe { strategy: config.settings.strategy, ..Recipe::replace(&config.settings.negatives.concepts) }
}
