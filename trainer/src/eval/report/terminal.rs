//! The report as text.

use std::io::Write;

use anyhow::Result;

use super::Report;
use crate::eval::table::Macro;
use crate::eval::terms::Term;
use crate::negatives::blind::Blind;
use crate::statistics::{p_value, percent};

/// Words listed as the worst, and how often one must have been asked to be listed.
const WORST: usize = 8;
const OFTEN: usize = 5;

/// Prints the report.
///
/// # Errors
/// If it cannot be written.
pub fn print(out: &mut impl Write, report: &Report) -> Result<()> {
    writeln!(out, "{}: {}; in %, a tie is a miss", report.benchmark, report.data)?;
    for (why, count) in report.skipped_by_reason() {
        writeln!(out, "left out: {count} items, {why}")?;
    }
    let rows = || report.models.iter().flat_map(|model| &model.rows);
    let has_macro = rows().any(|row| row.macro_average.is_some());
    let has_blind = rows().any(|row| row.blind.is_some());
    let widest = |widths: &mut dyn Iterator<Item = usize>, least: usize| widths.max().unwrap_or(0).max(least);
    let subset_width = widest(&mut rows().map(|row| row.subset.chars().count()), 6);
    let measure_width = widest(&mut rows().map(|row| row.measure.name().chars().count()), 7);
    for model in &report.models {
        writeln!(out, "\n{} (negatives: {}, seed {})", model.bundle, model.negatives, model.seed)?;
        if model.trained_on_pictures > 0 {
            writeln!(out, "WARNING: trained on {} images of this benchmark", model.trained_on_pictures)?;
        }
        write!(out, "{:<subset_width$}  {:<measure_width$} {:>6} {:>5}", "subset", "measure", "n", "ties")?;
        write!(out, " {:>6} {:>13} {:>6}", "share", "[95 %]", "chance")?;
        if has_macro {
            write!(out, " {:>11}", "macro (of)")?;
        }
        if has_blind {
            write!(
                out,
                " {:>9}  blind: {:>7} {:>7} {:>6} {:>7} {:>6}",
                "wrong pic", "shorter", "unigram", "bigram", "learned", "same"
            )?;
        }
        writeln!(out)?;
        for row in &model.rows {
            let interval = format!("[{}, {}]", percent(row.low), percent(row.high));
            write!(out, "{:<subset_width$}  {:<measure_width$}", row.subset, row.measure.name())?;
            write!(out, " {:>6} {:>5} {:>6}", row.n, row.ties, percent(row.share))?;
            write!(out, " {interval:>13} {:>6}", percent(row.chance))?;
            if has_macro {
                let of = |Macro { share, classes }: Macro| format!("{} ({classes})", percent(share));
                write!(out, " {:>11}", row.macro_average.map_or_else(String::new, of))?;
            }
            if let Some(Blind { shorter, unigram, bigram, same_words }) = row.blind {
                let shares = [shorter, unigram, bigram, same_words].map(|judge| percent(judge.share));
                let [shorter, unigram, bigram, same] = shares;
                let wrong = row.wrong_picture.map_or_else(String::new, percent);
                let learned = row.learned.map_or_else(String::new, |learned| percent(learned.pairs.share));
                write!(
                    out,
                    " {wrong:>9}         {shorter:>7} {unigram:>7} {bigram:>6} {learned:>7} {same:>6}"
                )?;
            }
            writeln!(out)?;
        }
        let worst = worst(&model.terms);
        if !worst.is_empty() {
            let told = |term: &&Term| {
                format!("{}→{} {:.0} % (n={})", term.from, term.to, 100.0 * term.share(), term.n)
            };
            writeln!(out, "worst told apart: {}", worst.iter().map(told).collect::<Vec<_>>().join(", "))?;
        }
    }
    if has_blind {
        writeln!(out, "\nwrong pic: the model itself, every item asked at another item's image")?;
        writeln!(out, "blind judges never see the image; they have read {}", report.judge)?;
        writeln!(
            out,
            "learned: a logistic regression on the texts of the other half of the images; 50 is blind"
        )?;
    }
    for pair in report.comparisons.chunk_by(|a, b| a.bundle == b.bundle) {
        writeln!(out, "\n{} minus {}, the same items", pair[0].bundle, pair[0].with)?;
        write!(out, "{:<subset_width$}  {:<measure_width$} {:>6}", "subset", "measure", "n")?;
        writeln!(
            out,
            " {:>6} {:>13} {:>9} {:>10} {:>7}",
            "points", "[95 %]", "only this", "only other", "p"
        )?;
        for row in pair {
            let points = |share: f64| format!("{:+.1}", 100.0 * share);
            let interval = format!("[{}, {}]", points(row.low), points(row.high));
            write!(
                out,
                "{:<subset_width$}  {:<measure_width$} {:>6}",
                row.subset,
                row.measure.name(),
                row.n
            )?;
            write!(out, " {:>6} {interval:>13}", points(row.difference))?;
            writeln!(out, " {:>9} {:>10} {:>7}", row.only_this, row.only_other, p_value(row.p))?;
        }
    }
    Ok(())
}

/// The words that are told apart worst, among those that were asked often enough.
fn worst(terms: &[Term]) -> Vec<&Term> {
    let mut often: Vec<&Term> = terms.iter().filter(|term| term.n >= OFTEN).collect();
    often.sort_by(|a, b| a.share().total_cmp(&b.share()));
    often.truncate(WORST);
    often
}
