//! What the page says while candidates of a challenge set are checked.

use shared::concept::Concept;
use shared::review::{Agreement, Review, Verdict};

use crate::protocol::Candidate;

/// How far a review has come.
pub fn review_progress(review: &Review, n_items: usize) -> String {
    let accepted =
        review.verdicts.values().filter(|verdict| matches!(verdict, Verdict::Accept { .. })).count();
    format!("{} of {n_items} decided, {accepted} accepted", review.verdicts.len())
}

/// What has been decided of an item of which a candidate is on show: a name for it, the new caption, and a sentence.
pub fn verdict<'a>(verdict: Option<&'a Verdict>, shown: &'a Candidate) -> (&'static str, &'a str, String) {
    let own = &shown.captions[1];
    match verdict {
        Some(Verdict::Accept { candidate, .. }) if *candidate != shown.candidate => {
            ("accept", own, "Another candidate is accepted.".to_owned())
        }
        Some(Verdict::Accept { caption, .. }) => {
            ("accept", caption.as_ref().unwrap_or(own), "Accepted.".to_owned())
        }
        Some(Verdict::Reject { reason }) => ("reject", own, format!("Rejected: {}.", reason.words())),
        None => ("", own, "Not decided.".to_owned()),
    }
}

/// What reviews come to: the share that is kept of each concept, and how far annotators agree.
pub fn agreement(agreement: &Agreement, items: impl IntoIterator<Item = (u64, Concept)>) -> String {
    let kept: Vec<String> = agreement
        .kept(items)
        .into_iter()
        .filter(|(_, kept)| kept.decided > 0)
        .map(|(concept, kept)| {
            let share = 100.0 * kept.accepted as f64 / kept.decided as f64;
            format!("{concept} {} of {} ({share:.0} %)", kept.accepted, kept.decided)
        })
        .collect();
    if kept.is_empty() {
        return "Nothing is decided yet.".to_owned();
    }
    let kept = format!("Kept: {}.", kept.join(", "));
    match (agreement.annotators.len(), agreement.kappa) {
        (0 | 1, _) => kept,
        (_, Some(kappa)) => {
            format!("{kept} Cohen’s kappa is {kappa:.2}, with {} disputed.", agreement.disputed.len())
        }
        (_, None) => {
            format!(
                "{kept} No kappa: everyone gave the same verdict on every item, or no item was decided by two people."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::review::{Reason, agree};

    use super::*;

    fn review(annotator: &str, accepts: &[bool]) -> Review {
        let verdict = |accepts: &bool| match accepts {
            true => Verdict::Accept { candidate: 0, caption: None },
            false => Verdict::Reject { reason: Reason::Other },
        };
        let verdicts = (0..).zip(accepts.iter().map(verdict)).collect();
        Review { set: "s".into(), annotator: annotator.into(), verdicts }
    }

    #[test]
    fn an_accepted_candidate_has_its_own_caption() {
        let shown = Candidate {
            item: 0,
            candidate: 1,
            concept: Concept::Color,
            captions: ["a".into(), "b".into()],
            made: String::new(),
            source: String::new(),
        };
        let accept = |candidate| Verdict::Accept { candidate, caption: Some("c".into()) };
        assert_eq!(verdict(Some(&accept(1)), &shown), ("accept", "c", "Accepted.".into()));
        assert_eq!(
            verdict(Some(&accept(0)), &shown),
            ("accept", "b", "Another candidate is accepted.".into())
        );
        let reject = Verdict::Reject { reason: Reason::Artifacts };
        assert_eq!(
            verdict(Some(&reject), &shown),
            ("reject", "b", "Rejected: the edit looks broken.".into())
        );
        assert_eq!(verdict(None, &shown).1, "b");
    }

    #[test]
    fn a_review_is_counted_and_agreement_is_said() {
        let items = [(0, Concept::Color), (1, Concept::Color), (2, Concept::Size), (3, Concept::Size)];
        let ann = review("Ann", &[true, false, true]);
        assert_eq!(review_progress(&ann, 4), "3 of 4 decided, 2 accepted");
        let said = |reviews: &[Review]| agreement(&agree("s", reviews).expect("one set"), items);
        assert_eq!(said(std::slice::from_ref(&ann)), "Kept: color 1 of 2 (50 %), size 1 of 1 (100 %).");
        assert_eq!(
            said(&[ann.clone(), review("Ben", &[true, false, false])]),
            "Kept: color 1 of 2 (50 %), size 0 of 1 (0 %). Cohen’s kappa is 0.40, with 1 disputed."
        );
        assert!(said(&[ann, review("Ben", &[])]).starts_with("Nothing is decided"));
        let same = [review("Ann", &[true]), review("Ben", &[true])];
        assert!(said(&same).ends_with("or no item was decided by two people."));
    }
}
