//! All images against all captions, and the score of everything that was tried in this visit.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{HtmlButtonElement, HtmlElement, HtmlImageElement, HtmlSelectElement, HtmlTextAreaElement};

use super::dom::{
    append, by_id, clear, copy_of, document, fill, on, on_click_within, say, set_attribute, set_data,
    set_slot, set_state, set_text, slot,
};
use super::state::{App, Matrix};
use crate::console::log_error;
use crate::protocol::{Grid, ImageId, Request};
use crate::words;

impl App {
    /// Binds the controls of the table.
    pub(super) fn listen_for_matrices(app: &Rc<RefCell<App>>) {
        let asking = Rc::clone(app);
        on(&by_id::<HtmlButtonElement>("ask-all"), "click", move |_: web_sys::Event| {
            asking.borrow_mut().ask_for_matrix();
        });
        let choosing = Rc::clone(app);
        on(&by_id::<HtmlElement>("matrix-model"), "change", move |_: web_sys::Event| {
            choosing.borrow().show_matrix();
        });
        app.borrow_mut().scorecard.recall();
        let agreeing = Rc::clone(app);
        on(&by_id::<HtmlElement>("score-remember"), "change", move |_: web_sys::Event| {
            agreeing.borrow_mut().scorecard.agree();
        });
        let sorting = Rc::clone(app);
        on_click_within(&by_id("matrix-head"), "column", move |column| {
            let mut state = sorting.borrow_mut();
            state.matrix.sorted_by = column.parse().ok();
            state.show_matrix();
            // The button that had the focus is another one now.
            let again =
                document().query_selector(&format!("#matrix-head [data-column='{column}']")).ok().flatten();
            if let Some(button) = again.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
                button.focus().unwrap_or_else(|error| log_error(&error));
            }
        });
    }

    fn ask_for_matrix(&mut self) {
        let usable: Vec<_> = self.images.iter().filter(|image| image.problem.is_none()).collect();
        let own = usable.iter().map(|image| image.caption.as_str());
        let more = by_id::<HtmlTextAreaElement>("more-captions").value();
        let mut captions: Vec<String> = own
            .chain(more.lines())
            .map(|caption| caption.trim().to_owned())
            .filter(|caption| !caption.is_empty())
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        captions.retain(|caption| seen.insert(caption.clone()));
        let images: Vec<ImageId> = usable.iter().map(|image| image.id).collect();
        let missing = match (images.is_empty(), captions.is_empty(), self.ready) {
            (true, _, _) => "Open a picture first.",
            (_, true, _) => "No picture has a caption yet. Write some here, one per line.",
            (_, _, false) => "The models are still loading.",
            _ => "",
        };
        set_text("matrix-note", missing);
        if !missing.is_empty() {
            return;
        }
        let job = self.matrix.job + 1;
        self.matrix = Matrix { job, images: images.clone(), captions: captions.clone(), ..Matrix::default() };
        self.show_matrix();
        set_state("working");
        say("Scoring every picture against every caption.");
        self.ask(&Request::Matrix { job, images, captions }, None);
    }

    /// Takes the answers to all images and all captions.
    pub(super) fn take_matrix(&mut self, job: u32, grids: Vec<Grid>) {
        if job != self.matrix.job {
            return;
        }
        self.rest();
        fill("matrix-model", grids.iter().map(|grid| (grid.model.as_str(), words::title(&grid.model))));
        self.matrix.grids = grids;
        let images = words::count(self.matrix.images.len(), "picture");
        let captions = words::count(self.matrix.captions.len(), "caption");
        say(&format!("{images} scored against {captions}."));
        self.show_matrix();
    }

    fn show_matrix(&self) {
        let matrix = &self.matrix;
        let chosen = by_id::<HtmlSelectElement>("matrix-model").value();
        let grid = matrix.grids.iter().find(|grid| grid.model == chosen);
        by_id::<HtmlElement>("matrix").set_hidden(grid.is_none());
        let Some(grid) = grid else { return };
        let [head, body]: [HtmlElement; 2] = ["matrix-head", "matrix-body"].map(by_id);
        clear(&head);
        clear(&body);
        append(&head, &copy_of("matrix-corner"));
        for (column, caption) in matrix.captions.iter().enumerate() {
            let cell = copy_of("matrix-caption");
            let sort: HtmlElement = slot(&cell, "sort");
            set_data(&sort, "column", &column.to_string());
            sort.set_text_content(Some(caption));
            if matrix.sorted_by == Some(column) {
                set_attribute(&cell, "aria-sort", "descending");
            }
            append(&head, &cell);
        }
        let mut order: Vec<usize> = (0..matrix.images.len()).collect();
        if let Some(column) = matrix.sorted_by {
            order.sort_by(|a, b| grid.rows[*b][column].total_cmp(&grid.rows[*a][column]));
        }
        for at in order {
            let Some(image) = self.images.iter().find(|image| image.id == matrix.images[at]) else {
                continue;
            };
            let row = copy_of("matrix-row");
            let thumb: HtmlImageElement = slot(&row, "thumb");
            thumb.set_src(image.thumbnail());
            set_slot(&row, "name", &image.name);
            // Without a caption of its own no caption is the wrong one.
            set_data(&row, "has-own", &(!image.caption.is_empty()).to_string());
            let most = grid.rows[at].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (similarity, caption) in grid.rows[at].iter().zip(&matrix.captions) {
                let cell = copy_of("matrix-cell");
                set_data(&cell, "similarity", &similarity.to_string());
                set_data(&cell, "own", &(*caption == image.caption).to_string());
                set_data(&cell, "leads", &(*similarity == most).to_string());
                cell.set_text_content(Some(&format!("{similarity:.3}")));
                append(&row, &cell);
            }
            append(&body, &row);
        }
    }
}
