//! The course of a run as one page that needs nothing else: a panel a number, steps to the right.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::system::atomic_file;
use crate::train::metrics;
use crate::train::negative_source::NegativeSource;
use crate::train::run_config::RunConfig;
use shared::html::{STYLE, Text};

/// The panels: of each its title, and the lines in it by the field of `metrics.jsonl` that each shows.
fn panels() -> [(&'static str, Vec<String>); 6] {
    let one = |field: &str| vec![field.to_owned()];
    let accuracy = NegativeSource::all().map(|source| format!("hard_negative_accuracy/{}", source.name()));
    [
        ("Loss", one("loss")),
        ("Accuracy on hard negatives, %", accuracy.collect()),
        ("Logit scale", one("logit_scale")),
        ("Learning rate", one("learning_rate")),
        ("Images a second", one("images_per_second")),
        ("Time spent waiting for data, %", one("waiting")),
    ]
}

/// The inside of a panel in its own units, and the room around it for numbers and names.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 76.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// Writes `curves.html` into a run folder, from what `metrics.jsonl` says so far.
///
/// # Errors
/// If a file of the folder cannot be read or written.
pub fn write(run: &Path, config: &RunConfig) -> Result<()> {
    let lines = metrics::read(run, config.steps())?;
    atomic_file::write(&run.join("curves.html"), page(config, &lines))
}

fn page(config: &RunConfig, lines: &[Map<String, Value>]) -> String {
    let style = STYLE;
    let title = format!("Training on {}", config.settings.data.join(" and "));
    let last = lines.last().and_then(|line| line["step"].as_u64()).unwrap_or(0);
    let facts = format!(
        "Step {last} of {}, {} images each. Negatives: {}, at most {} a caption. Seed {}, commit {}.",
        config.steps(),
        config.settings.batch_size as u64 * config.accum_freq,
        config.settings.negatives,
        config.settings.per_caption,
        config.settings.seed,
        config.commit
    );
    let panels: String = panels().iter().filter_map(|(name, fields)| panel(name, fields, lines)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>\n{style}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<p class=\"soft\">{facts}</p>\n<p class=\"soft\"><code>{command}</code></p>\n\
         <div class=\"panels\">\n{panels}</div>\n</body>\n</html>\n",
        title = Text(&title),
        facts = Text(&facts),
        command = Text(&config.command),
    )
}

/// A line of a panel: its name, if there is more than one, and its points, step and value.
struct Curve<'f> {
    name: &'f str,
    points: Vec<[f64; 2]>,
}

/// The drawing of some fields; nothing where none of them has two points.
fn panel(title: &str, fields: &[String], lines: &[Map<String, Value>]) -> Option<String> {
    let factor = if title.ends_with('%') { 100.0 } else { 1.0 };
    let curve = |field| {
        let (name, part) = str::split_once(field, '/').unwrap_or((field, ""));
        let points = lines.iter().filter_map(|line| {
            let value = line.get(name)?;
            let value = if part.is_empty() { value } else { value.get(part)? };
            Some([line.get("step")?.as_f64()?, factor * value.as_f64()?])
        });
        Curve { name: part, points: points.collect() }
    };
    let curves: Vec<Curve> =
        fields.iter().map(String::as_str).map(curve).filter(|curve| curve.points.len() > 1).collect();
    let values = || curves.iter().flat_map(|curve| &curve.points);
    let steps = values().map(|point| point[0]).fold(0.0, f64::max);
    let ticks = ticks(
        values().map(|point| point[1]).reduce(f64::min)?,
        values().map(|point| point[1]).reduce(f64::max)?,
    );
    let (low, high) = (ticks[0], *ticks.last()?);
    let x = |step: f64| LEFT + WIDTH * step / steps;
    let y = |value: f64| TOP + HEIGHT * (high - value) / (high - low);

    let (width, height) = (LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM);
    let mut svg = String::new();
    for tick in &ticks {
        let (right, y) = (LEFT + WIDTH, y(*tick));
        let _ =
            writeln!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let _ = writeln!(
            svg,
            "<text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(*tick)
        );
    }
    for share in [0.0, 0.5, 1.0] {
        let (x, y) = (x(share * steps), TOP + HEIGHT + 18.0);
        let _ = writeln!(
            svg,
            "<text class=\"tick middle\" x=\"{x:.1}\" y=\"{y:.1}\">{:.0}</text>",
            share * steps
        );
    }
    // Names stand at the ends of their lines, moved apart where those are close.
    let mut names: Vec<(f64, usize)> = curves
        .iter()
        .enumerate()
        .map(|(nth, curve)| (y(curve.points[curve.points.len() - 1][1]) + 4.0, nth))
        .collect();
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    for place in 1..names.len() {
        names[place].0 = names[place].0.max(names[place - 1].0 + 14.0);
    }
    let mut told = Vec::new();
    for (nth, curve) in curves.iter().enumerate() {
        let points: Vec<String> =
            curve.points.iter().map(|[step, value]| format!("{:.1},{:.1}", x(*step), y(*value))).collect();
        let _ = writeln!(svg, "<polyline class=\"curve c{nth}\" points=\"{}\"/>", points.join(" "));
        let last = curve.points[curve.points.len() - 1][1];
        told.push(format!("{} {}", curve.name, short(last)).trim().to_owned());
    }
    for (y, nth) in names {
        let _ = writeln!(
            svg,
            "<text class=\"name c{nth}\" x=\"{}\" y=\"{y:.1}\">{}</text>",
            LEFT + WIDTH + 6.0,
            told[nth]
        );
    }
    Some(format!(
        "<figure>\n<figcaption>{title}</figcaption>\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}: at the end {}\">\n{svg}</svg>\n</figure>\n",
        told.join(", ")
    ))
}

/// Round numbers that enclose a range, three to seven of them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let range = if high > low { high - low } else { low.abs().max(1e-9) };
    let rough = range / 3.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * power >= rough).unwrap_or(10.0);
    let first = (low / step).floor();
    let last = (high / step).ceil().max(first + 1.0);
    (0..=(last - first) as usize).map(|nth| (first + nth as f64) * step).collect()
}

/// A number as short as it can be told from its neighbors.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{value:.1e}"),
        size if size < 10.0 => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        size if size < 100.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_what_is_shown() {
        assert_eq!(ticks(0.3, 4.2), [0.0, 2.0, 4.0, 6.0]);
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-3.0, 7.0), (1e-5, 2e-3)] {
            let ticks = ticks(low, high);
            assert!((2..=8).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks[0] <= low && ticks[ticks.len() - 1] >= high, "{low} to {high}: {ticks:?}");
        }
    }

    #[test]
    fn a_panel_shows_what_the_lines_have() {
        let line = |step: u64, color: f64| {
            let line =
                serde_json::json!({"step": step, "loss": 1.5, "hard_negative_accuracy": {"color": color}});
            line.as_object().expect("an object").clone()
        };
        let lines = [line(20, 0.5), line(40, 0.75)];
        let [_, (title, fields), (scale, of_scale), ..] = panels();
        let panel = panel(title, &fields, &lines).expect("a panel");
        assert_eq!(panel.matches("<polyline").count(), 1);
        assert!(panel.contains("color 75"), "{panel}");
        assert!(super::panel(scale, &of_scale, &lines).is_none());
    }
}
