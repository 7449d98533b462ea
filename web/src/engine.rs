//! The worker: loads bundles, reads images, scores captions. Knows tensors and no DOM.

mod blob;
mod candidates;
mod collection;
mod device;
mod download;
mod fetch;
mod fetch_error;
mod images;
mod import;
mod loaded;
mod shelf;
mod studio;
mod work;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, Cache, DedicatedWorkerGlobalScope, MessageEvent};

use crate::console::log_error;
use crate::messages::{pack, unpack};
use crate::protocol::{Event, Request};
use work::Work;

type Inbox = VecDeque<(Request, Vec<Blob>)>;

/// Answers requests one after the other, in the order in which they come.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        // The module is dead after this; the page starts another worker if it is asked to.
        tell(&Event::Failed { reason: format!("the engine stopped: {}", message_of(info)) });
    }));
    let inbox = Rc::new(RefCell::new(Inbox::new()));
    let work = Rc::new(RefCell::new(Some(Work::new())));
    let receive = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        match unpack(event.data()) {
            Ok((Request::Cancel, _)) => return download::cancel(),
            Ok((request, files)) => inbox.borrow_mut().push_back((request, files)),
            Err(reason) => return tell(&Event::Failed { reason }),
        }
        // While somebody works, nobody else needs to start.
        if let Some(mut idle) = work.borrow_mut().take() {
            let (inbox, work) = (Rc::clone(&inbox), Rc::clone(&work));
            spawn_local(async move {
                loop {
                    match next(&inbox) {
                        Some((request, files)) => idle.answer(request, files).await,
                        // What is asked meanwhile comes first.
                        None if idle.read_ahead().await => {}
                        None => break,
                    }
                }
                *work.borrow_mut() = Some(idle);
            });
        }
    });
    let scope = scope();
    scope.set_onmessage(Some(receive.as_ref().unchecked_ref()));
    receive.forget();
    // The page waits for this before it sends anything: a message to a worker that does not listen yet is lost.
    tell(&Event::Progress { words: "The engine has started.".into(), fraction: None, can_cancel: false });
}

/// The next request, without those that a later one of their kind replaces.
fn next(inbox: &RefCell<Inbox>) -> Option<(Request, Vec<Blob>)> {
    let mut inbox = inbox.borrow_mut();
    loop {
        let first = inbox.pop_front()?;
        let kind = std::mem::discriminant(&first.0);
        let replaced = matches!(
            first.0,
            Request::Compare { .. }
                | Request::Select { .. }
                | Request::Explain { .. }
                | Request::ShowCandidate { .. }
                | Request::Glance { .. }
        ) && inbox.iter().any(|(request, _)| std::mem::discriminant(request) == kind);
        if !replaced {
            return Some(first);
        }
    }
}

fn message_of(info: &std::panic::PanicHookInfo) -> String {
    let text = info.payload_as_str().unwrap_or("for an unknown reason");
    text.lines().next().unwrap_or_default().to_owned()
}

/// Sends an event to the page.
fn tell(event: &Event) {
    tell_with(event, []);
}

/// Sends an event to the page, and files beside it.
fn tell_with<'f>(event: &Event, files: impl IntoIterator<Item = &'f Blob>) {
    let sent = pack(event, files).map_err(|error| JsValue::from_str(&error.to_string()));
    if let Err(error) = sent.and_then(|parts: Array| scope().post_message(&parts)) {
        log_error(&error);
    }
}

/// A part of what the browser keeps for the page.
async fn open_cache(name: &str) -> Result<Cache, JsValue> {
    let caches = scope().caches()?;
    // It keeps nothing for a page that came over HTTP from another machine, which web-sys does not expect.
    if caches.is_undefined() {
        return Err(JsValue::from_str("the browser keeps nothing for this page"));
    }
    Ok(JsFuture::from(caches.open(name)).await?.unchecked_into())
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
