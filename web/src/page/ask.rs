//! Asking the models about the image on show, and showing what they answer.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlElement, HtmlInputElement};

use super::dom::{by_id, on, say, set_state, set_text};
use super::square::Side;
use super::state::{App, Asking, Image};
use super::{caption, results};
use crate::console::log_error;
use crate::protocol::{Answer, Challenge, Request, Set};
use crate::words;

/// How long nobody types before the models are asked, in milliseconds.
const PAUSE: i32 = 300;

impl App {
    /// Binds caption and foil.
    pub(super) fn listen_for_questions(app: &Rc<RefCell<App>>) {
        let asking = Rc::clone(app);
        on(&by_id::<HtmlElement>("caption-form"), "submit", move |event: Event| {
            event.prevent_default();
            let mut state = asking.borrow_mut();
            state.example = None;
            state.list_images();
            state.compare(Asking::Firmly);
        });
        let later = {
            let app = Rc::clone(app);
            Closure::<dyn FnMut()>::new(move || {
                let mut state = app.borrow_mut();
                state.pause = None;
                state.compare(Asking::WhileTyping);
            })
        };
        let later: js_sys::Function = later.into_js_value().unchecked_into();
        for id in ["caption-input", "foil-input"] {
            let (typing, left) = (Rc::clone(app), Rc::clone(app));
            let later = later.clone();
            on(&by_id::<HtmlElement>(id), "input", move |_: Event| {
                let mut state = typing.borrow_mut();
                match id {
                    "caption-input" => caption::changed(),
                    _ => caption::keep_foil(),
                }
                state.typed = true;
                results::set_stale(true);
                state.wait(&later);
            });
            on(&by_id::<HtmlElement>(id), "change", move |_: Event| {
                // The page itself may take the focus away, in the middle of something else.
                if let Ok(mut state) = left.try_borrow_mut() {
                    state.settle();
                }
            });
        }
    }

    /// Asks when nobody has typed for a while.
    fn wait(&mut self, later: &js_sys::Function) {
        self.forget_pause();
        let Some(window) = web_sys::window() else { return };
        match window.set_timeout_with_callback_and_timeout_and_arguments_0(later, PAUSE) {
            Ok(pause) => self.pause = Some(pause),
            Err(error) => log_error(&error),
        }
    }

    fn forget_pause(&mut self) {
        if let (Some(window), Some(pause)) = (web_sys::window(), self.pause.take()) {
            window.clear_timeout_with_handle(pause);
        }
    }

    /// What was answered while the visitor typed counts once they have left the field.
    fn settle(&mut self) {
        if self.pause.is_some() || self.asking == Asking::Firmly {
            return;
        }
        self.asking = Asking::Firmly;
        if let Some((image, answers)) = self.answered() {
            let (id, name, answers) = (image.id, image.name.clone(), answers.to_vec());
            self.scorecard.take(id, &name, &answers);
            if self.example != self.current {
                self.write_address();
            }
        }
    }

    /// Asks for the scores of the caption and the image on show.
    pub(super) fn compare(&mut self, asking: Asking) {
        let [caption, foil] = caption::typed_texts();
        if asking == Asking::Firmly {
            self.forget_pause();
            caption::mark();
        }
        let Some(id) = self.current else {
            return set_text("caption-note", "Pick a sample or open a picture first.");
        };
        let question = Some((id, caption.clone(), foil.clone()));
        if asking == Asking::WhileTyping && question == self.question {
            results::set_stale(false);
            return;
        }
        self.edit(id, |image| {
            image.caption.clone_from(&caption);
            image.foil.clone_from(&foil);
        });
        if asking == Asking::Firmly {
            self.typed = false;
        }
        if !self.ready {
            return self.show_challenge();
        }
        if caption.is_empty() || self.current().is_none_or(|image| image.problem.is_some()) {
            return self.clear_answers();
        }
        self.question = question;
        self.asking = asking;
        self.job += 1;
        if asking == Asking::Firmly && self.example != self.current {
            self.write_address();
        }
        set_state("working");
        say("Comparing.");
        let other = self
            .counterpart()
            // Two images of one caption cannot be told apart by it.
            .filter(|other| other.problem.is_none() && !other.caption.is_empty() && other.caption != caption)
            .map(|other| (other.id, other.caption.clone()));
        self.ask(&Request::Compare { job: self.job, image: id, caption, foil, other }, None);
    }

    pub(super) fn show_scores(&mut self, job: u32, answers: Vec<Answer>, millis: f64) {
        if job != self.job {
            return;
        }
        set_state("ready");
        let Some(image) = self.current() else { return };
        if image.problem.is_some() {
            return;
        }
        let answers = self.leave_out_true(answers);
        let Some(image) = self.current() else { return };
        results::show(&image.name, self.sides().as_ref(), &answers, &self.models);
        if self.set == Set::Photographs && !image.is_sample {
            results::note("Small demo models: expect about half right on your photos.");
        }
        say(&words::scored(&answers, millis));
        if let Some((cut_at, caption)) =
            answers.iter().find_map(|answer| Some((answer.cut_at?, &answer.scores.first()?.caption)))
        {
            set_text("caption-note", &words::cut_note(caption, cut_at));
        }
        let (id, name) = (image.id, image.name.clone());
        if self.asking == Asking::Firmly {
            self.scorecard.take(id, &name, &answers);
        }
        self.answers = answers;
        self.offer_looks();
    }

    /// The image on show and the one that it is compared with.
    pub(super) fn sides(&self) -> Option<[Side; 2]> {
        let side = |image: &Image| Side {
            url: image.thumbnail().to_owned(),
            name: image.name.clone(),
            caption: image.caption.clone(),
        };
        Some([side(self.current()?), side(self.counterpart()?)])
    }

    /// Takes the answers that were computed beforehand.
    pub(super) fn set_challenges(&mut self, challenges: Vec<Challenge>) {
        self.challenges = challenges;
        if !self.ready {
            self.show_challenge();
        }
    }

    /// Shows what was computed beforehand of the image on show, if anything was, while the models are on their way.
    fn show_challenge(&mut self) {
        let Some(image) = self.current().filter(|image| image.is_sample) else { return };
        let found = self.challenges.iter().find(|challenge| {
            (&challenge.sample, &challenge.caption, &challenge.foil)
                == (&image.name, &image.caption, &image.foil)
        });
        let Some(answers) = found.map(|challenge| challenge.answers.clone()) else {
            return self.clear_answers();
        };
        let answers = self.leave_out_true(answers);
        let Some(image) = self.current() else { return };
        results::show(&image.name, None, &answers, &self.models);
        results::note("Saved answer. The live models are still downloading.");
        self.question = Some((image.id, image.caption.clone(), image.foil.clone()));
        self.answers = answers;
        self.shows_saved = true;
    }

    /// The models can answer: asks them, unless what they would say is shown already.
    pub(super) fn begin_answering(&mut self) {
        if std::mem::take(&mut self.shows_saved) {
            // Now that it is known what the models are.
            if let Some((image, answers)) = self.answered() {
                results::show(&image.name, None, answers, &self.models);
            }
            results::note("Saved answer, computed when this page was built. Press Compare to run it live.");
            self.offer_looks();
        } else if self.current.is_some() {
            self.compare(Asking::Firmly);
        }
    }

    /// Takes all answers away; those that are on their way come too late.
    pub(super) fn clear_answers(&mut self) {
        self.job += 1;
        self.rest();
        self.answers.clear();
        self.question = None;
        self.shows_saved = false;
        self.left_out = 0;
        self.say_left_out();
        results::clear_all();
        self.offer_looks();
    }

    /// Shows that nothing is being computed.
    pub(super) fn rest(&self) {
        if self.ready {
            set_state("ready");
        }
    }

    pub(super) fn fail(&self, reason: &str) {
        set_state("failed");
        say(reason);
    }
}

/// The control that chooses a set.
pub(super) fn set_input(set: Set) -> HtmlInputElement {
    by_id(&format!("set-{}", set.name()))
}
