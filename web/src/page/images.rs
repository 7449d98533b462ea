//! The list of images: opening, choosing, removing, showing.

use std::cell::RefCell;
use std::rc::Rc;

use web_sys::{Blob, Element, File, HtmlElement, HtmlImageElement, HtmlInputElement, HtmlSelectElement, Url};

use super::dom::{
    append, by_id, clear, copy_of, document, on, set_attribute, set_data, set_property, set_slot, slot,
};
use super::state::{App, Image, Sample};
use crate::console::log_error;
use crate::protocol::{ImageId, Request, Set};

impl App {
    pub(super) fn open_images(app: &Rc<RefCell<App>>, files: Vec<File>) {
        let caption = by_id::<HtmlInputElement>("caption-input").value();
        let ids: Vec<ImageId> =
            files.iter().map(|file| Self::add_image(app, &file.name(), &caption, file)).collect();
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
                .images
                .iter()
                .find(|image| image.is_sample && image.name == sample.name)
                .map(|known| known.id);
            known.unwrap_or_else(|| Self::add_image(app, &sample.name, &sample.caption, &sample.file))
        };
        let ids: Vec<ImageId> = samples.iter().map(id_of).collect();
        let Some(first) = ids.first() else { return };
        let mut state = app.borrow_mut();
        for id in &ids {
            state.edit(*id, |image| image.is_sample = true);
        }
        if let Some(second) = ids.get(1) {
            state.pair(*first, *second);
        }
        if let Some(caption) = caption {
            state.edit(*first, |image| image.caption = caption.to_owned());
        }
        state.choose(set);
        state.select(*first);
    }

    /// Compares two images crosswise from now on.
    pub(super) fn pair(&mut self, one: ImageId, other: ImageId) {
        self.edit(one, |image| image.counterpart = Some(other));
        self.edit(other, |image| image.counterpart = Some(one));
    }

    fn add_image(app: &Rc<RefCell<App>>, name: &str, caption: &str, file: &Blob) -> ImageId {
        let mut state = app.borrow_mut();
        let id = state.next_id;
        state.next_id += 1;
        if state.engine_listens {
            state.ask(&Request::AddImage { id }, Some(file));
        }
        drop(state);
        Self::list_image(app, Image::new(id, name, caption, file));
        id
    }

    /// Puts an image at the end of the list.
    pub(super) fn list_image(app: &Rc<RefCell<App>>, image: Image) {
        let (id, name) = (image.id, &image.name.clone());
        app.borrow_mut().images.push(image);
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
        app.borrow().list_images();
    }

    pub(super) fn select(&mut self, id: ImageId) {
        self.current = Some(id);
        self.clear_table();
        let input: HtmlInputElement = by_id("caption-input");
        if let Some(image) = self.current()
            && !image.caption.is_empty()
        {
            input.set_value(&image.caption);
        }
        self.clear_answers();
        self.list_images();
        self.show_current();
        self.compare();
    }

    pub(super) fn remove(&mut self, id: ImageId) {
        let Some(at) = self.images.iter().position(|image| image.id == id) else { return };
        let gone = self.images.remove(at);
        for image in &mut self.images {
            image.counterpart = image.counterpart.filter(|other| *other != id);
            image.source = image.source.filter(|source| *source != id);
        }
        Url::revoke_object_url(&gone.url).unwrap_or_else(|error| log_error(&error));
        self.ask(&Request::RemoveImage { id }, None);
        if let Some(item) = self.item(id) {
            item.remove();
        }
        let next = self.images.get(at).or(self.images.last()).map(|image| image.id);
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

    fn item(&self, id: ImageId) -> Option<Element> {
        document().query_selector(&format!("#pictures > [data-id='{id}']")).ok().flatten()
    }

    pub(super) fn list_images(&self) {
        for image in &self.images {
            let Some(item) = self.item(image.id) else { continue };
            let pressed = self.current == Some(image.id);
            set_attribute(&slot::<HtmlElement>(&item, "pick"), "aria-pressed", &pressed.to_string());
            slot::<HtmlElement>(&item, "problem").set_text_content(image.problem.as_deref());
            let thumb: HtmlImageElement = slot(&item, "thumb");
            match image.problem {
                None if thumb.src().is_empty() => thumb.set_src(&image.url),
                None => {}
                Some(_) => thumb.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
            }
        }
    }

    /// Offers the other images to be compared with the one on show, and shows the chosen one beside it.
    fn show_counterpart(&self) {
        let chosen = self.counterpart();
        let list: HtmlSelectElement = by_id("counterpart");
        clear(&list);
        let offer = |id: Option<ImageId>, words: &str| {
            let option = copy_of("choice");
            set_attribute(&option, "value", &id.map_or_else(String::new, |id| id.to_string()));
            option.set_text_content(Some(words));
            append(&list, &option);
        };
        offer(None, "no other picture");
        for image in self.images.iter().filter(|image| Some(image.id) != self.current) {
            offer(Some(image.id), &image.name);
        }
        list.set_value(&chosen.map_or_else(String::new, |image| image.id.to_string()));
        by_id::<HtmlElement>("counterpart-line").set_hidden(self.images.len() < 2);
        by_id::<HtmlElement>("wipe-line").set_hidden(chosen.is_none());
        let element: HtmlImageElement = by_id("counterpart-picture");
        match chosen {
            Some(image) => element.set_src(&image.url),
            None => element.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
        }
    }

    /// Lets the visitor choose what the image on show is compared with, and wipe from one to the other.
    pub(super) fn listen_for_counterparts(app: &Rc<RefCell<App>>) {
        let list: HtmlSelectElement = by_id("counterpart");
        let app = Rc::clone(app);
        on(&list.clone(), "change", move |_: web_sys::Event| {
            let mut state = app.borrow_mut();
            let Some(current) = state.current else { return };
            let chosen = list.value().parse().ok();
            state.edit(current, |image| image.counterpart = chosen);
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
        let note = current.map(|image| match &image.problem {
            Some(problem) => format!("cannot be used: {problem}"),
            None => image.notes.join(", "),
        });
        let text = |id: &str, words: Option<&str>| by_id::<HtmlElement>(id).set_text_content(words);
        text("current-name", current.map(|image| image.name.as_str()));
        text("current-note", note.as_deref());

        let element: HtmlImageElement = by_id("current-picture");
        match current.filter(|image| image.problem.is_none()) {
            Some(image) => {
                element.set_src(&image.url);
                element.set_alt(&format!("The picture under test: {}", image.name));
            }
            None => {
                element.remove_attribute("src").unwrap_or_else(|error| log_error(&error));
                element.set_alt("");
            }
        }
    }
}
