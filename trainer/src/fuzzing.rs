//! What `tests/fuzz` calls: every reader of files that others make. Nothing here is part of the program.

use std::path::Path;

use clap::Parser;

use crate::captioned::Split;
use crate::cli::{Cli, Command};
use crate::data::instances::{self, Instances};
use crate::data::shards;
use crate::import::tensors::TensorFiles;
use crate::{captioned, captions, commands, text_pairs};

/// Reads a benchmark whose files lie in a folder.
///
/// # Panics
/// If there is no benchmark of this name.
pub fn benchmark(name: &str, folder: &Path) {
    let folder = folder.to_string_lossy();
    let command = ["trainer", "evaluate", "--bundle", "none", "--benchmark", name, "--data", &folder];
    if let Command::Evaluate(args) = Cli::try_parse_from(command).expect("a benchmark").command {
        _ = commands::evaluate::benchmark(&args);
    }
}

/// Reads captions: for negatives of them, for an audit, and to train on.
pub fn captions(file: &Path) {
    _ = captions::Captions::read(file, Split::Unnamed);
    _ = text_pairs::read(file);
    _ = captioned::read(file, Split::Unnamed);
}

/// Reads what COCO's annotators outlined.
pub fn instances(file: &Path) {
    _ = instances::read(file, &mut Instances::new());
}

/// Reads a shard.
pub fn shard(bytes: &[u8]) {
    _ = shards::scan(bytes);
}

/// Reads every tensor of a file of weights.
pub fn weights(file: &Path) {
    if let Ok(tensors) = TensorFiles::open(&[file.to_owned()]) {
        for name in tensors.names() {
            _ = tensors.values(name);
        }
    }
}
