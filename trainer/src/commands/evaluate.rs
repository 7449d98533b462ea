//! `evaluate`: bundles on a benchmark.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::eval::{self, Options, report};
use crate::system::device::Backend;
use crate::system::named::named;

/// The options of `evaluate`.
#[derive(Args)]
pub struct EvaluateArgs {
    /// Score this bundle.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// Score these bundles too, and compare each with the first, item by item.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// What to score on.
    #[command(flatten)]
    pub options: Options,
    /// Write the whole report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as one page that needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Leave images out of the page, for images that must not be passed on.
    #[arg(long, requires = "html")]
    pub no_thumbnails: bool,
    /// Write the table as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Show no progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

/// Scores bundles and prints a table.
///
/// # Errors
/// If a bundle or the benchmark cannot be used, the device fails, or a report cannot be written.
pub fn run(args: &EvaluateArgs) -> Result<()> {
    let bundles: Vec<PathBuf> = std::iter::once(&args.bundle).chain(&args.against).cloned().collect();
    let mut benchmark = eval::load(&args.options)?;
    let report = eval::run(&mut benchmark, &args.options, &bundles, args.device, args.quiet)?;
    write(args.json.as_deref(), || Ok(serde_json::to_string_pretty(&report)?))?;
    write(args.csv.as_deref(), || report::csv::table(&report))?;
    write(args.html.as_deref(), || {
        let images = (!args.no_thumbnails).then_some(&benchmark);
        Ok(report::html::page(&report, images))
    })?;
    // Last, because a reader that goes away ends the program.
    report::terminal::print(&mut io::stdout().lock(), &report)
}

fn write(path: Option<&Path>, content: impl Fn() -> Result<String>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    fs::write(path, content()?).with_context(|| format!("cannot write {}", path.display()))
}
