//! How to run a training run today: in which folder, on which device, until when.

use std::path::PathBuf;

use clap::Args;

use super::settings::Settings;
use crate::system::device::Backend;
use crate::system::named::named;
use crate::system::process_group::Transport;

const SAVE_EVERY: u64 = 200;
const LOG_EVERY: u64 = 20;

/// The options of `pretrain`.
#[derive(Args, Clone)]
pub struct Options {
    #[command(flatten)]
    /// What defines the run.
    pub settings: Settings,
    /// Write settings, metrics and checkpoints into this run folder.
    #[arg(long)]
    pub out: PathBuf,
    /// Continue the run in the folder, with its own settings.
    #[arg(long)]
    pub resume: bool,
    /// Save a checkpoint every N steps.
    #[arg(long, value_name = "STEPS", default_value_t = SAVE_EVERY, value_parser = clap::value_parser!(u64).range(1..))]
    pub save_every: u64,
    /// Log metrics every N steps.
    #[arg(long, value_name = "STEPS", default_value_t = LOG_EVERY, value_parser = clap::value_parser!(u64).range(1..))]
    pub log_every: u64,
    /// Write TensorBoard's events into the run folder, too.
    #[arg(long)]
    pub tensorboard: bool,
    /// Compile the GPU kernels of this run ahead of it, with a few steps of a model of three layers per tower. Nothing is
    /// written into the run folder.
    #[arg(long, conflicts_with = "resume")]
    pub warm_up: bool,
    /// Stop after N steps, as at Ctrl-C; continue with `--resume`.
    #[arg(long, value_name = "STEPS")]
    pub stop_after: Option<u64>,
    /// Show no progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
    /// Train on several devices of that kind, by comma-separated index.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub devices: Vec<usize>,
    /// Train with the other processes that `mpirun` or `srun` starts, one per device: `mpi`.
    #[arg(long, value_name = "TRANSPORT", value_parser = named::<Transport>, conflicts_with = "warm_up")]
    pub distributed: Option<Transport>,
    /// Recompute cheap activations instead of storing them (arXiv 1604.06174): less memory, more time, the same numbers.
    #[arg(long)]
    pub gradient_checkpointing: bool,
    /// The command, as the run folder notes it.
    #[arg(skip = typed())]
    pub command: String,
}

fn typed() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}

impl Options {
    /// A run of these settings in a folder, everything else as by default.
    pub fn new(settings: Settings, out: PathBuf, command: String) -> Self {
        Options {
            settings,
            out,
            resume: false,
            save_every: SAVE_EVERY,
            log_every: LOG_EVERY,
            tensorboard: false,
            warm_up: false,
            stop_after: None,
            quiet: false,
            device: None,
            devices: Vec::new(),
            distributed: None,
            gradient_checkpointing: false,
            command,
        }
    }
}
