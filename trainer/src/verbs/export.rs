//! `export`: a training run becomes a bundle that proves itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use shared::bundle::{Bundle, SelfTest, Training};
use shared::engine::Engine;
use shared::scene::{self, Scene};
use shared::seed;

use crate::checkpoint;
use crate::cli::ExportArgs;
use crate::verbs::pretrain;

/// The scenes of the self-test, each with its own caption and the next one's.
const SELFTEST_SCENES: u64 = 4;

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
    };
    let precision = args.precision.into();
    let bundle = Bundle::new(&config.model, &model, &tokenizer, &training, &[], precision)?;
    // Recorded from the stored weights, not the trained ones: rounding is part of what a bundle is.
    let selftest = record_selftest(&bundle, &device)?;
    let bundle = Bundle::new(&config.model, &model, &tokenizer, &training, &selftest, precision)?;
    write_atomically(&args.out, bundle.bytes())?;
    println!("{} ({} bytes)", args.out.display(), bundle.bytes().len());
    Ok(())
}

fn record_selftest(bundle: &Bundle, device: &Device) -> Result<Vec<SelfTest>> {
    pollster::block_on(async {
        let engine = Engine::load(bundle, device).await?;
        let mut pairs = Vec::new();
        for image_seed in 0..SELFTEST_SCENES {
            for caption_seed in [image_seed, image_seed + 1] {
                let caption =
                    scene::caption(&Scene::from_seed(caption_seed), &mut seed::rng(&[caption_seed]));
                let similarity = engine.scene_similarity(image_seed, &caption).await?;
                pairs.push(SelfTest { image_seed, caption, similarity });
            }
        }
        Ok(pairs)
    })
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

/// Writes a file so that it is either all there or not there.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let mut file = File::create(&partial).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)?;
    fs::rename(&partial, path).with_context(failed)
}
