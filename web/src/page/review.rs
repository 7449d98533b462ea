//! Checking candidates of a challenge set: accept, reject with a reason, put a caption right. Decisions stay in the browser and
//! leave it as a JSON file, which goes together with those of other people.

use std::cell::RefCell;
use std::rc::Rc;

use shared::review::{Reason, Review};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, Event, File, HtmlButtonElement, HtmlElement, HtmlImageElement, HtmlInputElement, KeyboardEvent,
    Storage, Url,
};

use super::dom::{
    body, by_id, document, files, on, on_click_within, revoke, say, set_attribute, set_data, set_state,
    set_text,
};
use super::share::{give, text_file};
use super::state::{App, Candidates};
use crate::checking::Checking;
use crate::console::log_error;
use crate::protocol::{Candidate, Request};
use crate::words;

/// Begins the names under which the browser keeps decisions.
const KEPT: &str = "foil-review-";

/// What a key or a button does.
#[derive(Clone, Copy)]
enum Act {
    Accept,
    Reject(Reason),
    Undo,
    Item(isize),
    Candidate(isize),
    Flip,
    Caption,
}

impl Act {
    /// The names in `data-act` of the buttons.
    fn of_name(name: &str) -> Option<Self> {
        let reason =
            |at: &str| at.parse::<usize>().ok().and_then(|at| Reason::ALL.get(at.checked_sub(1)?).copied());
        Some(match name {
            "accept" => Act::Accept,
            "undo" => Act::Undo,
            "previous" => Act::Item(-1),
            "next" => Act::Item(1),
            "candidate" => Act::Candidate(1),
            "flip" => Act::Flip,
            other => Act::Reject(reason(other.strip_prefix("reject-")?)?),
        })
    }

    fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "a" | "A" => Act::Accept,
            "u" | "U" => Act::Undo,
            "ArrowLeft" => Act::Item(-1),
            "ArrowRight" => Act::Item(1),
            "ArrowDown" | "c" | "C" => Act::Candidate(1),
            "ArrowUp" => Act::Candidate(-1),
            "b" | "B" => Act::Flip,
            "e" | "E" => Act::Caption,
            digit => return Act::of_name(&format!("reject-{digit}")),
        })
    }
}

impl App {
    /// Binds the controls of the review.
    pub(super) fn listen_for_reviews(app: &Rc<RefCell<App>>) {
        let opening = Rc::clone(app);
        let input: HtmlInputElement = by_id("candidates-input");
        on(&input.clone(), "change", move |_: Event| {
            let chosen = files(input.files());
            // So that the same file can be chosen again.
            input.set_value("");
            if let Some(file) = chosen.first() {
                opening.borrow_mut().open_candidates(file);
            }
        });
        let acting = Rc::clone(app);
        on_click_within(&by_id("review"), "act", move |name| {
            if let Some(act) = Act::of_name(name) {
                acting.borrow_mut().act(act);
            }
        });
        let pressing = Rc::clone(app);
        on(&document(), "keydown", move |event: KeyboardEvent| {
            let at = document().active_element().and_then(|at| at.dyn_into::<HtmlInputElement>().ok());
            let is_typing = at.is_some_and(|field| field.type_() == "text");
            let is_other = event.ctrl_key() || event.meta_key() || event.alt_key();
            if pressing.borrow().checking().is_none() || is_typing || is_other {
                return;
            }
            if let Some(act) = Act::of_key(&event.key()) {
                event.prevent_default();
                // A key that is held down goes through the items, and decides none.
                if !event.repeat() || matches!(act, Act::Item(_) | Act::Candidate(_)) {
                    pressing.borrow_mut().act(act);
                }
            }
        });
        for id in ["review-caption", "review-annotator"] {
            on(&by_id::<HtmlInputElement>(id), "keydown", move |event: KeyboardEvent| {
                // Back to where keys decide.
                if matches!(event.key().as_str(), "Enter" | "Escape") {
                    event.prevent_default();
                    focus("review-heading");
                }
            });
        }
        bind(app, "review-caption", "input", |app| app.change("review-caption", Checking::caption));
        bind(app, "review-annotator", "input", |app| app.change("review-annotator", Checking::name));
        bind(app, "review-save", "click", App::save_review);
        bind(app, "review-verify", "click", App::verify);
        bind(app, "review-close", "click", App::close_review);
        let merging = Rc::clone(app);
        let input: HtmlInputElement = by_id("reviews-input");
        on(&input.clone(), "change", move |_: Event| {
            let chosen = files(input.files());
            input.set_value("");
            Self::open_reviews(&merging, chosen);
        });
    }

    /// Opens a file of candidates.
    pub(super) fn open_candidates(&mut self, file: &File) {
        self.close_review();
        let (name, file) = (file.name(), file.clone().unchecked_into::<Blob>());
        self.review = Some(Candidates { file: file.clone(), name, checking: None, shown: None, urls: None });
        set_text("candidates-note", "");
        // An engine that does not listen yet is given it when it does.
        if self.engine_listens {
            set_state("working");
            say("Reading the candidates.");
            self.ask(&Request::OpenCandidates, Some(&file));
        }
    }

    pub(super) fn take_candidates(&mut self, set: String, rows: Vec<Candidate>) {
        let Some(open) = &mut self.review else { return };
        if rows.is_empty() {
            return self.refuse_candidates("there are no candidates in it");
        }
        // What was decided in another visit, or before the engine was started again.
        let kept = storage().and_then(|storage| storage.get_item(&format!("{KEPT}{set}")).ok().flatten());
        let kept = kept.and_then(|json| serde_json::from_str::<Review>(&json).ok());
        let checking = Checking::new(set, rows, kept).after(open.checking.take());
        by_id::<HtmlInputElement>("review-annotator").set_value(&checking.review().annotator);
        open.checking = Some(checking);
        set_text("review-file", &open.name);
        set_data(&body(), "view", "review");
        by_id::<HtmlElement>("review").set_hidden(false);
        focus("review-heading");
        if let Some(window) = web_sys::window() {
            window.scroll_to_with_x_and_y(0.0, 0.0);
        }
        self.rest();
        self.show_checking();
    }

    fn checking(&self) -> Option<&Checking> {
        self.review.as_ref()?.checking.as_ref()
    }

    fn checking_mut(&mut self) -> Option<&mut Checking> {
        self.review.as_mut()?.checking.as_mut()
    }

    pub(super) fn refuse_candidates(&mut self, reason: &str) {
        let words = format!("{reason}.");
        if self.checking().is_none() {
            self.review = None;
        }
        for id in ["candidates-note", "review-note"] {
            set_text(id, &words);
        }
        self.rest();
        say(&words);
    }

    /// Shows everything about the item on show, and asks for its images.
    fn show_checking(&mut self) {
        // Until the images come, those of another candidate are not taken for them.
        set_attribute(&by_id::<HtmlElement>("review"), "data-row", "");
        if let Some(open) = &mut self.review {
            open.shown = None;
        }
        let Some(checking) = self.checking() else { return };
        let (Some(row), Some(candidate)) = (checking.row(), checking.candidate()) else { return };
        let (n_items, (nth, n_candidates)) = (checking.n_items(), checking.nth());
        set_text("review-position", &format!("Item {} of {n_items}", checking.at() + 1));
        let which = format!("candidate {} of {n_candidates}", nth + 1);
        set_text("review-candidate", if n_candidates > 1 { &which } else { "" });
        let badge: HtmlElement = by_id("review-concept");
        badge.set_text_content(Some(candidate.concept.name()));
        set_data(&badge, "concept", candidate.concept.name());
        set_text("review-original", &candidate.captions[0]);
        let (kind, caption, words) = words::verdict(checking.verdict(), candidate);
        by_id::<HtmlInputElement>("review-caption").set_value(caption);
        set_text("review-verdict", &words);
        set_data(&by_id::<HtmlElement>("review"), "verdict", kind);
        let made = [candidate.made.as_str(), candidate.source.as_str()];
        let made: Vec<&str> = made.into_iter().filter(|of| !of.is_empty()).collect();
        set_text("review-made", &made.join(" · "));
        set_text("review-progress", &words::review_progress(checking.review(), n_items));
        by_id::<HtmlButtonElement>("review-other").set_disabled(n_candidates < 2);
        flip(Some(false));
        self.ask(&Request::ShowCandidate { row }, None);
        self.show_agreement();
    }

    fn show_agreement(&self) {
        let Some(checking) = self.checking() else { return };
        let words = match checking.agreement() {
            Ok(agreement) => words::agreement(&agreement, checking.concepts()),
            Err(reason) => format!("{reason}."),
        };
        set_text("review-agreement", &words);
    }

    /// Shows the images of a candidate.
    pub(super) fn show_candidate(&mut self, row: usize, images: [&Blob; 2]) {
        if self.checking().and_then(Checking::row) != Some(row) {
            return;
        }
        let urls = images.map(|image| Url::create_object_url_with_blob(image).unwrap_or_default());
        for (id, url) in ["review-before", "review-after"].into_iter().zip(&urls) {
            by_id::<HtmlImageElement>(id).set_src(url);
        }
        by_id::<HtmlImageElement>("review-under").set_src(&urls[0]);
        set_data(&by_id::<HtmlElement>("review"), "row", &row.to_string());
        if let Some(open) = &mut self.review {
            open.shown = Some(row);
            open.urls.replace(urls).iter().flatten().for_each(|url| revoke(url));
        }
    }

    fn act(&mut self, act: Act) {
        let is_shown = self.review.as_ref().is_some_and(|open| open.shown.is_some());
        if !is_shown && matches!(act, Act::Accept | Act::Reject(_)) {
            return;
        }
        let Some(checking) = self.checking_mut() else { return };
        match act {
            Act::Accept => checking.accept(&by_id::<HtmlInputElement>("review-caption").value()),
            Act::Reject(reason) => checking.reject(reason),
            Act::Undo => checking.undo(),
            Act::Item(by) => checking.step(by),
            Act::Candidate(by) => checking.turn(by),
            Act::Flip => return flip(None),
            Act::Caption => {
                by_id::<HtmlInputElement>("review-caption").select();
                return focus("review-caption");
            }
        }
        self.keep_review();
        self.show_checking();
    }

    /// Changes something that is decided, and keeps it.
    fn change(&mut self, field: &str, change: fn(&mut Checking, &str)) {
        let Some(checking) = self.checking_mut() else { return };
        change(checking, &by_id::<HtmlInputElement>(field).value());
        self.keep_review();
        self.show_agreement();
    }

    /// Keeps the decisions in the browser.
    fn keep_review(&self) {
        let Some(review) = self.checking().map(Checking::review) else { return };
        let json = serde_json::to_string(review).unwrap_or_default();
        let key = format!("{KEPT}{}", review.set);
        let is_kept = storage().is_some_and(|storage| storage.set_item(&key, &json).is_ok());
        let words = "This browser does not keep your decisions. Save the review before you leave.";
        set_text("review-note", if is_kept { "" } else { words });
    }

    fn save_review(&mut self) {
        let Some(review) = self.checking().map(Checking::own) else { return };
        let json = serde_json::to_string_pretty(&review).unwrap_or_default();
        let name = format!("review-{}.json", review.annotator.replace([' ', '/', '\\'], "-"));
        match text_file("application/json", &json) {
            Ok(file) => set_text("review-note", &give(&name, &file)),
            Err(error) => log_error(&error),
        }
    }

    /// Reads reviews of other people.
    fn open_reviews(app: &Rc<RefCell<App>>, chosen: Vec<File>) {
        let app = Rc::clone(app);
        spawn_local(async move {
            for file in chosen {
                let text = JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string());
                let review = text.and_then(|text| serde_json::from_str::<Review>(&text).ok());
                let mut state = app.borrow_mut();
                let Some(checking) = state.checking_mut() else { return };
                let note = match review {
                    None => format!("{} is not a review.", file.name()),
                    Some(review) => {
                        let annotator = review.annotator.clone();
                        match checking.add(review) {
                            Ok(()) => format!("Added {annotator}’s review ({}).", file.name()),
                            Err(error) => format!("{}: {error}.", file.name()),
                        }
                    }
                };
                set_text("review-note", &note);
                state.show_agreement();
                focus("review-heading");
            }
        });
    }

    fn verify(&mut self) {
        let Some(checking) = self.checking() else { return };
        match checking.agreement() {
            Ok(agreement) if agreement.accepted.is_empty() => {
                set_text("review-note", "Nothing is accepted yet, so there is no set.");
            }
            Ok(_) => {
                set_text("review-note", "Writing the set.");
                self.ask(&Request::Verify { reviews: checking.reviews() }, None);
            }
            Err(reason) => set_text("review-note", &format!("{reason}.")),
        }
    }

    /// Gives the visitor the verified set.
    pub(super) fn save_verified(&self, cases: usize, file: &Blob) {
        let given = give("verified.parquet", file);
        set_text("review-note", &format!("{given} It has {}.", words::count(cases, "case")));
    }

    /// Goes back to the page. Decisions are kept.
    fn close_review(&mut self) {
        if let Some(open) = self.review.take() {
            open.urls.iter().flatten().for_each(|url| revoke(url));
            by_id::<HtmlElement>("review").set_hidden(true);
            set_data(&body(), "view", "");
            focus("main");
        }
    }
}

/// Calls `act` at every event of a kind of an element.
fn bind(app: &Rc<RefCell<App>>, id: &str, kind: &str, act: impl Fn(&mut App) + 'static) {
    let app = Rc::clone(app);
    on(&by_id::<HtmlElement>(id), kind, move |_: Event| act(&mut app.borrow_mut()));
}

/// Shows the original in the place of the edited image, or no longer; the other way round if nothing is said.
fn flip(on: Option<bool>) {
    let under: HtmlElement = by_id("review-under");
    let on = on.unwrap_or(under.hidden());
    under.set_hidden(!on);
    set_attribute(&by_id::<HtmlElement>("review-flip"), "aria-pressed", &on.to_string());
}

fn focus(id: &str) {
    by_id::<HtmlElement>(id).focus().unwrap_or_else(|error| log_error(&error));
}

/// What the browser keeps between visits; nothing where it does not.
fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}
