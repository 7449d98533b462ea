//! Everything needed to repeat a run, saved in its folder.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use shared::model::ClipConfig;

use super::settings::Settings;
use crate::system::atomic_file;

/// A run: its settings, and what they and the data led to. Unknown keys are errors, so that a typing mistake changes nothing
/// silently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The settings.
    pub settings: Settings,
    /// Images of each source in a batch.
    pub shares: Vec<usize>,
    /// A number that changes with what the source says of its images: names, captions, given negatives.
    pub fingerprint: u64,
    /// Images an epoch, of the first source.
    pub images: u64,
    /// The weight of the loss's second term.
    pub loss_weight: f64,
    /// The share of the run, from its beginning, that shows one object at a time: what a thing is called is learned
    /// far sooner when nothing else is in the image (curriculum learning, Bengio et al. 2009).
    pub single_objects: f64,
    /// Batches a step, over all devices and processes.
    pub accum_freq: u64,
    /// The share of steps over which the learning rate rises.
    pub warmup: f64,
    /// The model.
    pub model: ClipConfig,
    /// The commit of the trainer.
    pub commit: String,
    /// The command as it was typed.
    pub command: String,
}

const FILE: &str = "run.json";

impl RunConfig {
    /// Batches of a pass over the data.
    pub fn batches_an_epoch(&self) -> u64 {
        self.images / self.shares[0] as u64
    }

    /// Batches of the whole run.
    pub fn batches(&self) -> u64 {
        self.steps() * self.accum_freq
    }

    /// Optimizer steps of the whole run. What is left of an epoch, or of the run, and does not fill a batch or a step is
    /// not shown.
    pub fn steps(&self) -> u64 {
        self.batches_an_epoch() * self.settings.epochs / self.accum_freq
    }

    /// Tells the numbers of the batches that a process of a group makes: of every step as many as each of the others.
    ///
    /// # Panics
    /// If the batches of a step cannot be divided evenly.
    pub fn batches_of_rank(&self, rank: usize, size: usize) -> impl Fn(&u64) -> bool + Send + 'static {
        assert!(self.accum_freq.is_multiple_of(size as u64), "every process makes as many batches");
        let (a_step, own, rank) = (self.accum_freq, self.accum_freq / size as u64, rank as u64);
        move |number| number % a_step / own == rank
    }

    /// The most hard negatives per caption: `--per-caption` of each way in which they are made.
    pub fn negatives_per_caption(&self) -> usize {
        self.settings.per_caption * self.settings.negatives.n_ways()
    }

    /// Writes the settings into the run folder.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, folder: &Path) -> Result<()> {
        atomic_file::write(&folder.join(FILE), serde_json::to_string_pretty(self)?)
    }

    /// Whether a folder holds a run.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Reads the settings of a run folder.
    ///
    /// # Errors
    /// If there are none, or they cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let json = std::fs::read_to_string(&path)
            .with_context(|| format!("no training run in {}: cannot read {FILE}", folder.display()))?;
        serde_json::from_str(&json).with_context(|| {
            format!("{} cannot be understood; did another version of the trainer begin it?", path.display())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::data::{Data, Library};
    use crate::train::{Options, configure::configure};

    #[test]
    fn every_batch_is_made_by_one_process_and_each_makes_as_many_of_a_step() {
        let settings = Settings {
            data: vec!["scenes:64".to_owned()],
            batch_size: 2,
            accum_freq: Some(6),
            ..Settings::default()
        };
        let options = Options::new(settings, "none".into(), String::new());
        let data = Data::open(&options.settings, &mut Library::default()).expect("data");
        let (config, _) = configure(&options, &data, 1).expect("settings");
        for size in [1, 2, 3, 6] {
            let of_rank = |rank| {
                let numbers = 0..config.batches();
                numbers.filter(config.batches_of_rank(rank, size)).collect::<Vec<u64>>()
            };
            let mut all: Vec<u64> = (0..size).flat_map(of_rank).collect();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..config.batches()), "{size}: {all:?}");
            for step in 0..config.steps() {
                let of_step = |number: &&u64| **number / config.accum_freq == step;
                for rank in 0..size {
                    assert_eq!(of_rank(rank).iter().filter(of_step).count(), 6 / size);
                }
            }
        }
    }
}
