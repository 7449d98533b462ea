//! What a survey found, as files: a table for spreadsheets, a test set for the trainer, a report for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use csv::{QuoteStyle, Writer, WriterBuilder};
use shared::difference::exchanged_spans;
use shared::html::{Marked, STYLE, Text};
use shared::similarity::verdicts;

use super::{Item, Miss, misses, outcomes, shares};
use crate::protocol::ImageId;
use crate::words;

/// How many misses of each model a report shows.
const REPORTED: usize = 60;

/// A row a verdict: what the page found, for a spreadsheet.
///
/// # Panics
/// Never: what is written is text.
pub fn csv(items: &[Item]) -> String {
    let mut writer = Writer::from_writer(Vec::new());
    let mut write = |row: [&str; 7]| writer.write_record(row).expect("a row is written to memory");
    write(["image", "model", "concept", "caption", "strongest_foil", "margin", "right"]);
    for item in items {
        for answer in &item.answers {
            for verdict in verdicts(&answer.scores) {
                write([
                    &item.name,
                    &answer.model,
                    verdict.concept.name(),
                    &answer.scores[0].caption,
                    &answer.scores[verdict.strongest].caption,
                    &format!("{:.6}", verdict.margin),
                    if verdict.margin > 0.0 { "1" } else { "0" },
                ]);
            }
        }
    }
    String::from_utf8(writer.into_inner().expect("memory takes everything")).expect("text")
}

/// The misses as a test set: every caption with the foils that some model prefers to it, as NegCLIP's tables have them
/// (arXiv 2210.01936), which `trainer evaluate --benchmark negclip` reads.
///
/// # Panics
/// Never: what is written is text.
pub fn tsv(items: &[Item]) -> String {
    let mut writer =
        WriterBuilder::new().delimiter(b'\t').quote_style(QuoteStyle::Never).from_writer(Vec::new());
    let mut write = |row: [&str; 4]| writer.write_record(row).expect("a row is written to memory");
    write(["", "title", "filepath", "neg_caption"]);
    let mut n_rows = 0;
    for item in items {
        let Some(caption) = item.answers.first().map(|answer| &answer.scores[0].caption) else { continue };
        let mut foils: Vec<&str> = Vec::new();
        for answer in &item.answers {
            let preferred =
                answer.scores[1..].iter().filter(|score| score.similarity >= answer.scores[0].similarity);
            for foil in preferred.map(|score| score.caption.as_str()) {
                if !foils.contains(&foil) {
                    foils.push(foil);
                }
            }
        }
        if !foils.is_empty() {
            let listed: Vec<String> = foils.into_iter().map(python_string).collect();
            write([
                &n_rows.to_string(),
                &one_line(caption),
                &one_line(&item.name),
                &format!("[{}]", listed.join(", ")),
            ]);
            n_rows += 1;
        }
    }
    String::from_utf8(writer.into_inner().expect("memory takes everything")).expect("text")
}

/// A text as it can stand in such a table, which knows no quoting.
fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ").replace('"', "'")
}

fn python_string(text: &str) -> String {
    format!("'{}'", one_line(text).replace('\\', r"\\").replace('\'', r"\'"))
}

/// A page that needs nothing else: how often each model is right, and what it gets wrong. `thumbnails` are `data:` addresses.
pub fn report(items: &[Item], thumbnails: &BTreeMap<ImageId, String>) -> String {
    let mut page = String::new();
    let title = format!("What the models get wrong in {}", words::count(items.len(), "picture"));
    put(&mut page, format_args!("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"));
    put(
        &mut page,
        format_args!("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"),
    );
    put(
        &mut page,
        format_args!("<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"),
    );
    put(
        &mut page,
        format_args!(
            "<p class=\"soft\">A model is right if it picks the caption over every foil of the concept. Chance is what a guess among caption and foils would get. Green marks what the picture shows, red what the model picks instead. Made with Foil, in the browser.</p>\n"
        ),
    );
    share_table(&mut page, items);
    for (model, missed) in reported(items) {
        put(&mut page, format_args!("<section>\n<h2>{}</h2>\n", Text(words::title(&model))));
        let shown = if missed.len() > REPORTED {
            format!("; the biggest {REPORTED} are shown")
        } else {
            String::new()
        };
        let n_missed = match missed.len() {
            1 => "1 miss".to_owned(),
            all => format!("{all} misses"),
        };
        put(&mut page, format_args!("<p class=\"soft\">{n_missed}{shown}.</p>\n<ul class=\"gallery\">\n"));
        missed.iter().take(REPORTED).for_each(|miss| listed(&mut page, miss, thumbnails));
        put(&mut page, format_args!("</ul>\n</section>\n"));
    }
    put(&mut page, format_args!("</body>\n</html>\n"));
    page
}

/// The images that a report shows.
pub fn shown_in_report(items: &[Item]) -> BTreeSet<ImageId> {
    let shown = reported(items).into_iter().flat_map(|(_, missed)| missed.into_iter().take(REPORTED));
    shown.map(|miss| miss.image).collect()
}

/// What each model gets wrong.
fn reported(items: &[Item]) -> Vec<(String, Vec<Miss>)> {
    let models = items.first().map_or(&[][..], |item| &item.answers[..]);
    models.iter().map(|answer| (answer.model.clone(), misses(items, &answer.model))).collect()
}

fn share_table(page: &mut String, items: &[Item]) {
    let found: Vec<_> = items.iter().flat_map(|item| &item.answers).flat_map(outcomes).collect();
    put(
        page,
        format_args!(
            "<div class=\"scroll\"><table>\n<thead><tr><th>Concept</th><th class=\"text\">Model</th><th>Right</th><th>of</th><th>%</th><th>95 %</th><th>Chance</th></tr></thead>\n<tbody>\n"
        ),
    );
    for (concept, models) in shares(&found) {
        for (model, share) in models {
            let [low, high] = share.interval().map(|end| 100.0 * end);
            put(
                page,
                format_args!(
                    "<tr><td>{concept}</td><td class=\"text\">{}</td><td>{}</td><td>{}</td><td>{:.0}</td><td>{low:.0} to {high:.0}</td><td>{:.0}</td></tr>\n",
                    Text(words::title(&model)),
                    share.hits,
                    share.n,
                    100.0 * share.value(),
                    100.0 * share.chance,
                ),
            );
        }
    }
    put(page, format_args!("</tbody></table></div>\n"));
}

fn listed(page: &mut String, miss: &Miss, thumbnails: &BTreeMap<ImageId, String>) {
    put(page, format_args!("<li>"));
    if let Some(data) = thumbnails.get(&miss.image) {
        put(
            page,
            format_args!("<div class=\"images\"><img alt=\"{}\" src=\"{data}\"></div>", Text(&miss.name)),
        );
    }
    let [ours, theirs] = exchanged_spans(&miss.caption, &miss.foil);
    put(
        page,
        format_args!(
            "<div class=\"words\"><p class=\"true\">{}</p><p class=\"false\">{}</p><p class=\"soft\">{}, {}; the foil is {}</p></div></li>\n",
            Marked(&miss.caption, ours),
            Marked(&miss.foil, theirs),
            miss.concept,
            Text(&miss.name),
            words::lead(miss.ahead),
        ),
    );
}

fn put(page: &mut String, words: std::fmt::Arguments<'_>) {
    page.write_fmt(words).expect("a string takes all text");
}

#[cfg(test)]
mod tests {
    use super::super::tests::items;
    use super::*;

    #[test]
    fn a_spreadsheet_has_a_row_a_verdict() {
        let table = csv(&items());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 8);
        assert_eq!(lines[1], "1.jpg,a,color,a red car,a green car,-0.200000,0");
    }

    #[test]
    fn a_test_set_has_the_foils_that_some_model_prefers() {
        let mut items = items();
        items[0].answers[0].scores[1].caption = "a child's \"blue\" car".into();
        let table = tsv(&items);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "\ttitle\tfilepath\tneg_caption",
                "0\ta red car\t1.jpg\t['a child\\'s \\'blue\\' car', 'a green car']",
                "1\ta red car\t2.jpg\t['a red bus']",
            ]
        );
    }

    #[test]
    fn a_report_shows_shares_and_misses_and_no_markup_of_others() {
        let mut items = items();
        items[0].name = "<b>.jpg".into();
        let page = report(&items, &BTreeMap::from([(2, "data:image/jpeg;base64,AA==".to_owned())]));
        assert!(page.contains("What the models get wrong in 2 pictures"));
        assert!(
            page.contains("<td>color</td><td class=\"text\">a</td><td>1</td><td>2</td><td>50</td>"),
            "{page}"
        );
        assert!(page.contains("2 misses.") && page.contains("1 miss."), "{page}");
        assert!(page.contains("a red <mark>bus</mark>") && page.contains("<img alt=\"2.jpg\""), "{page}");
        assert!(page.contains("&lt;b&gt;.jpg") && !page.contains("<b>"));
    }
}
