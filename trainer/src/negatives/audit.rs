//! What a set of hard negatives is worth, before anything is trained on it.

mod laws;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::negative::{self, HardNegative, Proposal, Recipe, Rule, Strategy};
use shared::seed;

use crate::dataset::Corpus;
use crate::dataset::captions::Captions;
use crate::dataset::image_names::image_key;
use crate::dataset::text_pairs::TextPair;
use crate::negatives::blind::{Blind, Judges, Verdict};
use crate::negatives::learned::{Learned, Pair};
use crate::statistics::{Share, percent};
pub use laws::Violations;

/// The report. Its JSON keeps these names.
#[derive(Debug, Serialize)]
pub struct Audit {
    /// What was audited, and what the judges read.
    pub captions: String,
    /// The number of captions.
    pub n: usize,
    /// Captions with a term of any concept.
    pub any_term: Share,
    /// Captions a second on one core: reading, marking terms and drawing one negative of any concept.
    pub captions_per_second: f64,
    /// Captions in another language than English, which are left alone.
    pub not_english: usize,
    /// One row a set of negatives.
    pub rows: Vec<Row>,
    /// The commonest exchanges of each concept, most frequent first.
    pub exchanges: BTreeMap<Concept, Vec<Exchange>>,
}

/// A set of negatives.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Where they come from: a concept of ours, or a subset of somebody else's.
    pub set: String,
    /// How they were made, as far as is known.
    pub rule: Option<Rule>,
    /// Captions that have a term of the concept; nothing for other people's pairs.
    pub with_term: Option<Share>,
    /// Negatives judged.
    pub negatives: usize,
    /// Negatives that break a law.
    pub violations: Violations,
    /// What text alone gives away to rules.
    pub blind: Blind,
    /// What it gives away to a judge that learns.
    pub learned: Learned,
}

/// A word and what stands in its place.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The words taken out.
    pub from: String,
    /// The words put in.
    pub to: String,
    /// How often.
    pub count: usize,
}

/// How many exchanges of a concept are listed.
const EXCHANGES: usize = 5;

/// Audits our own negatives of `captions`: for every caption one of each concept and rule, with what the captions of
/// the same image say kept out.
///
/// # Errors
/// If the judge that learns fails.
pub fn own(
    name: &str,
    captions: &Captions,
    judges: &Judges,
    concepts: &[Concept],
    proposal: Proposal,
    seed: u64,
) -> Result<Audit> {
    let all = captions.all();
    let mut rows = Vec::new();
    let mut exchanges = BTreeMap::new();
    for (rule, strategy) in [(Rule::Replace, Strategy::Replace), (Rule::Swap, Strategy::Swap)] {
        let mut verdicts = Vec::new();
        let mut texts = Vec::new();
        let mut violations = Violations::default();
        for &concept in concepts {
            let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
            let draw = |idx| captions.negative(idx, concept, strategy, proposal, seed);
            let Audited { row, verdicts: own, negatives } =
                row(captions, judges, (concept, rule), seed, draw, |negative| {
                    *counts.entry((negative.from.to_lowercase(), negative.to.to_lowercase())).or_default() +=
                        1;
                })?;
            violations.merge(&row.violations);
            verdicts.extend(own);
            texts.extend(negatives);
            rows.push(row);
            if rule == Rule::Replace {
                exchanges.insert(concept, commonest(counts));
            }
        }
        rows.push(Row {
            set: "all".into(),
            rule: Some(rule),
            with_term: None,
            negatives: verdicts.len(),
            violations,
            blind: Blind::of(&verdicts),
            learned: Learned::of(&pairs(captions, &texts), seed)?,
        });
    }
    Ok(Audit {
        captions: name.to_owned(),
        n: all.len(),
        any_term: Share::of(
            all.iter().map(|caption| {
                f64::from(caption.terms().iter().any(|term| concepts.contains(&term.concept)))
            }),
        ),
        captions_per_second: throughput(all, concepts, proposal, seed),
        not_english: captions.not_english(),
        rows,
        exchanges,
    })
}

/// The row of a concept, and what it was made of.
struct Audited {
    row: Row,
    verdicts: Vec<Verdict>,
    /// The negatives, each with the number of its caption.
    negatives: Vec<(usize, String)>,
}

/// Captions with what was made of them, for the judge.
fn pairs<'a>(captions: &'a Captions, negatives: &'a [(usize, String)]) -> Vec<Pair<'a>> {
    let pair = |(idx, negative): &'a (usize, String)| Pair {
        positive: captions.caption(*idx).text(),
        negative,
        image: captions.image(*idx),
    };
    negatives.iter().map(pair).collect()
}

fn row(
    captions: &Captions,
    judges: &Judges,
    (concept, rule): (Concept, Rule),
    seed: u64,
    draw: impl Fn(usize) -> Option<HardNegative>,
    mut each: impl FnMut(&HardNegative),
) -> Result<Audited> {
    let mut violations = Violations::default();
    let mut verdicts = Vec::new();
    let mut negatives = Vec::new();
    for (idx, positive) in captions.all().iter().enumerate() {
        let siblings: Vec<&Caption> = captions.siblings(idx).collect();
        if let Some(negative) = draw(idx) {
            violations.add_edit(positive, &siblings, &negative);
            let edited = Caption::new(negative.caption.as_str());
            verdicts.push(judges.judge(captions.image_key(idx).as_deref(), idx, positive, &edited));
            each(&negative);
            negatives.push((idx, negative.caption));
        }
    }
    let row = Row {
        set: concept.to_string(),
        rule: Some(rule),
        with_term: Some(Share::of(captions.all().iter().map(|caption| f64::from(caption.names(concept))))),
        negatives: verdicts.len(),
        violations,
        blind: Blind::of(&verdicts),
        learned: Learned::of(&pairs(captions, &negatives), seed)?,
    };
    Ok(Audited { row, verdicts, negatives })
}

fn commonest(counts: BTreeMap<(String, String), usize>) -> Vec<Exchange> {
    let exchange = |((from, to), count)| Exchange { from, to, count };
    let mut exchanges: Vec<Exchange> = counts.into_iter().map(exchange).collect();
    exchanges.sort_by_key(|exchange| std::cmp::Reverse(exchange.count));
    exchanges.truncate(EXCHANGES);
    exchanges
}

fn throughput(captions: &[Caption], concepts: &[Concept], proposal: Proposal, seed: u64) -> f64 {
    let recipe = Recipe { proposal, ..Recipe::replace(concepts) };
    let started = Instant::now();
    for (idx, caption) in captions.iter().enumerate() {
        let caption = Caption::new(caption.text());
        std::hint::black_box(negative::draw(&caption, &recipe, 1, &mut seed::rng(&[seed, idx as u64])));
    }
    captions.len() as f64 / started.elapsed().as_secs_f64()
}

/// Audits other people's pairs: one row a subset, and all of them together.
///
/// # Errors
/// If the judge that learns fails.
pub fn others(pairs: &[TextPair], name: &str, judges: &Judges, seed: u64) -> Result<Vec<Row>> {
    let mut subsets: BTreeMap<&str, Vec<&TextPair>> = BTreeMap::new();
    for pair in pairs {
        subsets.entry(&pair.subset).or_default().push(pair);
    }
    let row = |set: String, pairs: &[&TextPair]| {
        let mut violations = Violations::default();
        let mut verdicts = Vec::new();
        for (idx, pair) in pairs.iter().enumerate() {
            let [positive, negative] =
                [&pair.positive, &pair.negative].map(|text| Caption::new(text.as_str()));
            violations.add_texts(&pair.positive, &pair.negative);
            verdicts.push(judges.judge(Some(&image_key(&pair.image)), idx, &positive, &negative));
        }
        let blind = Blind::of(&verdicts);
        let texts = pairs.iter().map(|pair| Pair {
            positive: &pair.positive,
            negative: &pair.negative,
            image: seed::of_text(&image_key(&pair.image)),
        });
        let learned = Learned::of(&texts.collect::<Vec<_>>(), seed)?;
        anyhow::Ok(Row {
            set,
            rule: None,
            with_term: None,
            negatives: pairs.len(),
            violations,
            blind,
            learned,
        })
    };
    let mut rows = Vec::new();
    if subsets.len() > 1 {
        for (subset, pairs) in &subsets {
            rows.push(row(format!("{name}/{subset}"), pairs)?);
        }
    }
    rows.push(row(name.to_owned(), &pairs.iter().collect::<Vec<_>>())?);
    Ok(rows)
}

/// Prints the report as text.
///
/// # Errors
/// If it cannot be written.
pub fn print(out: &mut impl Write, audit: &Audit) -> Result<()> {
    writeln!(
        out,
        "{} captions of {}; {:.1} % have a term; {:.0} captions a second on one core",
        audit.n,
        audit.captions,
        100.0 * audit.any_term.share,
        audit.captions_per_second
    )?;
    writeln!(
        out,
        "How often a judge who never sees the image takes the positive for the original, in %; 50 is chance."
    )?;
    writeln!(
        out,
        "{:<24} {:<8} {:>6} {:>9} {:>6} {:>8} {:>8} {:>7} {:>6} {:>8} {:>13} {:>8}",
        "set",
        "rule",
        "term%",
        "negatives",
        "faults",
        "shorter",
        "unigram",
        "bigram",
        "same%",
        "learned",
        "[95 %]",
        "+ pairs"
    )?;
    for row in &audit.rows {
        let (blind, learned) = (&row.blind, &row.learned.neighbors);
        let interval = match learned.n {
            0 => "–".to_owned(),
            _ => format!("[{}, {}]", percent(learned.low), percent(learned.high)),
        };
        writeln!(
            out,
            "{:<24} {:<8} {:>6} {:>9} {:>6} {:>8} {:>8} {:>7} {:>6} {:>8} {:>13} {:>8}",
            row.set,
            row.rule.map_or("?", Rule::name),
            row.with_term.map_or_else(|| "–".to_owned(), |share| percent(share.share)),
            row.negatives,
            row.violations.total(),
            percent(blind.shorter.share),
            percent(blind.unigram.share),
            percent(blind.bigram.share),
            percent(blind.same_words.share),
            percent(learned.share),
            interval,
            percent(row.learned.pairs.share),
        )?;
    }
    writeln!(
        out,
        "learned: logistic regression on words, neighbors and length, fitted on half of the images and asked about the \
         other half; + pairs: and any two words"
    )?;
    if audit.not_english > 0 {
        writeln!(out, "{} captions are not English and are left alone", audit.not_english)?;
    }
    for (concept, exchanges) in &audit.exchanges {
        let list: Vec<String> =
            exchanges.iter().map(|e| format!("{} → {} ({})", e.from, e.to, e.count)).collect();
        writeln!(out, "most frequent, {concept}: {}", list.join(", "))?;
    }
    Ok(())
}
