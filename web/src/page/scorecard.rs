//! The score of everything that was tried in this visit.

use std::collections::BTreeMap;

use shared::concept::Concept;
use web_sys::HtmlElement;

use super::dom::by_id;
use super::shares;
use crate::protocol::{Answer, ImageId};
use crate::survey::{Outcome, outcomes};

/// Whether each model got each concept right, by image and caption. Asking again does not count twice.
#[derive(Default)]
pub(super) struct Scorecard(BTreeMap<(ImageId, String, usize, Concept), Outcome>);

impl Scorecard {
    /// Notes the verdicts on an image.
    pub(super) fn take(&mut self, image: ImageId, answers: &[Answer]) {
        for (nth, answer) in answers.iter().enumerate() {
            let Some(caption) = answer.scores.first().map(|score| &score.caption) else { continue };
            for outcome in outcomes(answer) {
                self.0.insert((image, caption.clone(), nth, outcome.concept), outcome);
            }
        }
        let noted: Vec<Outcome> = self.0.values().cloned().collect();
        shares::show(&by_id("scorecard-shares"), &noted);
        by_id::<HtmlElement>("scorecard").set_hidden(noted.is_empty());
        by_id::<HtmlElement>("many").set_hidden(false);
    }

    /// Whether nothing was asked yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
