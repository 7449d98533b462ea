//! The list of images: opening, choosing, removing, showing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use web_sys::{Blob, Element, File, HtmlElement, HtmlImageElement, HtmlInputElement, HtmlSelectElement, Url};

use super::caption;
use super::dom::{
    append, by_id, clear, copy_of, document, on, on_click_within, revoke, say, set_attribute, set_data,
    set_property, set_slot, slot,
};
use super::state::{App, Asking, Image, Sample};
use crate::console::log_error;
use crate::protocol::{ImageId, Request, Set};

impl App {
    /// Opens images, with the captions that are known of some of them by their files' names.
    pub(super) fn open_images(app: &Rc<RefCell<App>>, files: &[File], captions: &BTreeMap<String, String>) {
        if files.is_empty() {
            return;
        }
        // A caption belongs to its picture. What was typed before there was one, or not asked yet, is for the first of these.
        let [caption, foil] = {
            let state = app.borrow();
            let is_free = state.current.is_none() || state.typed;
            if is_free && captions.is_empty() { caption::typed_texts() } else { Default::default() }
        };
        let mut state = app.borrow_mut();
        state.drop_example();
        let mut ids = Vec::new();
        for file in files {
            let caption = captions.get(&file.name()).map_or("", String::as_str);
            ids.push(state.add_image(&file.name(), caption, file));
        }
        state.opened = files.len();
        if captions.is_empty() {
            state.edit(ids[0], |image| (image.caption, image.foil) = (caption, foil));
        }
        state.choose(Set::Photographs);
        state.select(ids[0]);
        drop(state);
        if captions.len() > 1 {
            app.borrow_mut().survey();
        } else {
            reveal();
        }
    }

    /// Opens samples, once, and lets the models answer that know their kind; later clicks only select the first. A second one
    /// becomes what the first is compared with. `asked` is a caption and a foil for the first, in place
    /// of its own. An example is closed when the visitor opens something else.
    pub(super) fn open_samples(
        app: &Rc<RefCell<App>>,
        set: Set,
        samples: &[Sample],
        asked: Option<[&str; 2]>,
        is_example: bool,
    ) {
        let mut state = app.borrow_mut();
        let mut ids = Vec::new();
        for sample in samples {
            let known = state.images.iter().find(|image| image.is_sample && image.name == sample.name);
            let id = match known.map(|known| known.id) {
                Some(id) => id,
                None => state.add_image(&sample.name, &sample.caption, &sample.file),
            };
            state.edit(id, |image| image.is_sample = true);
            ids.push(id);
        }
        let Some(&first) = ids.first() else { return };
        if state.example.is_some_and(|example| !ids.contains(&example)) {
            state.drop_example();
        }
        state.example = is_example.then_some(first);
        if let Some(second) = ids.get(1) {
            state.pair(first, *second);
        }
        if let Some([caption, foil]) = asked {
            state.edit(first, |image| (image.caption, image.foil) = (caption.to_owned(), foil.to_owned()));
        }
        state.choose(set);
        state.select(first);
    }

    /// Closes the picture that the page began with, which nobody asked for.
    pub(super) fn drop_example(&mut self) {
        if let Some(example) = self.example.take() {
            self.close(example);
        }
    }

    /// Compares two images crosswise from now on.
    pub(super) fn pair(&mut self, one: ImageId, other: ImageId) {
        self.edit(one, |image| image.counterpart = Some(other));
        self.edit(other, |image| image.counterpart = Some(one));
    }

    pub(super) fn add_image(&mut self, name: &str, caption: &str, file: &Blob) -> ImageId {
        let id = self.next_id;
        self.next_id += 1;
        if self.engine_listens {
            self.ask(&Request::AddImage { id }, Some(file));
        }
        self.images.push(Image::new(id, name, caption, file));
        id
    }

    /// Binds the list.
    pub(super) fn listen_for_pictures(app: &Rc<RefCell<App>>) {
        for (what, act) in [("pick", App::select as fn(&mut App, ImageId)), ("remove", App::remove)] {
            let app = Rc::clone(app);
            on_click_within(&by_id("pictures"), what, move |id| {
                if let Ok(id) = id.parse() {
                    act(&mut app.borrow_mut(), id);
                }
            });
        }
    }

    pub(super) fn select(&mut self, id: ImageId) {
        self.current = Some(id);
        self.typed = false;
        self.clear_table();
        if let Some(image) = self.current() {
            caption::write(&image.caption, &image.foil);
        }
        self.clear_answers();
        self.list_images();
        self.show_current();
        self.compare(Asking::Firmly);
    }

    /// Takes an image off the list.
    fn close(&mut self, id: ImageId) {
        let Some(at) = self.images.iter().position(|image| image.id == id) else { return };
        let gone = self.images.remove(at);
        for image in &mut self.images {
            image.counterpart = image.counterpart.filter(|other| *other != id);
            image.source = image.source.filter(|source| *source != id);
        }
        for url in std::iter::once(gone.url).chain(gone.thumbnail).chain(gone.preview) {
            revoke(&url);
        }
        self.ask(&Request::RemoveImage { id }, None);
        if let Some(item) = self.item(id) {
            item.remove();
        }
        if self.current == Some(id) {
            self.current = None;
            self.clear_answers();
        }
        self.show_current();
    }

    pub(super) fn remove(&mut self, id: ImageId) {
        let Some(at) = self.images.iter().position(|image| image.id == id) else { return };
        self.close(id);
        let next = self.images.get(at).or(self.images.last()).map(|image| image.id);
        // Focus must not fall to the top of the page with the button that had it.
        match next.and_then(|id| self.item(id)) {
            Some(item) => slot::<HtmlElement>(&item, "remove").focus(),
            None => by_id::<HtmlElement>("image-input").focus(),
        }
        .unwrap_or_else(|error| log_error(&error));
    }

    /// The engine has read an image; `files` are a thumbnail, and one of a size to show if it is large.
    pub(super) fn take_read(&mut self, id: ImageId, mut notes: Vec<String>, is_empty: bool, files: &[Blob]) {
        if is_empty {
            notes.push("all of one color, so there is nothing to see".to_owned());
        }
        if self.images.iter().any(|image| image.id == id && image.is_link_copy()) {
            notes.push("a small copy, so scores differ a little from those of the original".to_owned());
        }
        let [thumbnail, preview] =
            [0, 1].map(|at| files.get(at).and_then(|file| Url::create_object_url_with_blob(file).ok()));
        let mut old = [None, None];
        self.edit(id, |image| {
            image.read = true;
            // An edited image was read when it was made.
            if image.source.is_none() {
                image.notes = notes;
            }
            old = [
                std::mem::replace(&mut image.thumbnail, thumbnail),
                std::mem::replace(&mut image.preview, preview),
            ];
        });
        if let Some(item) = self.item(id) {
            self.show_item(id, &item);
        }
        old.iter().flatten().for_each(|url| revoke(url));
        if self.current == Some(id) || self.counterpart().is_some_and(|image| image.id == id) {
            self.show_current();
        }
        self.say_progress();
    }

    /// The engine cannot read an image.
    pub(super) fn refuse_image(&mut self, id: ImageId, reason: String) {
        let name =
            self.images.iter().find(|image| image.id == id).map_or_else(String::new, |i| i.name.clone());
        let said = format!("{name} cannot be used: {reason}.");
        self.edit(id, |image| {
            image.problem = Some(reason);
            image.read = false;
        });
        if let Some(item) = self.item(id) {
            self.show_item(id, &item);
        }
        if self.current == Some(id) {
            self.clear_answers();
            self.show_current();
        }
        self.say_progress();
        say(&said);
    }

    /// Says how many of the pictures that were opened together are read.
    fn say_progress(&mut self) {
        let waiting = self.images.iter().filter(|image| !image.read && image.problem.is_none()).count();
        if self.opened < 2 || !self.ready {
            return;
        }
        let opened = self.opened;
        if waiting == 0 {
            self.opened = 0;
            if self.survey.is_running() {
                return;
            }
            say(&format!("{opened} pictures opened. Describe one, or score all of them at once below."));
        } else if waiting < opened {
            say(&format!("Reading pictures: {} of {opened}.", opened - waiting));
        }
    }

    fn item(&self, id: ImageId) -> Option<Element> {
        document().query_selector(&format!("#pictures > [data-id='{id}']")).ok().flatten()
    }

    /// Lists all images but the example.
    pub(super) fn list_images(&self) {
        for image in self.images.iter().filter(|image| Some(image.id) != self.example) {
            let item = self.item(image.id).unwrap_or_else(|| add_item(image));
            self.show_item(image.id, &item);
        }
    }

    /// Shows the state of an image in the list.
    fn show_item(&self, id: ImageId, item: &Element) {
        let Some(image) = self.images.iter().find(|image| image.id == id) else { return };
        let pressed = self.current == Some(id);
        set_attribute(&slot::<HtmlElement>(item, "pick"), "aria-pressed", &pressed.to_string());
        slot::<HtmlElement>(item, "problem").set_text_content(image.problem.as_deref());
        let thumb: HtmlImageElement = slot(item, "thumb");
        // The browser would decode a photograph whole to show it as small as this.
        let shown = image.thumbnail.as_deref().or_else(|| image.is_sample.then_some(image.url.as_str()));
        match shown.filter(|_| image.problem.is_none()) {
            Some(url) if thumb.src() == url => {}
            Some(url) => thumb.set_src(url),
            None => thumb.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
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
        for (at, image) in self.images.iter().enumerate() {
            // The same file may be open twice.
            let earlier = self.images[..at].iter().filter(|other| other.name == image.name).count();
            let again = if earlier > 0 { format!(" ({})", earlier + 1) } else { String::new() };
            if Some(image.id) != self.current {
                offer(Some(image.id), &format!("{}{again}", image.name));
            }
        }
        list.set_value(&chosen.map_or_else(String::new, |image| image.id.to_string()));
        by_id::<HtmlElement>("counterpart-line").set_hidden(self.images.len() < 2);
        by_id::<HtmlElement>("wipe-line").set_hidden(chosen.is_none());
        let element: HtmlImageElement = by_id("counterpart-picture");
        match chosen.and_then(Image::shown) {
            Some(url) => show(&element, url),
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
            state.example = None;
            let chosen = list.value().parse().ok();
            state.edit(current, |image| image.counterpart = chosen);
            state.show_current();
            state.compare(Asking::Firmly);
        });
        let wipe: HtmlInputElement = by_id("wipe");
        on(&wipe.clone(), "input", move |_: web_sys::Event| {
            set_property(&by_id("drop-zone"), "--wipe", wipe.value_as_number() as f32 / 100.0);
        });
    }

    pub(super) fn show_current(&self) {
        self.show_counterpart();
        self.offer_prepared();
        self.offer_linked();
        let current = self.current();
        let note = current.map(|image| match &image.problem {
            Some(problem) => format!("cannot be used: {problem}"),
            None => image.notes.join(", "),
        });
        let text = |id: &str, words: Option<&str>| by_id::<HtmlElement>(id).set_text_content(words);
        text("current-name", current.map(|image| image.name.as_str()));
        text("current-note", note.as_deref());

        let element: HtmlImageElement = by_id("current-picture");
        let shown = current.filter(|image| image.problem.is_none());
        match shown.and_then(|image| Some((image, image.shown()?))) {
            Some((image, url)) => {
                show(&element, url);
                element.set_alt(&format!("The picture under test: {}", image.name));
            }
            None => {
                element.remove_attribute("src").unwrap_or_else(|error| log_error(&error));
                element.set_alt("");
            }
        }
        let hint = match current {
            Some(image) if image.problem.is_none() => "Reading the picture.",
            Some(_) => "This file cannot be shown.",
            None => "Drop a picture here, paste one, or choose one of the samples.",
        };
        text("hint", Some(hint));
    }
}

/// Puts an image at the end of the list.
fn add_item(image: &Image) -> Element {
    let item = copy_of("picture-item");
    let id = image.id.to_string();
    set_data(&item, "id", &id);
    set_slot(&item, "name", &image.name);
    set_data(&slot(&item, "pick"), "pick", &id);
    let remove: HtmlElement = slot(&item, "remove");
    set_data(&remove, "remove", &id);
    set_attribute(&remove, "aria-label", &format!("Remove {}", image.name));
    append(&by_id::<HtmlElement>("pictures"), &item);
    item.into()
}

/// Shows an image, unless it is shown already.
fn show(element: &HtmlImageElement, url: &str) {
    if element.src() != url {
        element.set_src(url);
    }
}

/// Brings the picture and what is said of it into view.
pub(super) fn reveal() {
    by_id::<HtmlElement>("workbench").scroll_into_view();
}
