//! The list of pictures: opening, choosing, removing, showing.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Blob, Element, File, HtmlElement, HtmlImageElement, HtmlInputElement, HtmlSelectElement, Url};

use super::dom::{
    append, by_id, clear, copy_of, document, on, set_attribute, set_data, set_property, set_slot, slot,
};
use super::state::{App, Picture, Sample};
use crate::console::log_error;
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

    /// Opens samples, once, and lets the models answer that know their kind; later clicks only select the first. A second one
    /// becomes what the first is compared with. `caption` is for the first, in place of its own.
    pub(super) fn open_samples(app: &Rc<RefCell<App>>, set: Set, samples: &[Sample], caption: Option<&str>) {
        let id_of = |sample: &Sample| {
            let known = app
                .borrow()
                .pictures
                .iter()
                .find(|picture| picture.is_sample && picture.name == sample.name)
                .map(|known| known.id);
            known.unwrap_or_else(|| Self::add_picture(app, &sample.name, &sample.caption, &sample.file))
        };
        let ids: Vec<PictureId> = samples.iter().map(id_of).collect();
        let Some(first) = ids.first() else { return };
        let mut state = app.borrow_mut();
        for id in &ids {
            state.edit(*id, |picture| picture.is_sample = true);
        }
        if let Some(second) = ids.get(1) {
            state.pair(*first, *second);
        }
        if let Some(caption) = caption {
            state.edit(*first, |picture| picture.caption = caption.to_owned());
        }
        state.choose(set);
        state.select(*first);
    }

    /// Compares two pictures crosswise from now on.
    pub(super) fn pair(&mut self, one: PictureId, other: PictureId) {
        self.edit(one, |picture| picture.counterpart = Some(other));
        self.edit(other, |picture| picture.counterpart = Some(one));
    }

    fn add_picture(app: &Rc<RefCell<App>>, name: &str, caption: &str, file: &Blob) -> PictureId {
        let mut state = app.borrow_mut();
        let id = state.next_id;
        state.next_id += 1;
        if state.engine_listens {
            state.ask(&Request::AddPicture { id }, Some(file));
        }
        drop(state);
        Self::list_picture(app, Picture::new(id, name, caption, file));
        id
    }

    /// Puts a picture at the end of the list.
    pub(super) fn list_picture(app: &Rc<RefCell<App>>, picture: Picture) {
        let (id, name) = (picture.id, &picture.name.clone());
        app.borrow_mut().pictures.push(picture);
        let picking = Rc::clone(app);
        let list: HtmlElement = by_id("pictures");
        let item = copy_of("picture-item");
        set_data(&item, "id", &id.to_string());
        set_slot(&item, "name", name);
        let pick: HtmlElement = slot(&item, "pick");
        on(&pick, "click", move |_: web_sys::Event| picking.borrow_mut().select(id));
        let remove: HtmlElement = slot(&item, "remove");
        set_attribute(&remove, "aria-label", &format!("Remove {name}"));
        let removing = Rc::clone(app);
        on(&remove, "click", move |_: web_sys::Event| removing.borrow_mut().remove(id));
        append(&list, &item);
        app.borrow().list_pictures();
    }

    pub(super) fn select(&mut self, id: PictureId) {
        self.current = Some(id);
        self.clear_table();
        let input: HtmlInputElement = by_id("caption-input");
        if let Some(picture) = self.current()
            && !picture.caption.is_empty()
        {
            input.set_value(&picture.caption);
        }
        self.clear_answers();
        self.list_pictures();
        self.show_current();
        self.compare();
    }

    pub(super) fn remove(&mut self, id: PictureId) {
        let Some(at) = self.pictures.iter().position(|picture| picture.id == id) else { return };
        let gone = self.pictures.remove(at);
        for picture in &mut self.pictures {
            picture.counterpart = picture.counterpart.filter(|other| *other != id);
            picture.source = picture.source.filter(|source| *source != id);
        }
        Url::revoke_object_url(&gone.url).unwrap_or_else(|error| log_error(&error));
        self.ask(&Request::RemovePicture { id }, None);
        if let Some(item) = self.item(id) {
            item.remove();
        }
        let next = self.pictures.get(at).or(self.pictures.last()).map(|picture| picture.id);
        if self.current == Some(id) {
            self.current = None;
            self.clear_answers();
        }
        self.show_current();
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

    /// Offers the other pictures to be compared with the one on show, and shows the chosen one beside it.
    fn show_counterpart(&self) {
        let chosen = self.counterpart();
        let list: HtmlSelectElement = by_id("counterpart");
        clear(&list);
        let offer = |id: Option<PictureId>, words: &str| {
            let option = copy_of("choice");
            set_attribute(&option, "value", &id.map_or_else(String::new, |id| id.to_string()));
            option.set_text_content(Some(words));
            append(&list, &option);
        };
        offer(None, "no other picture");
        for picture in self.pictures.iter().filter(|picture| Some(picture.id) != self.current) {
            offer(Some(picture.id), &picture.name);
        }
        list.set_value(&chosen.map_or_else(String::new, |picture| picture.id.to_string()));
        by_id::<HtmlElement>("counterpart-line").set_hidden(self.pictures.len() < 2);
        by_id::<HtmlElement>("wipe-line").set_hidden(chosen.is_none());
        let image: HtmlImageElement = by_id("counterpart-picture");
        match chosen {
            Some(picture) => image.set_src(&picture.url),
            None => image.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
        }
    }

    /// Lets the visitor choose what the picture on show is compared with, and wipe from one to the other.
    pub(super) fn listen_for_counterparts(app: &Rc<RefCell<App>>) {
        let list: HtmlSelectElement = by_id("counterpart");
        let app = Rc::clone(app);
        on(&list.clone(), "change", move |_: web_sys::Event| {
            let mut state = app.borrow_mut();
            let Some(current) = state.current else { return };
            let chosen = list.value().parse().ok();
            state.edit(current, |picture| picture.counterpart = chosen);
            state.show_current();
            state.compare();
        });
        let wipe: HtmlInputElement = by_id("wipe");
        on(&wipe.clone(), "input", move |_: web_sys::Event| {
            set_property(&by_id("drop-zone"), "--wipe", wipe.value_as_number() as f32 / 100.0);
        });
    }

    pub(super) fn show_current(&self) {
        self.show_counterpart();
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
