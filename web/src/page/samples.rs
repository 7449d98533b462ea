//! The sample gallery: four photographs, and scenes drawn on the spot.

use std::cell::RefCell;
use std::rc::Rc;

use shared::concept::Concept;
use shared::scene::{Pair, Scene};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlElement, HtmlImageElement, Response, Url};

use super::app::{App, Sample};
use super::dom::{append, by_id, copy_of, log_error, on, set_attribute, slot};
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

/// Fills the gallery, one scene at a time so that the page stays responsive.
pub fn show(app: &Rc<RefCell<App>>) {
    let app = Rc::clone(app);
    spawn_local(async move {
        for (name, caption) in PHOTOGRAPHS {
            match photograph(name).await {
                Ok(file) => add(
                    &app,
                    Set::Photographs,
                    vec![Sample { name: format!("{name}.jpg"), caption: caption.to_owned(), file }],
                ),
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

/// A scene, and the one in which one fact is different.
fn scene(pair: &Pair, number: usize) -> Result<Vec<Sample>, String> {
    let sample = |name: String, scene: &Scene, caption: &str| -> Result<Sample, String> {
        Ok(Sample { name, caption: caption.to_owned(), file: png::of_picture(&scene.render(SIDE))? })
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
    slot::<HtmlElement>(&item, "label").set_text_content(Some(&format!("{name}: {caption}")));
    let pick: HtmlElement = slot(&item, "pick");
    set_attribute(&pick, "title", caption);
    let app = Rc::clone(app);
    on(&pick, "click", move |_: web_sys::Event| App::open_samples(&app, set, &samples));
    append(&by_id::<HtmlElement>("samples"), &item);
}

async fn photograph(name: &str) -> Result<Blob, JsValue> {
    let window = web_sys::window().ok_or("the page program runs in a page")?;
    let response = JsFuture::from(window.fetch_with_str(&format!("samples/{name}.jpg"))).await?;
    let response: Response = response.unchecked_into();
    if !response.ok() {
        return Err(JsValue::from_str(&format!("the sample {name} could not be fetched")));
    }
    Ok(JsFuture::from(response.blob()?).await?.unchecked_into())
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
