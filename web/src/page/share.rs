//! What can be passed on: a link with the caption and the sample, and files with the answers. Never the image, unless the
//! visitor asks for a card with it, or for a small copy in the link.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlButtonElement, ShareData, Url, UrlSearchParams};

use super::card;
use super::dom::{by_id, document, on, set_text};
use super::state::App;
use crate::console::log_error;
use crate::gallery::preview_of;
use crate::protocol::{Request, Set};
use crate::sample::PreparedEdit;
use crate::words;

/// What a link asks for.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) caption: Option<String>,
    pub(super) foil: Option<String>,
    /// The name of a sample.
    pub(super) sample: Option<String>,
    pub(super) set: Option<Set>,
    /// A change to the sample.
    pub(super) edit: Option<&'static PreparedEdit>,
    /// A small copy of a picture, as base64 for addresses (RFC 4648, section 5).
    pub(super) picture: Option<String>,
}

impl Asked {
    /// What the address asks for.
    pub(super) fn now() -> Self {
        Self::of(&window().location().hash().unwrap_or_default())
    }

    /// What a link within the page asks for.
    pub(super) fn of(hash: &str) -> Self {
        let Ok(parameters) = UrlSearchParams::new_with_str(hash.trim_start_matches('#')) else {
            return Asked::default();
        };
        let get = |name: &str| parameters.get(name).filter(|value| !value.is_empty());
        Asked {
            caption: get("caption"),
            foil: get("foil"),
            sample: get("sample"),
            set: get("models").and_then(|name| Set::from_name(&name)),
            edit: get("edit").and_then(|name| PreparedEdit::named(&name)),
            picture: get("picture"),
        }
    }

    /// The link within the page that asks for this.
    ///
    /// # Errors
    /// If the browser cannot write it.
    pub(super) fn hash(&self) -> Result<String, JsValue> {
        let parameters = UrlSearchParams::new()?;
        for (name, value) in [
            ("caption", self.caption.as_deref()),
            ("foil", self.foil.as_deref()),
            ("sample", self.sample.as_deref()),
            ("edit", self.edit.map(|prepared| prepared.name)),
            ("models", self.set.map(Set::name)),
            ("picture", self.picture.as_deref()),
        ] {
            if let Some(value) = value {
                parameters.set(name, value);
            }
        }
        Ok(format!("#{}", String::from(parameters.to_string())))
    }

    /// Whether this asks what `other` asks, which may say more of what goes without saying: the sample's own caption and models.
    fn is_asked_by(&self, other: &Self) -> bool {
        (&self.sample, &self.foil, self.edit) == (&other.sample, &other.foil, other.edit)
            && (self.picture.is_none() || self.picture == other.picture)
            && (self.caption.is_none() || self.caption == other.caption)
            && (self.set.is_none() || self.set == other.set)
    }

    /// Whether nothing is asked for.
    pub(super) fn is_nothing(&self) -> bool {
        self.caption.is_none() && self.sample.is_none() && self.set.is_none() && self.picture.is_none()
    }
}

impl App {
    /// Binds the buttons below the answers.
    pub(super) fn listen_for_sharing(app: &Rc<RefCell<App>>) {
        let copying = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("copy-link"), "click", move |_: web_sys::Event| {
            let (link, holds) = copying.borrow().link();
            copy(&link, move |is_copied| {
                note(match is_copied {
                    true => &holds,
                    false => "This browser does not let the page copy. The link is in the address bar.",
                });
            });
        });
        by_id::<HtmlButtonElement>("share-link").set_hidden(!can_share());
        let sharing = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("share-link"), "click", move |_: web_sys::Event| {
            let (link, _) = sharing.borrow().link();
            share(&link, || note("Shared."));
        });
        let keeping = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("keep-case"), "click", move |_: web_sys::Event| {
            keeping.borrow().keep_case();
        });
        let handing = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("save-cases"), "click", move |_: web_sys::Event| {
            handing.borrow().ask(&Request::HandOver, None);
        });
        let discarding = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("discard-cases"), "click", move |_: web_sys::Event| {
            if window().confirm_with_message("Delete all saved cases?").unwrap_or(false) {
                discarding.borrow().ask(&Request::Discard, None);
            }
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

    /// Puts the two images that are compared crosswise into the challenge set.
    fn keep_case(&self) {
        let sides = self.current().zip(self.counterpart());
        let Some((one, other)) = sides.filter(|(one, other)| one.caption != other.caption && other.read)
        else {
            return note(
                "A case needs two pictures with a caption each. Change the picture, or choose another one to compare with.",
            );
        };
        // What was there first comes first.
        let (first, second) = if one.id < other.id { (one, other) } else { (other, one) };
        let Some(concept) = words::concept_between(&first.caption, &second.caption) else {
            return note(
                "The two captions differ in more than one word of a concept, so the case would not say what it tests.",
            );
        };
        let captions = [first.caption.clone(), second.caption.clone()];
        self.ask(&Request::Keep { concept, images: [first.id, second.id], captions }, None);
    }

    /// The link to what is asked, and what there is to say of it. Where the picture is a sample, it goes by a page that shows the
    /// sample to sites that show links.
    fn link(&self) -> (String, String) {
        // A link within the page may have taken its place.
        self.write_address();
        let href = window().location().href().unwrap_or_default();
        let image = self.current();
        let prepared = image.and_then(|image| image.prepared);
        if let Some(linked) = image.and_then(|image| image.linked.as_ref()) {
            let size = words::with_commas(&href.len().to_string());
            return match linked.is_all {
                true => (
                    href,
                    format!("The link is copied. It holds the caption and the picture ({size} characters)."),
                ),
                false => (
                    href,
                    format!(
                        "The link is copied. It holds the caption and a small copy of your picture ({size} characters)."
                    ),
                ),
            };
        }
        let sample = prepared
            .map(|prepared| prepared.sample)
            .or(image.filter(|image| image.is_sample).map(|image| &*image.name));
        let Some(sample) = sample else {
            let holds = "The link is copied. It holds the caption and not your picture; whoever opens it is asked for one.";
            return (href, holds.to_owned());
        };
        let holds = "The link is copied. It holds the caption and names the sample.".to_owned();
        let by_preview = preview_of(sample, prepared).and_then(|name| {
            let url = Url::new_with_base(&format!("s/{name}.html"), &document().base_uri().ok()??).ok()?;
            url.set_hash(&window().location().hash().ok()?);
            Some(url.href())
        });
        (by_preview.unwrap_or(href), holds)
    }

    /// Writes what is asked into the address, so that the address is the link, and the way back leads to the question before.
    pub(super) fn write_address(&self) {
        match self.hash() {
            Ok(hash) => push_address(&hash),
            Err(error) => log_error(&error),
        }
    }

    /// The same in place of what the address says now.
    pub(super) fn rewrite_address(&self) {
        let written = self
            .hash()
            .and_then(|hash| window().history()?.replace_state_with_url(&JsValue::NULL, "", Some(&hash)));
        written.unwrap_or_else(|error| log_error(&error));
    }

    /// The link within the page to what is asked.
    fn hash(&self) -> Result<String, JsValue> {
        let image = self.current();
        let prepared = image.and_then(|image| image.prepared);
        let sample = image.filter(|image| image.is_sample).map(|image| image.name.clone());
        let asked = Asked {
            caption: image.map(|image| image.caption.clone()),
            foil: image.map(|image| image.foil.clone()).filter(|foil| !foil.is_empty()),
            sample: prepared.map(|prepared| prepared.sample.to_owned()).or(sample),
            set: Some(self.set()),
            edit: prepared,
            picture: image.and_then(|image| image.linked.as_ref()).map(|linked| linked.data.clone()),
        };
        asked.hash()
    }

    fn save_json(&self) {
        let Some((image, answers)) = self.answered() else { return };
        match words::json(&image.name, answers) {
            Ok(text) => save_text("foil.json", "application/json", &text),
            Err(error) => log_error(&error.to_string().into()),
        }
    }

    fn save_csv(&self) {
        let Some((image, answers)) = self.answered() else { return };
        save_text("foil.csv", "text/csv", &words::csv(&image.name, answers));
    }

    fn save_card(&self) {
        let Some((_, answers)) = self.answered() else { return };
        card::draw(answers, |file| save("foil.png", file)).unwrap_or_else(|error| log_error(&error));
    }
}

/// Writes another address within the page. One that asks the same in other words is replaced: the way back would lead nowhere.
pub(super) fn push_address(hash: &str) {
    let now = Asked::now();
    let asks_the_same = !now.is_nothing() && now.is_asked_by(&Asked::of(hash));
    let written = window().history().and_then(|history| match asks_the_same {
        true => history.replace_state_with_url(&JsValue::NULL, "", Some(hash)),
        false => history.push_state_with_url(&JsValue::NULL, "", Some(hash)),
    });
    written.unwrap_or_else(|error| log_error(&error));
}

fn save_text(name: &str, kind: &str, text: &str) {
    match text_file(kind, text) {
        Ok(file) => save(name, &file),
        Err(error) => log_error(&error),
    }
}

/// A text as a file of a media type.
pub(super) fn text_file(kind: &str, text: &str) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = js_sys::Array::of1(&text.into());
    Blob::new_with_str_sequence_and_options(&parts, &options)
}

/// Says how many cases the visitor has collected.
pub(super) fn count_cases(cases: usize, is_new: bool) {
    let save: HtmlButtonElement = by_id("save-cases");
    if cases == 0 && !save.hidden() {
        note("All saved cases are deleted.");
    }
    save.set_text_content(Some(&words::challenge_set(cases)));
    for button in [save, by_id("discard-cases")] {
        button.set_hidden(cases == 0);
    }
    if is_new {
        note("Saved in this browser. Download it to test models with Foil’s trainer.");
    }
}

/// Gives the visitor a file, and says so.
pub(super) fn save(name: &str, file: &Blob) {
    note(&give(name, file));
}

/// Whether the browser passes texts on to other programs.
pub(super) fn can_share() -> bool {
    js_sys::Reflect::has(&window().navigator(), &"share".into()).unwrap_or(false)
}

/// Passes a text on to a program of the visitor's choice.
pub(super) fn share(text: &str, told: impl FnOnce() + 'static) {
    let data = ShareData::new();
    data.set_text(text);
    let shared = window().navigator().share_with_data(&data);
    spawn_local(async move {
        // Whoever changes their mind has nothing to be told.
        if JsFuture::from(shared).await.is_ok() {
            told();
        }
    });
}

/// Copies a text to the clipboard, and tells whether the browser let it.
pub(super) fn copy(text: &str, told: impl FnOnce(bool) + 'static) {
    let clipboard = window().navigator().clipboard();
    // Browsers keep it from a page that came over HTTP from another machine.
    let copying = (!clipboard.is_undefined()).then(|| clipboard.write_text(text));
    spawn_local(async move {
        told(match copying {
            Some(copying) => JsFuture::from(copying).await.is_ok(),
            None => false,
        });
    });
}

/// Gives the visitor a file, and returns what there is to say of it.
pub(super) fn give(name: &str, file: &Blob) -> String {
    let given = || -> Result<(), JsValue> {
        let url = Url::create_object_url_with_blob(file)?;
        let link: HtmlAnchorElement = wasm_bindgen::JsCast::unchecked_into(document().create_element("a")?);
        link.set_href(&url);
        link.set_download(name);
        // The address lives as long as the page, since the browser reads it when it likes.
        link.click();
        Ok(())
    };
    match given() {
        Ok(()) => format!("Saved as {name}."),
        Err(error) => {
            log_error(&error);
            "This browser does not let the page save files.".to_owned()
        }
    }
}

/// Says what came of a button.
pub(super) fn note(words: &str) {
    set_text("share-note", words);
}

fn window() -> web_sys::Window {
    web_sys::window().expect("the page program runs in a page")
}
