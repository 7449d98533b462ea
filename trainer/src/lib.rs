//! The trainer: scenes and captions in, bundles and tables out. A program; the library is there to be fuzzed.
#![recursion_limit = "256"]
#![deny(unsafe_code)]

mod atomic_file;
mod audit;
mod benchmark;
mod blind;
mod bundles;
mod calibration;
mod captioned;
mod captions;
mod catch_panic;
mod checkpoint;
mod cli;
mod commands;
mod data;
mod device;
mod evaluation;
mod experiment;
mod files;
#[cfg(fuzzing)]
pub mod fuzzing;
mod import;
mod interrupt;
mod kernels;
mod leakage;
mod learned;
mod metrics;
mod objective;
mod parquet_rows;
mod picture_names;
mod presets;
mod progress;
mod python_strings;
mod report;
mod run_config;
mod run_folder;
mod schedule;
mod statistics;
mod text_pairs;
mod train_state;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line says. Results go to stdout, progress and errors to stderr. Exit status: 0 done, 1 failed, 2 wrong
/// arguments.
pub fn run() -> ExitCode {
    let done = match cli::Cli::parse().command {
        cli::Command::Scenes(args) => commands::scenes::run(&args),
        cli::Command::Negatives(args) => commands::negatives::run(&args),
        cli::Command::Calibrate(args) => commands::calibrate::run(&args),
        cli::Command::Fluency(args) => commands::fluency::run(&args),
        cli::Command::Pretrain(args) => commands::pretrain::run(&args),
        cli::Command::Experiment(args) => commands::experiment::run(&args),
        cli::Command::Evaluate(args) => commands::evaluate::run(&args),
        cli::Command::Score(args) => commands::score::run(&args),
        cli::Command::Embed(args) => commands::embed::run(&args),
        cli::Command::Import(args) => commands::import::run(&args),
        cli::Command::Export(args) => commands::export::run(&args),
        cli::Command::Inspect(args) => commands::inspect::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that has seen enough, such as `head`, is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
