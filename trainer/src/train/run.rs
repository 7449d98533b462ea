//! `pretrain`: the loop, in reading order: wait for data, step, report, save.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use shared::model::{Clip, ImageInput};
use shared::tokenizer::Tokenizer;

use super::checkpoint;
use super::configure::configure;
use super::curves;
use super::data::{self, Batch, Data, Library, Mined};
use super::metrics::{Metrics, Reporter};
use super::options::Options;
use super::run_config::RunConfig;
use super::run_folder;
use super::schedule;
use super::state::{self, TrainState};
use super::tensorboard::EventFile;
use super::warm_up;
use crate::models::{bundles, import};
use crate::system::device;
use crate::system::interrupt::Interrupt;
use crate::system::kernels::Watch;
use crate::system::process_group::ProcessGroup;

/// Trains a model, or resumes a run that was interrupted.
///
/// # Errors
/// If the settings fit no run, the folder is in use by another run or cannot be written to, or the device fails.
pub fn run(options: &Options, library: &mut Library) -> Result<()> {
    options.settings.check()?;
    if options.warm_up {
        return warm_up::run(options, library);
    }
    let group = ProcessGroup::join(options.distributed)?;
    // The first process sets the run up, and the others find it.
    let sets_up = group.is_first() && !options.resume;
    if !group.is_first() {
        group.barrier();
    }
    let _claim = group.is_first().then(|| run_folder::claim(&options.out, options.resume)).transpose()?;
    let devices = device::open_all(options.device, &options.devices, group.local_rank())?;
    let (device, further) = devices.split_first().context("a device was opened")?;
    let (config, mut data, tokenizer) = if sets_up {
        run_folder::check_new(&options.out)?;
        // Before anything is written.
        device::precision(device, options.settings.precision)?;
        let data = Data::open(&options.settings, library)?;
        let (config, tokenizer) = configure(options, &data, group.size())?;
        (config, data, tokenizer)
    } else {
        let (config, tokenizer) = run_folder::load(&options.out)?;
        let data = Data::open(&config.settings, library)?;
        run_folder::check_data(&config, &data)?;
        (config, data, tokenizer)
    };
    if !config.accum_freq.is_multiple_of(group.size() as u64) {
        bail!(
            "the {} batches of a step cannot be divided evenly among {} processes; choose another --accum-freq",
            config.accum_freq,
            group.size()
        );
    }
    data.balance(&config, &options.out)?;
    if sets_up {
        // Weights that do not fit leave no run behind that would be in the way of another try.
        if config.settings.init_image.is_some() || config.settings.init_text.is_some() {
            initial_model(&config, device)?;
        }
        run_folder::begin(&options.out, &config, &data, &tokenizer)?;
    }
    if group.is_first() {
        tell_cut(&config, &data, &tokenizer)?;
    }
    let precision = device::precision(device, config.settings.precision)?;
    let checkpoint = checkpoint::latest(&options.out)?;
    let model_on = |device: &Device| match &checkpoint {
        Some((_, folder)) => {
            checkpoint::load_model(folder, state::adapted(&config, config.model.init(device)))
        }
        None => Ok(state::adapted(&config, initial_model(&config, device)?)),
    };
    if config.settings.freeze_backbone {
        data.freeze_backbone(model_on(device)?, &config)?;
    }
    if group.is_first() {
        group.barrier();
    }
    let device = state::learning(device, options);
    device.seed(config.settings.seed);
    let model = model_on(&device)?;
    let state = match &checkpoint {
        Some((step, folder)) => TrainState::load(&config, model, *step, folder)?,
        None => TrainState::begin(&config, standardized(model, &data, &tokenizer, &config)?),
    };
    let state = state
        .with_replicas(&further.iter().map(|device| state::learning(device, options)).collect::<Vec<_>>());
    if group.is_first() {
        eprintln!(
            "{} weights, of which {} learn; {} steps of {} images, negatives: {}; {precision}",
            state.model().num_params(),
            state.n_learning(),
            config.steps(),
            config.settings.batch_size as u64 * config.accum_freq,
            config.settings.negatives
        );
    }
    train(options, (&config, &Arc::new(data), &tokenizer), state, &group)?;
    group.leave();
    Ok(())
}

/// Tells how many captions are longer than the model reads, if any are.
fn tell_cut(config: &RunConfig, data: &Data, tokenizer: &Tokenizer) -> Result<()> {
    let (n_cut, n_captions) = data.count_cut(tokenizer, config.model.text.context)?;
    if n_cut > 0 {
        let context = config.model.text.context;
        eprintln!(
            "{n_cut} of {n_captions} captions are longer than the {context} tokens that the model reads"
        );
    }
    Ok(())
}

/// The model before the first step.
fn initial_model(config: &RunConfig, device: &Device) -> Result<Clip> {
    let model = match &config.settings.init {
        Some(path) => bundles::read(path)?.model(device)?,
        None => config.model.init(device).drawn(),
    };
    let model = match &config.settings.init_text {
        Some(path) => bundles::read(path)?
            .with_text_tower(model)
            .with_context(|| format!("cannot use {}", path.display()))?,
        None => model,
    };
    match &config.settings.init_image {
        Some(path) => import::load_backbone(path, config.model.vision.backbone(), model),
        None => Ok(model),
    }
}

/// The model before the first step with the features of its backbone, if it has one, on the scale of the first batch; one that
/// has been trained before stays as it is.
fn standardized(model: Clip, data: &Data, tokenizer: &Tokenizer, config: &RunConfig) -> Result<Clip> {
    if config.settings.init.is_some() || config.model.vision.backbone().is_none() {
        return Ok(model);
    }
    let sample = data::batch(config, data, tokenizer, None, 0)?;
    let features = match sample.images.to_device(&model, config) {
        ImageInput::Features(features) => Some(features),
        ImageInput::Pixels(pixels) => model.backbone_features(pixels),
    };
    let features = features.context("this image tower has no backbone")?;
    Ok(model.standardize_features(features.detach()))
}

fn train(options: &Options, run: Run, mut state: TrainState, group: &ProcessGroup) -> Result<()> {
    let (config, ..) = run;
    let steps = config.steps();
    let interrupt = Interrupt::listen()?;
    let mut reporter = match group.is_first() {
        true => Reporter::new(&options.out, steps, state.done(), options.quiet)?,
        false => Reporter::silent(),
    };
    if options.tensorboard && group.is_first() {
        reporter = reporter.with_events(EventFile::create(&options.out, state.done())?);
    }
    let mut feeds = Feeds::begin(&options.out, run, &state, group)?;
    let mut interval = Interval::begin();
    let mut first_step = FirstStep::of(&state, &reporter);
    while state.done() < steps {
        let waiting = Instant::now();
        let batches = feeds.step(&options.out, run, &state, group)?;
        interval.waited += waiting.elapsed();
        interval.with_negatives += batches.iter().map(|batch| batch.with_negatives).sum::<usize>();
        let rate = schedule::learning_rate(config.settings.lr, config.warmup, state.done(), steps);
        interval.losses.push(state.step(&batches, rate, group)?);
        reporter.step();
        if let Some(first) = first_step.take() {
            first.end(&state, &reporter)?;
        }

        let done = state.done();
        let stopping = group.any(interrupt.came()) || options.stop_after.is_some_and(|last| done >= last);
        let saving = done.is_multiple_of(options.save_every) || done == steps || stopping;
        // A run that goes on from a checkpoint begins a new interval, so one that is not interrupted does too.
        if done.is_multiple_of(options.log_every) || saving {
            let metrics = interval.end(rate, &mut state, config, group)?;
            if !metrics.loss.is_finite() {
                bail!("the loss is {} at step {done}; try a lower --lr", metrics.loss);
            }
            reporter.report(&metrics)?;
        }
        if saving && group.is_first() {
            state.save(&options.out)?;
            curves::write(&options.out, config)?;
        }
        if stopping && done < steps {
            let out = options.out.display();
            reporter.say(&format!("stopped after {done} steps; go on with `pretrain --resume --out {out}`"));
            return Ok(());
        }
    }
    reporter.say(&format!("done; make a bundle with `export --run {} --out FILE`", options.out.display()));
    Ok(())
}

/// What batches are made of.
type Run<'a> = (&'a RunConfig, &'a Arc<Data>, &'a Tokenizer);

/// The batches that this process makes, ahead of the device.
struct Feeds {
    /// The number of the next batch, over all processes.
    next: u64,
    current: Receiver<Result<Batch>>,
    /// Where each epoch mines its own negatives: the epoch of `current`.
    epoch: u64,
}

impl Feeds {
    fn begin(folder: &Path, run: Run, state: &TrainState, group: &ProcessGroup) -> Result<Self> {
        let (config, ..) = run;
        let next = state.done() * config.accum_freq;
        let epoch = next / config.batches_an_epoch();
        Ok(Feeds { next, current: feed(folder, run, state, next, group)?, epoch })
    }

    /// The batches of the next step.
    fn step(
        &mut self,
        folder: &Path,
        run: Run,
        state: &TrainState,
        group: &ProcessGroup,
    ) -> Result<Vec<Batch>> {
        let (config, ..) = run;
        let is_own = config.batches_of_rank(group.rank(), group.size());
        let mut batches = Vec::new();
        for number in self.next..self.next + config.accum_freq {
            // By now the last step of the epoch before is taken, in every process.
            if config.settings.negatives.mined && number / config.batches_an_epoch() > self.epoch {
                self.current = feed(folder, run, state, number, group)?;
                self.epoch += 1;
            }
            if is_own(&number) {
                batches.push(self.current.recv().context("no batch could be made")??);
            }
        }
        self.next += config.accum_freq;
        Ok(batches)
    }
}

/// The batches of a process from a number on: all that are left, or, where each epoch mines its own negatives, those of the epoch.
fn feed(
    folder: &Path,
    (config, data, tokenizer): Run,
    state: &TrainState,
    number: u64,
    group: &ProcessGroup,
) -> Result<Receiver<Result<Batch>>> {
    let last = config.batches();
    let is_own = config.batches_of_rank(group.rank(), group.size());
    if !config.settings.negatives.mined || number >= last {
        return Ok(data::batches(config, data, tokenizer, None, (number..last).filter(is_own)));
    }
    // The first process mines, and the others read what it has found.
    if !group.is_first() {
        group.barrier();
    }
    let mined = Mined::of_epoch(folder, (config, data, tokenizer), &state.model().valid(), number)?;
    if group.is_first() {
        group.barrier();
    }
    let end = (number / config.batches_an_epoch() + 1) * config.batches_an_epoch();
    Ok(data::batches(config, data, tokenizer, Some(mined), (number..end.min(last)).filter(is_own)))
}

/// The first step on a GPU, in which kernels are compiled.
struct FirstStep {
    begun: Instant,
    _watch: Option<Watch>,
}

impl FirstStep {
    /// Nothing on a processor, which compiles no kernels.
    fn of(state: &TrainState, reporter: &Reporter) -> Option<Self> {
        device::kernels_compiled(&state.model().device())?;
        Some(FirstStep { begun: Instant::now(), _watch: reporter.tell_kernels() })
    }

    /// Waits until the device has taken it.
    fn end(self, state: &TrainState, reporter: &Reporter) -> Result<()> {
        let device = state.model().device();
        device::wait(&device)?;
        let (seconds, n_kernels) =
            (self.begun.elapsed().as_secs_f64(), device::kernels_compiled(&device).unwrap_or(0));
        reporter.say(&format!("first step: {seconds:.1} s, {n_kernels} GPU kernels compiled"));
        Ok(())
    }
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
    fn end(
        &mut self,
        learning_rate: f64,
        state: &mut TrainState,
        config: &RunConfig,
        group: &ProcessGroup,
    ) -> Result<Metrics> {
        let read = |tensor: Tensor<1>| device::floats(tensor).map(|values| values[0]);
        let n_batches = self.losses.len() as u64 * config.accum_freq;
        let loss = read(Tensor::cat(std::mem::take(&mut self.losses), 0).mean())?;
        let logit_scale = read(state.model().logit_scale())?;
        let logit_bias = state.model().logit_bias().map(read).transpose()?;
        let accuracy = state.take_accuracy()?.into_iter();
        // A device works on while we go ahead: only what was read has been computed.
        let ended = std::mem::replace(self, Interval::begin());
        let seconds = ended.begun.elapsed().as_secs_f64();
        let images = n_batches as f64 * config.settings.batch_size as f64;
        let with_negatives = group.sum(vec![ended.with_negatives as f32])[0];
        let communicating = group.take_spent().as_secs_f64() / seconds;
        Ok(Metrics {
            step: state.done(),
            loss,
            learning_rate,
            logit_scale,
            logit_bias,
            hard_negative_accuracy: accuracy
                .map(|(source, share)| (source.name().to_owned(), share))
                .collect(),
            with_negatives: f64::from(with_negatives) / images,
            images_per_second: images / seconds,
            waiting: ended.waited.as_secs_f64() / seconds,
            communicating: (group.size() > 1).then_some(communicating),
            kernels_compiled: device::kernels_compiled(&state.model().device()),
        })
    }
}
