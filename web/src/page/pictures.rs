//! The list of pictures: opening, choosing, removing, showing.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Blob, Element, File, HtmlElement, HtmlImageElement, HtmlInputElement, Url};

use super::app::{App, Picture};
use super::dom::{append, by_id, copy_of, document, log_error, on, set_attribute, set_data, slot};
use super::results;
use crate::protocol::{PictureId, Request, Set};

impl App {
    pub(super) fn open_pictures(app: &Rc<RefCell<App>>, files: Vec<File>) {
        let caption = by_id::<HtmlInputElement>("caption-input").value();
        let ids: Vec<PictureId> =
            files.iter().map(|file| Self::add_picture(app, &file.name(), &caption, file)).collect();
        if let Some(first) = ids.first() {
            app.borrow_mut().choose(Set::Photographs);
            app.borrow_mut().select(*first);
        }
    }

    /// Opens a sample, once, and lets the models answer that know its kind; later clicks only select it.
    pub fn open_sample(app: &Rc<RefCell<App>>, set: Set, name: &str, caption: &str, blob: &Blob) {
        let known =
            app.borrow().pictures.iter().find(|picture| picture.name == name).map(|picture| picture.id);
        let id = known.unwrap_or_else(|| Self::add_picture(app, name, caption, blob));
        app.borrow_mut().choose(set);
        app.borrow_mut().select(id);
    }

    fn add_picture(app: &Rc<RefCell<App>>, name: &str, caption: &str, file: &Blob) -> PictureId {
        let mut state = app.borrow_mut();
        let id = state.next_id;
        state.next_id += 1;
        state.pictures.push(Picture {
            id,
            name: name.to_owned(),
            file: file.clone(),
            url: Url::create_object_url_with_blob(file).unwrap_or_default(),
            caption: caption.to_owned(),
            read: false,
            notes: Vec::new(),
            problem: None,
        });
        let listens = state.engine_listens;
        drop(state);
        if listens {
            app.borrow().ask(&Request::AddPicture { id }, Some(file));
        }
        let picking = Rc::clone(app);
        let list: HtmlElement = by_id("pictures");
        let item = copy_of("picture-item");
        set_data(&item, "id", &id.to_string());
        slot::<HtmlElement>(&item, "name").set_text_content(Some(name));
        let pick: HtmlElement = slot(&item, "pick");
        on(&pick, "click", move |_: web_sys::Event| picking.borrow_mut().select(id));
        let remove: HtmlElement = slot(&item, "remove");
        set_attribute(&remove, "aria-label", &format!("Remove {name}"));
        let removing = Rc::clone(app);
        on(&remove, "click", move |_: web_sys::Event| removing.borrow_mut().remove(id));
        append(&list, &item);
        app.borrow().list_pictures();
        id
    }

    pub(super) fn select(&mut self, id: PictureId) {
        self.current = Some(id);
        let input: HtmlInputElement = by_id("caption-input");
        if let Some(picture) = self.current()
            && !picture.caption.is_empty()
        {
            input.set_value(&picture.caption);
        }
        results::show("", &[], &self.models);
        self.list_pictures();
        self.show_current();
        self.compare();
    }

    pub(super) fn remove(&mut self, id: PictureId) {
        let Some(at) = self.pictures.iter().position(|picture| picture.id == id) else { return };
        let gone = self.pictures.remove(at);
        Url::revoke_object_url(&gone.url).unwrap_or_else(|error| log_error(&error));
        self.ask(&Request::RemovePicture { id }, None);
        if let Some(item) = self.item(id) {
            item.remove();
        }
        let next = self.pictures.get(at).or(self.pictures.last()).map(|picture| picture.id);
        if self.current == Some(id) {
            self.current = None;
            results::show("", &[], &self.models);
            self.show_current();
        }
        // Focus must not fall to the top of the page with the button that had it.
        match next.and_then(|id| self.item(id)) {
            Some(item) => slot::<HtmlElement>(&item, "remove").focus(),
            None => by_id::<HtmlElement>("image-input").focus(),
        }
        .unwrap_or_else(|error| log_error(&error));
    }

    fn item(&self, id: PictureId) -> Option<Element> {
        document().query_selector(&format!("#pictures > [data-id='{id}']")).ok().flatten()
    }

    pub(super) fn list_pictures(&self) {
        for picture in &self.pictures {
            let Some(item) = self.item(picture.id) else { continue };
            let pressed = self.current == Some(picture.id);
            set_attribute(&slot::<HtmlElement>(&item, "pick"), "aria-pressed", &pressed.to_string());
            slot::<HtmlElement>(&item, "problem").set_text_content(picture.problem.as_deref());
            let thumb: HtmlImageElement = slot(&item, "thumb");
            match picture.problem {
                None if thumb.src().is_empty() => thumb.set_src(&picture.url),
                None => {}
                Some(_) => thumb.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
            }
        }
    }

    pub(super) fn show_current(&self) {
        let current = self.current();
        let note = current.map(|picture| match &picture.problem {
            Some(problem) => format!("cannot be used: {problem}"),
            None => picture.notes.join(", "),
        });
        let text = |id: &str, words: Option<&str>| by_id::<HtmlElement>(id).set_text_content(words);
        text("current-name", current.map(|picture| picture.name.as_str()));
        text("current-note", note.as_deref());

        let image: HtmlImageElement = by_id("current-picture");
        match current.filter(|picture| picture.problem.is_none()) {
            Some(picture) => {
                image.set_src(&picture.url);
                image.set_alt(&format!("The picture under test: {}", picture.name));
            }
            None => {
                image.remove_attribute("src").unwrap_or_else(|error| log_error(&error));
                image.set_alt("");
            }
        }
    }
}
