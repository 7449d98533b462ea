//! Negatives that no blind state can tell from captions: the table that draws them is fitted to the captions at hand, until
//! a judge that learns is at chance. A pure function of captions and seed.

mod fit;

use std::borrow::Cow;
use std::fmt;

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;
use shared::concept::Concept;
use shared::fluency::fluency;
use shared::negative::{self, Acceptance, Balance, Proposal, Recipe, balance};
use shared::seed;

use crate::dataset::Corpus;
pub use fit::{Calibrated, calibrate};

/// Fewer captions say too little; the table that ships with Foil is used then.
pub const FEWEST: usize = 1000;

/// How the words of negatives are chosen, with the table that this needs.
#[derive(Clone, Debug, Default)]
pub enum Drawing {
    /// Every word has the same chance.
    #[default]
    Uniform,
    /// Words that read likelier have a better chance.
    Fluent,
    /// So that text alone does not tell negatives from captions.
    Balanced(Cow<'static, Balance>),
}

impl Drawing {
    /// Balanced by the table for a corpus.
    ///
    /// # Errors
    /// If the judge fails.
    pub fn balanced(corpus: &impl Corpus, concepts: &[Concept], whose: For, seed: u64) -> Result<Self> {
        Ok(Drawing::Balanced(table_for(corpus, concepts, whose, seed)?))
    }

    /// What draws.
    pub fn proposal(&self) -> Proposal<'_> {
        match self {
            Drawing::Uniform => Proposal::Uniform,
            Drawing::Fluent => Proposal::Fluent(fluency()),
            Drawing::Balanced(table) => Proposal::Balanced(table, Acceptance::Rejection),
        }
    }
}

/// The table that is calibrated on a corpus, or the one that ships with Foil if that has too few captions.
///
/// # Errors
/// If the judge fails.
pub fn table_for(
    corpus: &impl Corpus,
    concepts: &[Concept],
    whose: For,
    seed: u64,
) -> Result<Cow<'static, Balance>> {
    if let Some(calibrated) = calibrate(corpus, concepts, whose, seed)? {
        return Ok(Cow::Owned(calibrated.table));
    }
    eprintln!(
        "fewer than {FEWEST} captions have a term: negatives are balanced by the table that ships with Foil"
    );
    Ok(Cow::Borrowed(balance()))
}

/// How many captions keep a negative, and what their negatives are worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Captions with a term of the concepts.
    pub with_term: usize,
    /// Of these, captions with a negative.
    pub kept: usize,
    /// The effective sample size of all negatives that were proposed, weighed by how likely each is to be accepted
    /// (Kish 1965).
    pub effective: f64,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coverage { with_term, kept, effective } = self;
        let share = 100.0 * *kept as f64 / (*with_term).max(1) as f64;
        write!(
            f,
            "{kept} of {with_term} captions with a term keep a balanced negative ({share:.1} %); effective sample size \
             {effective:.0}"
        )
    }
}

impl Coverage {
    /// Of at most this many captions.
    const CAPTIONS: usize = 50_000;

    /// Draws one negative a caption.
    pub fn of(corpus: &impl Corpus, concepts: &[Concept], table: &Balance, seed: u64) -> Self {
        let every = corpus.len().div_ceil(Self::CAPTIONS).max(1);
        let draws = (0..corpus.len()).into_par_iter().step_by(every).filter_map(|idx| {
            let caption = corpus.caption(idx);
            concepts.iter().any(|concept| caption.names(*concept)).then(|| {
                let guard = corpus.guard(idx);
                let draw = |acceptance| {
                    let proposal = Proposal::Balanced(table, acceptance);
                    let recipe = Recipe { guard: Some(&guard), proposal, ..Recipe::replace(concepts) };
                    negative::draw(caption, &recipe, 1, &mut seed::rng(&[seed, idx as u64]))
                };
                let weight =
                    draw(Acceptance::Weight).first().map_or(0.0, |negative| f64::from(negative.weight));
                (!draw(Acceptance::Rejection).is_empty(), weight)
            })
        });
        let draws: Vec<(bool, f64)> = draws.collect();
        let sum = |power: i32| draws.iter().map(|(_, weight)| weight.powi(power)).sum::<f64>();
        Coverage {
            with_term: draws.len(),
            kept: draws.iter().filter(|(kept, _)| *kept).count(),
            effective: if sum(2) > 0.0 { sum(1) * sum(1) / sum(2) } else { 0.0 },
        }
    }
}

/// Whose negatives are drawn by a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Those of the captions that it is fitted to. More than chance needs would fit their accidents: it stops in time.
    Own,
    /// Those of other captions, to which the accidents of these mean nothing: the more passes, the better.
    Others,
}

#[cfg(test)]
mod tests;
