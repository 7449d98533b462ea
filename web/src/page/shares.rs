//! How often each model is right on each concept: a bar with its interval, and where a guess would be.

use web_sys::HtmlElement;

use super::dom::{append, clear, copy_of, set_data, set_property, set_slot, slot};
use crate::survey::{Outcome, shares};
use crate::words;

/// Draws the bars of some outcomes, concept by concept.
pub(super) fn show<'a>(list: &HtmlElement, outcomes: impl IntoIterator<Item = &'a Outcome>) {
    clear(list);
    for (concept, models) in shares(outcomes) {
        let group = copy_of("share-group");
        let badge: HtmlElement = slot(&group, "concept");
        set_data(&badge, "concept", concept.name());
        badge.set_text_content(Some(concept.name()));
        let rows: HtmlElement = slot(&group, "rows");
        for (model, share) in models {
            let row = copy_of("share-row");
            set_data(&row, "model", &model);
            set_data(&row, "concept", concept.name());
            set_slot(&row, "model", words::title(&model));
            set_slot(&row, "count", &format!("{} of {}", share.hits, share.n));
            let bar: HtmlElement = slot(&row, "bar");
            let [low, high] = share.interval();
            for (name, value) in
                [("--value", share.value()), ("--low", low), ("--high", high), ("--chance", share.chance)]
            {
                set_property(&bar, name, value as f32);
            }
            let percent = |share: f64| format!("{:.0} %", 100.0 * share);
            let [low, high] = [low, high].map(percent);
            let said = format!(
                "{}, 95 % interval {low} to {high}, chance {}",
                percent(share.value()),
                percent(share.chance)
            );
            set_slot(&row, "words", &said);
            append(&rows, &row);
        }
        append(list, &group);
    }
}
