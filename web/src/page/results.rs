//! The answers of the models, one column each.

use shared::concept::Concept;
use shared::difference::exchanged;
use shared::similarity::{Kind, Score, verdicts};
use web_sys::HtmlElement;

use super::dom::{
    append, append_text, by_id, clear, copy_of, document, set_data, set_property, set_slot, set_text, slot,
};
use super::square::{self, Side};
use crate::protocol::{Answer, Model};
use crate::words;

/// Takes all answers away.
pub(super) fn clear_all() {
    clear(&by_id::<HtmlElement>("columns"));
    note("");
}

/// Says where the answers come from.
pub(super) fn note(words: &str) {
    set_text("results-note", words);
}

/// Shows the answers to a caption of an image, and to the two sides crosswise if there are two.
pub(super) fn show(image: &str, sides: Option<&[Side; 2]>, answers: &[Answer], models: &[Model]) {
    let results: HtmlElement = by_id("results");
    super::dom::set_attribute(&results, "aria-busy", "true");
    let columns: HtmlElement = by_id("columns");
    clear_all();
    for answer in answers {
        append(&columns, &column(image, sides, answer, models));
    }
    super::dom::set_attribute(&results, "aria-busy", "false");
}

fn column(image: &str, sides: Option<&[Side; 2]>, answer: &Answer, models: &[Model]) -> HtmlElement {
    let column = copy_of("model-column");
    let text = |name: &str, words: &str| set_slot(&column, name, words);
    text("model-name", &answer.model);
    if let Some(model) = models.iter().find(|model| model.name == answer.model) {
        text("model-note", &words::model_note(model));
    }
    let Some(own) = answer.scores.first() else { return column };
    set_property(&column, "--caption-similarity", own.similarity.max(0.0));
    set_property(&column, "--caption-probability", own.probability);
    append(&slot::<HtmlElement>(&column, "own"), &row(image, &answer.model, own, own));

    let list: HtmlElement = slot(&column, "verdicts");
    for verdict in verdicts(&answer.scores) {
        let (said, outcome) = words::verdict(&own.caption, &answer.scores, &verdict);
        let item = copy_of("verdict");
        set_data(&item, "verdict", outcome);
        set_data(&item, "concept", verdict.concept.name());
        let badge: HtmlElement = slot(&item, "concept");
        set_data(&badge, "concept", verdict.concept.name());
        badge.set_text_content(Some(verdict.concept.name()));
        set_slot(&item, "verdict", &said);
        append(&list, &item);
    }

    if let (Some(square), Some(sides)) = (&answer.square, sides) {
        let table = square::table(&answer.model, square, sides);
        append(&slot::<HtmlElement>(&column, "square"), &table);
    }

    let groups: HtmlElement = slot(&column, "groups");
    for concept in Concept::ALL {
        let mut scores: Vec<&Score> =
            answer.scores.iter().filter(|score| score.concept == Some(concept)).collect();
        if scores.is_empty() {
            continue;
        }
        scores.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let group = copy_of("group");
        set_data(&group, "concept", concept.name());
        set_slot(&group, "heading", concept.name());
        let rows: HtmlElement = slot(&group, "rows");
        for score in scores {
            append(&rows, &row(image, &answer.model, own, score));
        }
        append(&groups, &group);
    }
    column
}

fn row(image: &str, model: &str, own: &Score, score: &Score) -> HtmlElement {
    let row = copy_of("score-row");
    let kind = match score.kind {
        Kind::Caption => "caption",
        Kind::Negative => "negative",
    };
    set_data(&row, "kind", kind);
    set_data(&row, "concept", score.concept.map_or("", Concept::name));
    set_data(&row, "caption", &score.caption);
    set_data(&row, "image", image);
    set_data(&row, "model", model);
    set_data(&row, "similarity", &score.similarity.to_string());
    set_data(&row, "probability", &score.probability.to_string());
    if score.kind == Kind::Negative && score.similarity > own.similarity {
        set_data(&row, "beats", "true");
    }
    say(&slot(&row, "caption"), own, score);
    // A cosine below zero says no more than zero: nothing in common.
    set_property(&slot(&row, "similarity-bar"), "--value", score.similarity.max(0.0));
    set_property(&slot(&row, "probability-bar"), "--value", score.probability);
    let text = |name: &str, words: String| set_slot(&row, name, &words);
    text("similarity", format!("{:.3}", score.similarity));
    text("probability", format!("{:.1} %", 100.0 * score.probability));
    row
}

/// Writes a caption with the words marked in which it differs from the visitor's.
fn say(target: &HtmlElement, own: &Score, score: &Score) {
    let (_, changed) = exchanged(&own.caption, &score.caption);
    let at = changed.as_ptr() as usize - score.caption.as_ptr() as usize;
    if score.kind == Kind::Caption || changed.is_empty() {
        return append_text(target, &score.caption);
    }
    append_text(target, &score.caption[..at]);
    let mark = document().create_element("mark").expect("mark is an element");
    mark.set_class_name("changed");
    mark.set_text_content(Some(changed));
    append(target, &mark);
    append_text(target, &score.caption[at + changed.len()..]);
}
