//! The score of everything that was tried, in this visit and, if the visitor agrees, in earlier ones.

use std::collections::{BTreeMap, BTreeSet};

use shared::concept::Concept;
use web_sys::{HtmlElement, HtmlInputElement};

use super::dom::{by_id, set_text};
use super::shares;
use super::storage;
use crate::protocol::{Answer, ImageId};
use crate::survey::{Noted, outcomes};

/// Under which the browser remembers the score.
const REMEMBERED: &str = "foil-score";

/// Whether each model got each concept right, by image and caption. Asking again does not count twice.
#[derive(Default)]
pub(super) struct Scorecard {
    now: BTreeMap<(ImageId, String, usize, Concept), Noted>,
    /// What the browser remembers of earlier visits.
    earlier: Vec<Noted>,
}

impl Scorecard {
    /// Shows what the browser remembers.
    pub(super) fn recall(&mut self) {
        self.earlier = storage::read(REMEMBERED).unwrap_or_default();
        by_id::<HtmlInputElement>("score-remember").set_checked(!self.earlier.is_empty());
        self.show();
    }

    /// The visitor has agreed that the score is remembered, or does no longer.
    pub(super) fn agree(&mut self) {
        if !by_id::<HtmlInputElement>("score-remember").checked() {
            self.earlier.clear();
        }
        self.remember();
        self.show();
    }

    /// Notes the verdicts on an image of this name.
    pub(super) fn take(&mut self, image: ImageId, name: &str, answers: &[Answer]) {
        for (nth, answer) in answers.iter().enumerate() {
            let Some(caption) = answer.scores.first().map(|score| &score.caption) else { continue };
            // A concept may have lost its last foil.
            self.now.retain(|(of, asked, at, _), _| (*of, asked, *at) != (image, caption, nth));
            for outcome in outcomes(answer) {
                let key = (image, caption.clone(), nth, outcome.concept);
                self.now.insert(key, Noted { image: name.to_owned(), caption: caption.clone(), outcome });
            }
        }
        if by_id::<HtmlInputElement>("score-remember").checked() {
            self.remember();
        }
        self.show();
    }

    /// Everything that counts: what was asked again in this visit counts as it was answered now.
    fn all(&self) -> Vec<&Noted> {
        let again: BTreeSet<_> = self.now.values().map(Noted::question).collect();
        let earlier = self.earlier.iter().filter(|noted| !again.contains(&noted.question()));
        earlier.chain(self.now.values()).collect()
    }

    fn remember(&self) {
        let is_agreed = by_id::<HtmlInputElement>("score-remember").checked();
        let kept =
            if is_agreed { storage::write(REMEMBERED, &self.all()) } else { storage::forget(REMEMBERED) };
        let said = if kept { "" } else { "This browser does not let the page remember anything." };
        set_text("score-note", said);
    }

    fn show(&self) {
        let noted = self.all();
        shares::show(&by_id("scorecard-shares"), noted.iter().map(|noted| &noted.outcome));
        by_id::<HtmlElement>("scorecard").set_hidden(noted.is_empty());
    }
}
