//! `export`: a training run becomes a bundle that proves itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use burn::module::Module;
use burn::tensor::Device;
use shared::bundle::{Bundle, Training};

use crate::cli::ExportArgs;
use crate::data::PICTURE_LIST;
use crate::{bundles, checkpoint, leakage, learner, metrics, run_folder};

/// Writes the newest checkpoint of a run as a bundle.
///
/// # Errors
/// If the folder holds no checkpoint, or the file cannot be written.
pub fn run(args: &ExportArgs) -> Result<()> {
    let (config, tokenizer) = run_folder::load(&args.run)?;
    let latest = checkpoint::latest(&args.run)?;
    let (steps, folder) = latest.with_context(|| format!("{} has no checkpoint yet", args.run.display()))?;
    let device = Device::flex();
    let model = checkpoint::load_result(&folder, learner::adapted(&config, config.model.init(&device)))?;
    // Adapters become part of what they adapt.
    let model = model.materialize();
    let training = Training {
        data: config.data.clone(),
        negatives: config.negatives.clone(),
        steps,
        batch: config.batch,
        seed: config.seed,
        commit: config.commit.clone(),
        results: metrics_at(&args.run, steps)?,
        pictures: pictures(&args.run)?,
        imported: None,
    };
    let pack = |precision, training: &Training| {
        Ok(Bundle::new(&config.model, &model, &tokenizer, training, precision)?)
    };
    let bundle = bundles::make(args.precision.into(), &bundles::drift_scenes(), training, pack)?;
    bundles::write(&args.out, &bundle)
}

/// The fingerprints of the pictures that a run was trained on, if it was on files.
fn pictures(run: &Path) -> Result<Vec<u32>> {
    let path = run.join(PICTURE_LIST);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let names = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let known: BTreeSet<u32> = names.lines().map(leakage::fingerprint).collect();
    Ok(known.into_iter().collect())
}

/// What was measured up to the checkpoint of `steps`; later lines are of steps that a killed run will take again.
fn metrics_at(run: &Path, steps: u64) -> Result<serde_json::Map<String, serde_json::Value>> {
    let last = metrics::read(run, steps)?.pop().unwrap_or_default();
    Ok(last.into_iter().filter(|(name, _)| ["loss", "logit_scale"].contains(&name.as_str())).collect())
}
