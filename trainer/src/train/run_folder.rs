//! Runs as folders: set up, resumed, kept from other processes.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use shared::tokenizer::Tokenizer;

use super::checkpoint;
use super::data::Data;
use super::run_config::RunConfig;
use crate::system::atomic_file;

/// The file whose lock says that a process is in a run folder.
const LOCK: &str = "lock";

/// Keeps other processes out of a run folder for as long as it lives, however this process ends.
pub struct Claim {
    run: PathBuf,
    /// The folder was not there before.
    is_new: bool,
    _lock: File,
}

/// Claims the run folder, and makes it if need be.
///
/// # Errors
/// If another process is in it, it cannot be written to, or there is no run to go on with.
pub fn claim(run: &Path, resume: bool) -> Result<Claim> {
    let is_new = !run.exists();
    if resume {
        RunConfig::load(run)?;
    } else {
        std::fs::create_dir_all(run).with_context(|| format!("cannot make {}", run.display()))?;
    }
    let failed = || format!("cannot write into {}", run.display());
    let lock = File::create(run.join(LOCK)).with_context(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(Claim { run: run.to_owned(), is_new, _lock: lock }),
        Err(TryLockError::WouldBlock) => bail!("{} is in use by another process", run.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(failed),
    }
}

impl Drop for Claim {
    /// Takes a folder away again that was made for a run that was refused.
    fn drop(&mut self) {
        let alone = |run: &Path| std::fs::read_dir(run).is_ok_and(|entries| entries.count() == 1);
        if self.is_new && alone(&self.run) {
            // Where this fails an empty folder stays, which is no harm. Who has opened the lock meanwhile cannot write.
            _ = std::fs::remove_file(self.run.join(LOCK)).and_then(|()| std::fs::remove_dir(&self.run));
        }
    }
}

/// Writes what defines a new run into its folder.
///
/// # Errors
/// If the folder cannot be written to.
pub fn begin(run: &Path, config: &RunConfig, data: &Data, tokenizer: &Tokenizer) -> Result<()> {
    atomic_file::write(&tokenizer_path(run), tokenizer.to_json()?)?;
    data.record(run)?;
    // Last, because a folder with this file is a run.
    config.save(run)
}

/// Checks that a folder holds no run yet.
///
/// # Errors
/// If it does.
pub fn check_new(run: &Path) -> Result<()> {
    if RunConfig::is_in(run) {
        bail!("{} holds a run already; go on with it by --resume, or choose another folder", run.display());
    }
    Ok(())
}

/// Checks that the run in a folder was set up as another config says.
///
/// # Errors
/// If it was not, or there is no run.
pub fn check_settings(run: &Path, asked: RunConfig) -> Result<()> {
    let (known, _) = load(run)?;
    let comparable =
        |config: RunConfig| RunConfig { commit: String::new(), command: String::new(), ..config };
    if comparable(known) != comparable(asked) {
        bail!("{} holds a run with other settings; choose another folder", run.display());
    }
    Ok(())
}

/// Whether a run has taken all its steps.
///
/// # Errors
/// If there is no run, or it cannot be read.
pub fn is_done(run: &Path) -> Result<bool> {
    let (config, _) = load(run)?;
    Ok(checkpoint::latest(run)?.is_some_and(|(step, _)| step >= config.steps()))
}

/// Checks that the data of a run that was interrupted is as it was.
///
/// # Errors
/// If it has changed.
pub fn check_data(config: &RunConfig, data: &Data) -> Result<()> {
    if (data.images(), data.fingerprint()) != (config.images, config.fingerprint) {
        let names = config.settings.data.join(" or ");
        bail!("{names} has changed since the run began; it had {} images then", config.images);
    }
    Ok(())
}

/// Reads what a run was set up with.
///
/// # Errors
/// If the folder holds no run, or one that cannot be understood.
pub fn load(run: &Path) -> Result<(RunConfig, Tokenizer)> {
    let config = RunConfig::load(run)?;
    let path = tokenizer_path(run);
    let json = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let tokenizer = config.model.text.prepare(Tokenizer::from_json(&json)?);
    Ok((config, tokenizer))
}

fn tokenizer_path(run: &Path) -> PathBuf {
    run.join("tokenizer.json")
}
