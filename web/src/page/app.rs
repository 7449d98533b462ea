//! What happens at each event, whether it comes from the visitor or from the engine.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{
    ClipboardEvent, DragEvent, File, FileList, HtmlButtonElement, HtmlElement, HtmlInputElement,
    HtmlProgressElement,
};

use super::bundles;
use super::dom::{body, by_id, document, on, say, set_data, set_state, set_text};
use super::square::Side;
use super::state::{App, Image};
use super::{caption, results, share};
use crate::console::log_error;
use crate::protocol::{Answer, BUNDLE_ENDING, Challenge, Event, Request, Set};
use crate::words;

impl App {
    /// Binds the controls of the page.
    pub fn listen(app: &Rc<RefCell<App>>) {
        let with = |act: fn(&Rc<RefCell<App>>)| {
            let app = Rc::clone(app);
            move |_: web_sys::Event| act(&app)
        };
        let input: HtmlInputElement = by_id("image-input");
        on(
            &input,
            "change",
            with(|app| Self::open_images(app, files(by_id::<HtmlInputElement>("image-input").files()))),
        );
        // Files may have been chosen while the program was on its way.
        Self::open_images(app, files(input.files()));
        on(&by_id::<HtmlInputElement>("caption-input"), "input", |_: web_sys::Event| caption::mark());
        on(&by_id::<HtmlElement>("caption-form"), "submit", {
            let app = Rc::clone(app);
            move |event: web_sys::Event| {
                event.prevent_default();
                app.borrow_mut().compare();
            }
        });
        on(&by_id::<HtmlButtonElement>("retry"), "click", with(Self::retry));
        on(
            &by_id::<HtmlButtonElement>("cancel"),
            "click",
            with(|app| app.borrow().ask(&Request::Cancel, None)),
        );
        for set in [Set::Photographs, Set::Scenes] {
            let app = Rc::clone(app);
            on(&set_input(set), "change", move |_: web_sys::Event| app.borrow_mut().choose(set));
        }
        Self::listen_for_bundles(app);
        Self::listen_for_edits(app);
        Self::listen_for_counterparts(app);
        Self::listen_for_sharing(app);
        Self::listen_for_looks(app);
        Self::listen_for_matrices(app);
        Self::listen_for_drops(app);
        by_id::<HtmlButtonElement>("run").set_disabled(false);
        caption::listen();
        caption::mark();
    }

    /// Lets another set of the page's models answer.
    pub(super) fn choose(&mut self, set: Set) {
        set_input(set).set_checked(true);
        if set == std::mem::replace(&mut self.set, set) || !self.engine_listens {
            return;
        }
        self.ready = false;
        self.begun = js_sys::Date::now();
        set_state("loading");
        say("Changing the models.");
        self.clear_answers();
        self.ask(&Request::Choose { set }, None);
    }

    fn listen_for_drops(app: &Rc<RefCell<App>>) {
        let document = document();
        let dragging = |on: bool| set_data(&body(), "dragging", if on { "true" } else { "false" });
        on(&document, "dragover", move |event: DragEvent| {
            event.prevent_default();
            dragging(true);
        });
        on(&document, "dragleave", move |event: DragEvent| {
            // Only leaving the window has nothing on the other side.
            if event.related_target().is_none() {
                dragging(false);
            }
        });
        let dropped = Rc::clone(app);
        on(&document, "drop", move |event: DragEvent| {
            event.prevent_default();
            dragging(false);
            Self::open_dropped(&dropped, event.data_transfer().and_then(|data| data.files()));
        });
        let pasted = Rc::clone(app);
        on(&document, "paste", move |event: ClipboardEvent| {
            Self::open_dropped(&pasted, event.clipboard_data().and_then(|data| data.files()));
        });
    }

    /// Opens what was dropped or pasted: bundles by the ending of their names, all else as images.
    fn open_dropped(app: &Rc<RefCell<App>>, list: Option<FileList>) {
        let (bundles, images): (Vec<File>, Vec<File>) =
            files(list).into_iter().partition(|file| file.name().ends_with(BUNDLE_ENDING));
        bundles.iter().for_each(|bundle| Self::open_bundle(app, bundle));
        Self::open_images(app, images);
    }

    /// Takes what the engine says.
    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Backend { backend, note } => {
                set_data(&body(), "backend", backend.name());
                set_text("backend-note", &note);
            }
            Event::Progress { words, fraction, can_cancel } => {
                say(&words);
                by_id::<HtmlElement>("cancel").set_hidden(!can_cancel);
                let bar: HtmlProgressElement = by_id("progress");
                match fraction {
                    Some(fraction) => bar.set_value(fraction),
                    None => bar.remove_attribute("value").unwrap_or_else(|error| log_error(&error)),
                }
            }
            Event::Model(model) => {
                self.models.retain(|known| known.name != model.name);
                self.models.push(model);
                self.list_models();
            }
            Event::ModelGone { name } => {
                self.models.retain(|model| model.name != name);
                self.list_models();
            }
            Event::Ready => {
                self.ready = true;
                by_id::<HtmlElement>("cancel").set_hidden(true);
                set_state("ready");
                let seconds = (js_sys::Date::now() - self.begun) / 1000.0;
                say(&format!("Ready: {} models, loaded in {seconds:.1} s.", self.models.len()));
                if self.current.is_some() {
                    self.compare();
                }
            }
            Event::Kept(kept) => bundles::list_kept(&kept),
            Event::BundleRefused { name, reason } => {
                let note = format!("{name} was not loaded: {reason}.");
                set_text("bundle-note", &note);
            }
            Event::ImageRead { id, notes } => {
                self.edit(id, |image| {
                    image.notes = notes;
                    image.read = true;
                });
                self.show_current();
                let waited_for = self.counterpart().is_some_and(|image| image.id == id);
                if self.current == Some(id) || waited_for {
                    self.compare();
                }
            }
            Event::ImageRefused { id, reason } => {
                self.edit(id, |image| {
                    image.problem = Some(reason);
                    image.read = false;
                });
                self.list_images();
                self.show_current();
                if self.current == Some(id) {
                    self.clear_answers();
                }
            }
            Event::EditRefused { reason } => self.refuse_edit(&reason),
            Event::Collected { cases, is_new } => share::count_cases(cases, is_new),
            Event::CollectionFailed { reason } => {
                share::note(&format!("The challenge set stays as it was: {reason}."))
            }
            Event::ChallengeSet => share::note("The challenge set got lost on its way from the engine."),
            Event::Selected { .. } | Event::Edited { .. } => {
                self.refuse_edit("the picture got lost on its way from the engine");
            }
            Event::Matrix { job, grids } => self.take_matrix(job, grids),
            Event::Explained { job, models } => self.take_row(job, models),
            Event::Scores { job, answers, millis } => self.show_scores(job, answers, millis),
            Event::Failed { reason } => {
                self.stop_engine();
                self.fail(&format!("{reason}."));
            }
        }
    }

    fn show_scores(&mut self, job: u32, answers: Vec<Answer>, millis: f64) {
        if job != self.job {
            return;
        }
        set_state("ready");
        let Some(image) = self.current() else { return };
        if image.problem.is_some() {
            return;
        }
        let side = |image: &Image| Side {
            url: image.url.clone(),
            name: image.name.clone(),
            caption: image.caption.clone(),
        };
        let sides = self.counterpart().map(|other| [side(image), side(other)]);
        results::show(&image.name, sides.as_ref(), &answers, &self.models);
        let texts = answers.first().map_or(0, |answer| answer.scores.len());
        say(&format!("{texts} captions scored by {} models in {:.2} s.", answers.len(), millis / 1000.0));
        if let Some((cut_at, caption)) =
            answers.iter().find_map(|answer| Some((answer.cut_at?, &answer.scores.first()?.caption)))
        {
            set_text("caption-note", &words::cut_note(caption, cut_at));
        }
        let id = image.id;
        self.scorecard.take(id, &answers);
        self.answers = answers;
        self.offer_looks();
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
        let found = self
            .challenges
            .iter()
            .find(|challenge| challenge.sample == image.name && challenge.caption == image.caption);
        let Some(answers) = found.map(|challenge| challenge.answers.clone()) else {
            return results::clear_all();
        };
        results::show(&image.name, None, &answers, &self.models);
        results::note("Computed beforehand. The models that you can ask yourself are on their way.");
    }

    /// Takes all answers away; those that are on their way come too late.
    pub(super) fn clear_answers(&mut self) {
        self.job += 1;
        self.rest();
        self.answers.clear();
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

    /// Asks for the scores of the caption and the image on show.
    pub(super) fn compare(&mut self) {
        let caption = by_id::<HtmlInputElement>("caption-input").value();
        let caption = caption.trim().to_owned();
        caption::mark();
        let Some(id) = self.current else {
            return set_text("caption-note", "Choose or open a picture first.");
        };
        self.edit(id, |image| image.caption = caption.clone());
        // An image that is still on its way is compared when it has arrived.
        let usable = self.current().is_some_and(|image| image.read);
        if !self.ready {
            return self.show_challenge();
        }
        if caption.is_empty() || !usable {
            return;
        }
        self.job += 1;
        self.write_address();
        set_state("working");
        say("Comparing.");
        let other = self
            .counterpart()
            // Two images of one caption cannot be told apart by it.
            .filter(|other| other.read && !other.caption.is_empty() && other.caption != caption)
            .map(|other| (other.id, other.caption.clone()));
        self.ask(&Request::Compare { job: self.job, image: id, caption, other }, None);
    }
}

fn files(list: Option<FileList>) -> Vec<File> {
    list.map_or_else(Vec::new, |list| (0..list.length()).filter_map(|idx| list.get(idx)).collect())
}

/// The control that chooses a set.
fn set_input(set: Set) -> HtmlInputElement {
    by_id(&format!("set-{}", set.name()))
}
