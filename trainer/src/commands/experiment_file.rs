//! An experiment as data: arms that differ in options of `pretrain`, each with several seeds, scored on the same
//! benchmarks.
//!
//! ```toml
//! seeds = [0, 1, 2]
//!
//! [train]                  # options of `pretrain` that all arms share
//! data = "scenes:120000"
//!
//! [[arm]]                  # the first arm is what the others are compared with
//! name = "plain"
//! negatives = "none"
//!
//! [[arm]]
//! name = "hard-negative"
//! negatives = "all"
//!
//! [[benchmark]]            # options of `evaluate`
//! benchmark = "scenes"
//! seed = 1000
//! ```

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use toml::Table;

use crate::eval;
use crate::train::settings::Settings;

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Each arm is trained once with each of them.
    pub seeds: Vec<u64>,
    /// Options of `pretrain` that all arms share.
    #[serde(default)]
    pub train: Table,
    /// What is compared.
    #[serde(rename = "arm")]
    pub arms: Vec<Arm>,
    /// Options of `evaluate`.
    #[serde(rename = "benchmark")]
    pub benchmarks: Vec<eval::Options>,
}

/// One way to train.
#[derive(Debug, Deserialize)]
pub struct Arm {
    /// What it is called in folders and tables.
    pub name: String,
    /// Its own options of `pretrain`.
    #[serde(flatten)]
    pub options: Table,
}

impl Experiment {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is no experiment, or names something twice.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not an experiment", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let experiment: Experiment = toml::from_str(text)?;
        if experiment.seeds.is_empty() || experiment.arms.is_empty() {
            bail!("it needs at least one seed and one arm");
        }
        let mut seeds = BTreeSet::new();
        if let Some(twice) = experiment.seeds.iter().find(|seed| !seeds.insert(**seed)) {
            bail!("seed {twice} is there twice");
        }
        let mut names = BTreeSet::new();
        for arm in &experiment.arms {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            if arm.name.is_empty() || !arm.name.chars().all(plain) {
                bail!("{:?} cannot be the name of a folder", arm.name);
            }
            if !names.insert(&arm.name) {
                bail!("two arms are called {}", arm.name);
            }
        }
        Ok(experiment)
    }

    /// The names of its runs, arm by arm.
    pub fn runs(&self) -> impl Iterator<Item = (&Arm, u64, String)> {
        self.arms
            .iter()
            .flat_map(|arm| self.seeds.iter().map(move |seed| (arm, *seed, format!("{}-{seed}", arm.name))))
    }
}

/// The settings of a run: those that all arms share, and the arm's own, which win.
///
/// # Errors
/// Names the first key that is no setting, or has another kind of value.
pub fn settings(shared: &Table, arm: &Arm) -> Result<Settings> {
    let mut merged = shared.clone();
    merged.extend(arm.options.clone());
    let settings: Settings = merged.try_into()?;
    settings.check()?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "seeds = [0, 1]\n[train]\nepochs = 1\n[[arm]]\nname = \"plain\"\nnegatives = \"none\"\n\
        [[arm]]\nname = \"hard\"\nloss = \"tsvlc\"\nepochs = 3\n[[benchmark]]\nbenchmark = \"scenes\"\n";

    #[test]
    fn settings_of_an_arm_win_over_shared_ones() {
        let experiment = Experiment::parse(SMALL).expect("an experiment");
        let names: Vec<_> = experiment.runs().map(|(_, _, name)| name).collect();
        assert_eq!(names, ["plain-0", "plain-1", "hard-0", "hard-1"]);
        let settings = settings(&experiment.train, &experiment.arms[1]).expect("settings");
        assert_eq!((settings.epochs, settings.loss), (3, crate::train::settings::Loss::Tsvlc));
    }

    #[test]
    fn what_is_no_experiment_is_refused_with_a_reason() {
        for (text, words) in [
            (SMALL.replace("hard", "plain"), "two arms are called plain"),
            (SMALL.replace("hard", "../x"), "cannot be the name of a folder"),
            (SMALL.replace("[0, 1]", "[]"), "at least one seed"),
            (SMALL.replace("[0, 1]", "[1, 0, 1]"), "seed 1 is there twice"),
            (SMALL.replace("[train]", "[trains]"), "trains"),
        ] {
            let error = Experiment::parse(&text).expect_err("no experiment");
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
        let wrong = Experiment::parse(&SMALL.replace("epochs = 3", "epoch = 3")).expect("an experiment");
        let error = settings(&wrong.train, &wrong.arms[1]).expect_err("no setting");
        assert!(error.to_string().contains("epoch"), "{error}");
    }
}
