//! Two images and two captions crosswise, as InpaintCOCO (arXiv 2403.02875) asks.

use shared::similarity::Square;
use web_sys::{Element, HtmlElement, HtmlImageElement};

use super::dom::{append, copy_of, set_attribute, set_data, set_slot, slot};
use crate::words;

/// An image and the caption that belongs to it.
pub(super) struct Side {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) caption: String,
}

/// What one model picks.
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
    let [from_pictures, from_captions] = words::arrows(square);
    for (kind, ends) in [("picture", from_pictures), ("caption", from_captions)] {
        for (from, to) in ends.into_iter().enumerate() {
            let arrow: Element = slot(&table, &format!("arrow-{kind}-{from}"));
            set_attribute(&arrow, "data-right", &(from == to).to_string());
            set_attribute(&arrow, "d", &path(kind == "picture", from, to));
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

/// An arrow from a picture to a caption, or back, in the box of the template: 80 wide, two rows of 64.
fn path(from_picture: bool, from: usize, to: usize) -> String {
    // One above the other, where both go along the same row.
    let shift = if from_picture { -7.0 } else { 7.0 };
    let [start, end] = [from, to].map(|row| 32.0 + 64.0 * row as f32 + shift);
    let [left, right] = if from_picture { [4.0, 76.0] } else { [76.0, 4.0] };
    // The head, turned with the line.
    let along = [right - left, end - start];
    let length = along[0].hypot(along[1]);
    let [x, y] = along.map(|part| 9.0 * part / length);
    let side =
        |turn: f32| format!("M{right} {end}L{} {}", right - x - turn * y * 0.6, end - y + turn * x * 0.6);
    format!("M{left} {start}L{right} {end}{}{}", side(1.0), side(-1.0))
}
