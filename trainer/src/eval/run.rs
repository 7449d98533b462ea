//! An evaluation from its options to its report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::bundle::Bundle;
use shared::engine::Engine;

use super::Options;
use super::benchmark::{self, Benchmark};
use super::compare::compare;
use super::decide::{Decision, decide};
use super::embed::{Model, embed};
use super::leakage::{self, Leakage};
use super::report::{ModelReport, Report, SCHEMA, Skipped};
use super::table::tabulate;
use super::terms::{hardest, terms};
use super::text_only::TextOnly;
use crate::dataset::{Captions, Folder, Split};
use crate::models::bundles;
use crate::negatives::blind::Judges;
use crate::system::device::{self, Backend};

/// Items listed as the hardest, and as the easiest.
const LISTED: usize = 12;

/// Reads a benchmark.
///
/// # Errors
/// If it cannot be used.
pub fn load(options: &Options) -> Result<Benchmark> {
    let folder = options.data.as_deref().map(|path| Folder::open(path, &options.images)).transpose()?;
    let mut benchmark = benchmark::load(options, folder.as_ref())?;
    if let Some(path) = &options.exclude {
        let list =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let classes: BTreeSet<&str> = list.lines().map(str::trim).collect();
        benchmark.leave_out_classes(&classes);
    }
    Ok(benchmark)
}

/// Scores bundles on a benchmark; each further one is compared with the first. Items whose images cannot be read are left out
/// of the benchmark.
///
/// # Errors
/// If a bundle cannot be used or was trained on the benchmark's images, or the device fails.
pub fn run(
    benchmark: &mut Benchmark,
    options: &Options,
    bundles: &[PathBuf],
    device: Option<Backend>,
    quiet: bool,
) -> Result<Report> {
    let (judges, judge) = match &options.judge {
        Some(path) => (Judges::new(&Captions::read(path, Split::Unnamed)?), path.display().to_string()),
        None => (Judges::built_in(), "Flickr8k's training captions, commoner words".to_owned()),
    };
    let device = device::open(device)?;
    let loaded: Vec<(Bundle, Engine)> =
        bundles.iter().map(|path| bundles::load(path, &device)).collect::<Result<_>>()?;
    let leakages = check_leakage(bundles, &loaded, benchmark, options.allow_leakage)?;
    let engines: Vec<&dyn Model> = loaded.iter().map(|(_, engine)| engine as &dyn Model).collect();
    let (embeddings, unreadable) = embed(benchmark, &engines, quiet)?;
    for (_, why) in &unreadable {
        eprintln!("left out: {why}");
    }
    benchmark.leave_out(&unreadable.iter().map(|(image, _)| *image).collect::<Vec<_>>());
    let text = TextOnly::judge(benchmark, &judges)?;
    let decided: Vec<Vec<Decision>> =
        embeddings.iter().map(|embeddings| decide(benchmark, embeddings)).collect();
    let mut models: Vec<ModelReport> = Vec::new();
    for (((path, (bundle, _)), leakage), decisions) in bundles.iter().zip(&loaded).zip(leakages).zip(&decided)
    {
        let training = bundle.header().training();
        let [hardest, easiest] = hardest(benchmark, decisions, LISTED);
        models.push(ModelReport {
            bundle: name(path),
            negatives: training.negatives.clone(),
            data: training.data.clone(),
            seed: training.seed,
            trained_on_pictures: leakage.known.len(),
            nameless_pictures: leakage.nameless,
            rows: tabulate(decisions, &text),
            terms: terms(benchmark, decisions),
            hardest,
            easiest,
        });
    }
    let mut comparisons = Vec::new();
    for (model, decisions) in models.iter().zip(&decided).skip(1) {
        comparisons.extend(compare([&model.bundle, &models[0].bundle], decisions, &decided[0]));
    }
    Ok(Report {
        schema: SCHEMA,
        benchmark: options.benchmark.name(),
        data: match &options.data {
            Some(path) => path.display().to_string(),
            None => format!("{} scene pairs of seed {}", options.count, options.seed),
        },
        judge,
        skipped: Skipped::of(benchmark),
        models,
        comparisons,
    })
}

/// What each bundle knows of a benchmark's images.
fn check_leakage(
    paths: &[PathBuf],
    loaded: &[(Bundle, Engine)],
    benchmark: &Benchmark,
    allowed: bool,
) -> Result<Vec<Leakage>> {
    let trainings = || loaded.iter().map(|(bundle, _)| bundle.header().training());
    let hashes = trainings().any(|training| !training.looks.is_empty()).then(|| leakage::hashes(benchmark));
    let mut leakages = Vec::new();
    for (path, training) in paths.iter().zip(trainings()) {
        let leakage = leakage::trained_on(training, benchmark, hashes.as_deref());
        if leakage.nameless > 0 {
            let (count, bundle) = (leakage.nameless, name(path));
            eprintln!(
                "{count} images have no names, so nobody can tell whether {bundle} was trained on them"
            );
        }
        leakage.check(&name(path), benchmark, allowed)?;
        leakages.push(leakage);
    }
    Ok(leakages)
}

fn name(bundle: &Path) -> String {
    bundle
        .file_stem()
        .map_or_else(|| bundle.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}
