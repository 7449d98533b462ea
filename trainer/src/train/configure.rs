//! From settings and data to the config of a run.

use std::path::Path;

use anyhow::{Result, bail};
use shared::model::{ClipConfig, Scoring};
use shared::tokenizer::Tokenizer;

use super::data::Data;
use super::objective::Loss;
use super::options::Options;
use super::run_config::RunConfig;
use crate::models::bundles;
use crate::models::presets::Preset;
use crate::system;

/// The config of a new run on data, and its tokenizer. By default a step has a batch for each device of each process.
///
/// # Errors
/// If the settings do not fit the data, or a bundle that they name cannot be used.
pub fn configure(options: &Options, data: &Data, n_processes: usize) -> Result<(RunConfig, Tokenizer)> {
    let settings = &options.settings;
    data.check_batch()?;
    if settings.negatives.mined && !data.can_be_mined() {
        bail!("--negatives mined needs captions in files: drawn scenes are never seen twice");
    }
    if settings.negatives.given && !data.provides_negatives() {
        bail!("--negatives given needs a table with a column `neg_caption`, as NegCLIP publishes it");
    }
    let (mut model, tokenizer) = match &settings.init {
        Some(path) => {
            let bundle = bundles::read(path)?;
            (bundle.header().config().clone(), bundle.header().tokenizer().clone())
        }
        None => {
            let preset = settings.preset.unwrap_or(Preset::Small);
            match &settings.init_text {
                Some(path) => with_text_tower(preset, path)?,
                None => {
                    let tokenizer = data.tokenizer(preset.vocabulary())?;
                    (preset.config(tokenizer.vocabulary()), tokenizer)
                }
            }
        }
    };
    if settings.loss == Loss::Siglip && settings.init.is_none() {
        model.scoring = Scoring::Sigmoid;
    }
    let is_pairwise = model.scoring == Scoring::Sigmoid;
    if is_pairwise != (settings.loss == Loss::Siglip) {
        bail!(match is_pairwise {
            true => "this model judges each pair by itself; train it with --loss siglip",
            false => "--loss siglip needs a model with a logit bias, such as an imported SigLIP or a new one",
        });
    }
    if model.vision.backbone().is_none() {
        if settings.freeze_backbone {
            bail!("this model has no image backbone to freeze; --preset photo has one");
        }
        if settings.channel_dropout > 0.0 {
            bail!("--channel-dropout needs an image backbone, which --preset photo has");
        }
    }
    let config = RunConfig {
        shares: data.shares().to_vec(),
        fingerprint: data.fingerprint(),
        images: data.images(),
        loss_weight: settings.loss_weight.unwrap_or_else(|| settings.loss.published_weight()),
        single_objects: 0.4,
        accum_freq: settings.accum_freq.unwrap_or((options.devices.len().max(1) * n_processes) as u64),
        warmup: 0.05,
        model,
        commit: system::commit(),
        command: options.command.clone(),
        settings: settings.clone(),
    };
    if config.steps() == 0 {
        bail!("the data does not fill a step of {} batches; lower --accum-freq", config.accum_freq);
    }
    Ok((config, tokenizer))
}

/// The model of a preset with the text tower of a bundle, and the bundle's tokenizer.
fn with_text_tower(preset: Preset, path: &Path) -> Result<(ClipConfig, Tokenizer)> {
    let bundle = bundles::read(path)?;
    let (theirs, tokenizer) = (bundle.header().config(), bundle.header().tokenizer());
    let ours = preset.config(tokenizer.vocabulary());
    // Both towers share these.
    let both = |config: &ClipConfig| (config.embedding, config.activation, config.norm_epsilon);
    if both(&ours) != both(theirs) {
        bail!(
            "the text tower of {} has embeddings of {} numbers, the preset of {}, or computes in another way",
            path.display(),
            theirs.embedding,
            ours.embedding
        );
    }
    Ok((ClipConfig { text: theirs.text.clone(), ..ours }, tokenizer.clone()))
}
