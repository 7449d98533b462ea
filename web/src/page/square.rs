//! Two images and two captions crosswise, as InpaintCOCO (arXiv 2403.02875) asks.

use shared::similarity::Square;
use web_sys::{HtmlElement, HtmlImageElement};

use super::dom::{append, copy_of, set_data, set_slot, slot};
use crate::words;

/// An image and the caption that belongs to it.
pub(super) struct Side {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) caption: String,
}

/// The table of one model.
pub(super) fn table(model: &str, square: &Square, sides: &[Side; 2]) -> HtmlElement {
    let table = copy_of("square");
    set_data(&table, "model", model);
    let judged = [square.image_to_text(), square.text_to_image(), square.group()];
    for (name, is_right) in ["image-to-text", "text-to-image", "group"].into_iter().zip(judged) {
        set_data(&table, name, &is_right.to_string());
    }
    for (row, side) in sides.iter().enumerate() {
        let thumb: HtmlImageElement = slot(&table, &format!("picture-{row}"));
        thumb.set_src(&side.url);
        thumb.set_alt(&side.name);
        set_slot(&table, &format!("caption-{row}"), &side.caption);
        for column in 0..2 {
            let similarity = square.similarities[row][column];
            let cell: HtmlElement = slot(&table, &format!("cell-{row}{column}"));
            set_data(&cell, "similarity", &similarity.to_string());
            set_data(&cell, "leads", &(similarity > square.similarities[row][1 - column]).to_string());
            cell.set_text_content(Some(&format!("{similarity:.3}")));
        }
    }
    let lines: HtmlElement = slot(&table, "lines");
    for (said, is_right) in words::square(judged) {
        let line = copy_of("square-line");
        set_data(&line, "verdict", if is_right { "yes" } else { "no" });
        set_slot(&line, "words", said);
        append(&lines, &line);
    }
    table
}
