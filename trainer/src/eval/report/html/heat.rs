//! Which word is mistaken for which, as a map: a row a true word, a column what stood in its place.

use std::collections::BTreeMap;

use super::put;
use crate::eval::terms::Term;
use shared::html::Text;

/// Rows and columns of a map at most; the most frequent words are taken.
const MOST: usize = 14;

/// A map needs at least so many cells to say more than the table.
const LEAST_CELLS: usize = 4;

/// One map a subset that has enough exchanges of words.
pub fn maps(page: &mut String, terms: &[Term]) {
    let mut subsets: BTreeMap<&str, Vec<&Term>> = BTreeMap::new();
    for term in terms {
        subsets.entry(&term.subset).or_default().push(term);
    }
    for (subset, terms) in subsets {
        let words = frequent(&terms);
        let within = |term: &&&Term| words.contains(&term.from.as_str()) && words.contains(&term.to.as_str());
        if terms.iter().filter(within).count() >= LEAST_CELLS {
            map(page, subset, &terms, &words);
        }
    }
}

/// The words that are exchanged most often, in alphabetical order.
fn frequent<'t>(terms: &[&'t Term]) -> Vec<&'t str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for term in terms {
        for word in [&term.from, &term.to] {
            *counts.entry(word).or_default() += term.n;
        }
    }
    let mut words: Vec<&str> = counts.keys().copied().collect();
    words.sort_by_key(|word| std::cmp::Reverse(counts[word]));
    words.truncate(MOST);
    words.sort_unstable();
    words
}

fn map(page: &mut String, subset: &str, terms: &[&Term], words: &[&str]) {
    put(page, format_args!("<h3>Told apart: {}</h3>\n", Text(subset)));
    *page += "<p class=\"soft\">Row: the true word. Column: what stood in its place. How often the model preferred the true one, in %, and how often it was asked.</p>\n";
    *page += "<div class=\"scroll\"><table class=\"heat\">\n<thead><tr><th></th>";
    // A word that never stands on this side needs no row or column.
    let cell = |from: &str, to: &str| terms.iter().find(|term| term.from == from && term.to == to);
    let rows: Vec<&str> =
        words.iter().copied().filter(|from| words.iter().any(|to| cell(from, to).is_some())).collect();
    let columns: Vec<&str> =
        words.iter().copied().filter(|to| words.iter().any(|from| cell(from, to).is_some())).collect();
    columns.iter().for_each(|word| put(page, format_args!("<th scope=\"col\">{}</th>", Text(word))));
    *page += "</tr></thead>\n<tbody>\n";
    for from in rows {
        put(page, format_args!("<tr><th scope=\"row\">{}</th>", Text(from)));
        for to in &columns {
            match cell(from, to) {
                None => *page += "<td></td>",
                Some(term) => {
                    let [background, ink] = colors(term.share());
                    put(
                        page,
                        format_args!(
                            "<td style=\"background:{background};color:{ink}\">{:.0}<small>{}</small></td>",
                            100.0 * term.share(),
                            term.n
                        ),
                    );
                }
            }
        }
        *page += "</tr>\n";
    }
    *page += "</tbody></table></div>\n";
}

/// From dark blue for never over pale for half to yellow for always: the ends differ in lightness, so that people who see few
/// colors, and printers, can tell them apart (cividis, doi:10.1371/journal.pone.0199239).
fn colors(share: f64) -> [String; 2] {
    const STOPS: [[f64; 3]; 5] = [
        [0.0, 34.0, 78.0],
        [66.0, 77.0, 108.0],
        [124.0, 123.0, 120.0],
        [188.0, 174.0, 108.0],
        [254.0, 232.0, 56.0],
    ];
    let at = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let (below, above) = (STOPS[at.floor() as usize], STOPS[at.ceil() as usize]);
    let mixed = [0, 1, 2].map(|channel| below[channel] + (above[channel] - below[channel]) * at.fract());
    let [red, green, blue] = mixed.map(f64::round);
    let is_dark = share < 0.45;
    [format!("rgb({red} {green} {blue})"), if is_dark { "#fff" } else { "#111" }.to_owned()]
}
