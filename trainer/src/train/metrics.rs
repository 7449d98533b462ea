//! What a run reports while it trains: a bar for people, `metrics.jsonl` for programs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Map, Value};

use super::tensorboard::EventFile;
use crate::system::atomic_file;
use crate::system::kernels;

const FILE: &str = "metrics.jsonl";

/// One line of `metrics.jsonl`.
#[derive(Serialize)]
pub struct Metrics {
    /// Steps done.
    pub step: u64,
    /// Mean loss since the last line.
    pub loss: f32,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The factor that turns cosines into logits.
    pub logit_scale: f32,
    /// What is added to logits; nothing in a model that compares captions by a softmax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_bias: Option<f32>,
    /// Share of captions with a hard negative since the last line.
    pub with_negatives: f64,
    /// Share of hard negatives that their captions scored above, by source. Scenes are never shown twice, so on scenes this
    /// equals held-out accuracy.
    pub hard_negative_accuracy: BTreeMap<String, f64>,
    /// Images a second since the last line.
    pub images_per_second: f64,
    /// Share of that time spent waiting for data.
    pub waiting: f64,
    /// Share of that time spent in messages between processes; nothing where there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communicating: Option<f64>,
    /// GPU kernels that this process has compiled so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels_compiled: Option<u64>,
}

/// The whole lines of a run's `metrics.jsonl` up to step `until`; none if there is no such file yet. Later lines are of
/// steps that a killed run will take again, and its last line may have been cut short.
///
/// # Errors
/// If the file cannot be read.
pub fn read(run: &Path, until: u64) -> Result<Vec<Map<String, Value>>> {
    let path = run.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(lines_until(&text, until).map(|(_, fields)| fields).collect())
}

fn lines_until(text: &str, until: u64) -> impl Iterator<Item = (&str, Map<String, Value>)> {
    let whole = text.lines().filter_map(|line| Some((line, serde_json::from_str::<Map<_, _>>(line).ok()?)));
    whole.filter(move |(_, fields)| {
        fields.get("step").and_then(Value::as_u64).is_some_and(|step| step <= until)
    })
}

/// The bar and the file.
pub struct Reporter {
    bar: ProgressBar,
    /// Nothing where another process writes it.
    file: Option<File>,
    events: Option<EventFile>,
    quiet: bool,
}

impl Reporter {
    /// Goes on with the `metrics.jsonl` of a run folder after `done` steps. What a killed run wrote of later steps is
    /// taken out, because those steps are taken again.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn new(run: &Path, steps: u64, done: u64, quiet: bool) -> Result<Self> {
        let path = run.join(FILE);
        if path.exists() {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let known: String = lines_until(&text, done).map(|(line, _)| format!("{line}\n")).collect();
            atomic_file::write(&path, known)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(steps) };
        bar.set_style(
            ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {msg}{eta} left")
                .context("the progress bar's template")?,
        );
        bar.set_position(done);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Ok(Reporter { bar, file: Some(file), events: None, quiet })
    }

    /// Writes TensorBoard's events, too.
    pub fn with_events(self, events: EventFile) -> Self {
        Reporter { events: Some(events), ..self }
    }

    /// Reports nothing, since another process does.
    pub fn silent() -> Self {
        Reporter { bar: ProgressBar::hidden(), file: None, events: None, quiet: true }
    }

    /// Counts a step.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Writes a line and updates the bar.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn report(&mut self, metrics: &Metrics) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let accuracy = metrics.hard_negative_accuracy.iter();
        let accuracy: String =
            accuracy.map(|(name, share)| format!("{name} {:.0} %, ", 100.0 * share)).collect();
        let (loss, speed) = (metrics.loss, metrics.images_per_second);
        self.bar.set_message(format!("loss {loss:.3}, {accuracy}{speed:.0} images/s, "));
        if let Some(events) = &mut self.events {
            events.scalars(metrics.step, &serde_json::to_value(metrics)?)?;
        }
        let line = serde_json::to_string(metrics)?;
        writeln!(file, "{line}").context("cannot write metrics.jsonl")
    }

    /// Says how many GPU kernels have been compiled, until what it returns is dropped: in the bar or, where the terminal has none,
    /// in a line now and then. With `--quiet` it says nothing.
    pub fn tell_kernels(&self) -> Option<kernels::Watch> {
        if self.quiet {
            return None;
        }
        let bar = self.bar.clone();
        let words =
            |n: u64| format!("compiling GPU kernels: {n} so far (first run on this card; kept for the next)");
        Some(if bar.is_hidden() {
            kernels::Watch::every(Duration::from_secs(30), move |n| eprintln!("{}", words(n)))
        } else {
            kernels::Watch::every(Duration::from_secs(1), move |n| bar.set_message(words(n) + ", "))
        })
    }

    /// Says something above the bar.
    pub fn say(&self, words: &str) {
        if self.file.is_some() {
            self.bar.suspend(|| eprintln!("{words}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_after_the_checkpoint_is_forgotten() {
        let text = "{\"step\":20,\"loss\":1}\n{\"step\":40}\n{\"step\":60}\n{\"ste";
        let known = |until| lines_until(text, until).map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(known(40), ["{\"step\":20,\"loss\":1}", "{\"step\":40}"]);
        assert!(known(0).is_empty());
    }
}
