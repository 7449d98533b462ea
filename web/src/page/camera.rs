//! The camera: a sentence, and which of its words each model reads in what the camera sees.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, Event, HtmlElement, HtmlInputElement, HtmlVideoElement, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};

use super::canvas::{canvas, hand_over};
use super::dom::{append, by_id, clear, copy_of, document, on, set_data, set_slot, set_text};
use super::link::post;
use super::state::App;
use crate::camera::{choices, ranked};
use crate::console::log_error;
use crate::protocol::{Grid, Request};
use crate::words;

/// The longer side of the frames that the models are shown, in pixels.
const SIDE: f64 = 320.0;

impl App {
    /// Binds the controls of the camera.
    pub(super) fn listen_for_camera(app: &Rc<RefCell<App>>) {
        let starting = Rc::clone(app);
        on(&by_id::<HtmlElement>("camera-start"), "click", move |_: Event| {
            let app = Rc::clone(&starting);
            spawn_local(async move {
                match open_camera().await {
                    Ok(stream) => Self::watch(&app, stream),
                    Err(error) => {
                        log_error(&error);
                        set_text("image-ways", "No camera found, or this page may not use it.");
                    }
                }
            });
        });
        let stopping = Rc::clone(app);
        on(&by_id::<HtmlElement>("camera-stop"), "click", move |_: Event| {
            stopping.borrow_mut().stop_camera();
            by_id::<HtmlElement>("camera-start").focus().unwrap_or_else(|error| log_error(&error));
        });
        let hiding = Rc::clone(app);
        on(&document(), "visibilitychange", move |_: Event| {
            if document().hidden() {
                hiding.borrow_mut().stop_camera();
            }
        });
        let typing = Rc::clone(app);
        on(&by_id::<HtmlElement>("camera-caption"), "input", move |_: Event| {
            typing.borrow_mut().read_sentence()
        });
    }

    fn watch(app: &Rc<RefCell<App>>, stream: MediaStream) {
        let video: HtmlVideoElement = by_id("camera-video");
        video.set_src_object(Some(&stream));
        let mut state = app.borrow_mut();
        state.stop_camera();
        state.camera.stream = Some(stream);
        by_id::<HtmlElement>("camera").set_hidden(false);
        by_id::<HtmlElement>("camera-start").set_hidden(true);
        by_id::<HtmlElement>("camera").scroll_into_view();
        state.read_sentence();
        drop(state);
        let app = Rc::clone(app);
        let begun = video.play();
        spawn_local(async move {
            match begun {
                Ok(playing) => {
                    JsFuture::from(playing).await.map_or_else(|error| log_error(&error), drop);
                    app.borrow_mut().look_on();
                }
                Err(error) => log_error(&error),
            }
        });
    }

    fn stop_camera(&mut self) {
        self.camera.job += 1;
        self.camera.is_asked = false;
        let Some(stream) = self.camera.stream.take() else { return };
        for track in stream.get_tracks() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
        by_id::<HtmlVideoElement>("camera-video").set_src_object(None);
        by_id::<HtmlElement>("camera").set_hidden(true);
        by_id::<HtmlElement>("camera-start").set_hidden(false);
    }

    /// Reads what is asked of the camera.
    fn read_sentence(&mut self) {
        self.camera.choices = choices(by_id::<HtmlInputElement>("camera-caption").value().trim());
        let note = match self.camera.choices.is_empty() {
            true => "Foil finds no color, object, place or size in this sentence.",
            false if self.ready => "",
            false => "The models are still loading.",
        };
        set_text("camera-note", note);
        self.look_on();
    }

    /// Goes on looking, if nothing is being looked at: the models or the sentence may not have been there.
    pub(super) fn look_on(&mut self) {
        if self.camera.stream.is_some() && !self.camera.is_asked {
            self.take_frame();
        }
    }

    /// Sends the frame that the camera sees now.
    fn take_frame(&mut self) {
        self.camera.job += 1;
        let job = self.camera.job;
        let captions: Vec<String> = self.camera.choices.iter().map(|choice| choice.caption.clone()).collect();
        let is_seeing = by_id::<HtmlVideoElement>("camera-video").video_width() > 0;
        self.camera.is_asked = self.ready && is_seeing && !captions.is_empty();
        let Some(worker) = self.worker.clone().filter(|_| self.camera.is_asked) else { return };
        let sent = frame(move |file| {
            post(&worker, &Request::Glance { job, captions }, [file])
                .unwrap_or_else(|error| log_error(&error));
        });
        sent.unwrap_or_else(|error| log_error(&error));
    }

    /// Shows what the models make of the last frame, and takes another one.
    pub(super) fn take_glance(&mut self, job: u32, grids: &[Grid]) {
        if job != self.camera.job || self.camera.stream.is_none() {
            return;
        }
        let list: HtmlElement = by_id("camera-models");
        clear(&list);
        for grid in grids {
            let Some(row) = grid.rows.first().filter(|row| row.len() == self.camera.choices.len()) else {
                continue;
            };
            let order = ranked(row);
            let item = copy_of("camera-model");
            set_data(&item, "model", &grid.model);
            set_slot(&item, "model", &format!("{} sees", words::title(&grid.model)));
            let word = |at: usize| self.camera.choices[order[at]].word.as_str();
            set_data(&item, "word", word(0));
            set_slot(&item, "word", word(0));
            let rest: Vec<&str> = (1..order.len().min(4)).map(word).collect();
            set_slot(&item, "rest", &format!("then {}", rest.join(", ")));
            append(&list, &item);
        }
        self.take_frame();
    }
}

/// A camera, the one at the back where there are two.
async fn open_camera() -> Result<MediaStream, JsValue> {
    let window = web_sys::window().ok_or("the page program runs in a page")?;
    let navigator = window.navigator();
    // Browsers keep it from a page that came over HTTP from another machine.
    if !js_sys::Reflect::has(&navigator, &"mediaDevices".into())? {
        return Err("this browser gives no camera to this page".into());
    }
    let wanted = Object::new();
    js_sys::Reflect::set(&wanted, &"facingMode".into(), &"environment".into())?;
    let constraints = MediaStreamConstraints::new();
    constraints.set_video(&wanted);
    let stream = navigator.media_devices()?.get_user_media_with_constraints(&constraints)?;
    JsFuture::from(stream).await?.dyn_into()
}

/// Hands the frame that the camera shows to `take`, as a file.
fn frame(take: impl FnOnce(&Blob) + 'static) -> Result<(), JsValue> {
    let video: HtmlVideoElement = by_id("camera-video");
    let natural = [video.video_width(), video.video_height()].map(f64::from);
    let scale = (SIDE / natural[0].max(natural[1])).min(1.0);
    let [width, height] = natural.map(|side| (side * scale).round().max(1.0));
    let (canvas, context) = canvas([width as u32, height as u32])?;
    context.draw_image_with_html_video_element_and_dw_and_dh(&video, 0.0, 0.0, width, height)?;
    hand_over(&canvas, "image/jpeg", take)
}
