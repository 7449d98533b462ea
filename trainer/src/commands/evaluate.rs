//! `evaluate`: bundles on a benchmark.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use shared::bundle::Training;

use crate::benchmark::{self, Benchmark, Folder};
use crate::blind::Judges;
use crate::captioned::Split;
use crate::captions::Captions;
use crate::cli::EvaluateArgs;
use crate::evaluation::{self, Decision, TextOnly};
use crate::leakage::{self, Leakage};
use crate::report::{self, ModelReport, Report, Skipped};
use crate::{bundles, device};

/// Items listed as the hardest, and as the easiest.
const LISTED: usize = 12;

/// Scores bundles and prints a table.
///
/// # Errors
/// If a bundle or the benchmark cannot be used, the device fails, or a report cannot be written.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let (report, benchmark) = report(args)?;
    write(args.json.as_deref(), || Ok(serde_json::to_string_pretty(&report)?))?;
    write(args.csv.as_deref(), || report::csv::table(&report))?;
    write(args.html.as_deref(), || {
        let pictures = (!args.no_thumbnails).then_some(&benchmark);
        Ok(report::html::page(&report, pictures))
    })?;
    // Last, because a reader that goes away ends the program.
    report::terminal::print(&mut io::stdout().lock(), &report)
}

/// Scores bundles; returns what was found, and of which items.
///
/// # Errors
/// If a bundle or the benchmark cannot be used, a bundle was trained on its pictures, or the device fails.
pub fn report(args: &EvaluateArgs) -> Result<(Report, Benchmark)> {
    let mut benchmark = benchmark(args)?;
    let (judges, judge) = match &args.judge {
        Some(path) => (Judges::new(&Captions::read(path, Split::Unnamed)?), path.display().to_string()),
        None => (Judges::built_in(), "Flickr8k's training captions, commoner words".to_owned()),
    };
    let device = device::open(args.device)?;
    let mut models: Vec<ModelReport> = Vec::new();
    let mut decided: Vec<Vec<Decision>> = Vec::new();
    let mut text: Option<TextOnly> = None;
    for path in std::iter::once(&args.bundle).chain(&args.against) {
        let (bundle, engine) = bundles::load(path, &device)?;
        let training = bundle.header().training();
        let leakage = check_leakage(path, training, &benchmark, args.allow_leakage)?;
        let embeddings = evaluation::embed(&benchmark, &engine, args.quiet)?;
        // The same pictures fail for every bundle, so the first one's failures settle which items all are asked.
        if models.is_empty() {
            for (_, why) in &embeddings.unreadable {
                eprintln!("left out: {why}");
            }
            let broken: Vec<_> = embeddings.unreadable.iter().map(|(picture, _)| *picture).collect();
            benchmark.leave_out(&broken);
        }
        let text = match &text {
            Some(text) => text,
            None => text.insert(TextOnly::judge(&benchmark, &judges)?),
        };
        let decisions = evaluation::decide(&benchmark, &embeddings);
        let [hardest, easiest] = evaluation::hardest(&benchmark, &decisions, LISTED);
        models.push(ModelReport {
            bundle: name(path),
            negatives: training.negatives.clone(),
            data: training.data.clone(),
            seed: training.seed,
            trained_on_pictures: leakage.known.len(),
            nameless_pictures: leakage.nameless,
            rows: evaluation::tabulate(&decisions, text),
            terms: evaluation::terms(&benchmark, &decisions),
            hardest,
            easiest,
        });
        decided.push(decisions);
    }
    let mut comparisons = Vec::new();
    for (model, decisions) in models.iter().zip(&decided).skip(1) {
        comparisons.extend(evaluation::compare([&model.bundle, &models[0].bundle], decisions, &decided[0]));
    }
    let report = Report {
        schema: report::SCHEMA,
        benchmark: report::name(args.benchmark),
        data: match &args.data {
            Some(path) => path.display().to_string(),
            None => format!("{} scene pairs of seed {}", args.count, args.seed),
        },
        judge,
        skipped: Skipped::of(&benchmark),
        models,
        comparisons,
    };
    Ok((report, benchmark))
}

/// What is asked.
///
/// # Errors
/// If the benchmark cannot be used.
pub fn benchmark(args: &EvaluateArgs) -> Result<Benchmark> {
    let folder = args.data.as_deref().map(|path| Folder::open(path, &args.images)).transpose()?;
    let mut benchmark = benchmark::load(args.benchmark, folder.as_ref(), args)?;
    if let Some(path) = &args.exclude {
        leave_out_classes(&mut benchmark, path)?;
    }
    Ok(benchmark)
}

/// What a bundle knows of a benchmark's pictures.
///
/// # Errors
/// If it was trained on any of them, unless that is allowed.
fn check_leakage(path: &Path, training: &Training, benchmark: &Benchmark, allowed: bool) -> Result<Leakage> {
    let leakage = leakage::trained_on(training, benchmark);
    if leakage.nameless > 0 {
        let (count, bundle) = (leakage.nameless, name(path));
        eprintln!("{count} pictures have no names, so nobody can tell whether {bundle} was trained on them");
    }
    leakage.check(&name(path), benchmark, allowed)?;
    Ok(leakage)
}

fn write(path: Option<&Path>, content: impl Fn() -> Result<String>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    fs::write(path, content()?).with_context(|| format!("cannot write {}", path.display()))
}

/// Takes out the items of the classes that a file lists, one a line.
fn leave_out_classes(benchmark: &mut Benchmark, path: &Path) -> Result<()> {
    let list = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let classes: BTreeSet<&str> = list.lines().map(str::trim).collect();
    benchmark.leave_out_classes(&classes);
    Ok(())
}

fn name(bundle: &Path) -> String {
    bundle
        .file_stem()
        .map_or_else(|| bundle.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}
