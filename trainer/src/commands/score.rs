//! `score`: the page's answer, natively.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use shared::caption::Caption;
use shared::decode::decode;
use shared::engine::Engine;
use shared::negative;
use shared::similarity::{Embedding, Kind, Score, contest};

use crate::models::bundles;
use crate::system::device;
use crate::system::device::Backend;
use crate::system::named::named;

/// The options of `score`.
#[derive(Args)]
pub struct ScoreArgs {
    /// Score with this bundle.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// Score these images.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub image: Vec<PathBuf>,
    /// Score these captions.
    #[arg(long, value_name = "TEXT", required = true, num_args = 1..)]
    pub caption: Vec<String>,
    /// Compare each caption with its hard negatives; by default captions compete with each other.
    #[arg(long)]
    pub negatives: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

#[derive(Serialize)]
struct Row {
    image: String,
    #[serde(flatten)]
    score: Score,
}

#[derive(Serialize)]
struct Report {
    scores: Vec<Row>,
}

/// Scores every caption against every image.
///
/// # Errors
/// If a file cannot be read or used, or the device fails.
pub fn run(args: &ScoreArgs) -> Result<()> {
    let device = device::open(args.device)?;
    let (_, engine) = bundles::load(&args.bundle, &device)?;
    for text in &args.caption {
        if let Some(cut_at) = engine.cut_at(text)? {
            eprintln!("{text:?} is longer than the model reads; it does not see {:?}", text[cut_at..].trim());
        }
    }
    let mut scores = Vec::new();
    for path in &args.image {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let decoded = decode(&bytes).with_context(|| format!("cannot use {name}"))?;
        for note in &decoded.notes {
            eprintln!("{name}: {note}");
        }
        let image = &pollster::block_on(engine.embed_images(&[&decoded.image]))?[0];
        let found = if args.negatives {
            against_negatives(&engine, image, &args.caption)?
        } else {
            against_each_other(&engine, image, &args.caption)?
        };
        scores.extend(found.into_iter().map(|score| Row { image: name.clone(), score }));
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &Report { scores }).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        print(&mut out, &scores)?;
    }
    Ok(())
}

fn against_negatives(engine: &Engine, image: &Embedding, captions: &[String]) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    for text in captions {
        let caption = Caption::new(text.as_str());
        let negatives = negative::before(negative::shown(&caption), engine.cut_at(text)?);
        if negatives.is_empty() {
            let why = match caption.is_english() {
                true => "names no color, object, location or size that can be replaced",
                false => "is not in English, the only language that Foil reads",
            };
            eprintln!("{text:?} {why}, so it has no negatives");
        }
        let foils: Vec<_> = negatives.iter().map(|n| (n.caption.as_str(), Some(n.concept))).collect();
        let texts: Vec<&str> =
            std::iter::once(text.as_str()).chain(foils.iter().map(|(foil, _)| *foil)).collect();
        let embeddings = pollster::block_on(engine.embed_captions(&texts))?;
        scores.extend(contest(image, text, &foils, &embeddings, engine.logits()));
    }
    Ok(scores)
}

fn against_each_other(engine: &Engine, image: &Embedding, captions: &[String]) -> Result<Vec<Score>> {
    let texts: Vec<&str> = captions.iter().map(String::as_str).collect();
    let embeddings = pollster::block_on(engine.embed_captions(&texts))?;
    let similarities: Vec<f32> = embeddings.iter().map(|text| image.cosine(text)).collect();
    let probabilities = engine.logits().probabilities(&similarities);
    let rows = captions.iter().zip(similarities.iter().zip(probabilities));
    Ok(rows
        .map(|(caption, (&similarity, probability))| Score {
            caption: caption.clone(),
            kind: Kind::Caption,
            concept: None,
            similarity,
            probability,
        })
        .collect())
}

fn print(out: &mut impl Write, rows: &[Row]) -> Result<()> {
    let mut image = "";
    for row in rows {
        if row.image != image {
            image = &row.image;
            writeln!(out, "{image}\n  cosine  probability")?;
        }
        let Score { caption, concept, similarity, probability, .. } = &row.score;
        let concept = concept.map_or("caption", |concept| concept.name());
        writeln!(out, "  {similarity:6.3}  {:6.1} %  {concept:<9} {caption}", 100.0 * probability)?;
    }
    Ok(())
}
