//! `fluency`: captions in, the table of word pairs out by which negatives are drawn.

use anyhow::{Context, Result};
use shared::fluency::Fluency;

use crate::captions::Captions;
use crate::cli::FluencyArgs;

/// Counts the words and pairs of a file of captions and writes them as a table.
///
/// # Errors
/// If the captions cannot be read, or the table cannot be written.
pub fn run(args: &FluencyArgs) -> Result<()> {
    let captions = Captions::read(&args.captions, args.split.as_deref().into())?;
    let model = Fluency::count(captions.all(), args.at_least);
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
