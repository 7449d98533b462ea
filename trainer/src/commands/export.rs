//! `export`: a training run becomes a bundle that proves itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::{Context, Result};
use burn::module::Module;
use burn::tensor::Device;
use clap::Args;
use shared::bundle::{Bundle, Training};

use crate::eval::leakage;
use crate::models::bundles::{self, Output};
use crate::train::checkpoint;
use crate::train::data::IMAGE_LIST;
use crate::train::metrics;
use crate::train::run_folder;
use crate::train::state;

/// The options of `export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Export the newest checkpoint of this run folder.
    #[arg(long, value_name = "DIR")]
    pub run: PathBuf,
    #[command(flatten)]
    pub output: Output,
    /// Store perceptual hashes of the training images in the bundle (20 bytes each), so that `evaluate` finds copies of them
    /// under other names, in other sizes and formats. Hashes of their names are stored anyway.
    #[arg(long)]
    pub perceptual_hashes: bool,
}

/// Writes the newest checkpoint of a run as a bundle.
///
/// # Errors
/// If the folder holds no checkpoint, or the file cannot be written.
pub fn run(args: &ExportArgs) -> Result<()> {
    let (config, tokenizer) = run_folder::load(&args.run)?;
    let latest = checkpoint::latest(&args.run)?;
    let (steps, folder) = latest.with_context(|| format!("{} has no checkpoint yet", args.run.display()))?;
    let device = Device::flex();
    let model = checkpoint::load_model(&folder, state::adapted(&config, config.model.init(&device)))?;
    // Adapters become part of what they adapt.
    let model = model.materialize();
    let (images, hashes) = images(&args.run)?;
    let training = Training {
        data: config.settings.data.clone(),
        negatives: config.settings.negatives.to_string(),
        steps,
        batch: config.settings.batch_size * config.accum_freq as usize,
        seed: config.settings.seed,
        commit: config.commit.clone(),
        results: metrics_at(&args.run, steps)?,
        images,
        looks: if args.perceptual_hashes { hashes } else { Vec::new() },
        imported: None,
    };
    let pack = |precision, training: &Training| {
        Ok(Bundle::new(&config.model, &model, &tokenizer, training, precision)?)
    };
    let bundle = bundles::make(args.output.precision, &bundles::drift_scenes(), training, pack)?;
    args.output.write(&bundle)
}

/// The fingerprints and the perceptual hashes of the images that a run was trained on, if it was on files.
fn images(run: &Path) -> Result<(Vec<u32>, Vec<u64>)> {
    let path = run.join(IMAGE_LIST);
    if !path.exists() {
        return Ok((Vec::new(), Vec::new()));
    }
    let list = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut names, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for line in list.lines() {
        let parsed =
            line.rsplit_once('\t').and_then(|(name, hash)| Some((name, u64::from_str_radix(hash, 16).ok()?)));
        let (name, hash) =
            parsed.with_context(|| format!("{} has a line without a perceptual hash", path.display()))?;
        names.insert(leakage::fingerprint(name));
        hashes.insert(hash);
    }
    Ok((names.into_iter().collect(), hashes.into_iter().collect()))
}

/// What was measured up to the checkpoint of `steps`; later lines are of steps that a killed run will take again.
fn metrics_at(run: &Path, steps: u64) -> Result<serde_json::Map<String, serde_json::Value>> {
    let last = metrics::read(run, steps)?.pop().unwrap_or_default();
    Ok(last
        .into_iter()
        .filter(|(name, _)| ["loss", "logit_scale", "logit_bias"].contains(&name.as_str()))
        .collect())
}
