//! `calibrate`: captions in, the table out by which balanced negatives are drawn.

use anyhow::{Context, Result, bail};
use shared::concept::Concept;

use crate::calibration::{self, Calibrated, Coverage, FEWEST, For};
use crate::captions::Captions;
use crate::cli::CalibrateArgs;

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
