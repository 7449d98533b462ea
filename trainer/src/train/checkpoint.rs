//! Saving and resuming a run: model, optimizer and step, all or nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use shared::model::Clip;

use crate::system::atomic_file;
use crate::train::negative_source::NegativeSource;
use crate::train::objective::Thresholds;

const PREFIX: &str = "checkpoint-";
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const THRESHOLDS: &str = "thresholds.json";

/// What is saved.
pub struct Checkpoint<'a> {
    /// The model that goes on learning.
    pub model: &'a Clip,
    /// The optimizer's moments.
    pub optimizer: &'a ModuleOptimizer,
    /// What the loss remembers.
    pub thresholds: &'a Thresholds,
}

/// Saves the state after `step` steps, then removes older checkpoints.
/// The folder appears under its name only when it is complete, so a killed process leaves the previous one whole.
///
/// # Errors
/// If the run folder cannot be written to.
pub fn save(run: &Path, step: u64, state: &Checkpoint) -> Result<()> {
    let partial = run.join("checkpoint.partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
    }
    let failed = || format!("cannot write a checkpoint into {}", run.display());
    fs::create_dir_all(&partial).with_context(failed)?;
    state.model.clone().into_record().save(partial.join(MODEL)).with_context(failed)?;
    state.optimizer.save(partial.join(OPTIMIZER)).with_context(failed)?;
    let thresholds = serde_json::to_string(&state.thresholds.values()?)?;
    fs::write(partial.join(THRESHOLDS), thresholds).with_context(failed)?;
    for entry in fs::read_dir(&partial).with_context(failed)? {
        entry.and_then(|entry| File::open(entry.path())?.sync_all()).with_context(failed)?;
    }
    let older = all(run)?;
    let complete = run.join(format!("{PREFIX}{step:08}"));
    if complete.exists() {
        fs::remove_dir_all(&complete).with_context(failed)?;
    }
    fs::rename(&partial, &complete).with_context(failed)?;
    File::open(run).and_then(|folder| folder.sync_all()).with_context(failed)?;
    for (_, path) in older.into_iter().filter(|(_, path)| *path != complete) {
        fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// The newest checkpoint of a run, if it has come so far: its number of steps and its folder.
///
/// # Errors
/// If the run folder cannot be read.
pub fn latest(run: &Path) -> Result<Option<(u64, PathBuf)>> {
    Ok(all(run)?.pop())
}

/// Loads a checkpoint's weights.
///
/// # Errors
/// If they cannot be read or do not fit the model.
pub fn load_model(checkpoint: &Path, model: Clip) -> Result<Clip> {
    let path = checkpoint.join(MODEL);
    let failed = || format!("cannot load {}", path.display());
    let record = ModuleRecord::load(&path).with_context(failed)?;
    model.try_load_record(record).with_context(failed)
}

/// Loads a checkpoint's optimizer state.
///
/// # Errors
/// If it cannot be read.
pub fn load_optimizer(checkpoint: &Path, optimizer: ModuleOptimizer) -> Result<ModuleOptimizer> {
    let path = checkpoint.join(OPTIMIZER);
    optimizer.load(&path).with_context(|| format!("cannot load {}", path.display()))
}

/// Loads what the loss remembered at a checkpoint.
///
/// # Errors
/// If it cannot be read.
pub fn load_thresholds(checkpoint: &Path) -> Result<[f32; NegativeSource::COUNT]> {
    atomic_file::read_json(&checkpoint.join(THRESHOLDS))
}

/// All complete checkpoints, oldest first.
fn all(run: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(run).with_context(|| format!("cannot read {}", run.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", run.display()))?;
        let name = entry.file_name();
        let step = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        found.extend(step.map(|step| (step, entry.path())));
    }
    found.sort();
    Ok(found)
}
