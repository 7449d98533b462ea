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

mod summary;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde::Deserialize;
use toml::{Table, Value};

use crate::cli::{Cli, Command};
pub use summary::summarize;

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
    pub benchmarks: Vec<Table>,
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

/// A command as if its options had been typed, so that files and command line understand the same.
///
/// # Errors
/// If the command line would refuse them.
pub fn command(name: &str, options: &[&Table], more: &[(&str, String)]) -> Result<Command> {
    let mut merged = Table::new();
    for table in options {
        merged.extend((*table).clone());
    }
    let mut words = vec!["trainer".to_owned(), name.to_owned()];
    for (key, value) in &merged {
        let several =
            if let Value::Array(several) = value { several.as_slice() } else { std::slice::from_ref(value) };
        for value in several {
            match value {
                Value::Boolean(false) => {}
                Value::Boolean(true) => words.push(format!("--{key}")),
                Value::String(text) => words.extend([format!("--{key}"), text.clone()]),
                Value::Integer(_) | Value::Float(_) => words.extend([format!("--{key}"), value.to_string()]),
                _ => bail!("{key} cannot be {value}"),
            }
        }
    }
    words.extend(more.iter().flat_map(|(key, value)| [format!("--{key}"), value.clone()]));
    Ok(Cli::try_parse_from(words).map_err(complaint)?.command)
}

/// What the command line says is wrong, without the rest of its help.
fn complaint(error: clap::Error) -> anyhow::Error {
    let told = error.to_string();
    let lines: Vec<&str> = told.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    anyhow::anyhow!("{}", lines.join(" ").trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "seeds = [0, 1]\n[train]\nepochs = 1\n[[arm]]\nname = \"plain\"\nnegatives = \"none\"\n\
        [[arm]]\nname = \"hard\"\nloss = \"tsvlc\"\nepochs = 3\n[[benchmark]]\nbenchmark = \"scenes\"\n";

    #[test]
    fn options_of_an_arm_are_those_of_the_command_line_and_win_over_shared_ones() {
        let experiment = Experiment::parse(SMALL).expect("an experiment");
        let names: Vec<_> = experiment.runs().map(|(_, _, name)| name).collect();
        assert_eq!(names, ["plain-0", "plain-1", "hard-0", "hard-1"]);
        let tables = [&experiment.train, &experiment.arms[1].options];
        let verb = command("pretrain", &tables, &[("out", "runs/x".to_owned())]).expect("a command");
        let Command::Pretrain(args) = verb else { panic!("another verb") };
        assert_eq!((args.settings.epochs, args.settings.loss), (3, crate::objective::Loss::Tsvlc));
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
        let options: Table = toml::from_str("epoch = 3").expect("a table");
        let error = command("pretrain", &[&options], &[("out", "x".to_owned())]).err().expect("no option");
        assert!(error.to_string().contains("--epoch"), "{error}");
    }
}
