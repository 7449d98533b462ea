//! `evaluate`: bundles on symmetric pairs, one table.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::Serialize;
use shared::decode::decode;
use shared::engine::Engine;
use shared::picture::Picture;
use shared::similarity::{CHANCE, Square};

use crate::cli::{Benchmark, EvaluateArgs};
use crate::verbs::scenes;
use crate::{bundles, device, pairs};

/// The side at which scene pairs are rendered, in pixels.
const SIDE: u32 = 224;
/// Pairs a pass through the model.
const BATCH: usize = 64;

/// Two pictures and two captions that belong together crosswise.
struct Example {
    concept: String,
    pictures: [Picture; 2],
    captions: [String; 2],
}

/// Counts of one concept, as far as they have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Row {
    concept: String,
    /// Pairs.
    n: usize,
    /// Share of pairs whose pictures both prefer their own caption.
    i2t: f64,
    /// Share of pairs whose captions both prefer their own picture.
    t2i: f64,
    /// Share of pairs with both.
    group: f64,
    /// Pairs with two equal similarities, which count as misses.
    ties: usize,
}

#[derive(Serialize)]
struct ModelTable {
    bundle: String,
    negatives: String,
    seed: u64,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Report {
    benchmark: String,
    data: String,
    models: Vec<ModelTable>,
    chance: Row,
}

/// Scores one or more bundles and prints a table.
///
/// # Errors
/// If a bundle or the data cannot be used, or the device fails.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let Benchmark::Scenes = args.benchmark;
    let device = device::open(args.device)?;
    let data = match &args.data {
        Some(path) => path.display().to_string(),
        None => format!("{} scene pairs of seed {}", args.count, args.seed),
    };
    let mut models = Vec::new();
    for path in std::iter::once(&args.bundle).chain(&args.against) {
        let (bundle, engine) = bundles::load(path, &device)?;
        let rows = tabulate(&squares(&engine, args)?);
        models.push(ModelTable {
            bundle: name(path),
            negatives: bundle.training().negatives.clone(),
            seed: bundle.training().seed,
            rows,
        });
    }
    let [i2t, t2i, group] = CHANCE;
    let chance = Row { concept: "chance".into(), i2t, t2i, group, ..Row::default() };
    let report = Report { benchmark: "scenes".into(), data, models, chance };
    print(&mut io::stdout().lock(), &report)?;
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn name(bundle: &Path) -> String {
    bundle
        .file_stem()
        .map_or_else(|| bundle.display().to_string(), |stem| stem.to_string_lossy().into_owned())
}

/// The similarities of every example, with its concept.
fn squares(engine: &Engine, args: &EvaluateArgs) -> Result<Vec<(String, Square)>> {
    let bar = ProgressBar::new_spinner()
        .with_style(ProgressStyle::with_template("{spinner} {pos} pairs, {per_sec}")?);
    let mut squares = Vec::new();
    let mut score = |examples: &[Example]| -> Result<()> {
        squares.extend(score(engine, examples)?);
        bar.inc(examples.len() as u64);
        Ok(())
    };
    match &args.data {
        Some(path) => {
            let mut rows = pairs::read(path)?.peekable();
            while rows.peek().is_some() {
                let batch =
                    rows.by_ref().take(BATCH).map(|row| from_file(row?)).collect::<Result<Vec<_>>>()?;
                score(&batch)?;
            }
        }
        None => {
            let numbers: Vec<u64> = (0..args.count as u64).collect();
            for batch in numbers.chunks(BATCH) {
                score(&batch.par_iter().map(|&number| rendered(args.seed, number)).collect::<Vec<_>>())?;
            }
        }
    }
    bar.finish_and_clear();
    if squares.is_empty() {
        bail!("there are no pairs to score");
    }
    Ok(squares)
}

fn rendered(seed: u64, number: u64) -> Example {
    let pair = scenes::pair(seed, number);
    Example {
        concept: pair.concept().to_string(),
        pictures: [pair.scene(), pair.foil_scene()].map(|scene| scene.render(SIDE)),
        captions: [pair.caption(), pair.foil_caption()].map(str::to_owned),
    }
}

fn from_file(row: pairs::PairRow) -> Result<Example> {
    let picture = |file: &[u8]| decode(file).map(|decoded| decoded.picture);
    Ok(Example {
        concept: row.concept,
        pictures: [picture(&row.image)?, picture(&row.foil_image)?],
        captions: [row.caption, row.foil_caption],
    })
}

fn score(engine: &Engine, examples: &[Example]) -> Result<Vec<(String, Square)>> {
    let pictures: Vec<&Picture> = examples.iter().flat_map(|example| &example.pictures).collect();
    let captions: Vec<&str> =
        examples.iter().flat_map(|example| &example.captions).map(String::as_str).collect();
    let (pictures, captions) = pollster::block_on(async {
        let pictures = engine.embed_pictures(&pictures).await?;
        let captions = engine.embed_captions(&captions).await?;
        Ok::<_, shared::engine::EngineError>((pictures, captions))
    })?;
    let squares = pictures.chunks(2).zip(captions.chunks(2)).map(|(pictures, captions)| Square {
        similarities: [0, 1].map(|i| [0, 1].map(|t| pictures[i].cosine(&captions[t]))),
    });
    Ok(examples.iter().map(|example| example.concept.clone()).zip(squares).collect())
}

/// One row a concept, in order of appearance, and their plain mean last.
fn tabulate(squares: &[(String, Square)]) -> Vec<Row> {
    let mut concepts: Vec<&str> = Vec::new();
    for (concept, _) in squares {
        if !concepts.contains(&concept.as_str()) {
            concepts.push(concept);
        }
    }
    let mut rows: Vec<Row> = concepts
        .into_iter()
        .map(|concept| {
            let own: Vec<Square> = squares.iter().filter(|(c, _)| c == concept).map(|(_, s)| *s).collect();
            let share =
                |hit: fn(&Square) -> bool| own.iter().filter(|s| hit(s)).count() as f64 / own.len() as f64;
            Row {
                concept: concept.to_owned(),
                n: own.len(),
                i2t: share(Square::image_to_text),
                t2i: share(Square::text_to_image),
                group: share(Square::group),
                ties: own.iter().filter(|square| square.has_tie()).count(),
            }
        })
        .collect();
    let mean = |value: fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    rows.push(Row {
        concept: "mean".into(),
        n: rows.iter().map(|row| row.n).sum(),
        i2t: mean(|row| row.i2t),
        t2i: mean(|row| row.t2i),
        group: mean(|row| row.group),
        ties: rows.iter().map(|row| row.ties).sum(),
    });
    rows
}

fn print(out: &mut impl Write, report: &Report) -> Result<()> {
    writeln!(out, "{}: {}; scores in %, a tie is a miss", report.benchmark, report.data)?;
    writeln!(
        out,
        "{:<20} {:<9} {:>5} {:>6} {:>6} {:>6} {:>5}",
        "model", "concept", "n", "i2t", "t2i", "group", "ties"
    )?;
    let line = |out: &mut dyn Write, model: &str, row: &Row| {
        let [i2t, t2i, group] = [row.i2t, row.t2i, row.group].map(|share| 100.0 * share);
        let Row { concept, n, ties, .. } = row;
        writeln!(out, "{model:<20} {concept:<9} {n:>5} {i2t:>6.1} {t2i:>6.1} {group:>6.1} {ties:>5}")
    };
    for model in &report.models {
        for row in &model.rows {
            line(out, &model.bundle, row)?;
        }
    }
    let [i2t, t2i, group] = CHANCE.map(|share| 100.0 * share);
    writeln!(out, "{:<20} {:<9} {:>5} {i2t:>6.1} {t2i:>6.1} {group:>6.1} {:>5}", "chance", "", "", "")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_by_concept_and_averaged_over_concepts() {
        let right = Square { similarities: [[0.9, 0.1], [0.1, 0.9]] };
        let wrong = Square { similarities: [[0.1, 0.9], [0.9, 0.1]] };
        let tied = Square { similarities: [[0.5, 0.5], [0.1, 0.9]] };
        let squares = [("size", right), ("color", right), ("size", wrong), ("size", tied), ("size", right)];
        let rows = tabulate(&squares.map(|(concept, square)| (concept.to_owned(), square)));
        let found: Vec<_> = rows.iter().map(|r| (r.concept.as_str(), r.n, r.i2t, r.group, r.ties)).collect();
        assert_eq!(found, [("size", 4, 0.5, 0.5, 1), ("color", 1, 1.0, 1.0, 0), ("mean", 5, 0.75, 0.75, 1)]);
    }
}
