//! Runs as folders: set up, gone on with, kept from other processes.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use shared::concept::Concept;
use shared::tokenizer::Tokenizer;

use crate::cli::{Negatives, PretrainArgs, Settings};
use crate::data::{Data, Files};
use crate::run_config::{self, RunConfig};
use crate::{atomic_file, bundles, checkpoint};

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
pub fn claim(args: &PretrainArgs) -> Result<Claim> {
    let run = args.out.clone();
    let is_new = !run.exists();
    if args.resume {
        RunConfig::load(&run)?;
    } else {
        std::fs::create_dir_all(&run).with_context(|| format!("cannot make {}", run.display()))?;
    }
    let failed = || format!("cannot write into {}", run.display());
    let lock = File::create(run.join(LOCK)).with_context(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(Claim { run, is_new, _lock: lock }),
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

/// Sets a new run up in its folder.
///
/// # Errors
/// If there is one already, or the arguments do not go together.
pub fn start(args: &PretrainArgs) -> Result<(RunConfig, Data, Tokenizer)> {
    if RunConfig::is_in(&args.out) {
        bail!(
            "{} holds a run already; go on with it by --resume, or choose another folder",
            args.out.display()
        );
    }
    let (config, mut data, tokenizer) = configure(args)?;
    data.balance(&config, &args.out)?;
    atomic_file::write(&tokenizer_path(&args.out), tokenizer.to_json()?)?;
    data.record(&args.out)?;
    // Last, because a folder with this file is a run.
    config.save(&args.out)?;
    Ok((config, data, tokenizer))
}

/// Checks that the run in a folder was set up as these arguments say.
///
/// # Errors
/// If it was not, or there is no run.
pub fn check_settings(args: &PretrainArgs) -> Result<()> {
    let (known, _) = load(&args.out)?;
    let (asked, ..) = configure(args)?;
    let comparable =
        |config: RunConfig| RunConfig { commit: String::new(), command: String::new(), ..config };
    if comparable(known) != comparable(asked) {
        bail!("{} holds a run with other settings; choose another folder", args.out.display());
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

/// What the settings say of all sources that are files.
pub fn files(settings: &Settings) -> Files<'_> {
    Files {
        images: &settings.images,
        instances: &settings.instances,
        split: settings.split.as_deref(),
        index: settings.index.as_deref(),
    }
}

/// The run that arguments stand for, and what they name.
///
/// # Errors
/// If the arguments do not go together, or a file that they name cannot be used.
pub fn configure(args: &PretrainArgs) -> Result<(RunConfig, Data, Tokenizer)> {
    let settings = &args.settings;
    let concepts: BTreeSet<Concept> =
        settings.negatives.iter().flat_map(|negatives| negatives.concepts()).copied().collect();
    if settings.negatives.len() > 1 && settings.asks_for(Negatives::None) {
        bail!("--negatives cannot be none and something else");
    }
    let data = open(settings, &args.data_weights)?;
    data.check_batch()?;
    if settings.asks_for(Negatives::Mined) && !data.can_be_mined() {
        bail!("--negatives mined needs captions in files: drawn scenes are never seen twice");
    }
    if settings.asks_for(Negatives::Given) && !data.gives_negatives() {
        bail!("--negatives given needs a table with a column `neg_caption`, as NegCLIP publishes it");
    }
    let (model, tokenizer) = match &settings.init {
        Some(path) => {
            let bundle = bundles::read(path)?;
            (bundle.header().config().clone(), bundle.header().tokenizer().clone())
        }
        None => {
            let tokenizer = data.tokenizer(args.preset.vocabulary())?;
            (args.preset.config(tokenizer.vocabulary()), tokenizer)
        }
    };
    let config = RunConfig {
        shares: data.shares().to_vec(),
        fingerprint: data.fingerprint(),
        pictures: data.pictures(),
        concepts: concepts.into_iter().collect(),
        loss_weight: args.loss_weight.unwrap_or_else(|| settings.loss.published_weight()),
        single_objects: 0.4,
        accum_freq: args.accum_freq.unwrap_or(args.devices.len() as u64).max(1),
        warmup: 0.05,
        model,
        commit: run_config::commit(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        settings: settings.clone(),
    };
    if config.steps() == 0 {
        bail!("the data does not fill a step of {} batches; lower --accum-freq", config.accum_freq);
    }
    Ok((config, data, tokenizer))
}

/// Opens the data of a run that was interrupted.
///
/// # Errors
/// If there is no run, or its data has changed.
pub fn go_on(run: &Path) -> Result<(RunConfig, Data, Tokenizer)> {
    let (config, tokenizer) = load(run)?;
    let weights: Vec<f64> = config.shares.iter().map(|share| *share as f64).collect();
    let mut data = open(&config.settings, &weights)?;
    if (data.pictures(), data.fingerprint()) != (config.pictures, config.fingerprint) {
        let names = config.settings.data.join(" or ");
        bail!("{names} has changed since the run began; it had {} pictures then", config.pictures);
    }
    data.balance(&config, run)?;
    Ok((config, data, tokenizer))
}

/// Opens the sources of a run, of which each has its weight in every batch.
fn open(settings: &Settings, weights: &[f64]) -> Result<Data> {
    Data::open(&settings.data, weights, &files(settings), settings.seed, settings.batch_size)
}

/// Reads what a run was set up with.
///
/// # Errors
/// If the folder holds no run, or one that cannot be understood.
pub fn load(run: &Path) -> Result<(RunConfig, Tokenizer)> {
    let config = RunConfig::load(run)?;
    let path = tokenizer_path(run);
    let json = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((config, Tokenizer::from_json(&json)?))
}

fn tokenizer_path(run: &Path) -> PathBuf {
    run.join("tokenizer.json")
}
