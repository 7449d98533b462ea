//! The caption under test: its words marked, and words that could stand in it instead or besides.

use shared::caption::Caption;
use web_sys::{Event, HtmlElement, HtmlInputElement};

use super::dom::{
    append, append_text, by_id, clear, copy_of, on, on_click_within, set_attribute, set_data, set_text, slot,
};
use crate::console::log_error;
use crate::words;

/// The ids of the two inputs.
const CAPTION: &str = "caption-input";
const FOIL: &str = "foil-input";

/// Marks a foil that the visitor wrote.
const WRITTEN: &str = "data-written";

/// Makes the marked words and the offered ones answer to clicks.
pub fn listen() {
    on_click_within(&by_id("caption-marks"), "term", |term| {
        let caption = typed();
        if let Some(term) = term.parse().ok().filter(|term| *term < caption.terms().len()) {
            let (note, alternatives) = words::alternatives(&caption, term);
            offer(&note, "foil", alternatives);
        }
    });
    on(&by_id::<HtmlElement>("add-detail"), "click", |_: Event| {
        offer(
            "Pick something that is not in the picture. It is added to the foil.",
            "foil",
            words::wrong_details(&typed()),
        );
    });
    // A word for a caption that names nothing is added to it; one in place of another makes a foil.
    for (what, id) in [("makes", CAPTION), ("foil", FOIL)] {
        on_click_within(&by_id("word-offers"), what, move |text| {
            let input: HtmlInputElement = by_id(id);
            input.set_value(text);
            input.focus().unwrap_or_else(|error| log_error(&error));
            let told = Event::new("input").and_then(|event| input.dispatch_event(&event));
            told.map(drop).unwrap_or_else(|error| log_error(&error));
            // The visitor chose it and did not write it.
            if id == FOIL {
                input.remove_attribute(WRITTEN).unwrap_or_else(|error| log_error(&error));
            }
        });
    }
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
    offer(&note, "makes", additions.into_iter().map(|word| (word.to_owned(), with(word))).collect());
}

/// The caption was changed. A foil belongs to its caption, unless the visitor wrote it.
pub fn changed() {
    let foil: HtmlInputElement = by_id(FOIL);
    if foil.get_attribute(WRITTEN).is_none() {
        foil.set_value("");
    }
    mark();
}

/// The visitor wrote a foil.
pub fn keep_foil() {
    let foil: HtmlInputElement = by_id(FOIL);
    match foil.value().is_empty() {
        true => foil.remove_attribute(WRITTEN).unwrap_or_else(|error| log_error(&error)),
        false => set_attribute(&foil, WRITTEN, ""),
    }
}

/// Lists words, each with the caption that it makes of the visitor's when it is clicked, in the `data-` attribute `what`.
fn offer(note: &str, what: &str, offers: Vec<(String, String)>) {
    set_text("caption-note", note);
    let list: HtmlElement = by_id("word-offers");
    clear(&list);
    for (word, caption) in offers {
        let offer = copy_of("word-offer");
        set_data(&offer, what, &caption);
        offer.set_text_content(Some(&word));
        append(&list, &offer);
    }
}

/// Puts a caption and a foil where the visitor types theirs.
pub fn write(caption: &str, foil: &str) {
    by_id::<HtmlInputElement>(CAPTION).set_value(caption);
    let input: HtmlInputElement = by_id(FOIL);
    input.set_value(foil);
    input.remove_attribute(WRITTEN).unwrap_or_else(|error| log_error(&error));
    mark();
}

/// The caption and the foil that stand there, without space around them.
pub fn typed_texts() -> [String; 2] {
    [CAPTION, FOIL].map(|id| by_id::<HtmlInputElement>(id).value().trim().to_owned())
}

fn typed() -> Caption {
    Caption::new(by_id::<HtmlInputElement>(CAPTION).value())
}
