//! What people decide of the candidates of a challenge set, and the set that several of them agree on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bundle::hexadecimal;
use crate::challenge_set::{Case, GeneratorDetails, Provenance, Row};
use crate::concept::Concept;
use crate::seed;

/// Why an annotator rejects all candidates of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The caption is not true of the original image, or of more than one thing in it.
    Original,
    /// The new caption is not true of any edited image.
    Unchanged,
    /// The edited images look broken.
    Artifacts,
    /// Something else changed, too.
    Collateral,
    /// Anything else.
    Other,
}

impl Reason {
    /// Each of them, in the order in which they are offered.
    pub const ALL: [Reason; 5] =
        [Reason::Original, Reason::Unchanged, Reason::Artifacts, Reason::Collateral, Reason::Other];

    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Reason::Original => "the original caption is wrong or unclear",
            Reason::Unchanged => "the new caption is not true of the edit",
            Reason::Artifacts => "the edit looks broken",
            Reason::Collateral => "something else changed, too",
            Reason::Other => "another reason",
        }
    }
}

/// What an annotator decides of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// One of its candidates is good.
    Accept {
        /// Which.
        candidate: u64,
        /// The new caption, where the annotator has edited it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caption: Option<String>,
    },
    /// None is.
    Reject {
        /// Why.
        reason: Reason,
    },
}

/// The decisions of an annotator, as a JSON file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The [`fingerprint`] of the set.
    pub set: String,
    /// Who decided.
    pub annotator: String,
    /// By the number of the item.
    pub verdicts: BTreeMap<u64, Verdict>,
}

/// What several reviews of one set come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agreement {
    /// The accepted item's candidate, and the new caption where it was edited.
    pub accepted: BTreeMap<u64, (u64, Option<String>)>,
    /// Items that all annotators have decided.
    pub decided: BTreeSet<u64>,
    /// Items that some accept and some reject, or of which they accept different candidates or captions.
    pub disputed: BTreeSet<u64>,
    /// Cohen's kappa of accepting and rejecting, the mean over pairs of annotators; nothing for one annotator, or where
    /// chance alone explains that they agree on everything.
    pub kappa: Option<f64>,
    /// Who decided.
    pub annotators: Vec<String>,
}

/// How many items of a concept there are, how many all have decided, and how many all accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// All of them.
    pub items: usize,
    /// Those that all annotators have decided.
    pub decided: usize,
    /// Those that all of them accept.
    pub accepted: usize,
}

/// Why reviews do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// The decisions are of other candidates.
    #[error("the review of {0} is of another set")]
    OtherSet(String),
    /// Two reviews are by one annotator.
    #[error("two reviews are by {0}")]
    SameAnnotator(String),
}

/// What a review names its set by: the captions, numbers and edited images of all candidates.
pub fn fingerprint(rows: &[Row]) -> String {
    let of_row = |(at, row): (usize, &Row)| {
        let [first, second] = &row.captions;
        let (item, candidate) = number(at, row.provenance.as_ref());
        let edited = row.provenance.as_ref().map_or("", |of| &of.generator.edited);
        let texts = [first, second, edited].map(seed::of_text);
        seed::mix(&[row.concept as u64, item, candidate, texts[0], texts[1], texts[2]])
    };
    hexadecimal(&seed::mix(&rows.iter().enumerate().map(of_row).collect::<Vec<_>>()).to_be_bytes())
}

/// The item and candidate of a row of a set; where candidates are not numbered, each row is an item.
pub fn number(row: usize, provenance: Option<&Provenance>) -> (u64, u64) {
    provenance.map_or((row as u64, 0), |of| (of.item, of.candidate))
}

/// The item of each row, and its concept.
pub fn items(rows: &[Row]) -> impl Iterator<Item = (u64, Concept)> {
    rows.iter().enumerate().map(|(at, row)| (number(at, row.provenance.as_ref()).0, row.concept))
}

/// What reviews of a set agree on: an item is accepted if every annotator accepts the same candidate of it with the same caption.
///
/// # Errors
/// If a review is of another set, or two are by one annotator.
pub fn agree(set: &str, reviews: &[Review]) -> Result<Agreement, ReviewError> {
    let mut agreement = Agreement::default();
    for review in reviews {
        if review.set != set {
            return Err(ReviewError::OtherSet(review.annotator.clone()));
        }
        if agreement.annotators.contains(&review.annotator) {
            return Err(ReviewError::SameAnnotator(review.annotator.clone()));
        }
        agreement.annotators.push(review.annotator.clone());
    }
    let Some((first, others)) = reviews.split_first() else { return Ok(agreement) };
    for (item, verdict) in &first.verdicts {
        let verdicts: Vec<&Verdict> = others.iter().filter_map(|other| other.verdicts.get(item)).collect();
        let is_same = verdicts.iter().all(|other| *other == verdict);
        if verdicts.len() < others.len() {
            continue;
        }
        agreement.decided.insert(*item);
        match verdict {
            Verdict::Accept { candidate, caption } if is_same => {
                agreement.accepted.insert(*item, (*candidate, caption.clone()));
            }
            Verdict::Reject { .. } if !verdicts.iter().any(|other| accepts(other)) => {}
            _ => _ = agreement.disputed.insert(*item),
        }
    }
    let pairs = reviews.iter().enumerate().flat_map(|(nth, a)| reviews[..nth].iter().map(move |b| (a, b)));
    let kappas: Vec<f64> = pairs.filter_map(|(a, b)| kappa(a, b)).collect();
    if !kappas.is_empty() {
        agreement.kappa = Some(kappas.iter().sum::<f64>() / kappas.len() as f64);
    }
    Ok(agreement)
}

fn accepts(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accept { .. })
}

/// Cohen's kappa (1960, doi:10.1177/001316446002000104) over the items that both have decided: 1 is full agreement, 0 what
/// chance gives.
fn kappa(a: &Review, b: &Review) -> Option<f64> {
    let both: Vec<[bool; 2]> = a
        .verdicts
        .iter()
        .filter_map(|(item, verdict)| Some([accepts(verdict), accepts(b.verdicts.get(item)?)]))
        .collect();
    let share = |is: &dyn Fn(&[bool; 2]) -> bool| {
        both.iter().filter(|pair| is(pair)).count() as f64 / both.len() as f64
    };
    let [accepts_a, accepts_b] = [0, 1].map(|who: usize| share(&|pair| pair[who]));
    let observed = share(&|pair| pair[0] == pair[1]);
    let expected = accepts_a * accepts_b + (1.0 - accepts_a) * (1.0 - accepts_b);
    (!both.is_empty() && expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

impl Agreement {
    /// The counts of each concept, of items and their concepts; an item may come several times.
    pub fn kept(&self, items: impl IntoIterator<Item = (u64, Concept)>) -> BTreeMap<Concept, Kept> {
        let concepts: BTreeMap<u64, Concept> = items.into_iter().collect();
        let mut kept: BTreeMap<Concept, Kept> = BTreeMap::new();
        for (item, concept) in concepts {
            let kept = kept.entry(concept).or_default();
            kept.items += 1;
            kept.decided += usize::from(self.decided.contains(&item));
            kept.accepted += usize::from(self.accepted.contains_key(&item));
        }
        kept
    }

    /// Whether a row of the set is the accepted candidate of its item.
    pub fn accepts(&self, row: usize, provenance: Option<&Provenance>) -> bool {
        self.accepted_caption(row, provenance).is_some()
    }

    /// The new caption of an accepted candidate, where it was edited.
    fn accepted_caption(&self, row: usize, provenance: Option<&Provenance>) -> Option<&Option<String>> {
        let (item, candidate) = number(row, provenance);
        self.accepted.get(&item).filter(|(accepted, _)| *accepted == candidate).map(|(_, caption)| caption)
    }

    /// A case of the set as it stands among the verified ones; nothing if it is not accepted. `row` is its number in the set.
    pub fn verified(&self, row: usize, case: Case) -> Option<Case> {
        let caption = self.accepted_caption(row, case.provenance.as_ref())?;
        let (item, candidate) = number(row, case.provenance.as_ref());
        let Case { captions: [first, second], provenance, .. } = case;
        let worker = self.annotators.join(", ");
        let unknown = GeneratorDetails { margin: f64::NAN, ..GeneratorDetails::default() };
        let unknown = Provenance { item, candidate, generator: unknown, ..Provenance::default() };
        let provenance = provenance.unwrap_or(unknown);
        Some(Case {
            captions: [first, caption.clone().unwrap_or(second)],
            provenance: Some(Provenance { worker, ..provenance }),
            ..case
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn review(annotator: &str, verdicts: &str) -> Review {
        let verdict = |letter: char| match letter {
            '.' => None,
            'n' => Some(Verdict::Reject { reason: Reason::Artifacts }),
            digit => Some(Verdict::Accept { candidate: u64::from(digit) - u64::from('0'), caption: None }),
        };
        let verdicts =
            (0..).zip(verdicts.chars().map(verdict)).filter_map(|(item, of)| Some((item, of?))).collect();
        Review { set: "s".into(), annotator: annotator.into(), verdicts }
    }

    #[test]
    fn what_all_accept_alike_is_kept_whoever_comes_first() {
        let both = [review("Ann", "012nn.0"), review("Ben", "00nn0.")];
        let agreement = agree("s", &both).expect("one set");
        let accepted: Vec<(u64, u64)> = agreement.accepted.iter().map(|(item, of)| (*item, of.0)).collect();
        assert_eq!(accepted, [(0, 0)]);
        assert_eq!(agreement.decided.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(agreement.disputed.iter().copied().collect::<Vec<_>>(), [1, 2, 4]);
        let [ann, ben] = both;
        let other_way = agree("s", &[ben, ann]).expect("one set");
        assert_eq!((other_way.accepted, other_way.disputed), (agreement.accepted, agreement.disputed));
    }

    /// Cohen's own kind of table: 20 and 15 of 50 agreed on, 5 and 10 not, is 0.4.
    #[test]
    fn kappa_is_cohens() {
        let [ann, ben] = [
            format!("{}{}{}{}", "0".repeat(20), "0".repeat(5), "n".repeat(10), "n".repeat(15)),
            format!("{}{}{}{}", "0".repeat(20), "n".repeat(5), "0".repeat(10), "n".repeat(15)),
        ];
        let kappa =
            |a: &str, b: &str| agree("s", &[review("Ann", a), review("Ben", b)]).expect("one set").kappa;
        assert!((kappa(&ann, &ben).expect("a number") - 0.4).abs() < 1e-12);
        assert_eq!(kappa("0n0n", "0n0n"), Some(1.0));
        assert_eq!(kappa("0n0n", "n0n0"), Some(-1.0));
        assert_eq!(kappa("000", "000"), None, "nothing was rejected, so nothing is known");
        assert_eq!(kappa("0..", ".0n"), None, "no item in common");
        assert_eq!(agree("s", &[review("Ann", "0n")]).expect("one set").kappa, None);
    }

    #[test]
    fn reviews_of_other_sets_and_by_one_person_do_not_go_together() {
        let ann = review("Ann", "0");
        assert_eq!(agree("t", std::slice::from_ref(&ann)), Err(ReviewError::OtherSet("Ann".into())));
        assert_eq!(agree("s", &[ann.clone(), ann]), Err(ReviewError::SameAnnotator("Ann".into())));
        assert_eq!(agree("s", &[]), Ok(Agreement::default()));
    }

    fn row(item: u64, candidate: u64, concept: Concept) -> Row {
        let provenance = Some(Provenance { item, candidate, ..Provenance::default() });
        Row { concept, captions: ["a".into(), "b".into()], provenance }
    }

    #[test]
    fn a_verified_case_is_the_accepted_candidate_with_its_caption_and_its_annotators() {
        let rows = [
            row(0, 0, Concept::Color),
            row(0, 1, Concept::Color),
            row(1, 0, Concept::Size),
            row(2, 0, Concept::Size),
        ];
        let [ann, ben] = ["Ann", "Ben"].map(|annotator| {
            let mut review = review(annotator, "1n");
            let caption = Some("c".to_owned());
            review.verdicts.insert(0, Verdict::Accept { candidate: 1, caption });
            review
        });
        let agreement = agree("s", &[ann, ben]).expect("one set");
        let kept = agreement.kept(items(&rows));
        assert_eq!(kept[&Concept::Color], Kept { items: 1, decided: 1, accepted: 1 });
        assert_eq!(kept[&Concept::Size], Kept { items: 2, decided: 1, accepted: 0 });
        let verified: Vec<Case> = rows
            .into_iter()
            .enumerate()
            .filter_map(|(at, Row { concept, captions, provenance })| {
                let empty = Bytes::new;
                agreement.verified(
                    at,
                    Case { concept, captions, images: [empty(), empty()], mask: empty(), provenance },
                )
            })
            .collect();
        let [case] = &verified[..] else { panic!("{} cases", verified.len()) };
        let provenance = case.provenance.as_ref().expect("a provenance");
        assert_eq!((&*case.captions[1], provenance.candidate, &*provenance.worker), ("c", 1, "Ann, Ben"));
    }

    #[test]
    fn a_set_is_known_by_its_candidates() {
        let rows = [row(0, 0, Concept::Color), row(0, 1, Concept::Color)];
        let other = [row(0, 0, Concept::Color), row(1, 0, Concept::Color)];
        assert_eq!(fingerprint(&rows), fingerprint(&rows.clone()));
        assert_ne!(fingerprint(&rows), fingerprint(&other));
        let mut edited = rows.clone();
        edited[1].provenance.as_mut().expect("a provenance").generator.edited = "0".into();
        assert_ne!(fingerprint(&rows), fingerprint(&edited), "another image");
        assert_ne!(fingerprint(&rows), fingerprint(&rows[..1]));
    }

    #[test]
    fn a_review_is_json_that_people_can_read() {
        let mut ann = review("Ann", "0n");
        ann.verdicts.insert(7, Verdict::Accept { candidate: 2, caption: Some("a blue car".into()) });
        let json = serde_json::to_string(&ann).expect("JSON");
        assert_eq!(
            json,
            r#"{"set":"s","annotator":"Ann","verdicts":{"0":{"verdict":"accept","candidate":0},"1":{"verdict":"reject","reason":"artifacts"},"7":{"verdict":"accept","candidate":2,"caption":"a blue car"}}}"#
        );
        assert_eq!(serde_json::from_str::<Review>(&json).expect("a review"), ann);
    }
}
