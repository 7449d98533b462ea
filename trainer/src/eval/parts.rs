//! The parts of a benchmark that have rows of their own.

use std::collections::{BTreeSet, HashSet};

use super::decide::{Decision, Measure};

/// What all of a benchmark is called.
pub const ALL: &str = "all";

/// The seed of every bootstrap.
pub const BOOTSTRAP_SEED: u64 = 1;

/// The parts of a benchmark and the indices of their decisions: every subset in the order in which they come, and the whole
/// last where several count.
pub fn parts(decisions: &[Decision]) -> Vec<(&str, Vec<usize>)> {
    let whose = |fits: &dyn Fn(&Decision) -> bool| {
        (0..decisions.len()).filter(|idx| fits(&decisions[*idx])).collect::<Vec<usize>>()
    };
    let names = in_order(decisions.iter().map(|decision| decision.subset.as_str()));
    let mut parts: Vec<_> =
        names.into_iter().map(|name| (name, whose(&|decision| decision.subset == name))).collect();
    let whole = whose(&|decision| !decision.extra);
    if in_order(whole.iter().map(|idx| decisions[*idx].subset.as_str())).len() > 1 {
        parts.push((ALL, whole));
    }
    parts
}

/// What is counted of any of some decisions.
pub fn measures(decisions: &[&Decision]) -> BTreeSet<Measure> {
    decisions.iter().flat_map(|decision| decision.hits.iter().map(|(measure, _)| *measure)).collect()
}

/// Every name once, in the order in which they first come.
pub fn in_order<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = HashSet::new();
    names.into_iter().filter(|name| known.insert(*name)).collect()
}
