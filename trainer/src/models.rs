//! Models outside of training: their sizes, published weights, bundles.

pub mod bundles;
pub mod import;
pub mod presets;
