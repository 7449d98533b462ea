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
    /// Read these captions, in any format that `negatives` reads.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Read this split; by default all of a table, and `test` of Karpathy's JSON.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Leave out strengths below this: a smaller, less exact table.
    #[arg(long, value_name = "STRENGTH", default_value_t = 0.0)]
    pub at_least: f32,
    /// Seed the samples that are drawn while calibrating.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the table into this file; `shared/lexicon/balance.bin` is built into the program.
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
