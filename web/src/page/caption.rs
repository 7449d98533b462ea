//! The caption under test: its words marked, and words that could stand in it instead or besides.

use shared::caption::Caption;
use web_sys::{Event, HtmlElement, HtmlInputElement};

use super::dom::{append, append_text, by_id, clear, copy_of, on_click_within, set_data, set_text, slot};
use crate::console::log_error;
use crate::words;

/// Makes the marked words and the offered ones answer to clicks.
pub fn listen() {
    on_click_within(&by_id("caption-marks"), "term", |term| {
        let caption = typed();
        if let Some(term) = term.parse().ok().filter(|term| *term < caption.terms().len()) {
            let (note, alternatives) = words::alternatives(&caption, term);
            offer(&note, alternatives);
        }
    });
    on_click_within(&by_id("word-offers"), "makes", |caption| {
        let input = input();
        input.set_value(caption);
        input.focus().unwrap_or_else(|error| log_error(&error));
        let told = Event::new("input").and_then(|event| input.dispatch_event(&event));
        told.map(drop).unwrap_or_else(|error| log_error(&error));
    });
}

/// Shows which words of the caption name a concept; each lists its alternatives when asked.
pub fn mark() {
    let caption = typed();
    let marks: HtmlElement = by_id("caption-marks");
    clear(&marks);
    let mut term = 0;
    for piece in words::pieces(&caption) {
        let Some(concept) = piece.concept else {
            append_text(&marks, piece.text);
            continue;
        };
        let mark = copy_of("mark");
        set_data(&mark, "concept", concept.name());
        let word: HtmlElement = slot(&mark, "word");
        set_data(&word, "term", &term.to_string());
        word.set_text_content(Some(piece.text));
        append(&marks, &mark);
        term += 1;
    }
    let (note, additions) = words::caption_note(&caption);
    let with = |word: &str| format!("{} {word}", caption.text().trim_end()).trim_start().to_owned();
    offer(&note, additions.into_iter().map(|word| (word.to_owned(), with(word))).collect());
}

/// Lists words, each with the caption that it makes of the visitor's when it is clicked.
fn offer(note: &str, offers: Vec<(String, String)>) {
    set_text("caption-note", note);
    let list: HtmlElement = by_id("word-offers");
    clear(&list);
    for (word, caption) in offers {
        let offer = copy_of("word-offer");
        set_data(&offer, "makes", &caption);
        offer.set_text_content(Some(&word));
        append(&list, &offer);
    }
}

/// Puts a caption where the visitor types theirs.
pub fn write(caption: &str) {
    input().set_value(caption);
    mark();
}

fn input() -> HtmlInputElement {
    by_id("caption-input")
}

fn typed() -> Caption {
    Caption::new(input().value())
}
