//! The report as one page that needs nothing else: tables, bars, a map of confusions, images.

mod gallery;
mod heat;

use std::fmt::{Display, Write};

use super::Report;
use crate::eval::benchmark::Benchmark;
use crate::eval::compare::Comparison;
use crate::eval::parts::ALL;
use crate::eval::table::Row;
use crate::statistics::{p_value, percent};
use shared::html::{STYLE, Text};

/// The page. With `images` it shows the most telling items; without it only their words.
pub fn page(report: &Report, images: Option<&Benchmark>) -> String {
    let title = format!("Foil on {}", report.benchmark);
    let mut page = String::new();
    page += "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    put(&mut page, format_args!("<title>{}</title>\n<style>\n{}</style>\n", Text(&title), STYLE));
    put(&mut page, format_args!("</head>\n<body>\n<h1>{}</h1>\n", Text(&title)));
    put(
        &mut page,
        format_args!(
            "<p class=\"soft\">{}. All scores in %; a tie is a miss. Intervals are 95 %, by a bootstrap over images. The dashed line is chance.</p>\n",
            Text(&report.data)
        ),
    );
    for (why, count) in report.skipped_by_reason() {
        put(&mut page, format_args!("<p class=\"soft\">Left out: {count} items, {}.</p>\n", Text(why)));
    }
    for model in &report.models {
        put(&mut page, format_args!("<section>\n<h2>{}</h2>\n", Text(&model.bundle)));
        let origin = match model.data.join(", ") {
            data if data.is_empty() => "Published weights, imported.".to_owned(),
            data => format!("Trained on {data} with negatives: {}; seed {}.", model.negatives, model.seed),
        };
        put(&mut page, format_args!("<p class=\"soft\">{}</p>\n", Text(&origin)));
        if model.trained_on_pictures > 0 {
            let count = model.trained_on_pictures;
            put(
                &mut page,
                format_args!(
                    "<p class=\"worse\">Trained on {count} images of this benchmark: its scores say little.</p>\n"
                ),
            );
        }
        table(&mut page, &model.rows);
        heat::maps(&mut page, &model.terms);
        gallery::items(&mut page, "Most clearly wrong", &model.hardest, images);
        gallery::items(&mut page, "Most clearly right", &model.easiest, images);
        page += "</section>\n";
    }
    if report.models.iter().flat_map(|model| &model.rows).any(|row| row.blind.is_some()) {
        put(
            &mut page,
            format_args!(
                "<p class=\"soft\">Blind judges never see the image: one takes the shorter caption, two the likelier words and pairs of words; they have read {}. “Same words” is the share of pairs that differ in order only. “Wrong image” is what the model itself gets when every item is asked at another item’s image: so much it knows from the text alone.</p>\n",
                Text(&report.judge)
            ),
        );
    }
    for pair in report.comparisons.chunk_by(|a, b| a.bundle == b.bundle) {
        comparison(&mut page, pair);
    }
    put(&mut page, format_args!("<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js")));
    page
}

fn table(page: &mut String, rows: &[Row]) {
    let has_macro = rows.iter().any(|row| row.macro_average.is_some());
    let has_blind = rows.iter().any(|row| row.blind.is_some());
    *page += "<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th>Subset</th><th class=\"text\">Measure</th><th>n</th><th>Ties</th><th>Score</th><th class=\"text\">With its interval</th><th>95 %</th>";
    if has_macro {
        *page += "<th>Macro</th>";
    }
    if has_blind {
        *page += "<th>Wrong image</th><th>Blind: shorter</th><th>unigram</th><th>bigram</th><th>learned</th><th>Same words</th>";
    }
    *page += "</tr></thead>\n<tbody>\n";
    for row in rows {
        let whole = if row.subset == ALL { " class=\"whole\"" } else { "" };
        put(
            page,
            format_args!(
                "<tr{whole}><td>{}</td><td class=\"text\">{}</td>",
                Text(&row.subset),
                row.measure.name()
            ),
        );
        number(page, row.n as f64, &row.n.to_string());
        number(page, row.ties as f64, &row.ties.to_string());
        number(page, row.share, &percent(row.share));
        put(page, format_args!("<td class=\"bar\" data-value=\"{:.6}\">{}</td>", row.share, Bar(row)));
        number(page, row.low, &format!("{}–{}", percent(row.low), percent(row.high)));
        if has_macro {
            let share = row.macro_average.map_or(f64::NAN, |average| average.share);
            number(page, share, &percent(share));
        }
        if has_blind {
            let wrong = row.wrong_picture.unwrap_or(f64::NAN);
            number(page, wrong, &percent(wrong));
            let learned = row.learned.map_or(f64::NAN, |learned| learned.pairs.share);
            let shares = row.blind.as_ref().map_or([f64::NAN; 5], |blind| {
                let [shorter, unigram, bigram, same] =
                    [blind.shorter, blind.unigram, blind.bigram, blind.same_words].map(|share| share.share);
                [shorter, unigram, bigram, learned, same]
            });
            shares.into_iter().for_each(|share| number(page, share, &percent(share)));
        }
        *page += "</tr>\n";
    }
    *page += "</tbody></table></div>\n";
}

fn comparison(page: &mut String, rows: &[Comparison]) {
    put(page, format_args!("<section>\n<h2>{} minus {}</h2>\n", Text(&rows[0].bundle), Text(&rows[0].with)));
    *page += "<p class=\"soft\">The same items, in points. “Only this” and “only other” are the items that one of the two alone got right; p is McNemar’s exact test on them.</p>\n";
    *page += "<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr><th>Subset</th><th class=\"text\">Measure</th><th>n</th><th>Points</th><th>95 %</th><th>Only this</th><th>Only other</th><th>p</th></tr></thead>\n<tbody>\n";
    for row in rows {
        let points = |share: f64| format!("{:+.1}", 100.0 * share);
        let class = match (row.low > 0.0, row.high < 0.0) {
            (true, _) => " class=\"better\"",
            (_, true) => " class=\"worse\"",
            _ => "",
        };
        put(
            page,
            format_args!("<tr><td>{}</td><td class=\"text\">{}</td>", Text(&row.subset), row.measure.name()),
        );
        number(page, row.n as f64, &row.n.to_string());
        put(
            page,
            format_args!("<td{class} data-value=\"{:.6}\">{}</td>", row.difference, points(row.difference)),
        );
        number(page, row.low, &format!("{} to {}", points(row.low), points(row.high)));
        number(page, row.only_this as f64, &row.only_this.to_string());
        number(page, row.only_other as f64, &row.only_other.to_string());
        number(page, row.p, &p_value(row.p));
        *page += "</tr>\n";
    }
    *page += "</tbody></table></div>\n</section>\n";
}

/// A cell that is sorted by `value` and shows `text`. What is no number sorts first.
fn number(page: &mut String, value: f64, text: &str) {
    let value = if value.is_nan() { -1.0 } else { value };
    put(page, format_args!("<td data-value=\"{value:.6}\">{}</td>", Text(text)));
}

fn put(page: &mut String, text: std::fmt::Arguments) {
    page.write_fmt(text).expect("a string takes any text");
}

/// A share as a bar, with its interval and chance.
struct Bar<'r>(&'r Row);

impl Display for Bar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Row { share, low, high, chance, .. } = self.0;
        let [share, low, high, chance] = [share, low, high, chance].map(|value| 100.0 * value);
        write!(
            f,
            "<svg viewBox=\"0 0 100 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"100\" height=\"14\"/><rect class=\"share\" y=\"3\" width=\"{share:.2}\" height=\"8\"/>\
             <line class=\"interval\" x1=\"{low:.2}\" x2=\"{high:.2}\" y1=\"7\" y2=\"7\" vector-effect=\"non-scaling-stroke\"/>\
             <line class=\"chance\" x1=\"{chance:.2}\" x2=\"{chance:.2}\" y1=\"0\" y2=\"14\" vector-effect=\"non-scaling-stroke\"/></svg>"
        )
    }
}
