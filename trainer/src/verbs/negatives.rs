//! `negatives`: captions in, hard negatives out, one JSON line each.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use shared::caption::Caption;
use shared::negative::{self, Negative};
use shared::seed;

use crate::cli::NegativesArgs;

#[derive(Serialize)]
struct Line<'a> {
    caption: &'a str,
    negatives: Vec<Negative>,
}

/// Prints the negatives of every caption of a file.
///
/// # Errors
/// If the file cannot be read.
pub fn run(args: &NegativesArgs) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in lines(&args.captions)? {
        let text = line.with_context(|| format!("cannot read {} as text", args.captions.display()))?;
        let caption = Caption::new(text.as_str());
        // Keyed by the text, so that a caption has the same negatives wherever it stands in a file.
        let rng = &mut seed::rng(&[args.seed, seed::of_text(&text)]);
        let negatives = negative::draw(&caption, &args.concepts, args.per_caption, rng);
        serde_json::to_writer(&mut out, &Line { caption: &text, negatives }).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn lines(path: &Path) -> Result<Box<dyn Iterator<Item = io::Result<String>>>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock().lines()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(BufReader::new(file).lines()))
}
