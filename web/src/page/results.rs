//! The answers of the models, one column each.

use std::collections::{BTreeMap, BTreeSet};

use shared::concept::Concept;
use shared::difference::exchanged;
use shared::similarity::{Kind, Score, verdicts};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, HtmlDetailsElement, HtmlElement, Node, NodeList};

use super::dom::{
    append, append_text, by_id, clear, copy_of, document, on, set_attribute, set_data, set_property,
    set_slot, set_text, slot,
};
use super::square::{self, Side};
use crate::protocol::{Answer, Model};
use crate::words;

/// Takes all answers away.
pub(super) fn clear_all() {
    clear(&by_id::<HtmlElement>("columns"));
    note("");
}

/// Whether the answers on show are of an earlier question.
pub(super) fn set_stale(is_stale: bool) {
    set_data(&by_id("results"), "stale", &is_stale.to_string());
}

/// Says where the answers come from, and what to expect of them.
pub(super) fn note(words: &str) {
    set_text("results-note", words);
}

/// Shows the answers to a caption of an image, and to the two sides crosswise if there are two.
pub(super) fn show(image: &str, sides: Option<&[Side; 2]>, answers: &[Answer], models: &[Model]) {
    let results: HtmlElement = by_id("results");
    set_stale(false);
    set_attribute(&results, "aria-busy", "true");
    let columns: HtmlElement = by_id("columns");
    clear_all();
    let order = order(answers);
    let shown = shown(answers);
    for answer in answers {
        append(&columns, &column(image, sides, answer, (&order, &shown), models));
    }
    let is_case =
        sides.is_some_and(|[one, other]| words::concept_between(&one.caption, &other.caption).is_some());
    by_id::<HtmlElement>("keep-case").set_hidden(!is_case);
    set_attribute(&results, "aria-busy", "false");
}

/// In which order foils stand in every column alike: first the one that was asked about, then those that any model finds likely.
fn order(answers: &[Answer]) -> BTreeMap<&str, f32> {
    let mut order = BTreeMap::new();
    for answer in answers {
        for (nth, score) in answer.scores.iter().enumerate() {
            let is_asked = answer.asked && nth == 1;
            let most: &mut f32 = order.entry(score.caption.as_str()).or_default();
            *most = most.max(if is_asked { f32::INFINITY } else { score.probability });
        }
    }
    order
}

/// The foils that every column shows: the one that was asked about, and of each concept the strongest one of each model.
fn shown(answers: &[Answer]) -> BTreeSet<&str> {
    let shown = answers.iter().flat_map(|answer| {
        let strongest = verdicts(&answer.scores).into_iter().map(|verdict| verdict.strongest);
        let asked = answer.asked.then_some(1);
        asked.into_iter().chain(strongest).filter_map(|at| answer.scores.get(at))
    });
    shown.map(|score| score.caption.as_str()).collect()
}

fn column(
    image: &str,
    sides: Option<&[Side; 2]>,
    answer: &Answer,
    (order, shown): (&BTreeMap<&str, f32>, &BTreeSet<&str>),
    models: &[Model],
) -> HtmlElement {
    let column = copy_of("model-column");
    let title = words::title(&answer.model);
    set_slot(&column, "model-name", title);
    let model = models.iter().find(|model| model.name == answer.model);
    if let Some(model) = model {
        set_slot(&column, "model-note", &words::model_note(model));
    }
    let judges_pairs = model.is_some_and(|model| model.judges_pairs);
    let Some(own) = answer.scores.first() else { return column };
    set_property(&column, "--caption-similarity", own.similarity.max(0.0));
    set_property(&column, "--caption-probability", own.probability);
    set_data(&slot(&column, "own-label"), "model", title);
    append(&slot::<HtmlElement>(&column, "own"), &row(image, &answer.model, own, own));

    let list: HtmlElement = slot(&column, "verdicts");
    let verdicts = words::said(answer);
    let wins = verdicts.iter().filter(|said| said.outcome == "yes").count();
    if !verdicts.is_empty() {
        set_slot(&column, "tally", &format!("caption wins {wins} of {}", verdicts.len()));
    }
    for said in verdicts {
        let item = copy_of("verdict");
        set_data(&item, "verdict", said.outcome);
        set_data(&item, "asked", &said.is_asked.to_string());
        let concept = said.concept.map_or("", Concept::name);
        set_data(&item, "concept", concept);
        let badge: HtmlElement = slot(&item, "concept");
        set_data(&badge, "concept", concept);
        badge.set_text_content(Some(if concept.is_empty() { "yours" } else { concept }));
        set_slot(&item, "verdict", &said.words);
        append(&list, &item);
    }

    if let (Some(square), Some(sides)) = (&answer.square, sides) {
        let table = square::table(&answer.model, square, sides);
        append(&slot::<HtmlElement>(&column, "square"), &table);
    }

    let [first, rest]: [HtmlElement; 2] = ["groups", "rest"].map(|name| slot(&column, name));
    let mut folded = 0;
    let asked = answer.scores.get(1).filter(|_| answer.asked).map(|score| score.concept);
    let others = [None].into_iter().chain(Concept::ALL.map(Some)).filter(|concept| asked != Some(*concept));
    for concept in asked.into_iter().chain(others) {
        let mut scores: Vec<&Score> = answer.scores[1..].iter().filter(|s| s.concept == concept).collect();
        scores.sort_by(|a, b| order[b.caption.as_str()].total_cmp(&order[a.caption.as_str()]));
        let (strongest, others): (Vec<&Score>, Vec<&Score>) =
            scores.into_iter().partition(|score| shown.contains(score.caption.as_str()));
        folded += others.len();
        for (list, scores) in [(&first, strongest), (&rest, others)] {
            if !scores.is_empty() {
                append(list, &group(image, &answer.model, own, concept, &scores));
            }
        }
    }
    let more: HtmlDetailsElement = slot(&column, "more");
    more.set_hidden(folded == 0);
    set_slot(&column, "more-count", &words::count(folded, "more foil"));
    match (judges_pairs, answer.scores.len()) {
        (true, _) => say_match(&column),
        // Alone, it has all of the probability, which says nothing.
        (false, 1) => set_slot(&column, "probability", "–"),
        _ => {}
    }
    let opened = more.clone();
    on(&more, "toggle", move |_: Event| fold_alike(opened.open()));
    column
}

/// Names the probabilities of a model that judges each caption by itself.
fn say_match(column: &HtmlElement) {
    for unit in listed(column.query_selector_all("[data-slot=probability-unit]")) {
        unit.set_text_content(Some("match"));
    }
}

/// Opens or closes the weaker foils of every column, since they are there to be compared.
fn fold_alike(is_open: bool) {
    for details in listed(document().query_selector_all("#columns details")) {
        details.unchecked_into::<HtmlDetailsElement>().set_open(is_open);
    }
}

/// The nodes that a selector of ours finds.
fn listed(found: Result<NodeList, JsValue>) -> impl Iterator<Item = Node> {
    let found = found.expect("the selector is right");
    (0..found.length()).filter_map(move |at| found.get(at))
}

/// Foils of one concept, or of none that is known.
fn group(image: &str, model: &str, own: &Score, concept: Option<Concept>, scores: &[&Score]) -> HtmlElement {
    let group = copy_of("group");
    set_data(&group, "concept", concept.map_or("", Concept::name));
    set_slot(&group, "heading", concept.map_or("your foil", Concept::name));
    let rows: HtmlElement = slot(&group, "rows");
    for score in scores {
        append(&rows, &row(image, model, own, score));
    }
    group
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
    let also_true: HtmlElement = slot(&row, "also-true");
    set_data(&also_true, "foil", &score.caption);
    set_attribute(&also_true, "aria-label", &format!("“{}” is also true: leave it out", score.caption));
    also_true.set_hidden(score.kind == Kind::Caption);
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
    match score.kind {
        Kind::Caption => append_text(target, &score.caption),
        Kind::Negative => mark_exchanged(target, &own.caption, &score.caption),
    }
}

/// Writes a foil with the words marked in which it differs from its caption.
pub(super) fn mark_exchanged(target: &HtmlElement, caption: &str, foil: &str) {
    let (_, changed) = exchanged(caption, foil);
    let at = changed.as_ptr() as usize - foil.as_ptr() as usize;
    if changed.is_empty() {
        return append_text(target, foil);
    }
    append_text(target, &foil[..at]);
    let mark = document().create_element("mark").expect("mark is an element");
    mark.set_class_name("changed");
    mark.set_text_content(Some(changed));
    append(target, &mark);
    append_text(target, &foil[at + changed.len()..]);
}
