//! `inspect`: what a bundle holds.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use shared::bundle::Imported;
use shared::engine::Engine;

use crate::models::bundles;
use crate::system::device;
use crate::system::device::Backend;
use crate::system::named::named;

/// The options of `inspect`.
#[derive(Args)]
pub struct InspectArgs {
    /// The bundle.
    pub bundle: PathBuf,
    /// Replay the self-test on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

/// Prints a bundle's config, size, training facts and self-test.
///
/// # Errors
/// If the bundle cannot be used on the device.
pub fn run(args: &InspectArgs) -> Result<()> {
    let bundle = bundles::read(&args.bundle)?;
    let tensors = bundle.header().tensors();
    let weights: usize = tensors.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    let mut precisions: Vec<String> = tensors.iter().map(|tensor| format!("{:?}", tensor.dtype)).collect();
    precisions.sort_unstable();
    precisions.dedup();
    let training = bundle.header().training();

    let mut out = io::stdout().lock();
    writeln!(out, "file        {} ({} bytes)", args.bundle.display(), bundle.bytes().len())?;
    writeln!(
        out,
        "weights     {weights} in {} tensors, stored as {}",
        tensors.len(),
        precisions.join(" and ")
    )?;
    writeln!(out, "vocabulary  {} tokens", bundle.header().tokenizer().vocabulary())?;
    match &training.imported {
        Some(Imported { from, layout }) => {
            writeln!(out, "imported    from {from} ({layout} names), by commit {}", training.commit)?;
        }
        None => {
            writeln!(out, "trained on  {}, negatives: {}", training.data.join(", "), training.negatives)?;
            writeln!(
                out,
                "            {} steps of {} images, seed {}, commit {}",
                training.steps, training.batch, training.seed, training.commit
            )?;
        }
    }
    for (name, result) in &training.results {
        writeln!(out, "            {name}: {result}")?;
    }
    writeln!(
        out,
        "config      {}",
        serde_json::to_string_pretty(bundle.header().config())?.replace('\n', "\n            ")
    )?;

    let device = device::open(args.device)?;
    let difference =
        pollster::block_on(async { Engine::load(&bundle, &device).await?.self_test(bundle.header()).await })
            .with_context(|| format!("cannot use {}", args.bundle.display()))?;
    writeln!(
        out,
        "self-test   {} pairs reproduced, largest difference {difference:.1e}",
        bundle.header().selftest().len()
    )?;
    Ok(())
}
