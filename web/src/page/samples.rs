//! The sample gallery: photographs, and scenes drawn on the spot.

use std::cell::RefCell;
use std::rc::Rc;

use shared::concept::Concept;
use shared::scene::{Pair, Scene};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlElement, HtmlImageElement, Response, Url};

use super::caption;
use super::dom::{
    append, by_id, copy_of, document, on, on_link_within, set_attribute, set_slot, set_text, slot,
};
use super::images::reveal;
use super::linked;
use super::share::{Asked, push_address};
use super::state::{App, Asking, Offered, Sample};
use crate::console::log_error;
use crate::gallery::{PHOTOGRAPHS, SCENES};
use crate::png;
use crate::protocol::Set;
use crate::sample::{self, SCENE_SIDE};

/// Answers that were computed beforehand, for the challenges that the page begins with.
const CHALLENGES: &str = "challenges.json";

/// The links of these challenges.
const QUESTIONS: &str = "#challenges a";

/// Fills the gallery, one scene at a time so that the page stays responsive.
pub fn show(app: &Rc<RefCell<App>>) {
    if !Asked::now().is_nothing() {
        follow(app);
    }
    listen_for_questions(app);
    if let Some(window) = web_sys::window() {
        let app = Rc::clone(app);
        on(&window, "hashchange", move |_: web_sys::Event| follow(&app));
    }
    let app = Rc::clone(app);
    spawn_local(async move {
        match text(CHALLENGES)
            .await
            .and_then(|json| Ok(serde_json::from_str(&json).map_err(|e| e.to_string())?))
        {
            Ok(challenges) => app.borrow_mut().set_challenges(challenges),
            Err(error) => log_error(&error),
        }
        for (name, caption) in PHOTOGRAPHS {
            match photograph(name).await {
                Ok(file) => {
                    let sample = Sample { name: format!("{name}.jpg"), caption: caption.to_owned(), file };
                    add(&app, Set::Photographs, vec![sample]);
                }
                Err(error) => log_error(&error),
            }
        }
        for (concept, seed) in SCENES {
            match scene(concept, seed) {
                Ok(samples) => add(&app, Set::Scenes, samples),
                Err(error) => log_error(&error.into()),
            }
            breathe().await;
        }
    });
}

/// Opens what the address asks for, as far as it is there.
fn follow(app: &Rc<RefCell<App>>) {
    let asked = Asked::now();
    if asked.is_nothing() {
        return open_example(app);
    }
    if asked.picture.is_some() {
        return linked::open(app, asked);
    }
    let found = offered(&app.borrow(), &asked);
    match found {
        Some(offered) => {
            open(app, &offered, &asked, false);
            reveal();
        }
        None => {
            let mut state = app.borrow_mut();
            if let Some(caption) = &asked.caption {
                caption::write(caption, asked.foil.as_deref().unwrap_or_default());
                if state.current.is_none() && asked.sample.is_none() {
                    let words = "The picture is not in this link. Open one to ask the same question.";
                    set_text("caption-note", words);
                    reveal();
                }
            }
            if let Some(set) = asked.set {
                state.choose(set);
            }
            // The way back from a later caption of the same picture.
            if asked.caption.is_some() && state.current().is_some_and(|image| !image.is_sample) {
                state.compare(Asking::Firmly);
            }
        }
    }
}

/// Opens a sample, with the caption and the foil that are asked for.
fn open(app: &Rc<RefCell<App>>, offered: &Offered, asked: &Asked, is_example: bool) {
    let texts = asked.caption.as_deref().map(|caption| [caption, asked.foil.as_deref().unwrap_or_default()]);
    let of_source = texts.filter(|_| asked.edit.is_none());
    App::open_samples(app, asked.set.unwrap_or(offered.set), &offered.samples, of_source, is_example);
    let shown = app.borrow().current;
    let prepared = asked.edit.filter(|prepared| offered.name().as_deref() == Some(prepared.sample));
    if let (Some(prepared), Some(source)) = (prepared, shown) {
        app.borrow_mut().prepare(source, prepared, texts.map(|texts| texts.map(str::to_owned)));
    }
}

/// Opens the first question, if nobody has opened anything.
fn open_example(app: &Rc<RefCell<App>>) {
    if app.borrow().images.iter().any(|image| Some(image.id) != app.borrow().example) {
        return;
    }
    let first = document().query_selector(QUESTIONS).ok().flatten();
    let Some(asked) = first.and_then(|link| link.get_attribute("href")).map(|href| Asked::of(&href)) else {
        return;
    };
    let found = offered(&app.borrow(), &asked);
    if let Some(offered) = found {
        open(app, &offered, &asked, true);
    }
}

/// The sample that is asked for: one of the gallery, or any scene.
fn offered(app: &App, asked: &Asked) -> Option<Offered> {
    let name = asked.sample.as_deref()?;
    let known = app.gallery.iter().find(|offered| offered.name().as_deref() == Some(name));
    known.cloned().or_else(|| {
        let (concept, seed) = sample::scene(name)?;
        let samples = scene(concept, seed).map_err(|error| log_error(&error.into())).ok()?;
        Some(Offered { set: Set::Scenes, samples: Rc::new(samples) })
    })
}

/// Makes the questions answer to every click, also to the second one on the same question, which changes no address.
fn listen_for_questions(app: &Rc<RefCell<App>>) {
    let app = Rc::clone(app);
    on_link_within(&by_id::<HtmlElement>("main"), "a[data-question], #challenges a", move |href| {
        push_address(href);
        follow(&app);
    });
}

/// A scene, and the one in which one fact is different.
fn scene(concept: Concept, seed: u64) -> Result<Vec<Sample>, String> {
    let pair = Pair::from_seed(concept, seed);
    let sample = |name: String, scene: &Scene, caption: &str| -> Result<Sample, String> {
        Ok(Sample { name, caption: caption.to_owned(), file: png::of_image(&scene.render(SCENE_SIDE))? })
    };
    let name = sample::scene_name(concept, seed);
    let twin = format!("{name}, another {concept}");
    Ok(vec![
        sample(name, pair.scene(), pair.caption())?,
        sample(twin, pair.foil_scene(), pair.foil_caption())?,
    ])
}

/// Adds a sample to the gallery; a second one is what the first is compared with.
fn add(app: &Rc<RefCell<App>>, set: Set, samples: Vec<Sample>) {
    let Some(Sample { name, caption, file }) = samples.first() else { return };
    let item = copy_of("sample-item");
    if let Ok(url) = Url::create_object_url_with_blob(file) {
        slot::<HtmlImageElement>(&item, "thumb").set_src(&url);
    }
    set_slot(&item, "label", &format!("{name}: {caption}"));
    let pick: HtmlElement = slot(&item, "pick");
    set_attribute(&pick, "title", caption);
    let offered = Offered { set, samples: Rc::new(samples) };
    app.borrow_mut().gallery.push(offered.clone());
    // A link may have asked for it before it was there.
    let asked = Asked::now();
    let is_waited_for = asked.is_nothing() || asked.sample == offered.name();
    let opening = Rc::clone(app);
    on(&pick, "click", move |_: web_sys::Event| {
        App::open_samples(&opening, offered.set, &offered.samples, None, false);
        reveal();
    });
    append(&by_id::<HtmlElement>("samples"), &item);
    if is_waited_for && app.borrow().current.is_none() {
        follow(app);
    }
}

async fn photograph(name: &str) -> Result<Blob, JsValue> {
    let response = fetch(&format!("samples/{name}.jpg")).await?;
    Ok(JsFuture::from(response.blob()?).await?.unchecked_into())
}

pub(super) async fn text(address: &str) -> Result<String, JsValue> {
    let response = fetch(address).await?;
    JsFuture::from(response.text()?).await?.as_string().ok_or_else(|| "a text that is none".into())
}

async fn fetch(address: &str) -> Result<Response, JsValue> {
    let window = web_sys::window().ok_or("the page program runs in a page")?;
    let response: Response = JsFuture::from(window.fetch_with_str(address)).await?.unchecked_into();
    if !response.ok() {
        return Err(JsValue::from_str(&format!("{address} could not be fetched")));
    }
    Ok(response)
}

/// Lets the browser paint and listen.
pub(super) async fn breathe() {
    let later = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            window.set_timeout_with_callback(&resolve).ok();
        }
    });
    JsFuture::from(later).await.ok();
}
