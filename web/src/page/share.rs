//! What can be passed on: a link with the caption and the sample, and files with the answers. Never the picture, unless the
//! visitor asks for a card with it.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, BlobPropertyBag, HtmlAnchorElement, HtmlButtonElement, HtmlElement, Url, UrlSearchParams,
};

use super::app::App;
use super::card;
use super::dom::{by_id, document, log_error, on};
use crate::protocol::Set;
use crate::words;

/// What a link asks for.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) caption: Option<String>,
    /// The name of a sample.
    pub(super) sample: Option<String>,
    pub(super) set: Option<Set>,
}

impl Asked {
    /// What the address asks for.
    pub(super) fn now() -> Self {
        let hash = window().location().hash().unwrap_or_default();
        let Ok(parameters) = UrlSearchParams::new_with_str(hash.trim_start_matches('#')) else {
            return Asked::default();
        };
        let get = |name: &str| parameters.get(name).filter(|value| !value.is_empty());
        Asked {
            caption: get("caption"),
            sample: get("sample"),
            set: get("models").and_then(|name| Set::from_name(&name)),
        }
    }
}

impl App {
    /// Binds the buttons below the answers.
    pub(super) fn listen_for_sharing(app: &Rc<RefCell<App>>) {
        on(&by_id::<HtmlButtonElement>("copy-link"), "click", |_: web_sys::Event| {
            spawn_local(async {
                let href = window().location().href().unwrap_or_default();
                let copied = JsFuture::from(window().navigator().clipboard().write_text(&href)).await;
                note(match copied {
                    Ok(_) => {
                        "The link is copied. It holds the caption and the sample, never a picture of yours."
                    }
                    Err(_) => "This browser does not let the page copy. The link is in the address bar.",
                });
            });
        });
        for (id, write) in [
            ("save-json", App::save_json as fn(&App)),
            ("save-csv", App::save_csv),
            ("save-card", App::save_card),
        ] {
            let app = Rc::clone(app);
            on(&by_id::<HtmlButtonElement>(id), "click", move |_: web_sys::Event| write(&app.borrow()));
        }
    }

    /// Writes what is asked into the address, so that the address is the link.
    pub(super) fn write_address(&self) {
        let Ok(parameters) = UrlSearchParams::new() else { return };
        if let Some(picture) = self.current() {
            parameters.set("caption", &picture.caption);
            if picture.is_sample {
                parameters.set("sample", &picture.name);
            }
        }
        parameters.set("models", self.set().name());
        let hash = format!("#{}", String::from(parameters.to_string()));
        let written = window()
            .history()
            .and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(&hash)));
        written.unwrap_or_else(|error| log_error(&error));
    }

    fn save_json(&self) {
        let Some((picture, answers)) = self.answered() else { return };
        match words::json(&picture.name, answers) {
            Ok(text) => save_text("foil.json", "application/json", &text),
            Err(error) => log_error(&error.to_string().into()),
        }
    }

    fn save_csv(&self) {
        let Some((picture, answers)) = self.answered() else { return };
        save_text("foil.csv", "text/csv", &words::csv(&picture.name, answers));
    }

    fn save_card(&self) {
        let Some((_, answers)) = self.answered() else { return };
        card::draw(answers, |file| save("foil.png", file)).unwrap_or_else(|error| log_error(&error));
    }
}

fn save_text(name: &str, kind: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&text.into());
    match Blob::new_with_str_sequence_and_options(&parts, &options) {
        Ok(file) => save(name, &file),
        Err(error) => log_error(&error),
    }
}

/// Gives the visitor a file.
fn save(name: &str, file: &Blob) {
    let given = || -> Result<(), JsValue> {
        let url = Url::create_object_url_with_blob(file)?;
        let link: HtmlAnchorElement = wasm_bindgen::JsCast::unchecked_into(document().create_element("a")?);
        link.set_href(&url);
        link.set_download(name);
        link.click();
        Url::revoke_object_url(&url)
    };
    given().unwrap_or_else(|error| log_error(&error));
    note(&format!("Saved as {name}."));
}

fn note(words: &str) {
    by_id::<HtmlElement>("share-note").set_text_content(Some(words));
}

fn window() -> web_sys::Window {
    web_sys::window().expect("the page program runs in a page")
}
