//! Changes to samples that take one press, or come with a link.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::HtmlElement;

use super::caption;
use super::dom::{append, by_id, clear, copy_of, on_click_within, set_data, slot};
use super::images::reveal;
use super::state::{App, Image, Pending};
use crate::protocol::ImageId;
use crate::sample::PreparedEdit;

impl App {
    /// Binds the buttons.
    pub(super) fn listen_for_prepared(app: &Rc<RefCell<App>>) {
        let app = Rc::clone(app);
        on_click_within(&by_id("prepared"), "edit", move |name| {
            let mut state = app.borrow_mut();
            let Some((id, source)) = state.current().map(|image| (image.id, image.source)) else { return };
            match (PreparedEdit::named(name), source) {
                (Some(prepared), _) => state.prepare(id, prepared, None),
                (None, Some(source)) => state.select(source),
                (None, None) => {}
            }
            reveal();
        });
    }

    /// Offers the changes to the sample on show.
    pub(super) fn offer_prepared(&self) {
        let list: HtmlElement = by_id("prepared");
        clear(&list);
        let Some(image) = self.current() else { return };
        let offer = |name: &str, words: &str| {
            let button = copy_of("prepared-edit");
            let word: HtmlElement = slot(&button, "words");
            set_data(&word, "edit", name);
            word.set_text_content(Some(words));
            append(&list, &button);
        };
        if image.is_sample {
            PreparedEdit::of(&image.name).for_each(|prepared| offer(prepared.name, prepared.words));
        } else if image.prepared.is_some() && image.source.is_some() {
            offer("original", "Back to the original");
        }
    }

    /// Makes a change to a sample, with the caption that it makes false; once the engine listens, if it does not yet. One that was
    /// made before is only shown.
    pub(super) fn prepare(
        &mut self,
        source: ImageId,
        prepared: &'static PreparedEdit,
        asked: Option<[String; 2]>,
    ) {
        let is_made = |image: &&Image| image.source == Some(source) && image.prepared == Some(prepared);
        if let Some(made) = self.images.iter().find(is_made).map(|image| image.id) {
            if let Some([caption, foil]) = asked {
                self.edit(made, |image| (image.caption, image.foil) = (caption, foil));
            }
            return self.select(made);
        }
        self.edit(source, |image| {
            (image.caption, image.foil) = (prepared.caption.to_owned(), String::new());
        });
        caption::write(prepared.caption, "");
        let pending = Pending { source, edit: prepared.edit, prepared: Some(prepared), asked };
        match self.ready && self.editor.pending.is_none() {
            true => self.begin_edit(pending, prepared.region()),
            false => self.awaited = Some(pending),
        }
    }

    /// Makes the change that a link asked for. Says whether there was one.
    pub(super) fn prepare_awaited(&mut self) -> bool {
        let awaited =
            self.awaited.take().filter(|pending| self.images.iter().any(|image| image.id == pending.source));
        let Some((prepared, pending)) = awaited.and_then(|pending| Some((pending.prepared?, pending))) else {
            return false;
        };
        self.begin_edit(pending, prepared.region());
        true
    }
}
