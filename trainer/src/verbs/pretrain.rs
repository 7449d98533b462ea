//! `pretrain`: the loop, in reading order: wait for data, step, report, save.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::module::{Module, ParamGroup};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData, s};
use clap::ValueEnum;
use shared::concept::Concept;
use shared::model::{Clip, Stem};
use shared::tokenizer::Tokenizer;

use crate::cli::{Negatives as Kinds, PretrainArgs};
use crate::data::{self, Batch, Data, Files};
use crate::interrupt::Interrupt;
use crate::metrics::{Metrics, Reporter};
use crate::objective::{Embedded, Margins, Negatives, Objective, indices};
use crate::report::curves;
use crate::run_config::{self, RunConfig};
use crate::{bundles, checkpoint, device, import, schedule, whole};

/// Steps between two lines of metrics. Reading a loss back makes the device wait, so it is not done every step.
const REPORT_EVERY: u64 = 20;
/// Longer gradients of one parameter are shortened to this length.
const GRADIENT_NORM: f32 = 1.0;

/// Trains a model, or goes on with a run that was interrupted.
///
/// # Errors
/// If the folder is in use by another run or cannot be written to, or the device fails.
pub fn run(args: &PretrainArgs) -> Result<()> {
    let _claim = claim(args)?;
    let device = device::open(args.device)?;
    let (config, mut data, tokenizer) = if args.resume { go_on(&args.out)? } else { start(args)? };
    let checkpoint = checkpoint::latest(&args.out)?;
    let model_on = |device: &Device| match &checkpoint {
        Some((_, folder)) => checkpoint::load_model(folder, config.model.init(device).materialize()),
        None => first_model(&config, device),
    };
    if config.lock_stem {
        data.look_through(model_on(&device)?, &config)?;
    }
    let device = device.autodiff();
    device.seed(config.seed);
    let model = model_on(&device)?;
    let state = match &checkpoint {
        Some((step, folder)) => State::load(&config, model, *step, folder, &device)?,
        None => {
            let model = standardized(model, &data, &tokenizer, &config, &device)?;
            State::begin(&config, model, &device)
        }
    };
    eprintln!(
        "{} weights, {} steps of {} pictures, negatives: {}",
        state.model.num_params(),
        config.steps(),
        config.batch,
        config.negatives
    );
    train(args, &config, &Arc::new(data), &tokenizer, &device, state)
}

/// Keeps other processes out of the run folder for as long as the file is open, however this one ends.
fn claim(args: &PretrainArgs) -> Result<File> {
    let run = &args.out;
    if args.resume {
        RunConfig::load(run)?;
    } else {
        std::fs::create_dir_all(run).with_context(|| format!("cannot make {}", run.display()))?;
    }
    let failed = || format!("cannot write into {}", run.display());
    let file = File::create(run.join("lock")).with_context(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{} is in use by another process", run.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(failed),
    }
}

/// All that changes from step to step.
struct State {
    model: Clip,
    optimizer: ModuleOptimizer,
    objective: Objective,
    /// Steps.
    done: u64,
}

impl State {
    /// The state before the first step.
    fn begin(config: &RunConfig, model: Clip, device: &Device) -> Self {
        let margins = Margins::new([0.0; Concept::ALL.len()], device);
        State::new(config, model, optimizer(config), margins, 0)
    }

    /// The state of a checkpoint.
    fn load(config: &RunConfig, model: Clip, step: u64, folder: &Path, device: &Device) -> Result<Self> {
        let optimizer = checkpoint::load_optimizer(folder, optimizer(config))?;
        let margins = Margins::new(checkpoint::load_margins(folder)?, device);
        Ok(State::new(config, model, optimizer, margins, step))
    }

    fn new(config: &RunConfig, model: Clip, optimizer: ModuleOptimizer, margins: Margins, done: u64) -> Self {
        let model = if config.lock_stem { model.lock_stem() } else { model };
        State {
            model: if config.lock_image { model.lock_image() } else { model },
            optimizer,
            objective: Objective::new(config.loss, config.loss_weight, margins),
            done,
        }
    }
}

/// The model before the first step.
fn first_model(config: &RunConfig, device: &Device) -> Result<Clip> {
    let model = match &config.init {
        Some(path) => bundles::read(path)?.model(device)?,
        None => config.model.init(device).materialize(),
    };
    match &config.init_image {
        Some(path) => import::mobilenet::load(path, model),
        None => Ok(model),
    }
}

/// The model before the first step with the numbers of its network, if it has one, on the scale of the first batch; one
/// that has been trained before stays as it is.
fn standardized(
    model: Clip,
    data: &Data,
    tokenizer: &Tokenizer,
    config: &RunConfig,
    device: &Device,
) -> Result<Clip> {
    if config.init.is_some() || !matches!(config.model.vision.stem, Stem::Network(_)) {
        return Ok(model);
    }
    let sample = data::batch(config, data, tokenizer, 0)?;
    let stem = stem(&model, sample.images, config, device).detach();
    Ok(model.standardize(stem))
}

fn train(
    args: &PretrainArgs,
    config: &RunConfig,
    data: &Arc<Data>,
    tokenizer: &Tokenizer,
    device: &Device,
    mut state: State,
) -> Result<()> {
    let steps = config.steps();
    let interrupt = Interrupt::listen()?;
    let mut reporter = Reporter::new(&args.out, steps, state.done, args.quiet)?;
    let batches = data::batches(config, data, tokenizer, state.done);
    let mut interval = Interval::begin();
    while state.done < steps {
        let waiting = Instant::now();
        let batch = batches.recv().context("the data thread has died")??;
        interval.waited += waiting.elapsed();
        interval.with_negatives += batch.with_negatives;

        let embedded = embed(&state.model, batch, config, device);
        let loss = state.objective.loss(embedded, state.model.logit_scale());
        let gradients = GradientsParams::from_grads(loss.backward(), &state.model);
        let rate = schedule::learning_rate(config.learning_rate, config.warmup, state.done, steps);
        state.model = state.optimizer.step(rate, state.model, gradients);
        interval.losses.push(loss.detach());
        state.done += 1;
        reporter.step();

        let done = state.done;
        let stopping = interrupt.came() || args.stop_after.is_some_and(|last| done >= last);
        let saving = done.is_multiple_of(args.save_every) || done == steps || stopping;
        // A run that goes on from a checkpoint begins a new interval, so one that is not interrupted does too.
        if done.is_multiple_of(REPORT_EVERY) || saving {
            let metrics = interval.end(done, rate, &mut state, config.batch)?;
            if !metrics.loss.is_finite() {
                bail!("the loss is {} at step {done}; try a lower --learning-rate", metrics.loss);
            }
            reporter.report(&metrics)?;
        }
        if saving {
            checkpoint::save(&args.out, done, &state.model, &state.optimizer, state.objective.margins())?;
            curves::write(&args.out, config)?;
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

/// Both towers on one batch.
fn embed(model: &Clip, batch: Batch, config: &RunConfig, device: &Device) -> Embedded {
    let features = model.image_features(stem(model, batch.images, config, device)); // [B, P, C]
    let features = match batch.channels {
        Some(weights) => {
            let [batch, _, channels] = features.dims();
            features * Tensor::<3>::from_data(TensorData::new(weights, [batch, 1, channels]), device)
        }
        None => features,
    };
    let texts = batch.texts.groups.iter().map(|group| model.encode_tokens(group)).collect();
    let texts = Tensor::cat(texts, 0).select(0, indices(&batch.texts.places, device)); // [B + M, E]
    Embedded {
        images: model.encode_image_features(features),
        captions: texts.clone().slice(s![..config.batch, ..]),
        negatives: batch.negatives.map(|negatives| Negatives {
            embeddings: texts.slice(s![config.batch.., ..]),
            of: negatives.of,
            concepts: negatives.concepts,
        }),
    }
}

/// What the image tower's stem makes of the pictures of a batch, `[B, P, C]`. If it is locked, that is what they are.
fn stem(model: &Clip, images: Vec<f32>, config: &RunConfig, device: &Device) -> Tensor<3> {
    let side = config.model.preprocess.side;
    if config.lock_stem {
        let [positions, channels] = config.model.vision.stem_shape(side);
        Tensor::from_data(TensorData::new(images, [config.batch, positions, channels]), device)
    } else {
        let pixels = TensorData::new(images, [config.batch, 3, side, side]);
        model.image_stem(Tensor::from_data(pixels, device))
    }
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
fn start(args: &PretrainArgs) -> Result<(RunConfig, Data, Tokenizer)> {
    if args.out.join("run.json").exists() {
        bail!(
            "{} holds a run already; go on with it by --resume, or choose another folder",
            args.out.display()
        );
    }
    let (config, data, tokenizer) = configure(args)?;
    whole::write(&tokenizer_path(&args.out), tokenizer.to_json()?)?;
    data.record(&args.out)?;
    // Last, because a folder with this file is a run.
    config.save(&args.out)?;
    Ok((config, data, tokenizer))
}

/// Checks that the run in a folder was set up as these arguments say.
///
/// # Errors
/// If it was not, or there is no run.
pub fn check_settings(args: &PretrainArgs) -> Result<()> {
    let (known, _) = load(&args.out)?;
    let (asked, ..) = configure(args)?;
    let comparable =
        |config: RunConfig| RunConfig { commit: String::new(), command: String::new(), ..config };
    if comparable(known) != comparable(asked) {
        bail!("{} holds a run with other settings; choose another folder", args.out.display());
    }
    Ok(())
}

/// Whether a run has taken all its steps.
///
/// # Errors
/// If there is no run, or it cannot be read.
pub fn is_done(run: &Path) -> Result<bool> {
    let (config, _) = load(run)?;
    Ok(checkpoint::latest(run)?.is_some_and(|(step, _)| step >= config.steps()))
}

/// The settings that arguments stand for, and what they name.
fn configure(args: &PretrainArgs) -> Result<(RunConfig, Data, Tokenizer)> {
    let names: Vec<String> = args
        .negatives
        .iter()
        .filter_map(|negatives| Some(negatives.to_possible_value()?.get_name().to_owned()))
        .collect();
    let concepts: BTreeSet<Concept> =
        args.negatives.iter().flat_map(|negatives| negatives.concepts()).copied().collect();
    if names.len() > 1 && args.negatives.contains(&Kinds::None) {
        bail!("--negatives cannot be none and something else");
    }
    let batch = args.batch as usize;
    let files = Files { images: &args.images, instances: &args.instances, split: args.split.as_deref() };
    let data = Data::open(&args.data, &args.weight, &files, args.seed, batch)?;
    data.check_batch()?;
    let (model, tokenizer) = match &args.init {
        Some(path) => {
            let bundle = bundles::read(path)?;
            (bundle.header().config().clone(), bundle.header().tokenizer().clone())
        }
        None => {
            let tokenizer = data.tokenizer(args.preset.vocabulary())?;
            (args.preset.config(tokenizer.vocabulary()), tokenizer)
        }
    };
    let config = RunConfig {
        data: args.data.clone(),
        images: args.images.clone(),
        instances: args.instances.clone(),
        split: args.split.clone(),
        shares: data.shares().to_vec(),
        fingerprint: data.fingerprint(),
        pictures: data.pictures(),
        negatives: names.join(","),
        concepts: concepts.into_iter().collect(),
        strategy: args.strategy,
        loss: args.loss,
        loss_weight: args.loss_weight.unwrap_or_else(|| args.loss.published_weight()),
        init: args.init.clone(),
        init_image: args.init_image.clone(),
        lock_stem: args.lock_stem,
        features: args.features.clone(),
        mirror: args.mirror,
        crops: args.crops,
        channel_dropout: args.channel_dropout,
        lock_image: args.lock_image,
        per_caption: args.per_caption,
        single_objects: 0.4,
        epochs: args.epochs,
        batch,
        learning_rate: args.learning_rate,
        weight_decay: args.weight_decay,
        warmup: 0.05,
        seed: args.seed,
        model,
        commit: run_config::commit(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
    };
    Ok((config, data, tokenizer))
}

/// Opens the data of a run that was interrupted.
fn go_on(run: &Path) -> Result<(RunConfig, Data, Tokenizer)> {
    let (config, tokenizer) = load(run)?;
    let weights: Vec<f64> = config.shares.iter().map(|share| *share as f64).collect();
    let (images, instances) = (&config.images, &config.instances);
    let files = Files { images, instances, split: config.split.as_deref() };
    let data = Data::open(&config.data, &weights, &files, config.seed, config.batch)?;
    if (data.pictures(), data.fingerprint()) != (config.pictures, config.fingerprint) {
        let names = config.data.join(" or ");
        bail!("{names} has changed since the run began; it had {} pictures then", config.pictures);
    }
    Ok((config, data, tokenizer))
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
    fn end(&mut self, step: u64, learning_rate: f64, state: &mut State, batch: usize) -> Result<Metrics> {
        let ended = std::mem::replace(self, Interval::begin());
        let n_steps = ended.losses.len();
        let loss = Tensor::cat(ended.losses, 0).mean();
        let read = |tensor: Tensor<1>| {
            tensor.try_into_scalar::<f32>().map_err(|error| anyhow::anyhow!("the device failed: {error:?}"))
        };
        let named = |(concept, share): (Concept, f64)| (concept.name().to_owned(), share);
        let seconds = ended.begun.elapsed().as_secs_f64();
        let pictures = (n_steps * batch) as f64;
        Ok(Metrics {
            step,
            loss: read(loss)?,
            learning_rate,
            logit_scale: read(state.model.logit_scale())?,
            negatives_beaten: state.objective.take_beaten()?.into_iter().map(named).collect(),
            with_negatives: ended.with_negatives as f64 / pictures,
            pictures_per_second: pictures / seconds,
            waiting: ended.waited.as_secs_f64() / seconds,
        })
    }
}
