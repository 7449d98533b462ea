//! One file a verb of the command line.

pub mod evaluate;
pub mod export;
pub mod fluency;
pub mod inspect;
pub mod negatives;
pub mod pretrain;
pub mod scenes;
pub mod score;

use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use shared::bundle::Bundle;
use shared::engine::Engine;

/// Reads a bundle file.
fn read_bundle(path: &Path) -> Result<Bundle> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Bundle::read(bytes).with_context(|| format!("cannot use {}", path.display()))
}

/// Loads a bundle onto a device and checks that it computes there what it should.
fn load_engine(path: &Path, device: &Device) -> Result<(Bundle, Engine)> {
    let bundle = read_bundle(path)?;
    let engine = pollster::block_on(async {
        let engine = Engine::load(&bundle, device).await?;
        engine.self_test(&bundle).await?;
        Ok::<_, shared::engine::EngineError>(engine)
    })
    .with_context(|| format!("cannot use {}", path.display()))?;
    Ok((bundle, engine))
}
