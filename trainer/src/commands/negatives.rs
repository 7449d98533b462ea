//! `negatives`: captions in, hard negatives out, one JSON line each — or an audit of them.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rand::seq::index;
use serde::Serialize;
use shared::concept::Concept;
use shared::negative::Strategy;
use shared::negative::{self, HardNegative, Recipe};
use shared::seed;

use crate::dataset::Corpus;
use crate::dataset::Split;
use crate::dataset::captions::Captions;
use crate::dataset::text_pairs;
use crate::negatives::audit;
use crate::negatives::blind::Judges;
use crate::negatives::calibration::{Coverage, Drawing, For};
use crate::system::files::file_name;
use crate::system::named::named;
use crate::system::switch::Switch;

/// The options of `negatives`.
#[derive(Args)]
pub struct NegativesArgs {
    /// Read captions from a text file with one per line (`-` reads standard input), COCO's, Karpathy's or ARO's JSON,
    /// Flickr's `*.token.txt`, or a table (.csv, .tsv) with the columns `image` and `caption`; gzipped or not. No negative
    /// says what another caption of the same image says.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Read this split; by default all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Replace terms of these concepts, comma-separated.
    #[arg(long, value_delimiter = ',', default_values_t = Concept::ALL)]
    pub concepts: Vec<Concept>,
    /// List at most N negatives per caption.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub per_caption: usize,
    /// Seed the negatives.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Make negatives by this rule: `replace` a term by another of its concept, `swap` two terms, or `mixed`.
    #[arg(long, value_name = "RULE", default_value = "replace", value_parser = named::<Strategy>)]
    pub strategy: Strategy,
    /// Balance negatives, so that text alone does not tell them from captions: calibrated on the captions of the file. A
    /// caption whose terms cannot be balanced gets none.
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_value = "off", default_missing_value = "on", value_parser = named::<Switch>)]
    pub balanced: Switch,
    /// Calibrate `--balanced` on these captions instead.
    #[arg(long, value_name = "FILE", requires = "balanced")]
    pub calibrate_on: Option<PathBuf>,
    /// Choose words this way without `--balanced`.
    #[arg(long, value_enum, default_value = "fluent")]
    pub draw: Draw,
    /// Report on the negatives instead of listing them: coverage, broken laws, and how often text alone tells which caption
    /// was edited.
    #[arg(long)]
    pub audit: bool,
    /// Audit other people's pairs in the same table: SugarCrepe's or VALSE's JSON files or their folder, or NegCLIP's TSV.
    #[arg(long, value_name = "PATH", requires = "audit")]
    pub against: Vec<PathBuf>,
    /// Let the judges of the audit learn from these captions; by default from the captions themselves, each part judged by
    /// what was learned from the others.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub judge: Option<PathBuf>,
    /// Write the report as JSON, too.
    #[arg(long, value_name = "FILE", requires = "audit")]
    pub json: Option<PathBuf>,
    /// Write a table of N random negatives of each concept, for people to judge.
    #[arg(long, value_name = "N", conflicts_with = "audit")]
    pub sample: Option<usize>,
}

/// How words are chosen.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Draw {
    /// So that about half of the negatives read likelier than their positives.
    Fluent,
    /// Every word of the lexicon has the same chance.
    Uniform,
}

#[derive(Serialize)]
struct Line<'a> {
    caption: &'a str,
    negatives: Vec<HardNegative>,
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
            strategy: args.strategy,
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
            let strategy = args.strategy;
            Some((idx, captions.negative(idx, concept, strategy, drawing.proposal(), args.seed)?))
        });
        for (idx, negative) in made.take(count) {
            let HardNegative { from, to, caption, .. } = negative;
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
