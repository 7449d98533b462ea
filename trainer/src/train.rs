//! Training: settings and data in, a run folder out.

pub mod checkpoint;
pub mod configure;
mod curves;
pub mod data;
pub mod distill;
pub mod metrics;
pub mod negative_source;
mod objective;
mod options;
pub mod run;
pub mod run_config;
pub mod run_folder;
mod schedule;
pub mod settings;
pub mod state;
mod tensorboard;
mod warm_up;

pub use options::Options;
