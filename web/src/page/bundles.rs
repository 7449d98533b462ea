//! The models on the page: listed, opened from the visitor's files, thrown away from the browser's storage.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Event, File, HtmlButtonElement, HtmlElement, HtmlInputElement};

use super::dom::{
    append, by_id, clear, copy_of, on, on_click_within, set_attribute, set_data, set_slot, set_state, slot,
};
use super::state::{App, OwnBundle};
use crate::protocol::{Kept, Request, model_name};
use crate::words;

impl App {
    /// Binds the controls around models.
    pub(super) fn listen_for_bundles(app: &Rc<RefCell<App>>) {
        let input: HtmlInputElement = by_id("bundle-input");
        let opening = Rc::clone(app);
        on(&input.clone(), "change", move |_: Event| {
            let chosen = input.files().and_then(|files| files.get(0));
            // So that the same file can be chosen again.
            input.set_value("");
            if let Some(file) = chosen {
                Self::open_bundle(&opening, &file);
            }
        });
        let forgetting = Rc::clone(app);
        on_click_within(&by_id("kept"), "sha256", move |sha256| {
            forgetting.borrow().ask(&Request::Forget { sha256: sha256.to_owned() }, None);
            // The button that had the focus is about to go.
            by_id::<HtmlElement>("kept-heading").focus().ok();
        });
    }

    pub(super) fn open_bundle(app: &Rc<RefCell<App>>, file: &File) {
        let name = model_name(&file.name());
        by_id::<HtmlElement>("bundle-note").set_text_content(None);
        let mut state = app.borrow_mut();
        state.bundles.retain(|bundle| bundle.name != name);
        state.bundles.push(OwnBundle { name: name.clone(), file: file.clone().unchecked_into() });
        // An engine that does not listen yet is given it when it does.
        if state.engine_listens {
            set_state("loading");
            state.ask(&Request::AddBundle { name }, Some(file));
        }
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
}

/// Lists what the browser keeps for the next visit.
pub(super) fn list_kept(kept: &[Kept]) {
    let list: HtmlElement = by_id("kept");
    clear(&list);
    for bundle in kept {
        let item = copy_of("kept-item");
        set_slot(&item, "name", &bundle.name);
        set_slot(&item, "facts", &words::size(bundle.bytes));
        let delete: HtmlButtonElement = slot(&item, "delete");
        set_data(&delete, "sha256", &bundle.sha256);
        set_attribute(&delete, "aria-label", &format!("Delete {} from this browser", bundle.name));
        append(&list, &item);
    }
}
