//! What happens at each event, whether it comes from the visitor or from the engine.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{
    ClipboardEvent, DragEvent, File, HtmlButtonElement, HtmlElement, HtmlInputElement, HtmlProgressElement,
};

use super::ask::set_input;
use super::bundles::is_published;
use super::dom::{body, by_id, document, files, on, say, set_data, set_state, set_text};
use super::folders::{files_in, folders};
use super::state::{App, Image};
use super::survey::is_text;
use super::{caption, results, share};
use crate::console::log_error;
use crate::protocol::{BUNDLE_ENDING, CANDIDATES_ENDING, Event, Request, Set};
use crate::words;

impl App {
    /// Binds the controls of the page.
    pub fn listen(app: &Rc<RefCell<App>>) {
        let with = |act: fn(&Rc<RefCell<App>>)| {
            let app = Rc::clone(app);
            move |_: web_sys::Event| act(&app)
        };
        let input: HtmlInputElement = by_id("image-input");
        on(&input, "change", with(Self::open_chosen));
        // Files may have been chosen while the program was on its way.
        Self::open_chosen(app);
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
        Self::listen_for_questions(app);
        Self::listen_for_pictures(app);
        Self::listen_for_bundles(app);
        Self::listen_for_edits(app);
        Self::listen_for_prepared(app);
        Self::listen_for_counterparts(app);
        Self::listen_for_sharing(app);
        Self::listen_for_linked(app);
        Self::listen_for_true_foils(app);
        Self::listen_for_looks(app);
        Self::listen_for_matrices(app);
        Self::listen_for_surveys(app);
        Self::listen_for_camera(app);
        Self::listen_for_reviews(app);
        Self::listen_for_drops(app);
        Self::listen_for_departure(app);
        by_id::<HtmlButtonElement>("run").set_disabled(false);
        caption::listen();
        caption::mark();
    }

    /// Opens what was chosen by the file input.
    fn open_chosen(app: &Rc<RefCell<App>>) {
        let input: HtmlInputElement = by_id("image-input");
        let chosen = files(input.files());
        // So that the same file can be chosen again.
        input.set_value("");
        Self::open_dropped(app, None, chosen);
    }

    /// Has the browser ask before pictures that only this page holds are lost.
    fn listen_for_departure(app: &Rc<RefCell<App>>) {
        let Some(window) = web_sys::window() else { return };
        let app = Rc::clone(app);
        on(&window, "beforeunload", move |event: web_sys::Event| {
            let is_lost =
                |image: &Image| !image.is_sample && !image.is_link_copy() && image.problem.is_none();
            if app.borrow().images.iter().any(is_lost) {
                event.prevent_default();
            }
        });
    }

    /// Lets another set of the page's models answer.
    pub(super) fn choose(&mut self, set: Set) {
        set_input(set).set_checked(true);
        if set == std::mem::replace(&mut self.set, set) || !self.engine_listens {
            return;
        }
        self.ready = false;
        self.begun = js_sys::Date::now();
        // Answers stay until others come; those that are on their way come too late.
        self.job += 1;
        results::set_stale(true);
        set_state("loading");
        say("Changing the models.");
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
            let Some(data) = event.data_transfer() else { return };
            let folders = folders(&data);
            if folders.is_empty() {
                let dropped_files = files(data.files());
                if dropped_files.is_empty() {
                    say("That was not a file. Save the picture first, or copy it and paste it here.");
                }
                return Self::open_dropped(&dropped, None, dropped_files);
            }
            let dropped = Rc::clone(&dropped);
            spawn_local(async move {
                for folder in folders {
                    match files_in(&folder).await {
                        Ok(files) => Self::open_dropped(&dropped, Some(&folder.name()), files),
                        Err(error) => log_error(&error),
                    }
                }
            });
        });
        let pasted = Rc::clone(app);
        on(&document, "paste", move |event: ClipboardEvent| {
            Self::open_dropped(&pasted, None, files(event.clipboard_data().and_then(|data| data.files())));
        });
    }

    /// Opens what was dropped or pasted, from a folder or not: published models by their configs, bundles by the ending of their
    /// names, all else as images.
    fn open_dropped(app: &Rc<RefCell<App>>, folder: Option<&str>, files: Vec<File>) {
        if is_published(&files) {
            return Self::import(app, folder, files);
        }
        let (candidates, others): (Vec<File>, Vec<File>) =
            files.into_iter().partition(|file| file.name().ends_with(CANDIDATES_ENDING));
        let (bundles, others): (Vec<File>, Vec<File>) =
            others.into_iter().partition(|file| file.name().ends_with(BUNDLE_ENDING));
        let (texts, images): (Vec<File>, Vec<File>) = others.into_iter().partition(is_text);
        if let Some(file) = candidates.first() {
            app.borrow_mut().open_candidates(file);
        }
        bundles.iter().for_each(|bundle| Self::open_bundle(app, bundle));
        Self::open_captioned(app, images, texts);
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
            Event::Ready { set, missing } => {
                self.set = set;
                set_input(set).set_checked(true);
                self.ready = true;
                by_id::<HtmlElement>("cancel").set_hidden(true);
                set_state("ready");
                let seconds = (js_sys::Date::now() - self.begun) / 1000.0;
                let models = words::count(self.models.len(), "model");
                // Then it can be tried again.
                set_data(&body(), "missing", &missing.is_some().to_string());
                let missing =
                    missing.map_or_else(String::new, |reason| format!(" One is missing: {reason}."));
                say(&format!("Ready: {models}, loaded in {seconds:.1} s.{missing}"));
                if !self.prepare_awaited() {
                    self.begin_answering();
                }
                self.ask_next();
                self.look_on();
            }
            Event::SetRefused { set, reason } => {
                self.set = set;
                set_input(set).set_checked(true);
                self.ready = true;
                self.rest();
                results::set_stale(false);
                say(&format!("Keeping the current models: {reason}."));
            }
            Event::Kept(kept) => self.list_kept(kept),
            Event::BundleRefused { name, reason } => {
                let note = format!("{name} was not loaded: {reason}.");
                set_text("bundle-note", &note);
            }
            Event::ImageRefused { id, reason } => self.refuse_image(id, reason),
            Event::EditRefused { reason } => self.refuse_edit(&reason),
            Event::Collected { cases, is_new } => share::count_cases(cases, is_new),
            Event::CollectionFailed { reason } => {
                share::note(&format!("The test set stays as it was: {reason}."))
            }
            Event::ChallengeSet => share::note("The test set got lost on its way from the engine."),
            Event::Imported { name, .. } => {
                log_error(&format!("{name} got lost on its way from the engine").into())
            }
            // Heard already, with their files.
            Event::ImageBegun { .. } | Event::ImageRead { .. } => {}
            Event::CandidateShown { .. } | Event::Verified { .. } => {
                self.refuse_candidates("a file got lost on its way from the engine");
            }
            Event::Selected { .. } | Event::Edited { .. } => {
                self.refuse_edit("the picture got lost on its way from the engine");
            }
            Event::Candidates { set, rows } => self.take_candidates(set, rows),
            Event::CandidatesRefused { reason } => self.refuse_candidates(&reason),
            Event::Matrix { job, grids } => self.take_matrix(job, grids),
            Event::Surveyed { job, image, answers } => self.take_surveyed(job, image, answers),
            Event::Glanced { job, grids } => self.take_glance(job, &grids),
            Event::Explained { job, relevance } => self.take_row(job, relevance),
            Event::Scores { job, answers, millis } => self.show_scores(job, answers, millis),
            Event::Failed { reason } => {
                self.blame_image();
                self.stop_engine();
                self.fail(&format!("{reason}."));
            }
        }
    }
}
