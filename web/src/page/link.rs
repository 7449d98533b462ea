//! The engine's life as the page sees it: started, told what is open, asked, heard, started again.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker};

use super::bundles;
use super::dom::{body, document, query, say, set_state};
use super::share;
use super::state::App;
use crate::console::log_error;
use crate::messages::{pack, unpack};
use crate::protocol::{Backend, Event, Request};

impl App {
    /// Starts a worker and gives it all that the visitor has opened so far.
    pub fn start_engine(app: &Rc<RefCell<App>>) {
        let worker = match engine() {
            Ok(worker) => worker,
            Err(error) => {
                log_error(&error);
                return app
                    .borrow()
                    .fail("The engine could not be started: this browser allows no workers here.");
            }
        };
        let receive = Closure::<dyn FnMut(MessageEvent)>::new({
            let app = Rc::clone(app);
            move |event: MessageEvent| match unpack::<Event>(event.data()) {
                Ok((event, files)) => Self::hear(&app, event, &files),
                Err(reason) => app.borrow().fail(&format!("The engine sent {reason}.")),
            }
        });
        worker.set_onmessage(Some(receive.as_ref().unchecked_ref()));
        receive.forget();
        let broken = Closure::<dyn FnMut(ErrorEvent)>::new({
            let app = Rc::clone(app);
            move |event: ErrorEvent| {
                log_error(&event.message().into());
                // What it sent before it broke may still be on the way.
                app.borrow_mut().blame_image();
                app.borrow_mut().stop_engine();
                app.borrow().fail("The engine stopped before it could answer.");
            }
        });
        worker.set_onerror(Some(broken.as_ref().unchecked_ref()));
        broken.forget();

        let mut state = app.borrow_mut();
        state.stop_engine();
        state.worker = Some(worker);
        for image in &mut state.images {
            image.read = false;
        }
        state.models.clear();
        state.begun = js_sys::Date::now();
        set_state("loading");
        say("Starting the engine.");
    }

    /// Ends the engine; until another one is ready, nothing can be asked.
    pub(super) fn stop_engine(&mut self) {
        self.engine_listens = false;
        self.ready = false;
        self.forget_pending_edit();
        if let Some(worker) = self.worker.take() {
            worker.set_onmessage(None);
            worker.set_onerror(None);
            worker.terminate();
        }
    }

    /// Takes the image that the engine was busy with when it stopped out of the game: it would stop again.
    pub(super) fn blame_image(&mut self) {
        if self.review.as_ref().is_some_and(|open| open.checking.is_none()) {
            self.refuse_candidates("the engine stopped while reading it");
        }
        if let Some(id) = self.reading.take() {
            let reason = "the engine stopped while reading this; it may be too large for this browser";
            self.refuse_image(id, reason.to_owned());
        }
    }

    /// Starts again after a failure: on the CPU, if it was the GPU that failed.
    pub(super) fn retry(app: &Rc<RefCell<App>>) {
        let failed_on_gpu = body().get_attribute("data-backend").as_deref() == Some(Backend::WebGpu.name());
        if failed_on_gpu {
            app.borrow_mut().backend = Some(Backend::Cpu);
        }
        Self::start_engine(app);
    }

    fn hear(app: &Rc<RefCell<App>>, event: Event, files: &[Blob]) {
        let first = !std::mem::replace(&mut app.borrow_mut().engine_listens, true);
        if first {
            Self::introduce(app);
        }
        match event {
            Event::ImageBegun { id } => app.borrow_mut().reading = Some(id),
            // The image that the engine was reading may be why.
            Event::Failed { .. } => {}
            // It says nothing while it reads one.
            _ => app.borrow_mut().reading = None,
        }
        match (event, files) {
            (Event::Edited { id, was }, [file, ..]) => Self::take_edited(app, id, was, file),
            (Event::Selected { image, share, color }, [file, ..]) => {
                app.borrow_mut().show_selection(image, share, color, file);
            }
            (Event::ImageRead { id, notes, is_empty }, files) => {
                app.borrow_mut().take_read(id, notes, is_empty, files);
            }
            (Event::CandidateShown { row }, [before, after, ..]) => {
                app.borrow_mut().show_candidate(row, [before, after]);
            }
            (Event::Verified { cases }, [file, ..]) => app.borrow().save_verified(cases, file),
            (Event::Imported { name, is_kept }, [file, ..]) => {
                app.borrow_mut().hold_bundle(&name, file);
                if !is_kept {
                    bundles::say_not_kept(&name);
                }
            }
            (Event::ChallengeSet, [file, ..]) => share::save("challenge-set.parquet", file),
            (event, _) => app.borrow_mut().take(event),
        }
    }

    /// Tells a new engine what to load and what is open.
    fn introduce(app: &Rc<RefCell<App>>) {
        let state = app.borrow();
        let (set, backend) = (state.set(), state.backend);
        state.ask(&Request::Start { set, backend, base: base(), bundle: query("bundle") }, None);
        for image in state.images.iter().filter(|image| image.problem.is_none()) {
            state.ask(&Request::AddImage { id: image.id }, Some(&image.file));
        }
        if let Some(review) = &state.review {
            state.ask(&Request::OpenCandidates, Some(&review.file));
        }
        for bundle in &state.bundles {
            state.ask(&Request::AddBundle { name: bundle.name.clone() }, Some(&bundle.file));
        }
    }

    /// Sends a request, and a file along with it if there is one.
    pub(super) fn ask(&self, request: &Request, file: Option<&Blob>) {
        self.ask_with(request, file);
    }

    /// Sends a request, and files along with it.
    pub(super) fn ask_with<'f>(&self, request: &Request, files: impl IntoIterator<Item = &'f Blob>) {
        let Some(worker) = &self.worker else { return };
        if let Err(error) = post(worker, request, files) {
            log_error(&error);
            self.fail("The engine cannot be reached.");
        }
    }
}

/// Sends the engine a request, and files along with it.
pub(super) fn post<'f>(
    worker: &Worker,
    request: &Request,
    files: impl IntoIterator<Item = &'f Blob>,
) -> Result<(), JsValue> {
    let parts = pack(request, files).map_err(|error| JsValue::from_str(&error.to_string()))?;
    worker.post_message(&parts)
}

/// A worker that runs the engine. It is made of a text and not of an address, because only then does the page's content
/// security policy bind it too: a worker with an address of its own would need the server to send a policy.
fn engine() -> Result<Worker, JsValue> {
    // Named by `web/finish.mjs` after the content of what trunk makes of the engine program.
    let name = body().get_attribute("data-engine").ok_or("the page names no engine")?;
    let [script, module] = [".js", "_bg.wasm"].map(|end| {
        let url = Url::new_with_base(&format!("{name}{end}"), &base())?;
        Ok::<_, JsValue>(serde_json::Value::from(url.href()))
    });
    // What fails in the worker's promises reaches the page only if it is thrown outside of them.
    let text = format!(
        "importScripts({}); wasm_bindgen({{ module_or_path: {} }}).catch((error) => setTimeout(() => {{ throw error; }}));",
        script?, module?
    );
    let options = BlobPropertyBag::new();
    options.set_type("text/javascript");
    let script = Blob::new_with_str_sequence_and_options(&js_sys::Array::of1(&text.into()), &options)?;
    Worker::new(&Url::create_object_url_with_blob(&script)?)
}

/// The address that the page's files are relative to.
fn base() -> String {
    document().base_uri().ok().flatten().unwrap_or_default()
}
