//! `pretrain`: the loop, in reading order: wait for data, step, report, save.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::module::{Module, ParamGroup};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use clap::ValueEnum;
use shared::model::Clip;
use shared::tokenizer::Tokenizer;

use crate::cli::PretrainArgs;
use crate::data::{self, Batch, Source};
use crate::metrics::{Metrics, Reporter};
use crate::run_config::{self, RunConfig};
use crate::{checkpoint, device, objective, schedule};

/// Steps between two lines of metrics. Reading a loss back makes the device wait, so it is not done every step.
const REPORT_EVERY: u64 = 20;
/// Steps between two checkpoints.
const SAVE_EVERY: u64 = 200;
/// Longer gradients of one parameter are shortened to this length.
const GRADIENT_NORM: f32 = 1.0;

/// Trains a model, or goes on with a run that was interrupted.
///
/// # Errors
/// If the folder is in use by another run or cannot be written to, or the device fails.
pub fn run(args: &PretrainArgs) -> Result<()> {
    let device = device::open(args.device)?;
    let (config, source, tokenizer) = if args.resume { go_on(&args.out)? } else { start(args)? };
    let device = device.autodiff();
    device.seed(config.seed);
    let mut state =
        State { model: config.model.init(&device).materialize(), optimizer: optimizer(&config), done: 0 };
    if args.resume {
        let (step, folder) = checkpoint::latest(&args.out)?;
        state.model = checkpoint::load_model(&folder, state.model)?;
        state.optimizer = checkpoint::load_optimizer(&folder, state.optimizer)?;
        state.done = step;
    }
    eprintln!(
        "{} weights, {} steps of {} pictures, negatives: {}",
        state.model.num_params(),
        config.steps(),
        config.batch,
        config.negatives
    );
    train(args, &config, &Arc::new(source), &tokenizer, &device, state)
}

/// All that changes from step to step.
struct State {
    model: Clip,
    optimizer: ModuleOptimizer,
    /// Steps.
    done: u64,
}

fn train(
    args: &PretrainArgs,
    config: &RunConfig,
    source: &Arc<Source>,
    tokenizer: &Tokenizer,
    device: &Device,
    mut state: State,
) -> Result<()> {
    let steps = config.steps();
    let interrupt = interrupt()?;
    let mut reporter = Reporter::new(&args.out, steps, state.done, args.quiet)?;
    let batches = data::batches(config, source, tokenizer, state.done);
    let mut interval = Interval::begin();
    while state.done < steps {
        let waiting = Instant::now();
        let batch = batches.recv().context("the data thread has died")??;
        interval.waited += waiting.elapsed();
        interval.with_negatives += batch.with_negatives;

        let loss = loss(&state.model, batch, config, device);
        let gradients = GradientsParams::from_grads(loss.backward(), &state.model);
        let rate = schedule::learning_rate(config.learning_rate, config.warmup, state.done, steps);
        state.model = state.optimizer.step(rate, state.model, gradients);
        interval.losses.push(loss.detach());
        state.done += 1;
        reporter.step();

        let done = state.done;
        let stopping = interrupt.load(Ordering::Relaxed) || args.stop_after.is_some_and(|last| done >= last);
        if done.is_multiple_of(REPORT_EVERY) || done == steps || stopping {
            let metrics = interval.end(done, rate, &state.model, config.batch)?;
            if !metrics.loss.is_finite() {
                bail!("the loss is {} at step {done}; try a lower --learning-rate", metrics.loss);
            }
            reporter.report(&metrics)?;
        }
        if done.is_multiple_of(SAVE_EVERY) || done == steps || stopping {
            checkpoint::save(&args.out, done, &state.model, &state.optimizer)?;
        }
        if stopping && done < steps {
            let out = args.out.display();
            reporter.say(&format!("stopped after {done} steps; go on with `pretrain --resume --out {out}`"));
            return Ok(());
        }
    }
    reporter.say(&format!("done; make a bundle with `export --run {} --out FILE`", args.out.display()));
    Ok(())
}

/// The loss of one batch, `[1]`.
fn loss(model: &Clip, batch: Batch, config: &RunConfig, device: &Device) -> Tensor<1> {
    let side = config.model.preprocess.side;
    let pixels = TensorData::new(batch.pixels, [config.batch, 3, side, side]);
    let images = model.encode_image(Tensor::from_data(pixels, device));
    let captions = model.encode_tokens(&batch.captions);
    let negatives = batch.negatives.map(|negatives| model.encode_tokens(&negatives));
    objective::contrastive(images, captions, negatives, model.logit_scale())
}

/// AdamW (arXiv 1711.05101) with CLIP's moments; only matrices decay.
fn optimizer(config: &RunConfig) -> ModuleOptimizer {
    let adamw = AdamWConfig::new().with_beta_1(0.9).with_beta_2(0.98).with_epsilon(1e-6);
    let clipping = burn::grad_clipping::GradientClippingConfig::Norm(GRADIENT_NORM);
    let undecayed = ["norm_", "bias", "logit_scale", "class_embedding", "position_embedding"];
    ModuleOptimizer::from(adamw.clone().with_weight_decay(config.weight_decay).build())
        .with_grad_clipping(clipping.init())
        .with_group(
            ParamGroup::from_any_predicates(undecayed.to_vec()),
            adamw.with_weight_decay(0.0).build(),
            Some(clipping.init()),
        )
}

/// Sets a new run up in its folder.
fn start(args: &PretrainArgs) -> Result<(RunConfig, Source, Tokenizer)> {
    if args.out.join("run.json").exists() {
        bail!(
            "{} holds a run already; go on with it by --resume, or choose another folder",
            args.out.display()
        );
    }
    let source = Source::open(&args.data, &args.images, args.split.as_deref(), args.seed)?;
    let pictures = source.pictures();
    if pictures < u64::from(args.batch) {
        bail!("an epoch of {pictures} pictures has no batch of {}; lower --batch", args.batch);
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let tokenizer = source.tokenizer(args.preset.vocabulary())?;
    let config = RunConfig {
        data: args.data.clone(),
        images: args.images.clone(),
        split: args.split.clone(),
        fingerprint: source.fingerprint(),
        pictures,
        negatives: args.negatives.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned()),
        concepts: args.negatives.concepts().to_vec(),
        per_caption: args.per_caption,
        single_objects: 0.4,
        epochs: args.epochs,
        batch: args.batch as usize,
        learning_rate: args.learning_rate,
        weight_decay: 0.1,
        warmup: 0.05,
        seed: args.seed,
        model: args.preset.config(tokenizer.vocabulary()),
        commit: run_config::commit(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
    };
    let path = tokenizer_path(&args.out);
    std::fs::write(&path, tokenizer.to_json()?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    source.record(&args.out)?;
    config.save(&args.out)?;
    Ok((config, source, tokenizer))
}

/// Opens the data of a run that was interrupted.
fn go_on(run: &Path) -> Result<(RunConfig, Source, Tokenizer)> {
    let (config, tokenizer) = load(run)?;
    let source = Source::open(&config.data, &config.images, config.split.as_deref(), config.seed)?;
    if (source.pictures(), source.fingerprint()) != (config.pictures, config.fingerprint) {
        bail!("{} has changed since the run began; it had {} pictures then", config.data, config.pictures);
    }
    Ok((config, source, tokenizer))
}

/// Reads what a run was set up with.
///
/// # Errors
/// If the folder holds no run, or one that cannot be understood.
pub fn load(run: &Path) -> Result<(RunConfig, Tokenizer)> {
    let config = RunConfig::load(run)?;
    let path = tokenizer_path(run);
    let json = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((config, Tokenizer::from_json(&json)?))
}

fn tokenizer_path(run: &Path) -> std::path::PathBuf {
    run.join("tokenizer.json")
}

/// Becomes true at Ctrl-C.
fn interrupt() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    Ok(stop)
}

/// What happened since the last line of metrics.
struct Interval {
    begun: Instant,
    waited: Duration,
    losses: Vec<Tensor<1>>,
    with_negatives: usize,
}

impl Interval {
    fn begin() -> Self {
        Interval { begun: Instant::now(), waited: Duration::ZERO, losses: Vec::new(), with_negatives: 0 }
    }

    /// Sums up the interval and begins the next one.
    fn end(&mut self, step: u64, learning_rate: f64, model: &Clip, batch: usize) -> Result<Metrics> {
        let ended = std::mem::replace(self, Interval::begin());
        let n_steps = ended.losses.len();
        let loss = Tensor::cat(ended.losses, 0).mean();
        let read = |tensor: Tensor<1>| {
            tensor.try_into_scalar::<f32>().map_err(|error| anyhow::anyhow!("the device failed: {error:?}"))
        };
        let seconds = ended.begun.elapsed().as_secs_f64();
        let pictures = (n_steps * batch) as f64;
        Ok(Metrics {
            step,
            loss: read(loss)?,
            learning_rate,
            logit_scale: read(model.logit_scale())?,
            with_negatives: ended.with_negatives as f64 / pictures,
            pictures_per_second: pictures / seconds,
            waiting: ended.waited.as_secs_f64() / seconds,
        })
    }
}
