//! The trainer: scenes and captions in, bundles and tables out. A program; the library is there to be fuzzed.
#![recursion_limit = "256"]
#![deny(unsafe_code)]

mod cli;
mod commands;
mod dataset;
mod eval;
#[cfg(fuzzing)]
pub mod fuzzing;
mod inpaint;
mod models;
mod negatives;
mod statistics;
mod system;
mod train;

use std::process::ExitCode;

use clap::Parser;

use crate::train::data::Library;
use crate::train::settings::InvalidSettings;

/// Does what the command line says. Results go to stdout, progress and errors to stderr. Exit status: 0 done, 1 failed, 2 wrong
/// arguments.
pub fn run() -> ExitCode {
    let done = match cli::Cli::parse().command {
        cli::Command::Scenes(args) => commands::scenes::run(&args),
        cli::Command::Inpaint(options) => inpaint::run::run(&options),
        cli::Command::Verify(args) => commands::verify::run(&args),
        cli::Command::Negatives(args) => commands::negatives::run(&args),
        cli::Command::Calibrate(args) => commands::calibrate::run(&args),
        cli::Command::Fluency(args) => commands::fluency::run(&args),
        cli::Command::Pretrain(options) => train::run::run(&options, &mut Library::default()),
        cli::Command::Distill(args) => commands::distill::run(&args),
        cli::Command::Experiment(args) => commands::experiment::run(&args),
        cli::Command::Evaluate(args) => commands::evaluate::run(&args),
        cli::Command::Score(args) => commands::score::run(&args),
        cli::Command::Embed(args) => commands::embed::run(&args),
        cli::Command::Import(args) => commands::import::run(&args),
        cli::Command::Average(args) => commands::average::run(&args),
        cli::Command::Export(args) => commands::export::run(&args),
        cli::Command::Inspect(args) => commands::inspect::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<InvalidSettings>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
