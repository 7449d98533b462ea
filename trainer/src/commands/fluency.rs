//! `fluency`: captions in, the table of word pairs out by which negatives are drawn.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use shared::caption::Caption;
use shared::fluency::Fluency;

use crate::dataset::captions::Captions;

/// The options of `fluency`.
#[derive(Args)]
pub struct FluencyArgs {
    /// Read these captions, in any format that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Read this split; by default all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out words that are rarer than this.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub at_least: u32,
    /// Write the table into this file; `shared/lexicon/bigrams.bin` is built into the program.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Counts the words and pairs of a file of captions and writes them as a table.
///
/// # Errors
/// If the captions cannot be read, or the table cannot be written.
pub fn run(args: &FluencyArgs) -> Result<()> {
    let captions = Captions::read(&args.captions, args.split.as_deref().into())?;
    let model = Fluency::count(captions.all().iter().map(Caption::words), args.at_least);
    let bytes = model.to_bytes();
    std::fs::write(&args.out, &bytes).with_context(|| format!("cannot write {}", args.out.display()))?;
    let (words, pairs) = model.size();
    eprintln!(
        "{words} words and {pairs} pairs of {} captions in {} bytes",
        captions.all().len(),
        bytes.len()
    );
    Ok(())
}
