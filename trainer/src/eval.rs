//! Evaluation: a benchmark and bundles in, a report out.

pub mod benchmark;
mod compare;
mod decide;
pub mod embed;
pub mod leakage;
mod options;
mod parts;
pub mod report;
mod run;
mod table;
mod terms;
#[cfg(test)]
mod tests;
mod text_only;

pub use options::Options;
pub use run::{load, run};
