//! The candidates of a challenge set while somebody decides on them.

use std::ops::Range;

use shared::concept::Concept;
use shared::review::{Agreement, Reason, Review, ReviewError, Verdict, agree};

use crate::protocol::Candidate;

/// What somebody is called who does not say.
const NOBODY: &str = "anonymous";

/// Candidates, and what has been decided of them.
#[derive(Debug, Default)]
pub struct Checking {
    rows: Vec<Candidate>,
    /// The rows of each item, in order of the file.
    items: Vec<Range<usize>>,
    /// The item on show, and which of its candidates.
    at: usize,
    nth: usize,
    review: Review,
    /// Of other people.
    others: Vec<Review>,
}

impl Checking {
    /// Candidates of a file in its order, and what was decided of them before, if that is of this set. The first item that is
    /// not decided is on show.
    pub fn new(set: String, rows: Vec<Candidate>, before: Option<Review>) -> Self {
        let mut items: Vec<Range<usize>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match items.last_mut() {
                Some(item) if rows[item.start].item == row.item => item.end = at + 1,
                _ => items.push(at..at + 1),
            }
        }
        let review = before.filter(|review| review.set == set);
        let review = review.unwrap_or(Review { set, ..Review::default() });
        let mut checking = Checking { rows, items, review, ..Checking::default() };
        let first = (0..checking.items.len()).find(|at| checking.is_open(*at));
        checking.go_to(first.unwrap_or(0));
        checking
    }

    /// How many items there are.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The number of the item on show, from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Which of its candidates is on show, from 0, and how many it has.
    pub fn nth(&self) -> (usize, usize) {
        (self.nth, self.items.get(self.at).map_or(0, Range::len))
    }

    /// The row on show; nothing if there are no candidates.
    pub fn row(&self) -> Option<usize> {
        Some(self.items.get(self.at)?.start + self.nth)
    }

    /// The candidate on show.
    pub fn candidate(&self) -> Option<&Candidate> {
        self.rows.get(self.row()?)
    }

    /// What has been decided of the item on show.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.review.verdicts.get(&self.candidate()?.item)
    }

    /// Everything that has been decided here.
    pub fn review(&self) -> &Review {
        &self.review
    }

    /// The same as it leaves the page: with a name, whatever it is.
    pub fn own(&self) -> Review {
        let mut own = self.review.clone();
        if own.annotator.is_empty() {
            NOBODY.clone_into(&mut own.annotator);
        }
        own
    }

    /// Goes on with what another one holds of the same set, who has read the file again.
    #[must_use]
    pub fn after(self, before: Option<Checking>) -> Self {
        match before.filter(|before| before.review.set == self.review.set) {
            Some(before) => {
                let fresh = Checking::new(self.review.set, self.rows, Some(before.review));
                Checking { others: before.others, ..fresh }
            }
            None => self,
        }
    }

    /// The items and their concepts.
    pub fn concepts(&self) -> impl Iterator<Item = (u64, Concept)> {
        self.rows.iter().map(|row| (row.item, row.concept))
    }

    fn is_open(&self, at: usize) -> bool {
        !self.review.verdicts.contains_key(&self.rows[self.items[at].start].item)
    }

    /// Shows an item, and the candidate of it that was accepted.
    fn go_to(&mut self, at: usize) {
        self.at = at.min(self.items.len().saturating_sub(1));
        self.nth = 0;
        if let Some(Verdict::Accept { candidate, .. }) = self.verdict().cloned() {
            let rows = &self.rows[self.items[self.at].clone()];
            self.nth = rows.iter().position(|row| row.candidate == candidate).unwrap_or(0);
        }
    }

    /// Shows the item so many places further on, as far as there are any.
    pub fn step(&mut self, by: isize) {
        self.go_to(self.at.saturating_add_signed(by));
    }

    /// Shows the candidate so many places further on; behind the last comes the first.
    pub fn turn(&mut self, by: isize) {
        if let (_, n_candidates @ 1..) = self.nth() {
            self.nth = (self.nth as isize + by).rem_euclid(n_candidates as isize) as usize;
        }
    }

    /// Accepts the candidate on show with a new caption, and goes to the next item that is open.
    pub fn accept(&mut self, caption: &str) {
        let Some(shown) = self.candidate() else { return };
        let (item, candidate, caption) = (shown.item, shown.candidate, edited(caption, shown));
        self.review.verdicts.insert(item, Verdict::Accept { candidate, caption });
        self.advance();
    }

    /// Rejects the item on show, and goes to the next one that is open.
    pub fn reject(&mut self, reason: Reason) {
        let Some(shown) = self.candidate() else { return };
        self.review.verdicts.insert(shown.item, Verdict::Reject { reason });
        self.advance();
    }

    /// Forgets what was decided of the item on show.
    pub fn undo(&mut self) {
        if let Some(item) = self.candidate().map(|shown| shown.item) {
            self.review.verdicts.remove(&item);
        }
    }

    /// Writes another caption for the candidate on show; nothing changes if it is not the accepted one.
    pub fn caption(&mut self, typed: &str) {
        let Some(shown) = self.candidate().cloned() else { return };
        if let Some(Verdict::Accept { candidate, caption }) = self.review.verdicts.get_mut(&shown.item)
            && *candidate == shown.candidate
        {
            *caption = edited(typed, &shown);
        }
    }

    /// Names who decides.
    pub fn name(&mut self, annotator: &str) {
        annotator.trim().clone_into(&mut self.review.annotator);
    }

    /// Counts the review of somebody else, in place of an earlier one by the same person.
    ///
    /// # Errors
    /// If it is of another set, or one's own.
    pub fn add(&mut self, review: Review) -> Result<(), ReviewError> {
        if review.annotator == self.own().annotator && !self.review.verdicts.is_empty() {
            return Err(ReviewError::SameAnnotator(review.annotator));
        }
        if review.set != self.review.set {
            return Err(ReviewError::OtherSet(review.annotator));
        }
        self.others.retain(|other| other.annotator != review.annotator);
        self.others.push(review);
        Ok(())
    }

    /// Every review: one's own first, unless others have been opened and nothing is decided here.
    pub fn reviews(&self) -> Vec<Review> {
        let own = Some(self.own()).filter(|own| !own.verdicts.is_empty() || self.others.is_empty());
        own.into_iter().chain(self.others.iter().cloned()).collect()
    }

    /// What all reviews come to.
    ///
    /// # Errors
    /// If two are by one person.
    pub fn agreement(&self) -> Result<Agreement, ReviewError> {
        agree(&self.review.set, &self.reviews())
    }

    /// Goes to the first open item behind this one, from the beginning again if there is none; to the next one if all are
    /// decided.
    fn advance(&mut self) {
        let n_items = self.items.len();
        let behind = (1..n_items).map(|step| (self.at + step) % n_items).find(|at| self.is_open(*at));
        self.go_to(behind.unwrap_or(self.at + 1));
    }
}

/// A caption that differs from a candidate's own.
fn edited(typed: &str, candidate: &Candidate) -> Option<String> {
    let typed = typed.trim();
    (!typed.is_empty() && typed != candidate.captions[1]).then(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three items with two, one and three candidates.
    fn checking(before: Option<Review>) -> Checking {
        let row = |(item, candidate)| Candidate {
            item,
            candidate,
            concept: Concept::Color,
            captions: ["a".into(), "b".into()],
            made: String::new(),
            source: String::new(),
        };
        let rows = [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (2, 2)].map(row);
        Checking::new("s".into(), rows.to_vec(), before)
    }

    #[test]
    fn a_decision_leads_to_the_next_open_item_and_around() {
        let mut checking = checking(None);
        assert_eq!((checking.n_items(), checking.at(), checking.nth()), (3, 0, (0, 2)));
        checking.step(1);
        checking.reject(Reason::Artifacts);
        assert_eq!((checking.at(), checking.nth()), (2, (0, 3)));
        checking.turn(-1);
        checking.accept(" b ");
        assert_eq!(checking.at(), 0, "the one that was passed over");
        checking.accept("c");
        assert_eq!(checking.at(), 1, "all are decided");
        let accept = |candidate, caption: Option<&str>| Verdict::Accept {
            candidate,
            caption: caption.map(str::to_owned),
        };
        let verdicts: Vec<Verdict> = checking.review().verdicts.values().cloned().collect();
        let reject = Verdict::Reject { reason: Reason::Artifacts };
        assert_eq!(verdicts, [accept(0, Some("c")), reject, accept(2, None)]);
        checking.step(1);
        assert_eq!((checking.row(), checking.nth()), (Some(5), (2, 3)), "the accepted candidate is on show");
        checking.caption("d");
        checking.turn(1);
        checking.caption("not of the accepted one");
        assert_eq!(checking.verdict(), Some(&accept(2, Some("d"))));
        checking.undo();
        assert_eq!(checking.verdict(), None);
        checking.step(9);
        checking.step(-9);
        assert_eq!(checking.at(), 0);
    }

    #[test]
    fn a_review_goes_on_where_it_was_and_only_with_its_set() {
        let mut first = checking(None);
        first.reject(Reason::Other);
        let kept = first.review().clone();
        assert_eq!(checking(Some(kept.clone())).at(), 1);
        assert_eq!(checking(Some(Review { set: "t".into(), ..kept })).at(), 0);
        let mut empty = Checking::new("s".into(), Vec::new(), None);
        empty.turn(1);
        empty.step(1);
        empty.accept("a");
        assert_eq!((empty.row(), empty.review().verdicts.len()), (None, 0));
    }

    #[test]
    fn reviews_of_others_count_once_each() {
        let mut checking = checking(None);
        let ann = Review { set: "s".into(), annotator: "Ann".into(), ..Review::default() };
        checking.add(ann.clone()).expect("of this set");
        checking.add(ann.clone()).expect("of this set");
        assert_eq!(checking.reviews().len(), 1, "nothing is decided here");
        checking.reject(Reason::Other);
        assert_eq!(checking.reviews().len(), 2);
        checking.name(" Ann ");
        assert_eq!(checking.agreement(), Err(ReviewError::SameAnnotator("Ann".into())));
        assert!(checking.add(ann.clone()).is_err(), "one's own");
        assert!(checking.add(Review { set: "t".into(), annotator: "Ben".into(), ..ann }).is_err());
        checking.name("");
        assert_eq!(checking.reviews()[0].annotator, "anonymous");
        let again = self::checking(None).after(Some(checking));
        assert_eq!((again.reviews().len(), again.at()), (2, 1), "goes on after the file was read again");
    }
}
