//! Decisions to rows: every part and measure of a benchmark with what it needs to be believed.

use serde::Serialize;

use super::decide::{Decision, Measure};
use super::parts::{ALL, BOOTSTRAP_SEED, in_order, measures, parts};
use super::text_only::TextOnly;
use crate::negatives::blind::{Blind, Verdict};
use crate::negatives::learned::Learned;
use crate::statistics::{Outcome, bootstrap};

/// One number of a table, and its context.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The part of the benchmark; `all` is all of it, and `mean` the plain mean of its parts.
    pub subset: String,
    /// What was counted.
    pub measure: Measure,
    /// Items.
    pub n: usize,
    /// Items that were got right. A tie is a miss.
    pub hits: usize,
    /// Items in which two numbers that were to be told apart are equal.
    pub ties: usize,
    /// Hits over items; every item weighs the same (micro average).
    pub share: f64,
    /// The 95 % interval's lower end, by a bootstrap over images.
    pub low: f64,
    /// The 95 % interval's upper end.
    pub high: f64,
    /// The mean over classes, where the benchmark has such (macro average), and how many.
    pub macro_average: Option<Macro>,
    /// What a coin would get.
    pub chance: f64,
    /// What judges get that never see the image; only where captions compete for one image.
    pub blind: Option<Blind>,
    /// The same of a judge that learns from the other items; less than ½ tells as much as more.
    pub learned: Option<Learned>,
    /// What this model gets when every item is asked at another item's image: what it knows from the text alone. Only
    /// where captions compete for one image.
    pub wrong_picture: Option<f64>,
}

/// An average in which every class weighs the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Macro {
    /// The mean of the classes' shares.
    pub share: f64,
    /// How many classes there are.
    pub classes: usize,
}

/// One row a part and measure.
pub fn tabulate(decisions: &[Decision], text: &TextOnly) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (subset, own) in parts(decisions) {
        let own: Vec<&Decision> = own.into_iter().map(|idx| &decisions[idx]).collect();
        for measure in measures(&own) {
            let mut row = row(subset, measure, &own, text);
            if subset == ALL {
                let counted = in_order(own.iter().map(|decision| decision.subset.as_str()));
                let of_measure = rows
                    .iter()
                    .filter(|row| row.measure == measure && counted.contains(&row.subset.as_str()));
                row.macro_average = mean(&of_measure.map(|row| row.share).collect::<Vec<_>>());
            }
            rows.push(row);
        }
    }
    rows
}

fn row(subset: &str, measure: Measure, decisions: &[&Decision], text: &TextOnly) -> Row {
    let of_measure: Vec<(&Decision, bool)> =
        decisions.iter().filter_map(|decision| Some((*decision, decision.hit(measure)?))).collect();
    let n = of_measure.len();
    let hits = of_measure.iter().filter(|(_, hit)| *hit).count();
    let outcomes: Vec<Outcome> = of_measure
        .iter()
        .map(|(decision, hit)| Outcome { cluster: decision.photograph, value: f64::from(*hit) })
        .collect();
    let [low, high] = bootstrap(&outcomes, BOOTSTRAP_SEED);
    let classes = in_order(of_measure.iter().filter_map(|(decision, _)| decision.class.as_deref()));
    let share_of_class = |class: &&str| {
        let own = of_measure.iter().filter(|(decision, _)| decision.class.as_deref() == Some(class));
        let (hits, n) = own.fold((0, 0), |(hits, n), (_, hit)| (hits + usize::from(*hit), n + 1));
        hits as f64 / n as f64
    };
    let verdicts: Vec<Verdict> =
        of_measure.iter().filter_map(|(decision, _)| text.blind[decision.case?]).collect();
    let wrong: Vec<bool> = of_measure.iter().filter_map(|(decision, _)| decision.wrong_picture).collect();
    Row {
        subset: subset.to_owned(),
        measure,
        n,
        hits,
        ties: of_measure.iter().filter(|(decision, _)| decision.tie).count(),
        share: hits as f64 / n as f64,
        low,
        high,
        macro_average: mean(&classes.iter().map(share_of_class).collect::<Vec<_>>()),
        chance: of_measure.iter().map(|(decision, _)| decision.chance(measure)).sum::<f64>() / n as f64,
        blind: (verdicts.len() == n).then(|| Blind::of(&verdicts)),
        learned: text.learned.get(subset).copied().filter(|_| verdicts.len() == n),
        wrong_picture: (wrong.len() == n).then(|| {
            let hits = wrong.iter().filter(|hit| **hit).count();
            hits as f64 / n as f64
        }),
    }
}

fn mean(shares: &[f64]) -> Option<Macro> {
    let classes = shares.len();
    (classes > 0).then(|| Macro { share: shares.iter().sum::<f64>() / classes as f64, classes })
}
