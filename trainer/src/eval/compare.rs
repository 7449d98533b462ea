//! Two models on the same items.

use serde::Serialize;

use super::decide::{Decision, Measure};
use super::parts::{BOOTSTRAP_SEED, measures, parts};
use crate::statistics::{Outcome, bootstrap, mcnemar};

/// One number of a comparison: the second model against the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The model that is compared.
    pub bundle: String,
    /// The model it is compared with.
    pub with: String,
    /// The part of the benchmark.
    pub subset: String,
    /// What was counted.
    pub measure: Measure,
    /// Items that both were asked.
    pub n: usize,
    /// Its share minus that of the other.
    pub difference: f64,
    /// The 95 % interval's lower end, by a bootstrap over images of the paired differences.
    pub low: f64,
    /// The 95 % interval's upper end.
    pub high: f64,
    /// Items that it alone got right.
    pub only_this: usize,
    /// Items that the other alone got right.
    pub only_other: usize,
    /// McNemar's exact p.
    pub p: f64,
}

/// Compares item by item.
///
/// # Panics
/// If the decisions are not about the same items in the same order.
pub fn compare(names: [&str; 2], this: &[Decision], other: &[Decision]) -> Vec<Comparison> {
    assert_eq!(this.len(), other.len(), "decisions of two models on one benchmark");
    let mut comparisons = Vec::new();
    for (subset, part) in parts(this) {
        let own: Vec<&Decision> = part.iter().map(|idx| &this[*idx]).collect();
        for measure in measures(&own) {
            let hits: Vec<(usize, bool, bool)> = part
                .iter()
                .map(|idx| (&this[*idx], &other[*idx]))
                .filter_map(|(own, theirs)| Some((own.photograph, own.hit(measure)?, theirs.hit(measure)?)))
                .collect();
            let outcomes: Vec<Outcome> = hits
                .iter()
                .map(|(cluster, own, theirs)| {
                    let value = f64::from(*own) - f64::from(*theirs);
                    Outcome { cluster: *cluster, value }
                })
                .collect();
            let only_this = hits.iter().filter(|(_, own, theirs)| *own && !theirs).count();
            let only_other = hits.iter().filter(|(_, own, theirs)| !own && *theirs).count();
            let [low, high] = bootstrap(&outcomes, BOOTSTRAP_SEED);
            comparisons.push(Comparison {
                bundle: names[0].to_owned(),
                with: names[1].to_owned(),
                subset: subset.to_owned(),
                measure,
                n: hits.len(),
                difference: (only_this as f64 - only_other as f64) / hits.len() as f64,
                low,
                high,
                only_this,
                only_other,
                p: mcnemar(only_this, only_other),
            });
        }
    }
    comparisons
}
