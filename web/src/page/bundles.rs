//! The models on the page: listed, opened from the visitor's files, thrown away from the browser's storage.

use std::cell::RefCell;
use std::rc::Rc;

use shared::bundle::Precision;
use shared::import::Layout;
use wasm_bindgen::JsCast;
use web_sys::{Blob, Event, File, HtmlButtonElement, HtmlElement, HtmlInputElement, HtmlSelectElement};

use super::dom::{
    append, by_id, clear, copy_of, files, on, on_click_within, set_attribute, set_data, set_slot, set_state,
    set_text, slot,
};
use super::state::{App, OwnBundle};
use crate::protocol::{BUNDLE_ENDING, Kept, Request, model_name};
use crate::words;

impl App {
    /// Binds the controls around models.
    pub(super) fn listen_for_bundles(app: &Rc<RefCell<App>>) {
        for id in ["bundle-input", "folder-input"] {
            let input: HtmlInputElement = by_id(id);
            let opening = Rc::clone(app);
            on(&input.clone(), "change", move |_: Event| {
                let chosen = files(input.files());
                // So that the same files can be chosen again.
                input.set_value("");
                Self::open_models(&opening, chosen);
            });
        }
        let keeping = Rc::clone(app);
        on_click_within(&by_id("kept"), "open", move |sha256| keeping.borrow().open_kept(sha256));
        let forgetting = Rc::clone(app);
        on_click_within(&by_id("kept"), "sha256", move |sha256| {
            forgetting.borrow().ask(&Request::Forget { sha256: sha256.to_owned() }, None);
            // The button that had the focus is about to go.
            by_id::<HtmlElement>("kept-heading").focus().ok();
        });
    }

    /// Opens what was chosen: a published model's files together, or bundles.
    fn open_models(app: &Rc<RefCell<App>>, files: Vec<File>) {
        let is_bundle = |file: &&File| file.name().ends_with(BUNDLE_ENDING);
        if is_published(&files) {
            let folder = files.first().and_then(folder_of);
            Self::import(app, folder.as_deref(), files);
        } else if files.iter().any(|file| is_bundle(&file)) {
            files.iter().filter(is_bundle).for_each(|file| Self::open_bundle(app, file));
        } else if !files.is_empty() {
            set_text(
                "bundle-note",
                "There is no model among these files: choose a bundle, or a config.json and the files beside it.",
            );
        }
    }

    pub(super) fn open_bundle(app: &Rc<RefCell<App>>, file: &File) {
        let name = model_name(&file.name());
        by_id::<HtmlElement>("bundle-note").set_text_content(None);
        let mut state = app.borrow_mut();
        state.hold_bundle(&name, file);
        // An engine that does not listen yet is given it when it does.
        if state.engine_listens {
            set_state("loading");
            state.ask(&Request::AddBundle { name }, Some(file));
        }
    }

    /// Holds a bundle, so that a new engine can be given it again.
    pub(super) fn hold_bundle(&mut self, name: &str, file: &Blob) {
        self.bundles.retain(|bundle| bundle.name != name);
        self.bundles.push(OwnBundle { name: name.to_owned(), file: file.clone() });
    }

    /// Has the engine make a bundle of a published model's files, which may come from a folder of this name.
    pub(super) fn import(app: &Rc<RefCell<App>>, folder: Option<&str>, files: Vec<File>) {
        let state = app.borrow();
        if !state.engine_listens {
            return set_text("bundle-note", "Wait until the page’s own models are loaded, then open yours.");
        }
        by_id::<HtmlElement>("bundle-note").set_text_content(None);
        let precision: HtmlSelectElement = by_id("import-precision");
        let precision = if precision.value() == "q8" { Precision::Q8 } else { Precision::F16 };
        let (names, files): (Vec<String>, Vec<Blob>) =
            files.into_iter().map(|file| (file.name(), file.unchecked_into())).unzip();
        set_state("loading");
        let name = folder.unwrap_or("imported model").to_owned();
        state.ask_with(&Request::Import { name, files: names, precision }, &files);
    }

    fn open_kept(&self, sha256: &str) {
        let Some(kept) = self.kept.iter().find(|kept| kept.sha256 == sha256) else { return };
        set_state("loading");
        let request = Request::OpenKept { name: kept.name.clone(), sha256: sha256.to_owned() };
        self.ask(&request, None);
        // The button that had the focus is about to go.
        by_id::<HtmlElement>("kept-heading").focus().ok();
    }

    pub(super) fn list_models(&self) {
        let list: HtmlElement = by_id("models");
        clear(&list);
        for model in &self.models {
            let item = copy_of("model-item");
            set_slot(&item, "name", &model.name);
            set_slot(&item, "facts", &words::model_facts(model));
            set_data(&item, "heap", &model.heap.to_string());
            append(&list, &item);
        }
    }

    /// Lists what the browser keeps for the next visit. What does not answer yet can be opened.
    pub(super) fn list_kept(&mut self, kept: Vec<Kept>) {
        let list: HtmlElement = by_id("kept");
        clear(&list);
        for bundle in &kept {
            let item = copy_of("kept-item");
            set_slot(&item, "name", &bundle.name);
            set_slot(&item, "facts", &words::size(bundle.bytes));
            let [open, delete]: [HtmlButtonElement; 2] = ["open", "delete"].map(|name| slot(&item, name));
            set_data(&open, "open", &bundle.sha256);
            set_attribute(&open, "aria-label", &format!("Open {}", bundle.name));
            open.set_hidden(!bundle.is_imported || self.models.iter().any(|model| model.name == bundle.name));
            set_data(&delete, "sha256", &bundle.sha256);
            set_attribute(&delete, "aria-label", &format!("Delete {} from this browser", bundle.name));
            append(&list, &item);
        }
        self.kept = kept;
    }
}

/// Says that a model must be opened again at the next visit.
pub(super) fn say_not_kept(name: &str) {
    set_text(
        "bundle-note",
        &format!("This browser has no room to save {name}. Open its files again on your next visit."),
    );
}

/// Whether files are those of a published model: one of them says what it is.
pub(super) fn is_published(files: &[File]) -> bool {
    let configs = Layout::ALL.map(Layout::config_name);
    files.iter().any(|file| configs.contains(&file.name().as_str()))
}

/// The folder that a file was chosen with, if it was chosen with one.
fn folder_of(file: &File) -> Option<String> {
    let path = js_sys::Reflect::get(file, &"webkitRelativePath".into()).ok()?.as_string()?;
    Some(path.split_once('/')?.0.to_owned())
}
