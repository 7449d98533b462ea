//! One file per command, with its options. `pretrain` is the room `train`.

pub mod average;
pub mod calibrate;
pub mod distill;
pub mod embed;
pub mod evaluate;
pub mod experiment;
mod experiment_file;
pub mod export;
pub mod fluency;
pub mod import;
pub mod inspect;
pub mod negatives;
pub mod scenes;
pub mod score;
pub mod verify;
