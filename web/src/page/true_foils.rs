//! Foils that happen to be true of a picture: the visitor says so, and they are left out.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Event, HtmlElement};

use super::caption;
use super::dom::{by_id, focus_still, on, on_click_within, set_text};
use super::results;
use super::state::{App, Asking};
use crate::protocol::{Answer, ImageId};
use crate::words;

impl App {
    /// Binds the marks beside foils.
    pub(super) fn listen_for_true_foils(app: &Rc<RefCell<App>>) {
        let marking = Rc::clone(app);
        on_click_within(&by_id("columns"), "foil", move |foil| {
            marking.borrow_mut().call_true(foil);
            // The mark that had the focus is gone.
            focus_still("count-again");
        });
        let counting = Rc::clone(app);
        on(&by_id::<HtmlElement>("count-again"), "click", move |_: Event| {
            let mut state = counting.borrow_mut();
            let Some(id) = state.current else { return };
            state.edit(id, |image| image.true_foils.clear());
            state.compare(Asking::Firmly);
            state.left_out = 0;
            state.say_left_out();
            state.show_survey();
            focus_still("run");
        });
    }

    /// Leaves a foil of the image on show out of its answers, also of those to come.
    fn call_true(&mut self, foil: &str) {
        let Some(id) = self.current else { return };
        self.edit(id, |image| {
            image.true_foils.insert(foil.to_owned());
        });
        let mut answers = std::mem::take(&mut self.answers);
        if self.current().is_some_and(|image| image.foil == foil) {
            // Nobody asks about it any more.
            self.edit(id, |image| image.foil.clear());
            caption::write(&caption::typed_texts()[0], "");
            answers.iter_mut().for_each(|answer| answer.asked = false);
        }
        self.answers = self.without_true(id, answers);
        let Some(image) = self.current() else { return };
        let note = by_id::<HtmlElement>("results-note").text_content().unwrap_or_default();
        results::show(&image.name, self.sides().as_ref(), &self.answers, &self.models);
        results::note(&note);
        let name = image.name.clone();
        if !self.shows_saved && self.asking == Asking::Firmly {
            self.scorecard.take(id, &name, &self.answers);
        }
        self.left_out += 1;
        self.say_left_out();
        self.offer_looks();
        self.show_survey();
    }

    /// The answers about an image without the foils that are true of it.
    pub(super) fn without_true(&self, id: ImageId, answers: Vec<Answer>) -> Vec<Answer> {
        let image = self.images.iter().find(|image| image.id == id && !image.true_foils.is_empty());
        let Some(foils) = image.map(|image| &image.true_foils) else { return answers };
        let judges_pairs =
            |name: &str| self.models.iter().any(|model| model.name == name && model.judges_pairs);
        let without = |answer: Answer| {
            let judges_pairs = judges_pairs(&answer.model);
            answer.without(foils, judges_pairs)
        };
        answers.into_iter().map(without).collect()
    }

    /// Takes the foils that are true of the image on show out of its answers, and says how many there were.
    pub(super) fn leave_out_true(&mut self, answers: Vec<Answer>) -> Vec<Answer> {
        let count = |answers: &[Answer]| answers.first().map_or(0, |answer| answer.scores.len());
        let all = count(&answers);
        let answers = match self.current {
            Some(id) => self.without_true(id, answers),
            None => answers,
        };
        self.left_out = all - count(&answers);
        self.say_left_out();
        answers
    }

    /// Says how many foils of the answer on show are left out.
    pub(super) fn say_left_out(&self) {
        by_id::<HtmlElement>("true-foils").set_hidden(self.left_out == 0);
        let they = if self.left_out == 1 { "it is" } else { "they are" };
        let said = match self.left_out {
            0 => String::new(),
            count => format!(
                "{} left out, because you said that {they} true of this picture.",
                words::count(count, "foil")
            ),
        };
        set_text("true-foils-count", &said);
    }
}
