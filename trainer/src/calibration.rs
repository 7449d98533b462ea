//! Fits the table by which negatives are drawn to the captions at hand, until a judge that learns cannot tell them apart.
//!
//! Every pass replaces each term once with the table as it is, and counts for each of its features how often it was taken
//! out of a caption and how often put in. What goes out more often than it comes in is made more likely. At the fixed
//! point both are equal, so the gradient of a logistic regression on these features vanishes: it learns nothing
//! (contrastive divergence with the sampler that draws the negatives, Hinton 2002, doi:10.1162/089976602760128018).
//!
//! A penalty keeps rare features near zero, since a table that fits every caption of the file makes negatives look *more*
//! like originals than the originals. It falls from pass to pass, for each concept until the judge is at chance; to the end
//! if the negatives of other captions are to be drawn.
//!
//! A pure function of captions and seed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::ControlFlow;

use anyhow::Result;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::fluency::fluency;
use shared::lexicon::lexicon;
use shared::negative::{self, Acceptance, Balance, Feature, Guard, Proposal, Recipe, Step, balance};
use shared::seed;

use crate::learned::{self, Pair, Reads};

/// Fewer captions say too little; the table that ships with Foil is used then.
pub const FEWEST: usize = 1000;

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

/// Captions to calibrate on, each with what must not be said of its image.
pub trait Corpus: Sync {
    /// The number of captions.
    fn len(&self) -> usize;
    /// A caption.
    fn caption(&self, idx: usize) -> &Caption;
    /// What must not be put into it.
    fn guard(&self, idx: usize) -> Guard;
    /// Captions of one image have the same number.
    fn image(&self, idx: usize) -> u64;
}

/// How the words of negatives are chosen, with the table that this needs.
#[derive(Clone, Debug, Default)]
pub enum Drawing {
    /// Every word has the same chance.
    #[default]
    Uniform,
    /// Words that read likelier have a better chance.
    Fluent,
    /// So that text alone does not tell negatives from captions.
    Balanced(Cow<'static, Balance>, Acceptance),
}

impl Drawing {
    /// Balanced by the table for a corpus.
    ///
    /// # Errors
    /// If the judge fails.
    pub fn balanced(corpus: &impl Corpus, concepts: &[Concept], whose: For, seed: u64) -> Result<Self> {
        Ok(Drawing::Balanced(table_for(corpus, concepts, whose, seed)?, Acceptance::Rejection))
    }

    /// What draws.
    pub fn proposal(&self) -> Proposal<'_> {
        match self {
            Drawing::Uniform => Proposal::Uniform,
            Drawing::Fluent => Proposal::Fluent(fluency()),
            Drawing::Balanced(table, acceptance) => Proposal::Balanced(table, *acceptance),
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

/// Whose negatives are drawn by a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Those of the captions that it is fitted to. More than chance needs would fit their accidents: it stops in time.
    Own,
    /// Those of other captions, to which the accidents of these mean nothing: the more passes, the better.
    Others,
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
    /// By feature: whether it was seen often enough.
    seen: HashMap<Feature, usize, FxBuildHasher>,
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
        let mut seen: HashMap<Feature, usize, FxBuildHasher> = HashMap::default();
        for idx in 0..corpus.len() {
            let caption = corpus.caption(idx);
            let known = table.read(caption);
            for feature in caption.terms().iter().flat_map(|term| known.features(term)) {
                *seen.entry(feature).or_default() += 1;
            }
        }
        seen.retain(|feature, count| *count >= SEEN[feature.side() as usize]);
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
            for feature in features.iter().filter(|feature| self.seen.contains_key(feature)) {
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

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use shared::negative::Negative;

    use super::*;

    /// Captions in which red is the color of three things in four, but of buses one in four, and the sky is never red.
    struct Made(Vec<Caption>);

    impl Made {
        fn new(count: usize) -> Self {
            let rng = &mut seed::rng(&[1]);
            let mut pick = |of: &[&'static str]| of[rng.random_range(0..of.len() as u32) as usize];
            let captions = (0..count).map(|_| {
                let thing = pick(&["car", "car", "car", "bus", "boat", "house"]);
                let color = match thing {
                    "bus" => pick(&["red", "blue", "green", "blue"]),
                    _ => pick(&["red", "red", "blue", "red", "red", "red", "green", "white"]),
                };
                let size = pick(&["big", "big", "big", "small", "tiny", "little"]);
                Caption::new(format!(
                    "a {size} {color} {thing} {} a tree",
                    pick(&["near", "near", "behind", "in front of"])
                ))
            });
            Made(captions.collect())
        }
    }

    impl Corpus for Made {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn caption(&self, idx: usize) -> &Caption {
            &self.0[idx]
        }

        fn guard(&self, _: usize) -> Guard {
            Guard::default()
        }

        fn image(&self, idx: usize) -> u64 {
            idx as u64
        }
    }

    /// One negative of a concept for each caption that gets one.
    fn drawn(corpus: &Made, concept: Concept, drawing: &Drawing) -> Vec<(usize, Negative)> {
        let concepts = [concept];
        let recipe = Recipe { proposal: drawing.proposal(), ..Recipe::replace(&concepts) };
        let draw = |idx: usize| {
            let rng = &mut seed::rng(&[7, concept as u64, idx as u64]);
            Some((idx, negative::draw(&corpus.0[idx], &recipe, 1, rng).pop()?))
        };
        (0..corpus.len()).filter_map(draw).collect()
    }

    /// How often the judge tells negatives from captions.
    fn judged(corpus: &Made, negatives: &[(usize, Negative)]) -> f64 {
        let pairs = negatives.iter().map(|(idx, negative)| Pair {
            positive: corpus.0[*idx].text(),
            negative: &negative.caption,
            image: *idx as u64,
        });
        let verdicts = learned::verdicts(&pairs.collect::<Vec<_>>(), Reads::Pairs, 0).expect("verdicts");
        verdicts.iter().sum::<f64>() / verdicts.len() as f64
    }

    #[test]
    fn flows_are_the_same_both_ways_in_every_context_and_the_judge_learns_nothing() {
        let corpus = Made::new(6000);
        let balanced = Drawing::balanced(&corpus, &Concept::ALL, For::Own, 0).expect("a table");
        for concept in Concept::ALL {
            let fluent = drawn(&corpus, concept, &Drawing::Fluent);
            assert!(judged(&corpus, &fluent) > 0.65, "{concept}: nothing to balance");
            let negatives = drawn(&corpus, concept, &balanced);
            let share = judged(&corpus, &negatives);
            assert!((0.45..=0.55).contains(&share), "{concept}: the judge is right in {share}");
            let mut flows: HashMap<(String, String, String), f64> = HashMap::new();
            for (idx, negative) in &negatives {
                // With the term taken out, what is left is its context.
                let text = corpus.0[*idx].text();
                let context = format!("{}_{}", &text[..negative.start], &text[negative.end..]);
                let thing = ["car", "bus", "boat", "house"].into_iter().find(|thing| context.contains(thing));
                let key = (negative.from.clone(), negative.to.clone(), thing.unwrap_or("").to_owned());
                *flows.entry(key).or_default() += 1.0;
            }
            for ((from, to, thing), there) in &flows {
                let back = flows.get(&(to.clone(), from.clone(), thing.clone())).copied().unwrap_or(0.0);
                // Five standard deviations of the difference of two counts.
                let error = 5.0 * (there + back).sqrt();
                assert!((there - back).abs() <= error, "{from} to {to} ({thing}): {there}, back: {back}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_table_and_few_captions_none() {
        let corpus = Made::new(1200);
        let table = || {
            let calibrated =
                calibrate(&corpus, &Concept::ALL, For::Own, 3).expect("a judge").expect("enough captions");
            calibrated.table.to_bytes(0.0)
        };
        assert_eq!(table(), table());
        assert!(calibrate(&Made::new(FEWEST - 1), &Concept::ALL, For::Own, 3).expect("a judge").is_none());
    }
}
