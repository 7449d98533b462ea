//! `average`: the weights of bundles with one starting point become one bundle (WiSE-FT, arXiv 2109.01903; model soups, arXiv 2203.05482).

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use burn::tensor::Device;
use clap::Args;
use serde_json::json;
use shared::bundle::{self, Bundle, Training, Weight};

use crate::models::bundles::{self, Output};
use crate::system;
use crate::system::files::file_name;

/// The options of `average`.
#[derive(Args)]
pub struct AverageArgs {
    /// Average the weights of these bundles. They must have one architecture and one tokenizer, and should have begun with the same
    /// weights.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    pub bundle: Vec<PathBuf>,
    /// Weight the bundles by these numbers, in the same order; equally by default.
    #[arg(long, value_name = "SHARE", num_args = 1..)]
    pub weights: Vec<f64>,
    #[command(flatten)]
    pub output: Output,
}

/// Averages bundles.
///
/// # Errors
/// If they cannot be read, do not fit together, or the result cannot be written.
pub fn run(args: &AverageArgs) -> Result<()> {
    ensure!(args.bundle.len() > 1, "an average takes two bundles at least");
    let shares = shares(&args.weights, args.bundle.len())?;
    let read = args.bundle.iter().map(|path| bundles::read(path)).collect::<Result<Vec<Bundle>>>()?;
    let header = read[0].header();
    for (bundle, path) in read.iter().zip(&args.bundle).skip(1) {
        let other = bundle.header();
        if other.config() != header.config()
            || other.tokenizer().to_json()? != header.tokenizer().to_json()?
        {
            bail!("{} is another kind of model than {}", path.display(), args.bundle[0].display());
        }
    }
    let weights = averaged(&read, &shares)?;
    let names: Vec<String> = args.bundle.iter().map(|path| file_name(path)).collect();
    let training = facts(&read, &shares, &names);
    // A backbone that all of them share stays as it is stored.
    let shares_backbone = read[1..].iter().all(|other| read[0].has_backbone_of(other));
    let pack = |precision, training: &Training| {
        let weights = weights.iter().cloned().map(anyhow::Ok);
        let bundle = Bundle::pack(header.config(), weights, header.tokenizer(), training, precision)?;
        Ok(if shares_backbone { bundle.with_backbone_of(&read[0])? } else { bundle })
    };
    let bundle = bundles::make(args.output.precision, &bundles::drift_scenes(), training, pack)?;
    args.output.write(&bundle)
}

/// The share of each bundle; together they are 1.
fn shares(given: &[f64], count: usize) -> Result<Vec<f64>> {
    if given.is_empty() {
        return Ok(vec![1.0 / count as f64; count]);
    }
    ensure!(given.len() == count, "{count} bundles need {count} shares; {} given", given.len());
    let whole: f64 = given.iter().sum();
    ensure!(
        given.iter().all(|share| share.is_finite() && *share >= 0.0) && whole > 0.0,
        "--weights takes numbers of 0 or more, not all of them 0"
    );
    Ok(given.iter().map(|share| share / whole).collect())
}

/// The weighted mean of all weights. What is the same in all bundles stays the same to the bit.
fn averaged(bundles: &[Bundle], shares: &[f64]) -> Result<Vec<Weight>> {
    let mut mean: Vec<Weight> = Vec::new();
    let mut so_far = 0.0;
    for (bundle, share) in bundles.iter().zip(shares) {
        let model = bundle.model(&Device::flex())?;
        so_far += share;
        let step = if so_far > 0.0 { (share / so_far) as f32 } else { 0.0 };
        let weights = bundle::weights(&model).collect::<Result<Vec<Weight>, _>>()?;
        if mean.is_empty() {
            mean = weights;
            continue;
        }
        let kinds = |weights: &[Weight]| {
            weights.iter().map(|weight| (weight.name.clone(), weight.shape.clone())).collect::<Vec<_>>()
        };
        ensure!(kinds(&mean) == kinds(&weights), "the bundles have different weights");
        for (known, weight) in mean.iter_mut().zip(&weights) {
            let numbers = known.values.iter_mut().zip(&weight.values);
            numbers.for_each(|(mean, value)| {
                *mean = if step < 1.0 { *mean + step * (value - *mean) } else { *value };
            });
        }
    }
    Ok(mean)
}

/// Where the weights come from: all that any of the bundles has seen, the one with the largest share first.
fn facts(bundles: &[Bundle], shares: &[f64], names: &[String]) -> Training {
    let mut order: Vec<usize> = (0..bundles.len()).collect();
    order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
    let trainings: Vec<&Training> = order.iter().map(|at| bundles[*at].header().training()).collect();
    let mut facts = trainings[0].clone();
    for other in &trainings[1..] {
        merge(&mut facts.data, &other.data);
        facts.images.extend(&other.images);
        facts.looks.extend(&other.looks);
        facts.steps = facts.steps.max(other.steps);
        facts.imported = facts.imported.take().or_else(|| other.imported.clone());
    }
    let mut negatives = Vec::new();
    for training in &trainings {
        merge(&mut negatives, &training.negatives.split(',').map(str::to_owned).collect::<Vec<_>>());
    }
    negatives.retain(|name| name != "none");
    facts.negatives = if negatives.is_empty() { "none".to_owned() } else { negatives.join(",") };
    facts.images.sort_unstable();
    facts.images.dedup();
    facts.looks.sort_unstable();
    facts.looks.dedup();
    facts.commit = system::commit();
    facts.results = serde_json::Map::new();
    let parts = names.iter().zip(shares).map(|(name, share)| json!({ "bundle": name, "share": share }));
    facts.results.insert("average_of".to_owned(), parts.collect());
    facts
}

/// Adds what is not there yet.
fn merge(known: &mut Vec<String>, others: &[String]) {
    for other in others {
        if !known.contains(other) {
            known.push(other.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_of_a_whole() {
        assert_eq!(shares(&[], 4).expect("shares"), [0.25; 4]);
        assert_eq!(shares(&[1.0, 3.0], 2).expect("shares"), [0.25, 0.75]);
        for wrong in [&[1.0][..], &[0.0, 0.0], &[-1.0, 2.0], &[f64::NAN, 1.0]] {
            assert!(shares(wrong, 2).is_err(), "{wrong:?}");
        }
    }
}
