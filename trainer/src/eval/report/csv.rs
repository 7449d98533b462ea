//! The tables of a report as one CSV file: a row a bundle, subset and measure.

use anyhow::{Context, Result};

use super::Report;

/// The table.
///
/// # Errors
/// If it cannot be written.
pub fn table(report: &Report) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "benchmark",
        "bundle",
        "negatives",
        "seed",
        "subset",
        "measure",
        "n",
        "hits",
        "ties",
        "share",
        "low",
        "high",
        "chance",
        "macro",
        "classes",
        "blind_shorter",
        "blind_unigram",
        "blind_bigram",
        "same_words",
        "wrong_picture",
        "blind_learned",
    ])?;
    for model in &report.models {
        for row in &model.rows {
            let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
            let blind = |of: fn(&crate::negatives::blind::Blind) -> f64| number(row.blind.as_ref().map(of));
            writer.write_record([
                report.benchmark.clone(),
                model.bundle.clone(),
                model.negatives.clone(),
                model.seed.to_string(),
                row.subset.clone(),
                row.measure.name().to_owned(),
                row.n.to_string(),
                row.hits.to_string(),
                row.ties.to_string(),
                number(Some(row.share)),
                number(Some(row.low)),
                number(Some(row.high)),
                number(Some(row.chance)),
                number(row.macro_average.map(|average| average.share)),
                row.macro_average.map_or_else(String::new, |average| average.classes.to_string()),
                blind(|blind| blind.shorter.share),
                blind(|blind| blind.unigram.share),
                blind(|blind| blind.bigram.share),
                blind(|blind| blind.same_words.share),
                number(row.wrong_picture),
                number(row.learned.map(|learned| learned.pairs.share)),
            ])?;
        }
    }
    String::from_utf8(writer.into_inner()?).context("a table that is not UTF-8")
}
