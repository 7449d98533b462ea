//! The sample gallery: four photographs, and scenes drawn on the spot.

use std::cell::RefCell;
use std::rc::Rc;

use shared::concept::Concept;
use shared::scene::{Pair, Scene};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlElement, HtmlImageElement, Response, Url};

use super::caption;
use super::dom::{append, by_id, copy_of, on, set_attribute, set_slot, slot};
use super::share::Asked;
use super::state::{App, Offered, Sample};
use crate::console::log_error;
use crate::png;
use crate::protocol::Set;

/// Seeds whose scenes show each concept well.
const SCENES: [(Concept, u64); 6] = [
    (Concept::Color, 1),
    (Concept::Location, 2),
    (Concept::Size, 3),
    (Concept::Object, 4),
    (Concept::Location, 5),
    (Concept::Color, 6),
];

/// Files in `assets/samples`, what they show, and a caption to begin with.
const PHOTOGRAPHS: [(&str, &str); 4] = [
    ("cat", "a small brown cat"),
    ("astronaut", "a woman in an orange suit in front of a flag"),
    ("coffee", "a white cup on a brown table"),
    ("rocket", "a tall white rocket next to a tower"),
];

/// The side of the scenes in pixels.
const SIDE: u32 = 320;

/// Answers that were computed beforehand, for the challenges that the page begins with.
const CHALLENGES: &str = "challenges.json";

/// Fills the gallery, one scene at a time so that the page stays responsive.
pub fn show(app: &Rc<RefCell<App>>) {
    follow(app);
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
        for (number, (concept, seed)) in SCENES.into_iter().enumerate() {
            match scene(&Pair::from_seed(concept, seed), number + 1) {
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
    let found = app.borrow().gallery.iter().find(|sample| asked.sample == sample.name()).cloned();
    match found {
        Some(offered) => {
            let set = asked.set.unwrap_or(offered.set);
            App::open_samples(app, set, &offered.samples, asked.caption.as_deref());
        }
        None => {
            if let Some(caption) = &asked.caption {
                caption::write(caption);
            }
            if let Some(set) = asked.set {
                app.borrow_mut().choose(set);
            }
        }
    }
}

/// A scene, and the one in which one fact is different.
fn scene(pair: &Pair, number: usize) -> Result<Vec<Sample>, String> {
    let sample = |name: String, scene: &Scene, caption: &str| -> Result<Sample, String> {
        Ok(Sample { name, caption: caption.to_owned(), file: png::of_image(&scene.render(SIDE))? })
    };
    let name = format!("scene {number}");
    let twin = format!("{name}, another {}", pair.concept().name());
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
    let is_waited_for = Asked::now().sample == offered.name() && app.borrow().current.is_none();
    let opening = Rc::clone(app);
    on(&pick, "click", move |_: web_sys::Event| {
        App::open_samples(&opening, offered.set, &offered.samples, None);
    });
    append(&by_id::<HtmlElement>("samples"), &item);
    if is_waited_for {
        follow(app);
    }
}

async fn photograph(name: &str) -> Result<Blob, JsValue> {
    let response = fetch(&format!("samples/{name}.jpg")).await?;
    Ok(JsFuture::from(response.blob()?).await?.unchecked_into())
}

async fn text(address: &str) -> Result<String, JsValue> {
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
async fn breathe() {
    let later = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            window.set_timeout_with_callback(&resolve).ok();
        }
    });
    JsFuture::from(later).await.ok();
}
