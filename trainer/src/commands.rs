//! One file per command.

pub mod calibrate;
pub mod embed;
pub mod evaluate;
pub mod experiment;
pub mod export;
pub mod fluency;
pub mod import;
pub mod inspect;
pub mod negatives;
pub mod pretrain;
pub mod scenes;
pub mod score;
