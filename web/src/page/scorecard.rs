//! The score of everything that was tried in this visit.

use std::collections::BTreeMap;

use shared::concept::Concept;
use shared::similarity::verdicts;
use web_sys::{Element, HtmlElement};

use super::dom::{append, by_id, clear, copy_of, set_data, set_slot};
use crate::protocol::{Answer, ImageId};
use crate::words;

/// Whether each model got each concept right, by image and caption. Asking again does not count twice.
#[derive(Default)]
pub(super) struct Scorecard(BTreeMap<(String, Concept, ImageId, String), bool>);

impl Scorecard {
    /// Notes the verdicts on an image.
    pub(super) fn take(&mut self, image: ImageId, answers: &[Answer]) {
        for answer in answers {
            let Some(caption) = answer.scores.first().map(|score| &score.caption) else { continue };
            for verdict in verdicts(&answer.scores) {
                let asked = (answer.model.clone(), verdict.concept, image, caption.clone());
                self.0.insert(asked, verdict.margin > 0.0);
            }
        }
        self.show();
    }

    /// Whether nothing was asked yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn show(&self) {
        let mut counts: BTreeMap<&str, BTreeMap<Concept, [usize; 2]>> = BTreeMap::new();
        for ((model, concept, _, _), known) in &self.0 {
            let [right, asked] = counts.entry(model).or_default().entry(*concept).or_default();
            *right += usize::from(*known);
            *asked += 1;
        }
        let head: HtmlElement = by_id("scorecard-head");
        let table: HtmlElement = by_id("scorecard-rows");
        while head.child_element_count() > 1 {
            head.last_element_child().inspect(Element::remove);
        }
        for concept in Concept::ALL {
            let column = copy_of("scorecard-concept");
            column.set_text_content(Some(concept.name()));
            append(&head, &column);
        }
        clear(&table);
        for (model, concepts) in &counts {
            let row = copy_of("scorecard-row");
            set_data(&row, "model", model);
            set_slot(&row, "model", words::title(model));
            for concept in Concept::ALL {
                let said = concepts.get(&concept).map(|[right, asked]| format!("{right} of {asked}"));
                let cell = copy_of("scorecard-cell");
                cell.set_text_content(Some(said.as_deref().unwrap_or("–")));
                append(&row, &cell);
            }
            append(&table, &row);
        }
        by_id::<HtmlElement>("scorecard").set_hidden(counts.is_empty());
        by_id::<HtmlElement>("many").set_hidden(false);
    }
}
