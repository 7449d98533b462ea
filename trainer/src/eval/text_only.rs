//! What text alone gives away of a benchmark.

use std::collections::BTreeMap;

use anyhow::Result;
use shared::caption::Caption;

use super::benchmark::{Ask, Benchmark, Case};
use super::parts::{ALL, BOOTSTRAP_SEED};
use crate::negatives::blind::{Judges, Verdict};
use crate::negatives::learned::{Learned, Pair};

/// What text alone gives away of a benchmark, whatever the model: of each case in which captions compete for one image
/// the true caption against the first of the false ones.
pub struct TextOnly {
    /// By case.
    pub blind: Vec<Option<Verdict>>,
    /// By subset, and of all of them.
    pub learned: BTreeMap<String, Learned>,
}

impl TextOnly {
    /// Asks the judges.
    ///
    /// # Errors
    /// If the judge that learns fails.
    pub fn judge(benchmark: &Benchmark, judges: &Judges) -> Result<Self> {
        let photographs = benchmark.photographs();
        let mut pairs: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
        for case in &benchmark.cases {
            let Ask::Captions { n_true } = case.ask else { continue };
            let caption = |nth: usize| benchmark.captions[case.captions[nth]].as_str();
            let image = photographs[case.images[0]] as u64;
            let pair = Pair { positive: caption(0), negative: caption(n_true), image };
            pairs.entry(&case.subset).or_default().push(pair);
            if !case.extra {
                pairs.entry(ALL).or_default().push(pair);
            }
        }
        let mut learned = BTreeMap::new();
        for (subset, pairs) in pairs {
            learned.insert(subset.to_owned(), Learned::of(&pairs, BOOTSTRAP_SEED)?);
        }
        Ok(TextOnly { blind: verdicts(benchmark, judges), learned })
    }
}

fn verdicts(benchmark: &Benchmark, judges: &Judges) -> Vec<Option<Verdict>> {
    let verdict = |(idx, case): (usize, &Case)| {
        let Ask::Captions { n_true } = case.ask else { return None };
        let caption = |nth: usize| Caption::new(benchmark.captions[case.captions[nth]].as_str());
        let image = benchmark.images[case.images[0]].key();
        Some(judges.judge(Some(&image), idx, &caption(0), &caption(n_true)))
    };
    benchmark.cases.iter().enumerate().map(verdict).collect()
}
