//! `distill`: sentences and the vectors that a sentence encoder gives them in, a text tower out, for `pretrain --init-text`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use burn::module::Module;
use burn::tensor::Device;
use clap::Args;
use rayon::prelude::*;
use shared::bundle::{Bundle, Precision, Training, text_tower};
use shared::tokenizer::{Tokenizer, TokenizerError, Tokens};

use crate::models::bundles;
use crate::models::presets::Preset;
use crate::system;
use crate::system::device::{self, Backend};
use crate::system::files::{file_name, lines};
use crate::system::named::named;
use crate::system::npy::Matrix;
use crate::train::distill::{Recipe, distill};

/// The options of `distill`.
#[derive(Args)]
pub struct DistillArgs {
    /// Read sentences from this file, one per line, gzipped or not.
    #[arg(long, value_name = "FILE")]
    pub sentences: PathBuf,
    /// Read the vectors that the teacher gives these sentences, `[n, D]` in NumPy's format, float32 or float16.
    #[arg(long, value_name = "FILE.npy")]
    pub vectors: PathBuf,
    /// Distill into the text tower of this preset.
    #[arg(long, value_name = "PRESET", value_parser = named::<Preset>)]
    pub preset: Preset,
    /// Write the text tower and its tokenizer into this file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Pass over the sentences N times.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub epochs: u16,
    /// Put N sentences into a batch.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u16).range(2..))]
    pub batch_size: u16,
    /// Set the peak learning rate.
    #[arg(long, value_name = "RATE", default_value_t = 2e-3)]
    pub lr: f64,
    /// Set the weight decay of matrices.
    #[arg(long, value_name = "DECAY", default_value_t = 0.05)]
    pub weight_decay: f32,
    /// Seed the weights and the order of the sentences.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Show no progress bar.
    #[arg(long)]
    pub quiet: bool,
    /// Compute on `cuda`, `wgpu` or `cpu`; by default on the best there is.
    #[arg(long, value_name = "DEVICE", value_parser = named::<Backend>)]
    pub device: Option<Backend>,
}

/// Trains the text tower and writes it.
///
/// # Errors
/// If a file cannot be read, the two do not fit each other, the device fails, or the tower cannot be written.
pub fn run(args: &DistillArgs) -> Result<()> {
    let sentences = lines(&args.sentences, "sentences")?;
    let failed = || format!("cannot use {}", args.vectors.display());
    let vectors = Matrix::read(&std::fs::read(&args.vectors).with_context(failed)?).with_context(failed)?;
    let [n_vectors, width] = vectors.shape;
    if n_vectors != sentences.len() || width == 0 {
        bail!(
            "{} has {} sentences, {} has {n_vectors} vectors of {width} numbers",
            args.sentences.display(),
            sentences.len(),
            args.vectors.display()
        );
    }
    let device = device::open(args.device)?.autodiff();
    device.seed(args.seed);
    let tokenizer = Tokenizer::train(sentences.iter().map(String::as_str), args.preset.vocabulary())?;
    let config = args.preset.config(tokenizer.vocabulary());
    let encode = |sentence: &String| tokenizer.encode(sentence, config.text.context);
    let tokens: Vec<Tokens> = sentences.par_iter().map(encode).collect::<Result<_, TokenizerError>>()?;
    let recipe = Recipe {
        epochs: args.epochs.into(),
        batch_size: args.batch_size.into(),
        lr: args.lr,
        weight_decay: args.weight_decay,
        seed: args.seed,
        quiet: args.quiet,
    };
    let distilled = distill(config.init(&device).drawn(), &tokens, &vectors, recipe)?;
    let mut results = serde_json::Map::new();
    results.insert("teacher_cosine".to_owned(), distilled.cosine.into());
    let training = Training {
        data: vec![file_name(&args.sentences)],
        negatives: "none".to_owned(),
        steps: distilled.steps as u64,
        batch: recipe.batch_size,
        seed: args.seed,
        commit: system::commit(),
        results,
        images: Vec::new(),
        looks: Vec::new(),
        imported: None,
    };
    let model = distilled.clip.valid().fork(&Device::flex());
    let tower = Bundle::pack(&config, text_tower(&model), &tokenizer, &training, Precision::F32)?;
    bundles::write(&args.out, &tower)
}
