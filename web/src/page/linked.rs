//! A small copy of a picture in the link to it, if the visitor wants that.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, Event, HtmlElement, HtmlImageElement, HtmlInputElement};

use super::canvas::{loaded, small_jpeg};
use super::caption;
use super::dom::{by_id, on, set_text};
use super::images::reveal;
use super::share::{Asked, note};
use super::state::{App, Image, Linked};
use crate::console::log_error;
use crate::png::blob;
use crate::protocol::{ImageId, Set};

/// What comes before the base64 in a `data:` address of a JPEG file.
const PREFIX: &str = "data:image/jpeg;base64,";

impl App {
    /// Binds the box that puts a copy of the picture into the link.
    pub(super) fn listen_for_linked(app: &Rc<RefCell<App>>) {
        let checkbox: HtmlInputElement = by_id("link-picture");
        let app = Rc::clone(app);
        on(&checkbox.clone(), "change", move |_: Event| {
            let wanted = checkbox.checked();
            let shown = app.borrow().current().and_then(|image| Some((image.id, image.shown()?.to_owned())));
            let Some((id, url)) = shown else { return };
            let app = Rc::clone(&app);
            spawn_local(async move {
                let copy = if wanted {
                    loaded(&url).await.and_then(|image| encoded(&image)).map(Some)
                } else {
                    Ok(None)
                };
                app.borrow_mut().link_copy(id, copy);
            });
        });
    }

    /// Puts a copy of an image into links to it, or takes it out of them.
    fn link_copy(&mut self, id: ImageId, copy: Result<Option<String>, JsValue>) {
        let linked = match copy {
            Ok(copy) => copy.map(|data| Linked { data, is_all: false }),
            Err(error) => {
                log_error(&error);
                self.offer_linked();
                return note("This browser does not let the page copy the picture.");
            }
        };
        note(match linked {
            Some(_) => {
                "Links to this picture now hold a copy of it, 256 pixels wide or high. Whoever has the link can see it."
            }
            None => "Links no longer hold the picture.",
        });
        self.edit(id, |image| image.linked = linked);
        if self.current == Some(id) {
            self.rewrite_address();
        }
    }

    /// Offers to put a copy of the image on show into links, if it is the visitor's own.
    pub(super) fn offer_linked(&self) {
        // Before it is read, the browser may not have it to draw.
        let own = self.current().filter(|image| image.read && !image.is_sample && image.prepared.is_none());
        let own = own.filter(|image| image.problem.is_none() && !image.is_link_copy());
        by_id::<HtmlElement>("link-picture-line").set_hidden(own.is_none());
        by_id::<HtmlInputElement>("link-picture")
            .set_checked(own.is_some_and(|image| image.linked.is_some()));
    }
}

/// Opens the picture that a link holds, once.
pub(super) fn open(app: &Rc<RefCell<App>>, asked: Asked) {
    let Some(data) = asked.picture else { return };
    let mut state = app.borrow_mut();
    let holds = |image: &&Image| image.linked.as_ref().is_some_and(|linked| linked.data == data);
    let known = state.images.iter().find(holds).map(|image| image.id);
    let id = match known
        .map_or_else(|| decoded(&data).map(|file| state.add_image("picture from a link", "", &file)), Ok)
    {
        Ok(id) => id,
        Err(error) => {
            log_error(&error);
            // The question is there for a picture of one's own.
            caption::write(&asked.caption.unwrap_or_default(), &asked.foil.unwrap_or_default());
            set_text(
                "caption-note",
                "The picture in this link is damaged. Ask for the link again, or open a picture of your own.",
            );
            return reveal();
        }
    };
    state.drop_example();
    state.edit(id, |image| {
        image.caption = asked.caption.unwrap_or_default();
        image.foil = asked.foil.unwrap_or_default();
        image.linked.get_or_insert(Linked { data, is_all: true });
    });
    state.choose(asked.set.unwrap_or(Set::Photographs));
    state.select(id);
    drop(state);
    reveal();
}

/// A small copy of an image as base64 that needs no escapes in an address.
fn encoded(image: &HtmlImageElement) -> Result<String, JsValue> {
    let address = small_jpeg(image)?;
    let data = address.strip_prefix(PREFIX).ok_or("this browser writes no JPEG files")?;
    Ok(data.trim_end_matches('=').replace('+', "-").replace('/', "_"))
}

/// The file that such base64 stands for.
fn decoded(data: &str) -> Result<Blob, JsValue> {
    let window = web_sys::window().ok_or("the page program runs in a page")?;
    // A character a byte.
    let bytes = window.atob(&data.replace('-', "+").replace('_', "/"))?;
    let bytes: Vec<u8> = bytes.chars().map(|byte| byte as u8).collect();
    Ok(blob(&bytes)?)
}
