//! What a run reports while it trains: a bar for people, `metrics.jsonl` for programs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

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
    /// Share of captions with a hard negative since the last line.
    pub with_negatives: f64,
    /// Pictures a second since the last line.
    pub pictures_per_second: f64,
    /// Share of that time spent waiting for data.
    pub waiting: f64,
}

/// The bar and the file.
pub struct Reporter {
    bar: ProgressBar,
    file: File,
}

impl Reporter {
    /// Appends to the `metrics.jsonl` of a run folder.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn new(run: &Path, steps: u64, done: u64, quiet: bool) -> Result<Self> {
        let path = run.join("metrics.jsonl");
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
        Ok(Reporter { bar, file })
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
        self.bar.set_message(format!(
            "loss {:.3}, {:.0} pictures/s, ",
            metrics.loss, metrics.pictures_per_second
        ));
        let line = serde_json::to_string(metrics)?;
        writeln!(self.file, "{line}").context("cannot write metrics.jsonl")
    }

    /// Says something above the bar.
    pub fn say(&self, words: &str) {
        self.bar.suspend(|| eprintln!("{words}"));
    }
}
