//! `experiment`: a grid of runs, trained, exported, scored and summed up from one file. What is done is not done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use shared::bundle::Precision;

use super::experiment_file::{self, Experiment};
use super::export::{self, ExportArgs};
use crate::dataset::images;
use crate::eval;
use crate::eval::benchmark::Benchmark;
use crate::eval::leakage;
use crate::eval::report::summary::summarize;
use crate::models::bundles::Output;
use crate::system::atomic_file;
use crate::system::device::Backend;
use crate::system::named::named;
use crate::train;
use crate::train::configure::configure;
use crate::train::data::{Data, Library};
use crate::train::run_config::RunConfig;
use crate::train::run_folder;

/// The options of `experiment`.
#[derive(Args)]
pub struct ExperimentArgs {
    /// The experiment: seeds, arms and benchmarks as TOML, such as `trainer/recipes/scenes.toml`.
    pub file: PathBuf,
    /// Write runs, bundles, reports and tables into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

/// Trains what is missing and prints one table per benchmark.
///
/// # Errors
/// If the file is no experiment, a run in the folder was made with other settings, or a run or an evaluation fails.
pub fn run(args: &ExperimentArgs) -> Result<()> {
    let experiment = Experiment::read(&args.file)?;
    // Everything is read before the first run begins: a mistake in the last line costs no training.
    let runs = runs(&experiment, args)?;
    let mut benchmarks: Vec<Benchmark> = Vec::new();
    for options in &experiment.benchmarks {
        benchmarks.push(eval::load(options).context("a benchmark cannot be used")?);
    }
    check_leakage(&experiment, &runs, &benchmarks)?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut library = Library::default();
    for (nth, run) in runs.iter().enumerate() {
        eprintln!("{} ({} of {})", run.out.display(), nth + 1, runs.len());
        if !train(run, &mut library)? {
            return Ok(());
        }
        export::run(&ExportArgs {
            run: run.out.clone(),
            output: Output { out: bundle_of(&run.out), backbone: None, precision: Precision::F16 },
            perceptual_hashes: false,
        })?;
    }
    let arms: Vec<String> = experiment.arms.iter().map(|arm| arm.name.clone()).collect();
    let bundles: Vec<PathBuf> = runs.iter().map(|run| bundle_of(&run.out)).collect();
    let mut tables = Vec::new();
    for (nth, (options, benchmark)) in experiment.benchmarks.iter().zip(&mut benchmarks).enumerate() {
        let report = eval::run(benchmark, options, &bundles, args.device, false)?;
        let path = args.out.join(format!("{}-{nth}.json", report.benchmark));
        atomic_file::write(&path, serde_json::to_string_pretty(&report)?)?;
        tables.push(summarize(&report, &arms, experiment.seeds.len()).markdown());
    }
    let tables = tables.join("\n");
    atomic_file::write(&args.out.join("table.md"), &tables)?;
    print!("{tables}");
    Ok(())
}

fn bundle_of(run: &Path) -> PathBuf {
    run.with_extension("safetensors")
}

fn runs(experiment: &Experiment, args: &ExperimentArgs) -> Result<Vec<train::Options>> {
    let of_run = |(arm, seed, name): (&experiment_file::Arm, u64, String)| {
        let mut settings = experiment_file::settings(&experiment.train, arm)
            .with_context(|| format!("arm {} cannot be trained", arm.name))?;
        settings.seed = seed;
        if settings.freeze_backbone && settings.feature_cache.is_none() {
            // The features of a frozen backbone are the same in every run.
            settings.feature_cache = Some(args.out.join("features"));
        }
        let command = format!("experiment {}, arm {}, seed {seed}", args.file.display(), arm.name);
        let options = train::Options::new(settings, args.out.join(name), command);
        Ok(train::Options { device: args.device, ..options })
    };
    experiment.runs().map(of_run).collect()
}

/// Compares the images of every arm with those of every benchmark by their names, before hours are spent on the one and
/// refused by the other.
fn check_leakage(experiment: &Experiment, runs: &[train::Options], benchmarks: &[Benchmark]) -> Result<()> {
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for run in runs {
        for data in &run.settings.data {
            if seen.insert((data, &run.settings.split)) {
                names.extend(images::names(data, &run.settings.image_options())?);
            }
        }
    }
    for (options, benchmark) in experiment.benchmarks.iter().zip(benchmarks) {
        let leakage = leakage::named(names.iter().map(String::as_str), benchmark);
        leakage.check("an arm", benchmark, options.allow_leakage)?;
    }
    Ok(())
}

/// Begins a run, resumes it, or finds it done. False if somebody stopped it.
fn train(run: &train::Options, library: &mut Library) -> Result<bool> {
    if RunConfig::is_in(&run.out) {
        let data = Data::open(&run.settings, library)?;
        run_folder::check_settings(&run.out, configure(run, &data, 1)?.0)?;
        // Resuming a run that is done would only look at its data once more.
        if run_folder::is_done(&run.out)? {
            return Ok(true);
        }
        train::run::run(&train::Options { resume: true, ..run.clone() }, library)?;
    } else {
        train::run::run(run, library)?;
    }
    run_folder::is_done(&run.out)
}
