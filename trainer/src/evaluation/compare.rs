//! Two models on the same items.

use serde::Serialize;

use super::{ALL, BOOTSTRAP_SEED, Decision, Measure, in_order};
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
    /// The 95 % interval's lower end, by a bootstrap over pictures of the paired differences.
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
    let subsets = in_order(this.iter().map(|decision| decision.subset.as_str()));
    let is_whole = |decision: &Decision| !decision.extra;
    let n_counted = in_order(this.iter().filter(|one| is_whole(one)).map(|one| one.subset.as_str())).len();
    let mut comparisons = Vec::new();
    let whole = (n_counted > 1).then_some(ALL);
    for subset in subsets.into_iter().chain(whole) {
        let pairs: Vec<(&Decision, &Decision)> = this
            .iter()
            .zip(other)
            .filter(|(own, _)| if subset == ALL { is_whole(own) } else { own.subset == subset })
            .collect();
        let mut measures: Vec<Measure> =
            pairs.iter().flat_map(|(own, _)| own.hits.iter().map(|(measure, _)| *measure)).collect();
        measures.sort();
        measures.dedup();
        for measure in measures {
            let hits: Vec<(usize, bool, bool)> = pairs
                .iter()
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
