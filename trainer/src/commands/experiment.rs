//! `experiment`: a grid of runs, trained, exported, scored and summed up from one file. What is done is not done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use toml::Table;

use super::{evaluate, export, pretrain};
use crate::cli::{Command, EvaluateArgs, ExperimentArgs, ExportArgs, PretrainArgs, Storage};
use crate::experiment::{self, Experiment};
use crate::run_config::RunConfig;
use crate::{atomic_file, data, leakage, run_folder};

/// Trains what is missing and prints one table a benchmark.
///
/// # Errors
/// If the file is no experiment, a run in the folder was made with other settings, or a run or an evaluation fails.
pub fn run(args: &ExperimentArgs) -> Result<()> {
    let experiment = Experiment::read(&args.file)?;
    // Every command is understood before the first one is carried out: a mistake in the last line costs no training.
    let commands = commands(&experiment, args)?;
    check_leakage(&experiment, &commands, args)?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    for (nth, command) in commands.iter().enumerate() {
        eprintln!("{} ({} of {})", command.out.display(), nth + 1, commands.len());
        if !train(command)? {
            return Ok(());
        }
        export::run(&ExportArgs {
            run: command.out.clone(),
            out: bundle_of(&command.out),
            precision: Storage::F16,
            perceptual_hashes: false,
        })?;
    }
    let arms: Vec<String> = experiment.arms.iter().map(|arm| arm.name.clone()).collect();
    let mut tables = Vec::new();
    for (nth, options) in experiment.benchmarks.iter().enumerate() {
        let evaluation = evaluation(options, &commands, args)?;
        let (report, _) = evaluate::report(&evaluation)?;
        let path = args.out.join(format!("{}-{nth}.json", report.benchmark));
        atomic_file::write(&path, serde_json::to_string_pretty(&report)?)?;
        tables.push(experiment::summarize(&report, &arms, experiment.seeds.len()).markdown());
    }
    let tables = tables.join("\n");
    atomic_file::write(&args.out.join("table.md"), &tables)?;
    print!("{tables}");
    Ok(())
}

fn bundle_of(run: &Path) -> PathBuf {
    run.with_extension("safetensors")
}

/// The runs, and a look at the evaluations.
fn commands(experiment: &Experiment, args: &ExperimentArgs) -> Result<Vec<PretrainArgs>> {
    let mut commands = Vec::new();
    for (arm, seed, name) in experiment.runs() {
        let mut more = vec![("out", args.out.join(name).display().to_string()), ("seed", seed.to_string())];
        more.extend(device(args));
        let options = [&experiment.train, &arm.options];
        let told = |key: &str| options.iter().rev().find_map(|table| table.get(key));
        if told("freeze-backbone").and_then(toml::Value::as_bool) == Some(true)
            && told("feature-cache").is_none()
        {
            // What a locked stem makes of pictures is the same in every run.
            more.push(("features", args.out.join("features").display().to_string()));
        }
        match experiment::command("pretrain", &options, &more)
            .with_context(|| format!("arm {} cannot be trained", arm.name))?
        {
            Command::Pretrain(command) => commands.push(command),
            _ => bail!("arm {} is no training", arm.name),
        }
    }
    for options in &experiment.benchmarks {
        evaluation(options, &commands, args)?;
    }
    Ok(commands)
}

/// Compares the pictures of every arm with those of every benchmark by their names, before hours are spent on the one and
/// refused by the other.
fn check_leakage(experiment: &Experiment, commands: &[PretrainArgs], args: &ExperimentArgs) -> Result<()> {
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for command in commands {
        for data in &command.settings.data {
            if seen.insert((data, &command.settings.split)) {
                names.extend(data::names(data, &run_folder::files(&command.settings))?);
            }
        }
    }
    for options in &experiment.benchmarks {
        let evaluation = evaluation(options, commands, args)?;
        let benchmark = evaluate::benchmark(&evaluation)?;
        let leakage = leakage::named(names.iter().map(String::as_str), &benchmark);
        leakage.check("an arm", &benchmark, evaluation.allow_leakage)?;
    }
    Ok(())
}

/// The evaluation of all runs' bundles, of the first against the others.
fn evaluation(options: &Table, commands: &[PretrainArgs], args: &ExperimentArgs) -> Result<EvaluateArgs> {
    let name = |nth: usize| if nth == 0 { "bundle" } else { "against" };
    let bundles = commands.iter().map(|command| bundle_of(&command.out).display().to_string());
    let bundles = bundles.enumerate().map(|(nth, path)| (name(nth), path));
    let more: Vec<(&str, String)> = bundles.chain(device(args)).collect();
    match experiment::command("evaluate", &[options], &more).context("a benchmark cannot be used")? {
        Command::Evaluate(evaluation) => Ok(evaluation),
        _ => bail!("a benchmark is no evaluation"),
    }
}

fn device(args: &ExperimentArgs) -> Option<(&'static str, String)> {
    let name = args.device?.to_possible_value()?.get_name().to_owned();
    Some(("device", name))
}

/// Begins a run, goes on with it, or finds it done. False if somebody stopped it.
fn train(command: &PretrainArgs) -> Result<bool> {
    if RunConfig::is_in(&command.out) {
        run_folder::check_settings(command)?;
        // Going on would look at all of its pictures once more.
        if run_folder::is_done(&command.out)? {
            return Ok(true);
        }
        let resumed = PretrainArgs { resume: true, ..command.clone() };
        pretrain::run(&resumed)?;
    } else {
        pretrain::run(command)?;
    }
    run_folder::is_done(&command.out)
}
