//! `calibrate`: captions in, the table out by which balanced negatives are drawn.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use shared::concept::Concept;

use crate::dataset::captions::Captions;
use crate::negatives::calibration::{self, Calibrated, Coverage, FEWEST, For};

/// The options of `calibrate`.
#[derive(Args)]
pub struct CalibrateArgs {
    /// Captions, in any of the forms that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Of captions that have splits, the one to read; without it all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out strengths below this; the table gets smaller and less exact.
    #[arg(long, value_name = "STRENGTH", default_value_t = 0.0)]
    pub at_least: f32,
    /// Another seed draws other samples while calibrating.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The table to write; `shared/lexicon/balance.bin` is built into the program.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Fits a table to a file of captions and writes it.
///
/// # Errors
/// If the captions cannot be read or are too few, or the table cannot be written.
pub fn run(args: &CalibrateArgs) -> Result<()> {
    let captions = Captions::read(&args.captions, args.split.as_deref().into())?;
    let Some(Calibrated { table, judged }) =
        calibration::calibrate(&captions, &Concept::ALL, For::Others, args.seed)?
    else {
        bail!(
            "fewer than {FEWEST} captions of {} have a term, too few to calibrate on",
            args.captions.display()
        );
    };
    let bytes = table.to_bytes(args.at_least);
    std::fs::write(&args.out, &bytes).with_context(|| format!("cannot write {}", args.out.display()))?;
    let (words, strengths) = table.size();
    eprintln!("{words} words and {strengths} strengths in {} bytes", bytes.len());
    for (concept, (passes, share)) in judged {
        eprintln!("{concept}: {passes} passes, then the judge was right in {:.1} %", 100.0 * share);
    }
    eprintln!("{}", Coverage::of(&captions, &Concept::ALL, &table, args.seed));
    Ok(())
}
