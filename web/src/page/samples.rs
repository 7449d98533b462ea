//! The sample gallery: four photographs, and scenes drawn on the spot.

use std::cell::RefCell;
use std::io::Cursor;
use std::rc::Rc;

use image::{ImageFormat, RgbImage};
use js_sys::{Array, Uint8Array};
use shared::concept::Concept;
use shared::scene::Pair;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, HtmlElement, HtmlImageElement, Response, Url};

use super::app::App;
use super::dom::{append, by_id, copy_of, log_error, on, set_attribute, slot};
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
                Ok(blob) => add(&app, Set::Photographs, &format!("{name}.jpg"), caption, blob),
                Err(error) => log_error(&error),
            }
        }
        for (number, (concept, seed)) in SCENES.into_iter().enumerate() {
            let pair = Pair::from_seed(concept, seed);
            match scene_blob(&pair) {
                Ok(blob) => add(&app, Set::Scenes, &format!("scene {}", number + 1), pair.caption(), blob),
                Err(error) => log_error(&error),
            }
            breathe().await;
        }
    });
}

fn add(app: &Rc<RefCell<App>>, set: Set, name: &str, caption: &str, blob: Blob) {
    let item = copy_of("sample-item");
    if let Ok(url) = Url::create_object_url_with_blob(&blob) {
        slot::<HtmlImageElement>(&item, "thumb").set_src(&url);
    }
    slot::<HtmlElement>(&item, "label").set_text_content(Some(&format!("{name}: {caption}")));
    let pick: HtmlElement = slot(&item, "pick");
    set_attribute(&pick, "title", caption);
    let (app, name, caption) = (Rc::clone(app), name.to_owned(), caption.to_owned());
    on(&pick, "click", move |_: web_sys::Event| App::open_sample(&app, set, &name, &caption, &blob));
    append(&by_id::<HtmlElement>("samples"), &item);
}

/// The first scene of a pair as a PNG file.
fn scene_blob(pair: &Pair) -> Result<Blob, JsValue> {
    let picture = pair.scene().render(SIDE);
    let image = RgbImage::from_raw(picture.width(), picture.height(), picture.rgb().to_vec());
    let mut file = Cursor::new(Vec::new());
    image
        .ok_or_else(|| JsValue::from_str("a scene has another size than it says"))?
        .write_to(&mut file, ImageFormat::Png)
        .map_err(|error| JsValue::from_str(&error.to_string()))?;
    Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(file.into_inner().as_slice())))
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
