//! Foils that happen to be true of a picture: the visitor says so, and they are left out.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Event, HtmlElement};

use super::dom::{by_id, on, on_click_within, set_text};
use super::results;
use super::state::{App, Asking, Image};
use crate::console::log_error;
use crate::protocol::{Answer, ImageId};
use crate::words;

impl App {
    /// Binds the marks beside foils.
    pub(super) fn listen_for_true_foils(app: &Rc<RefCell<App>>) {
        let marking = Rc::clone(app);
        on_click_within(&by_id("columns"), "foil", move |foil| {
            let mut state = marking.borrow_mut();
            let Some(id) = state.current else { return };
            let foil = foil.to_owned();
            state.edit(id, |image| {
                image.true_foils.insert(foil);
            });
            let answers = state.without_true(id, state.answers.clone());
            if let Some(image) = state.current() {
                results::show(&image.name, state.sides().as_ref(), &answers, &state.models);
                let name = image.name.clone();
                state.scorecard.take(id, &name, &answers);
            }
            state.answers = answers;
            state.count_true_foils();
            state.offer_looks();
            // The mark that had the focus is gone.
            by_id::<HtmlElement>("count-again").focus().unwrap_or_else(|error| log_error(&error));
        });
        let counting = Rc::clone(app);
        on(&by_id::<HtmlElement>("count-again"), "click", move |_: Event| {
            let mut state = counting.borrow_mut();
            let Some(id) = state.current else { return };
            state.edit(id, |image| image.true_foils.clear());
            state.compare(Asking::Firmly);
            state.count_true_foils();
            by_id::<HtmlElement>("run").focus().unwrap_or_else(|error| log_error(&error));
        });
    }

    /// The answers about an image without the foils that are true of it.
    pub(super) fn without_true(&self, id: ImageId, answers: Vec<Answer>) -> Vec<Answer> {
        let Some(foils) = self.images.iter().find(|image| image.id == id).map(|image| &image.true_foils)
        else {
            return answers;
        };
        let judges_pairs =
            |name: &str| self.models.iter().any(|model| model.name == name && model.judges_pairs);
        let without = |answer: Answer| {
            let judges_pairs = judges_pairs(&answer.model);
            answer.without(foils, judges_pairs)
        };
        match foils.is_empty() {
            true => answers,
            false => answers.into_iter().map(without).collect(),
        }
    }

    /// Says how many foils of the image on show are left out.
    pub(super) fn count_true_foils(&self) {
        let count = self.current().map_or(0, |image: &Image| image.true_foils.len());
        by_id::<HtmlElement>("true-foils").set_hidden(count == 0);
        let they = if count == 1 { "it is" } else { "they are" };
        let said = format!(
            "{} left out, because you said that {they} true of this picture.",
            words::count(count, "foil")
        );
        set_text("true-foils-count", &said);
    }
}
