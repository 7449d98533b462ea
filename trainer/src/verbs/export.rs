//! `export`: a training run becomes a bundle that proves itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use shared::bundle::{Bundle, Training};

use crate::cli::ExportArgs;
use crate::data::PICTURE_LIST;
use crate::verbs::pretrain;
use crate::{bundles, checkpoint, leakage};

/// Writes the newest checkpoint of a run as a bundle.
///
/// # Errors
/// If the folder holds no checkpoint, or the file cannot be written.
pub fn run(args: &ExportArgs) -> Result<()> {
    let (config, tokenizer) = pretrain::load(&args.run)?;
    let (steps, folder) = checkpoint::latest(&args.run)?;
    let device = Device::flex();
    let model = checkpoint::load_model(&folder, config.model.init(&device))?;
    let training = Training {
        data: vec![config.data.clone()],
        negatives: config.negatives.clone(),
        steps,
        batch: config.batch,
        seed: config.seed,
        commit: config.commit.clone(),
        results: last_metrics(&args.run)?,
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

/// The numbers of the last line of `metrics.jsonl`.
fn last_metrics(run: &Path) -> Result<serde_json::Map<String, serde_json::Value>> {
    let path = run.join("metrics.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let line = text.lines().last().with_context(|| format!("{} is empty", path.display()))?;
    let all: serde_json::Map<_, _> =
        serde_json::from_str(line).with_context(|| format!("cannot understand {}", path.display()))?;
    Ok(all.into_iter().filter(|(name, _)| ["loss", "logit_scale"].contains(&name.as_str())).collect())
}
