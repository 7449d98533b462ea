//! `verify`: candidates of a challenge set that people have checked become a set.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use shared::review::{Review, agree, fingerprint, items};

use crate::dataset::challenge_set_file::{self, ChallengeSetFile};
use crate::system::atomic_file;

/// The options of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// Read the candidates that `inpaint` wrote.
    #[arg(long, value_name = "FILE")]
    pub candidates: PathBuf,
    /// Read the reviews saved by the page, one per annotator. An item is kept if every annotator accepts the same candidate of it
    /// with the same caption.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub reviews: Vec<PathBuf>,
    /// Write the verified set to this parquet file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Writes the verified set, and says how many candidates were kept and how far the annotators agree.
///
/// # Errors
/// If a file cannot be read, a review is of other candidates, nothing is accepted, or the set cannot be written.
pub fn run(args: &VerifyArgs) -> Result<()> {
    ensure!(!args.out.exists(), "{} is already there", args.out.display());
    let candidates = ChallengeSetFile::open(&args.candidates)?;
    let rows = candidates.rows()?;
    let reviews: Vec<Review> =
        args.reviews.iter().map(|path| atomic_file::read_json(path)).collect::<Result<_>>()?;
    let agreement = agree(&fingerprint(&rows), &reviews)
        .with_context(|| format!("cannot verify {}", args.candidates.display()))?;
    ensure!(!agreement.accepted.is_empty(), "nothing was accepted by everyone, so there is no set");

    println!("{:<9} {:>6} {:>8} {:>9} {:>6}", "concept", "items", "decided", "accepted", "kept");
    for (concept, kept) in agreement.kept(items(&rows)) {
        let share = 100.0 * kept.accepted as f64 / kept.decided.max(1) as f64;
        let (items, decided, accepted) = (kept.items, kept.decided, kept.accepted);
        println!("{:<9} {items:>6} {decided:>8} {accepted:>9} {share:>4.0} %", concept.name());
    }
    let (names, disputed) = (agreement.annotators.join(" and "), agreement.disputed.len());
    match agreement.kappa {
        Some(kappa) => println!("Cohen's kappa of {names}: {kappa:.2} ({disputed} disputed)"),
        None if reviews.len() > 1 => {
            println!("{names}: no kappa, since everyone gave the same verdict everywhere")
        }
        None => {}
    }
    let cases = candidates.cases().enumerate();
    let verified = cases.filter_map(|(row, case)| match case {
        Ok(case) => agreement.verified(row, case).map(Ok),
        Err(error) => Some(Err(error)),
    });
    challenge_set_file::write(&args.out, verified)?;
    println!("{}", args.out.display());
    Ok(())
}
