//! A folder in, failures out: every captioned picture is scored against its foils, and what the models get wrong is listed.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, Event, File, HtmlElement, HtmlImageElement, HtmlInputElement, HtmlProgressElement,
    HtmlSelectElement,
};

use super::canvas::{loaded, small_jpeg};
use super::dom::{
    append, append_text, by_id, clear, copy_of, fill, on, on_click_within, say, set_attribute, set_data,
    set_slot, set_text, slot,
};
use super::images::reveal;
use super::results::mark_exchanged;
use super::share::{give, text_file};
use super::shares;
use super::state::{App, Survey};
use crate::console::log_error;
use crate::protocol::{Answer, ImageId, Request};
use crate::survey::{Captions, Item, captions_for, csv, misses, outcomes, report, shown_in_report, tsv};
use crate::words;

/// How many misses are listed at first, and added by a press.
const LISTED: usize = 12;

/// How long what was found so far stays on show, in milliseconds.
const REDRAWN_AFTER: f64 = 1000.0;

/// Whether a file may hold captions.
pub(super) fn is_text(file: &File) -> bool {
    let name = file.name().to_lowercase();
    [".csv", ".tsv", ".txt"].iter().any(|ending| name.ends_with(ending))
}

impl App {
    /// Binds the controls of the survey.
    pub(super) fn listen_for_surveys(app: &Rc<RefCell<App>>) {
        let act = |id: &str, kind: &str, act: fn(&mut App)| {
            let app = Rc::clone(app);
            on(&by_id::<HtmlElement>(id), kind, move |_: Event| act(&mut app.borrow_mut()));
        };
        act("survey-run", "click", App::survey);
        act("survey-stop", "click", App::stop_survey);
        act("survey-model", "change", |app| app.list_misses());
        act("survey-more", "click", |app| {
            app.survey.listed += LISTED;
            app.list_misses();
        });
        act("survey-csv", "click", |app| {
            save("foil-survey.csv", "text/csv", &csv(&app.surveyed()));
        });
        act("survey-tsv", "click", |app| {
            save("foil-misses.tsv", "text/tab-separated-values", &tsv(&app.surveyed()));
            append_text(
                &by_id("survey-note"),
                " It holds every foil that beats its caption in at least one model, also those that are not listed here.",
            );
        });
        act("survey-report", "click", App::save_report);
        act("survey-json", "click", |app| {
            let items = app.surveyed();
            let items = items.iter().map(|item| words::json(&item.name, &item.answers));
            match items.collect::<Result<Vec<String>, _>>() {
                Ok(items) => {
                    save("foil-survey.json", "application/json", &format!("[{}]\n", items.join(",\n")));
                }
                Err(error) => log_error(&error.to_string().into()),
            }
        });
        let opening = Rc::clone(app);
        on_click_within(&by_id("misses"), "miss", move |miss| {
            if let Ok(miss) = miss.parse() {
                opening.borrow_mut().open_miss(miss);
            }
        });
    }

    /// Opens images, with the captions that are in the texts beside them or in their names.
    pub(super) fn open_captioned(app: &Rc<RefCell<App>>, images: Vec<File>, texts: Vec<File>) {
        if images.is_empty() {
            if !texts.is_empty() {
                say("Captions need their pictures: choose or drop both together.");
            }
            return;
        }
        if images.len() == 1 && texts.is_empty() {
            return Self::open_images(app, &images, &BTreeMap::new());
        }
        let app = Rc::clone(app);
        spawn_local(async move {
            let mut read = Vec::new();
            for file in texts {
                match JsFuture::from(file.text()).await.map(|text| text.as_string()) {
                    Ok(Some(text)) => read.push((file.name(), text)),
                    Ok(None) => {}
                    Err(error) => log_error(&error),
                }
            }
            let names: Vec<String> = images.iter().map(File::name).collect();
            let (captions, source, problems) = captions_for(&names, &read);
            Self::open_images(&app, &images, &captions);
            let of = words::count(images.len(), "picture");
            let said = match source {
                Captions::Files => format!("{of} opened, {} with a caption.", captions.len()),
                Captions::Names => {
                    format!("{of} opened; {} say what they show in their file names.", captions.len())
                }
                Captions::None => String::new(),
            };
            set_text("survey-note", &problems.into_iter().chain([said]).collect::<Vec<_>>().join(" "));
        });
    }

    /// Asks about every picture that has a caption, or gets the one that is for all others.
    pub(super) fn survey(&mut self) {
        let common = by_id::<HtmlInputElement>("survey-caption").value().trim().to_owned();
        let usable =
            self.images.iter().filter(|image| image.problem.is_none() && Some(image.id) != self.example);
        let captioned = usable
            .map(|image| (image.id, if image.caption.is_empty() { &common } else { &image.caption }.clone()));
        let waiting: VecDeque<(ImageId, String)> =
            captioned.filter(|(_, caption)| !caption.is_empty()).collect();
        if waiting.is_empty() {
            return set_text(
                "survey-note",
                "No picture has a caption yet. Describe some above, write one for all of them, or open them together with a captions.csv.",
            );
        }
        let job = self.survey.job + 1;
        self.survey = Survey { job, asked: waiting.len(), waiting, listed: LISTED, ..Survey::default() };
        by_id::<HtmlElement>("survey").scroll_into_view();
        self.show_survey();
        self.ask_next();
    }

    fn stop_survey(&mut self) {
        self.survey.job += 1;
        self.survey.asked -= self.survey.waiting.len();
        self.survey.waiting.clear();
        self.show_survey();
    }

    /// Goes on with a survey, once the models can answer.
    pub(super) fn ask_next(&self) {
        if let Some((image, caption)) = self.survey.waiting.front().filter(|_| self.ready) {
            let (job, image, caption) = (self.survey.job, *image, caption.clone());
            self.ask(&Request::Survey { job, image, caption }, None);
        }
    }

    /// Takes the answers to a picture of a survey.
    pub(super) fn take_surveyed(&mut self, job: u32, image: ImageId, answers: Vec<Answer>) {
        if job != self.survey.job || self.survey.waiting.front().is_none_or(|(asked, _)| *asked != image) {
            return;
        }
        self.survey.waiting.pop_front();
        let name = self.images.iter().find(|known| known.id == image).map(|known| known.name.clone());
        if let (Some(name), false) = (name, answers.is_empty()) {
            self.survey.items.push(Item { image, name, answers });
        }
        self.show_survey();
        self.ask_next();
        if !self.survey.is_running() {
            say(&format!("{} scored.", words::count(self.survey.items.len(), "picture")));
        }
    }

    /// What was found so far, without the foils that the visitor has called true since.
    fn surveyed(&self) -> Vec<Item> {
        let items = self.survey.items.iter();
        items
            .map(|item| Item { answers: self.without_true(item.image, item.answers.clone()), ..item.clone() })
            .collect()
    }

    pub(super) fn show_survey(&mut self) {
        let Survey { asked, waiting, items, .. } = &self.survey;
        let bar: HtmlProgressElement = by_id("survey-progress");
        bar.set_value((asked - waiting.len()) as f64 / (*asked).max(1) as f64);
        for id in ["survey-progress", "survey-stop"] {
            by_id::<HtmlElement>(id).set_hidden(waiting.is_empty());
        }
        by_id::<HtmlElement>("survey-run").set_hidden(!waiting.is_empty());
        by_id::<HtmlElement>("survey-results").set_hidden(items.is_empty());
        let unread = asked - waiting.len() - items.len();
        let unread = if unread > 0 { format!(" {unread} could not be read.") } else { String::new() };
        set_text("survey-count", &format!("{} of {asked} pictures scored.{unread}", items.len()));
        if items.is_empty() {
            return;
        }
        // Drawing all of it anew for each picture would take longer than the models do.
        let now = js_sys::Date::now();
        if self.survey.is_running() && now - self.survey.drawn < REDRAWN_AFTER {
            return;
        }
        self.survey.drawn = now;
        let items = self.surveyed();
        let outcomes: Vec<_> = items.iter().flat_map(|item| &item.answers).flat_map(outcomes).collect();
        shares::show(&by_id("survey-shares"), &outcomes);
        let models = items[0].answers.iter().map(|answer| answer.model.as_str());
        fill("survey-model", models.map(|model| (model, words::title(model))));
        self.list_misses_of(&items);
    }

    fn list_misses(&mut self) {
        self.list_misses_of(&self.surveyed());
    }

    fn list_misses_of(&mut self, items: &[Item]) {
        let list: HtmlElement = by_id("misses");
        clear(&list);
        let found = misses(items, &by_id::<HtmlSelectElement>("survey-model").value());
        for (nth, miss) in found.iter().take(self.survey.listed).enumerate() {
            let item = copy_of("miss");
            let open: HtmlElement = slot(&item, "open");
            set_data(&open, "miss", &nth.to_string());
            set_attribute(&open, "title", &miss.name);
            if let Some(image) = self.images.iter().find(|image| image.id == miss.image) {
                slot::<HtmlImageElement>(&item, "thumb").set_src(image.thumbnail());
            }
            let badge: HtmlElement = slot(&item, "concept");
            set_data(&badge, "concept", miss.concept.name());
            badge.set_text_content(Some(miss.concept.name()));
            set_data(&slot(&item, "foil"), "concept", miss.concept.name());
            append_text(&slot::<HtmlElement>(&item, "caption"), &miss.caption);
            mark_exchanged(&slot(&item, "foil"), &miss.caption, &miss.foil);
            let elsewhere = if miss.is_known_elsewhere { ", another model gets it right" } else { "" };
            set_slot(&item, "ahead", &format!("{}{elsewhere}", words::lead(miss.ahead)));
            append(&list, &item);
        }
        let note = match found.len() {
            0 => format!("Nothing wrong in {}.", words::count(items.len(), "picture")),
            1 => "1 miss.".to_owned(),
            all => format!("{all} misses, the biggest first; of each concept only the strongest foil."),
        };
        set_text("misses-note", &note);
        by_id::<HtmlElement>("survey-more").set_hidden(found.len() <= self.survey.listed);
        self.survey.misses = found;
    }

    /// Asks about a miss in the workbench.
    fn open_miss(&mut self, nth: usize) {
        let Some(miss) = self.survey.misses.get(nth).cloned() else { return };
        self.edit(miss.image, |image| (image.caption, image.foil) = (miss.caption, miss.foil));
        self.select(miss.image);
        reveal();
    }

    /// Gives the visitor a report, with small copies of the pictures that it shows.
    fn save_report(&mut self) {
        let items = self.surveyed();
        let shown = shown_in_report(&items);
        let urls = self.images.iter().filter(|image| shown.contains(&image.id));
        let urls: Vec<(ImageId, String)> =
            urls.map(|image| (image.id, image.thumbnail().to_owned())).collect();
        spawn_local(async move {
            let mut thumbnails = BTreeMap::new();
            for (id, url) in urls {
                match loaded(&url).await.and_then(|image| small_jpeg(&image)) {
                    Ok(data) => {
                        thumbnails.insert(id, data);
                    }
                    // It is named in the report all the same.
                    Err(error) => log_error(&error),
                }
            }
            save("foil-report.html", "text/html", &report(&items, &thumbnails));
        });
    }
}

fn save(name: &str, kind: &str, text: &str) {
    match text_file(kind, text) {
        Ok(file) => set_text("survey-note", &give(name, file.unchecked_ref::<Blob>())),
        Err(error) => log_error(&error),
    }
}
