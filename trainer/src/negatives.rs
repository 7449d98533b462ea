//! Hard negatives as a set: balanced, judged without a look at any image, audited.

pub mod audit;
pub mod blind;
pub mod calibration;
pub mod learned;
