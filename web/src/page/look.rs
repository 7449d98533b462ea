//! Where the models look: which cells of the image, and which words, each similarity rests on. Cells are asked for row by
//! row, so that other questions are answered in between.

use std::cell::RefCell;
use std::rc::Rc;

use shared::similarity::{Kind, Score};
use web_sys::{HtmlDetailsElement, HtmlElement, HtmlInputElement, HtmlSelectElement, KeyboardEvent};

use super::dom::{
    append, by_id, clear, copy_of, document, fill, on, set_data, set_property, set_slot, set_text,
};
use super::frame::Frame;
use super::state::{App, Look};
use crate::protocol::{Relevance, Request};
use crate::relevance::GRID;
use crate::words;

/// What is shown of two captions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Caption,
    Foil,
    /// What speaks for the caption and against the foil.
    Difference,
}

impl View {
    fn chosen() -> Self {
        match by_id::<HtmlSelectElement>("look-view").value().as_str() {
            "caption" => View::Caption,
            "foil" => View::Foil,
            _ => View::Difference,
        }
    }

    fn of(self, [caption, foil]: [f32; 2]) -> f32 {
        match self {
            View::Caption => caption,
            View::Foil => foil,
            View::Difference => caption - foil,
        }
    }
}

impl App {
    /// Binds the controls of the map.
    pub(super) fn listen_for_looks(app: &Rc<RefCell<App>>) {
        let with = |act: fn(&mut App)| {
            let app = Rc::clone(app);
            move |_: web_sys::Event| act(&mut app.borrow_mut())
        };
        on(&by_id::<HtmlElement>("look"), "toggle", with(App::look));
        on(&by_id::<HtmlElement>("look-foil"), "change", with(App::look));
        on(&by_id::<HtmlElement>("look-model"), "change", with(App::look));
        on(&by_id::<HtmlElement>("look-view"), "change", with(|app| app.draw_look()));
        let opacity: HtmlInputElement = by_id("look-opacity");
        on(&opacity.clone(), "input", move |_: web_sys::Event| {
            set_property(&by_id("relevance"), "--strength", opacity.value_as_number() as f32 / 100.0);
        });
        let map: HtmlElement = by_id("relevance");
        for at in 0..GRID * GRID {
            let cell = copy_of("relevance-cell");
            set_data(&cell, "cell", &at.to_string());
            append(&map, &cell);
            let pointing = Rc::clone(app);
            on(&cell, "pointerenter", move |_: web_sys::Event| pointing.borrow_mut().read_cell(at));
        }
        let reading = Rc::clone(app);
        on(&map, "keydown", move |event: KeyboardEvent| {
            let at = reading.borrow().look.cell;
            let (x, y) = (at % GRID, at / GRID);
            let to = match event.key().as_str() {
                "ArrowLeft" if x > 0 => at - 1,
                "ArrowRight" if x + 1 < GRID => at + 1,
                "ArrowUp" if y > 0 => at - GRID,
                "ArrowDown" if y + 1 < GRID => at + GRID,
                _ => return,
            };
            event.prevent_default();
            reading.borrow_mut().read_cell(to);
        });
    }

    /// Offers the foils and models of the last answer, keeping what was chosen where it is still there.
    pub(super) fn offer_looks(&mut self) {
        let mut foils: Vec<&Score> = Vec::new();
        let mut models = Vec::new();
        if let Some((_, answers)) = self.answered() {
            let answer = &answers[0];
            foils.extend(answer.scores.iter().filter(|score| score.kind == Kind::Negative));
            // The one that was asked about stands first.
            foils[usize::from(answer.asked)..].sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
            models.extend(answers.iter().map(|answer| (answer.model.as_str(), words::title(&answer.model))));
        }
        by_id::<HtmlElement>("look").set_hidden(foils.is_empty());
        fill("look-foil", foils.iter().map(|score| (score.caption.as_str(), score.caption.as_str())));
        fill("look-model", models);
        self.look();
    }

    /// Asks anew, if anybody wants to know.
    fn look(&mut self) {
        self.look = Look { job: self.look.job + 1, cell: self.look.cell, ..Look::default() };
        self.draw_look();
        set_text("look-cell", "");
        let asked = self.answered().and_then(|(_, answers)| answers.first()?.scores.first());
        let Some(caption) = asked.map(|score| score.caption.clone()) else { return };
        let foil = by_id::<HtmlSelectElement>("look-foil").value();
        if by_id::<HtmlDetailsElement>("look").open() && !foil.is_empty() {
            self.look.captions = [caption, foil];
            self.ask_for_row();
        }
    }

    fn ask_for_row(&self) {
        let Some(image) = self.current else { return };
        let model = by_id::<HtmlSelectElement>("look-model").value();
        let (job, row, captions) = (self.look.job, self.look.rows.len(), self.look.captions.clone());
        self.ask(&Request::Explain { job, model, image, captions, row }, None);
    }

    /// Takes a row of the map.
    pub(super) fn take_row(&mut self, job: u32, row: Relevance) {
        if job != self.look.job {
            return;
        }
        self.look.rows.push(row);
        if self.look.rows.len() < GRID {
            self.ask_for_row();
        }
        self.draw_look();
    }

    fn draw_look(&self) {
        let rows = &self.look.rows;
        let map: HtmlElement = by_id("relevance");
        map.set_hidden(rows.is_empty());
        let words_list: HtmlElement = by_id("look-words");
        clear(&words_list);
        let Some(first) = rows.first() else {
            let asked = !self.look.captions[0].is_empty();
            return set_text("look-summary", if asked { "Looking." } else { "" });
        };
        if let Some(frame) = Frame::now() {
            let [wide, high] = frame.shares(first.sees_all);
            set_property(&map, "--wide", wide);
            set_property(&map, "--high", high);
        }
        let view = View::chosen();
        let falls: Vec<f32> = rows
            .iter()
            .flat_map(|row| row.cells.iter().map(|cell| view.of(row.whole) - view.of(*cell)))
            .collect();
        let largest = falls.iter().fold(f32::MIN_POSITIVE, |most, fall| most.max(fall.abs()));
        for at in 0..GRID * GRID {
            let Some(cell) = cell(at) else { continue };
            let share = falls.get(at).map_or(0.0, |fall| fall / largest);
            set_data(&cell, "speaks", if share < 0.0 { "against" } else { "for" });
            set_property(&cell, "--share", share.abs());
        }
        set_text("look-summary", &words::relevance(&falls, GRID));
        for worth in &first.words {
            let item = copy_of("look-word");
            let fall = view.of(first.whole) - view.of(worth.without);
            set_slot(&item, "word", &worth.word);
            set_slot(&item, "fall", &words::signed(fall));
            append(&words_list, &item);
        }
    }

    fn read_cell(&mut self, at: usize) {
        if let Some(old) = cell(self.look.cell) {
            set_data(&old, "read", "false");
        }
        self.look.cell = at;
        if let Some(cell) = cell(at) {
            set_data(&cell, "read", "true");
        }
        if let Some(row) = self.look.rows.get(at / GRID) {
            let falls = [0, 1].map(|caption| row.whole[caption] - row.cells[at % GRID][caption]);
            set_text("look-cell", &words::cell(at, GRID, falls));
        }
    }
}

fn cell(at: usize) -> Option<HtmlElement> {
    let found = document().query_selector(&format!("#relevance [data-cell='{at}']")).ok().flatten();
    found.and_then(|cell| wasm_bindgen::JsCast::dyn_into(cell).ok())
}
