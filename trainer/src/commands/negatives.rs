//! `negatives`: captions in, hard negatives out, one JSON line each — or an audit of them.

use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result};
use rand::seq::index;
use serde::Serialize;
use shared::concept::Concept;
use shared::negative::{self, Negative, Recipe};
use shared::seed;

use crate::audit;
use crate::blind::Judges;
use crate::calibration::{Corpus, Coverage, Drawing, For};
use crate::captioned::Split;
use crate::captions::Captions;
use crate::cli::{Draw, NegativesArgs, Switch};
use crate::files::file_name;
use crate::text_pairs;

#[derive(Serialize)]
struct Line<'a> {
    caption: &'a str,
    negatives: Vec<Negative>,
}

/// Prints the negatives of every caption of a file, or a report on them.
///
/// # Errors
/// If a file cannot be read.
pub fn run(args: &NegativesArgs) -> Result<()> {
    let captions = Captions::read(&args.captions, args.split.as_deref().into())?;
    let not_english = captions.not_english();
    if not_english > 0 {
        eprintln!("{not_english} captions are left alone: Foil reads English");
    }
    let drawing = drawing(args, &captions)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.audit {
        report(args, &captions, &drawing, &mut out)?;
    } else if let Some(count) = args.sample {
        sample(args, &captions, &drawing, count, &mut out)?;
    } else {
        list(args, &captions, &drawing, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn drawing(args: &NegativesArgs, captions: &Captions) -> Result<Drawing> {
    if args.balanced == Switch::Off {
        return Ok(match args.draw {
            Draw::Fluent => Drawing::Fluent,
            Draw::Uniform => Drawing::Uniform,
        });
    }
    let drawing = match &args.calibrate_on {
        Some(path) => {
            let other = Captions::read(path, args.split.as_deref().into())?;
            Drawing::balanced(&other, &args.concepts, For::Others, args.seed)?
        }
        None => Drawing::balanced(captions, &args.concepts, For::Own, args.seed)?,
    };
    if let Drawing::Balanced(table) = &drawing {
        eprintln!("{}", Coverage::of(captions, &args.concepts, table, args.seed));
    }
    Ok(drawing)
}

fn list(args: &NegativesArgs, captions: &Captions, drawing: &Drawing, out: &mut impl Write) -> Result<()> {
    for (idx, caption) in captions.all().iter().enumerate() {
        let guard = captions.guard(idx);
        let recipe = Recipe {
            concepts: &args.concepts,
            strategy: args.strategy.into(),
            guard: Some(&guard),
            proposal: drawing.proposal(),
            vocabulary: None,
        };
        // Keyed by the text, so that a caption has the same negatives wherever it stands in a file.
        let rng = &mut seed::rng(&[args.seed, seed::of_text(caption.text())]);
        let negatives = negative::draw(caption, &recipe, args.per_caption, rng);
        serde_json::to_writer(&mut *out, &Line { caption: caption.text(), negatives })
            .map_err(io::Error::from)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a table of randomly chosen negatives, `count` of each concept, for people to judge.
fn sample(
    args: &NegativesArgs,
    captions: &Captions,
    drawing: &Drawing,
    count: usize,
    out: &mut impl Write,
) -> Result<()> {
    writeln!(out, "line\tconcept\tfrom\tto\tcaption")?;
    for &concept in &args.concepts {
        let n = captions.all().len();
        let order = index::sample(&mut seed::rng(&[args.seed, concept as u64]), n, n);
        let made = order.into_iter().filter_map(|idx| {
            let strategy = args.strategy.into();
            Some((idx, captions.negative(idx, concept, strategy, drawing.proposal(), args.seed)?))
        });
        for (idx, negative) in made.take(count) {
            let Negative { from, to, caption, .. } = negative;
            writeln!(out, "{}\t{concept}\t{from}\t{to}\t{caption}", idx + 1)?;
        }
    }
    Ok(())
}

fn report(args: &NegativesArgs, captions: &Captions, drawing: &Drawing, out: &mut impl Write) -> Result<()> {
    let judges = match &args.judge {
        Some(path) => Judges::new(&Captions::read(path, Split::Unnamed)?),
        None => Judges::new(captions),
    };
    let concepts: Vec<Concept> = Concept::ALL.into_iter().filter(|c| args.concepts.contains(c)).collect();
    let name = file_name(&args.captions);
    let mut report = audit::own(&name, captions, &judges, &concepts, drawing.proposal(), args.seed)?;
    for path in &args.against {
        report.rows.extend(audit::others(&text_pairs::read(path)?, &file_name(path), &judges, args.seed)?);
    }
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    audit::print(out, &report)
}
