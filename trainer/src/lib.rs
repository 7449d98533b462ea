//! The trainer: scenes and captions in, bundles and tables out. A program; the library is there to be fuzzed.
#![recursion_limit = "256"]
#![deny(unsafe_code)]

mod audit;
mod bar;
mod benchmark;
mod blind;
mod bundles;
mod calibration;
mod captioned;
mod captions;
mod checkpoint;
mod cli;
mod contained;
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
mod learner;
mod metrics;
mod objective;
mod parquet_rows;
mod picture_names;
mod presets;
mod python_strings;
mod report;
mod run_config;
mod run_folder;
mod schedule;
mod statistics;
mod text_pairs;
mod verbs;
mod whole;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line says. Results go to stdout, progress and errors to stderr. Exit status: 0 done, 1 failed, 2 wrong
/// arguments.
pub fn run() -> ExitCode {
    let done = match cli::Cli::parse().verb {
        cli::Verb::Scenes(args) => verbs::scenes::run(&args),
        cli::Verb::Negatives(args) => verbs::negatives::run(&args),
        cli::Verb::Calibrate(args) => verbs::calibrate::run(&args),
        cli::Verb::Fluency(args) => verbs::fluency::run(&args),
        cli::Verb::Pretrain(args) => verbs::pretrain::run(&args),
        cli::Verb::Experiment(args) => verbs::experiment::run(&args),
        cli::Verb::Evaluate(args) => verbs::evaluate::run(&args),
        cli::Verb::Score(args) => verbs::score::run(&args),
        cli::Verb::Embed(args) => verbs::embed::run(&args),
        cli::Verb::Import(args) => verbs::import::run(&args),
        cli::Verb::Export(args) => verbs::export::run(&args),
        cli::Verb::Inspect(args) => verbs::inspect::run(&args),
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
