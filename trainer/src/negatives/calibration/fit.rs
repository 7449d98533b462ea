//! Fitting a table: passes of the sampler, each followed by a step of every strength.
//!
//! Every pass replaces each term once with the table as it is, and counts for each of its features how often it was taken
//! out of a caption and how often put in. What goes out more often than it comes in is made more likely. At the fixed
//! point both are equal, so the gradient of a logistic regression on these features vanishes: it learns nothing
//! (contrastive divergence with the sampler that draws the negatives, Hinton 2002, doi:10.1162/089976602760128018).
//!
//! A penalty keeps rare features near zero, since a table that fits every caption of the file makes negatives look *more*
//! like originals than the originals. It falls from pass to pass, for each concept until the judge is at chance; to the end
//! if the negatives of other captions are to be drawn.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use anyhow::Result;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use shared::concept::Concept;
use shared::lexicon::lexicon;
use shared::negative::{Acceptance, Balance, Feature, Step};
use shared::seed;

use super::{FEWEST, For};
use crate::dataset::Corpus;
use crate::negatives::learned::{self, Pair, Reads};

/// Passes at least, and at most.
const PASSES: std::ops::Range<u64> = 8..28;

/// Terms replaced a pass: of more a different part each pass, of fewer all several times.
const TERMS: usize = 250_000;
const FEW_TERMS: usize = 100_000;
const REPEATS: usize = 8;

/// How often a word has to stand on a side of some term for the table to know it there.
const SEEN: [usize; 3] = [3, 3, 40];

/// The penalty of each kind of strength at multiple 1, in captions: of terms alone, and by side.
const PENALTY_ALONE: f32 = 0.5;
const PENALTY: [f32; 3] = [4.0, 4.0, 8.0];

/// The penalty grows ever less beyond a strength of about this.
const WIDTH: f32 = 2.0;

/// What the penalty is multiplied by at first, and from pass to pass.
const FIRST_MULTIPLE: f32 = 4.0;
const FALL: f32 = 0.87;

/// How far a pass goes. About ten features answer for one term together, so each goes a part of the way.
const RATE: f32 = 0.4;

/// A concept is done once the judge is right in no more than this share.
const ENOUGH: f64 = 0.51;

/// How many pairs of a concept the judge gets.
const JUDGED: usize = 8000;

/// How often something was taken out of captions and put into them, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
struct Strength {
    out: f32,
    into: f32,
    value: f32,
}

impl Strength {
    /// Goes a part of the way to where `out` and `into` are equal but for the penalty.
    fn update(&mut self, rate: f32, penalty: f32) {
        let width = self.value / WIDTH;
        let pull = penalty * self.value / (1.0 + width * width);
        self.value += rate * (self.out - self.into - pull) / (self.out + self.into + penalty + 1.0);
    }
}

/// A step that was accepted.
struct Taken {
    caption: usize,
    concept: Concept,
    features: Vec<Feature>,
    step: Step,
}

/// Fits a table to the captions of a corpus; none if fewer than [`FEWEST`] have a term.
///
/// # Errors
/// If the judge fails.
pub fn calibrate(
    corpus: &impl Corpus,
    concepts: &[Concept],
    whose: For,
    seed: u64,
) -> Result<Option<Calibrated>> {
    let Some(mut fit) = Fit::new(corpus, concepts) else { return Ok(None) };
    for pass in 0..PASSES.end {
        let taken = fit.pass(pass, seed);
        fit.update(pass, &taken);
        let asked = if whose == For::Own { PASSES.start } else { PASSES.end };
        if pass + 1 >= asked && fit.judge(pass + 1, &taken, seed)?.is_break() {
            break;
        }
    }
    // As it would be read from a file, so that whoever reads it draws the same.
    let table = Balance::from_bytes(&fit.table.to_bytes(0.0))?;
    Ok(Some(Calibrated { table, judged: fit.judged }))
}

/// A table, and how far it got.
pub struct Calibrated {
    /// The table.
    pub table: Balance,
    /// For each concept the passes it took, and how often the judge was right at last.
    pub judged: BTreeMap<Concept, (u64, f64)>,
}

struct Fit<'c, C: Corpus> {
    corpus: &'c C,
    table: Balance,
    alone: Vec<Strength>,
    features: HashMap<(Feature, u16), Strength, FxBuildHasher>,
    /// Features that were seen often enough.
    seen: HashSet<Feature, FxBuildHasher>,
    /// The concept of each term.
    concept_of: Vec<Option<Concept>>,
    /// Concepts that are not done.
    open: Vec<Concept>,
    judged: BTreeMap<Concept, (u64, f64)>,
    n_terms: usize,
}

impl<'c, C: Corpus> Fit<'c, C> {
    fn new(corpus: &'c C, concepts: &[Concept]) -> Option<Self> {
        let mut concept_of = vec![None; lexicon().written().len()];
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let (mut n_captions, mut n_terms) = (0, 0);
        for idx in 0..corpus.len() {
            let caption = corpus.caption(idx);
            caption.words().chain([""]).for_each(|word| *counts.entry(word).or_default() += 1);
            let terms = caption.terms().iter().filter(|term| concepts.contains(&term.concept));
            let before = n_terms;
            for term in terms {
                n_terms += 1;
                if let Some(number) = lexicon().number_of(&caption.surface(term.words.clone())) {
                    concept_of[usize::from(number)] = Some(term.concept);
                }
            }
            n_captions += usize::from(n_terms > before);
        }
        if n_captions < FEWEST {
            return None;
        }
        // The most frequent first, since a table holds only so many.
        let mut words: Vec<(&str, usize)> =
            counts.into_iter().filter(|(_, count)| *count >= SEEN[0]).collect();
        words.sort_unstable_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
        let known: Vec<bool> = concept_of.iter().map(Option::is_some).collect();
        let table = Balance::new(&known, words.into_iter().map(|(word, _)| word));
        let mut counts: HashMap<Feature, usize, FxBuildHasher> = HashMap::default();
        for idx in 0..corpus.len() {
            let caption = corpus.caption(idx);
            let known = table.read(caption);
            for feature in caption.terms().iter().flat_map(|term| known.features(term)) {
                *counts.entry(feature).or_default() += 1;
            }
        }
        let often = counts.into_iter().filter(|(feature, count)| *count >= SEEN[feature.side() as usize]);
        let seen = often.map(|(feature, _)| feature).collect();
        Some(Fit {
            corpus,
            alone: vec![Strength::default(); known.len()],
            table,
            features: HashMap::default(),
            seen,
            concept_of,
            open: concepts.to_vec(),
            judged: BTreeMap::new(),
            n_terms,
        })
    }

    /// How many parts the captions are in, of which a pass takes one, and how often it does.
    fn parts(&self) -> (usize, usize) {
        (self.n_terms.div_ceil(TERMS), (FEW_TERMS / self.n_terms.max(1)).clamp(1, REPEATS))
    }

    /// Replaces terms once.
    fn pass(&self, pass: u64, seed: u64) -> Vec<Taken> {
        let (parts, repeats) = self.parts();
        let captions: Vec<usize> = (pass as usize % parts..self.corpus.len()).step_by(parts).collect();
        let taken = captions.par_iter().map(|&idx| {
            let caption = self.corpus.caption(idx);
            let open =
                (0..caption.terms().len()).filter(|nth| self.open.contains(&caption.terms()[*nth].concept));
            let open: Vec<usize> = open.collect();
            let mut taken = Vec::new();
            if open.is_empty() {
                return taken;
            }
            let guard = self.corpus.guard(idx);
            let known = self.table.read(caption);
            let rng = &mut seed::rng(&[seed, pass, idx as u64]);
            for _ in 0..repeats {
                for &nth in &open {
                    let term = &caption.terms()[nth];
                    let step = known.step(nth, &guard, |_| true, Acceptance::Rejection, rng);
                    taken.extend(step.map(|step| Taken {
                        caption: idx,
                        concept: term.concept,
                        features: known.features(term).collect(),
                        step,
                    }));
                }
            }
            taken
        });
        taken.flatten_iter().collect()
    }

    /// Counts what was taken out and put in, and changes the strengths.
    fn update(&mut self, pass: u64, taken: &[Taken]) {
        let (parts, repeats) = self.parts();
        let each = parts as f32 / repeats as f32;
        for Taken { features, step, .. } in taken {
            self.alone[usize::from(step.from)].out += each;
            self.alone[usize::from(step.to)].into += each;
            for feature in features.iter().filter(|feature| self.seen.contains(feature)) {
                self.features.entry((*feature, step.from)).or_default().out += each;
                self.features.entry((*feature, step.to)).or_default().into += each;
            }
        }
        let rate = RATE / (1.0 + pass as f32 / PASSES.start as f32);
        let multiple = FIRST_MULTIPLE * FALL.powi(pass as i32);
        let is_open =
            |term: u16| self.concept_of[usize::from(term)].is_some_and(|of| self.open.contains(&of));
        for (term, strength) in (0..).zip(&mut self.alone).filter(|(term, _)| is_open(*term)) {
            strength.update(rate, multiple * PENALTY_ALONE);
            self.table.set_alone(term, strength.value);
        }
        for ((feature, term), strength) in &mut self.features {
            if is_open(*term) {
                strength.update(rate, multiple * PENALTY[feature.side() as usize]);
            }
        }
        for strength in self.alone.iter_mut().chain(self.features.values_mut()) {
            (strength.out, strength.into) = (0.0, 0.0);
        }
        let mut strengths: Vec<(Feature, u16, f32)> = self
            .features
            .iter()
            .map(|((feature, term), strength)| (*feature, *term, strength.value))
            .collect();
        strengths.par_sort_unstable_by_key(|(feature, term, _)| (*feature, *term));
        self.table.set_features(strengths);
    }

    /// Asks the judge about each concept, and says whether all are done.
    fn judge(&mut self, passes: u64, taken: &[Taken], seed: u64) -> Result<ControlFlow<()>> {
        let mut open = Vec::new();
        for &concept in &self.open {
            let of_concept: Vec<&Taken> = taken.iter().filter(|taken| taken.concept == concept).collect();
            let every = of_concept.len().div_ceil(JUDGED).max(1);
            let pairs = of_concept.into_iter().step_by(every).map(|taken| Pair {
                positive: self.corpus.caption(taken.caption).text(),
                negative: &taken.step.negative.caption,
                image: self.corpus.image(taken.caption),
            });
            let pairs: Vec<Pair> = pairs.collect();
            let verdicts = learned::verdicts(&pairs, Reads::Pairs, seed)?;
            let share = verdicts.iter().sum::<f64>() / verdicts.len().max(1) as f64;
            self.judged.insert(concept, (passes, share));
            if share > ENOUGH {
                open.push(concept);
            }
        }
        self.open = open;
        Ok(if self.open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}
