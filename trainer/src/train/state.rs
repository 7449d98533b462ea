//! What a run changes from step to step: weights, the optimizer's moments, what the loss remembers.

use std::path::Path;
use std::thread;

use anyhow::{Context, Result};
use burn::lr_scheduler::constant::ConstantLr;
use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Lora, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Device, Tensor, TensorData, s};
use shared::model::Clip;

use super::checkpoint::{self, Checkpoint};
use super::data::{self, Batch};
use super::negative_source::NegativeSource;
use super::objective::{Embedded, Gradient, Logits, Negatives, Objective, Thresholds};
use super::options::Options;
use super::run_config::RunConfig;
use crate::system::device::{self, FloatPrecision};
use crate::system::process_group::ProcessGroup;

/// The gradient of each parameter is clipped to this norm.
const GRADIENT_NORM: f32 = 1.0;

/// A model in training.
pub struct TrainState {
    model: Clip,
    /// Copies of the model on further devices, which learn from other batches of the same step.
    replicas: Vec<Clip>,
    optimizer: ModuleOptimizer,
    objective: Objective,
    /// Steps.
    done: u64,
    config: RunConfig,
}

impl TrainState {
    /// The state before the first step of a model whose weights are drawn.
    pub fn begin(config: &RunConfig, model: Clip) -> Self {
        let thresholds = Thresholds::new([0.0; NegativeSource::COUNT], &model.device());
        TrainState::new(config, model, optimizer(config), thresholds, 0)
    }

    /// The state of a checkpoint after `step` steps, whose weights `model` has.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, or is of another model.
    pub fn load(config: &RunConfig, model: Clip, step: u64, folder: &Path) -> Result<Self> {
        let optimizer = checkpoint::load_optimizer(folder, optimizer(config))?;
        let thresholds = Thresholds::new(checkpoint::load_thresholds(folder)?, &model.device());
        Ok(TrainState::new(config, model, optimizer, thresholds, step))
    }

    fn new(
        config: &RunConfig,
        model: Clip,
        optimizer: ModuleOptimizer,
        thresholds: Thresholds,
        done: u64,
    ) -> Self {
        let model = if config.settings.freeze_backbone { model.freeze_backbone() } else { model };
        TrainState {
            model: if config.settings.lock_image { model.lock_image() } else { model },
            replicas: Vec::new(),
            optimizer,
            objective: Objective::new(config.settings.loss, config.loss_weight, thresholds)
                .keeping_negatives_within(
                    config.settings.local_negatives.then_some(config.settings.batch_size),
                ),
            done,
            config: config.clone(),
        }
    }

    /// The model as it is now.
    pub fn model(&self) -> &Clip {
        &self.model
    }

    /// How many weights change.
    pub fn n_learning(&self) -> usize {
        struct Learning(usize);
        impl ModuleVisitor for Learning {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.base().is_require_grad() {
                    self.0 += param.shape().num_elements();
                }
            }
        }
        let mut learning = Learning(0);
        self.model.visit(&mut learning);
        learning.0
    }

    /// Steps taken.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// The accuracy on hard negatives since it was asked last; see [`Objective::take_accuracy`].
    ///
    /// # Errors
    /// If the device fails.
    pub fn take_accuracy(&mut self) -> Result<Vec<(NegativeSource, f64)>> {
        self.objective.take_accuracy()
    }

    /// Trains on further devices of this process as well, with one batch on each at a time.
    pub fn with_replicas(self, devices: &[Device]) -> Self {
        let replicas = devices.iter().map(|device| self.model.clone().fork(device)).collect();
        TrainState { replicas, ..self }
    }

    /// The most batches that are processed at the same time.
    pub fn n_devices(&self) -> usize {
        1 + self.replicas.len()
    }

    /// Takes an optimizer step on batches, those of other processes included, all of which are negatives of each other: the same
    /// step as on one batch with all their images. Returns the loss, `[1]`.
    ///
    /// # Errors
    /// If the device or another process fails.
    pub fn step(&mut self, batches: &[Batch], rate: f64, group: &ProcessGroup) -> Result<Tensor<1>> {
        let (loss, gradients) = self.gradients(batches, group)?;
        let rates = rates(rate, self.config.settings.image_lr_scale);
        self.model = self.optimizer.step(rates, self.model.clone(), gradients);
        for replica in &mut self.replicas {
            *replica = self.model.clone().fork(&replica.device());
        }
        self.objective.end_step();
        self.done += 1;
        Ok(loss)
    }

    /// The loss of batches and its gradients: all are embedded, the loss of all embeddings has a gradient with respect to each, and
    /// that goes back through the towers batch by batch (GradCache, arXiv 2101.06983). So only as many batches as there are devices
    /// need memory for activations at a time; if there are more, each is embedded twice.
    fn gradients(&mut self, batches: &[Batch], group: &ProcessGroup) -> Result<(Tensor<1>, GradientsParams)> {
        let device = self.model.device();
        let config = &self.config;
        let (mut own, mut kept) = (Vec::new(), Vec::new());
        for round in batches.chunks(self.n_devices()) {
            for embedded in self.on_devices(round, |model, batch| embed(model, batch, config)) {
                own.push(embedded.detach(&device));
                if batches.len() <= self.n_devices() {
                    kept.push(embedded);
                }
            }
        }
        let own = Embedded::cat(own).context("a step has a batch")?;
        let all = own.gather(group)?.with_gradient();
        let logits = Logits::of(&self.model).with_gradient();
        let (loss, margins) = self.objective.loss(all.clone(), logits.clone());
        let gradients = loss.backward();
        let of_embeddings = Gradient::of(&all, &gradients);
        let of_logits = logits.gradient(&gradients)?.divided_by((batches.len() * group.size()) as f64);

        let n_images = config.settings.batch_size;
        let first = group.rank() * batches.len();
        let mut kept = kept.into_iter();
        let mut passes = batches.iter().enumerate().map(|(nth, batch)| BackwardPass {
            batch,
            embedded: kept.next(),
            gradient: of_embeddings.of_batch((first + nth) * n_images, n_images),
            of_logits: of_logits.clone(),
        });
        let mut sum = GradientsAccumulator::new();
        for round in batches.chunks(self.n_devices()) {
            let round = passes.by_ref().take(round.len());
            for gradients in self.on_devices(round, |model, pass| pass.gradients(model, config)) {
                sum.accumulate(&self.model, gradients.to_device(&device, &self.model));
            }
        }
        let gradients = summed(sum.grads(), &self.model, group)?;
        self.objective.count(margins);
        Ok((loss.inner(), gradients))
    }

    /// Does something with each of several inputs, one per device, at the same time.
    fn on_devices<I: Send, O: Send>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        task: impl Fn(&Clip, I) -> O + Sync,
    ) -> Vec<O> {
        let models = std::iter::once(&self.model).chain(&self.replicas);
        let task = &task;
        let mut work = models.zip(inputs).map(|(model, input)| move || task(model, input));
        // The first on this thread, so that one device needs no other.
        let first = work.next();
        thread::scope(|scope| {
            let threads: Vec<_> = work.map(|work| scope.spawn(work)).collect();
            let first = first.map(|work| work());
            let join = |thread: thread::ScopedJoinHandle<_>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            first.into_iter().chain(threads.into_iter().map(join)).collect()
        })
    }

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// If the run folder cannot be written to.
    pub fn save(&self, run: &Path) -> Result<()> {
        let (optimizer, thresholds) = (&self.optimizer, self.objective.thresholds());
        checkpoint::save(run, self.done, &Checkpoint { model: &self.model, optimizer, thresholds })
    }
}

/// What goes back through the towers for one batch.
struct BackwardPass<'a> {
    batch: &'a Batch,
    /// Its embeddings, unless they have to be computed once more.
    embedded: Option<Embedded>,
    /// The gradient of the loss with respect to these.
    gradient: Gradient,
    /// This batch's part of the gradient with respect to what makes logits of cosines.
    of_logits: Logits,
}

impl BackwardPass<'_> {
    fn gradients(self, model: &Clip, config: &RunConfig) -> GradientsParams {
        let embedded = self.embedded.unwrap_or_else(|| embed(model, self.batch, config));
        let of_logits = self.of_logits.dot(Logits::of(model), &model.device().inner());
        let product = self.gradient.dot(embedded) + of_logits;
        GradientsParams::from_grads(product.backward(), model)
    }
}

/// The sums of gradients over all processes.
fn summed(gradients: GradientsParams, model: &Clip, group: &ProcessGroup) -> Result<GradientsParams> {
    if group.size() == 1 {
        return Ok(gradients);
    }
    let mut flat = Flat { gradients: &gradients, numbers: Ok(Vec::new()) };
    model.visit(&mut flat);
    let sums = group.sum(flat.numbers?);
    let mut summed = Unflat { gradients, sums: &sums };
    model.visit(&mut summed);
    Ok(summed.gradients)
}

/// Gradients as numbers, one parameter after the other.
struct Flat<'a> {
    gradients: &'a GradientsParams,
    numbers: Result<Vec<f32>>,
}

impl ModuleVisitor for Flat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        if let Ok(numbers) = &mut self.numbers {
            match device::floats(gradient) {
                Ok(more) => numbers.extend(more),
                Err(error) => self.numbers = Err(error),
            }
        }
    }
}

/// Numbers back to gradients, in the same order.
struct Unflat<'a> {
    gradients: GradientsParams,
    sums: &'a [f32],
}

impl ModuleVisitor for Unflat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        let (own, rest) = self.sums.split_at(gradient.shape().num_elements());
        self.sums = rest;
        let sum = TensorData::new(own.to_vec(), gradient.dims());
        self.gradients.register(param.id, Tensor::<D>::from_data(sum, &gradient.device()));
    }
}

/// The embeddings of a batch, in 32-bit floats whatever the towers compute in.
fn embed(model: &Clip, batch: &Batch, config: &RunConfig) -> Embedded {
    let sixteen_bits;
    let model = if config.settings.precision == Some(FloatPrecision::Bf16) {
        sixteen_bits = model.clone().map(&mut Rounded);
        &sixteen_bits
    } else {
        model
    };
    let device = &model.device();
    let weights = batch.channels.as_ref().map(|weights| {
        let weights =
            TensorData::new(weights.clone(), [config.settings.batch_size, data::n_features(config)]);
        Tensor::<2>::from_data(weights, device).cast(model.logit_scale().dtype())
    });
    let images = model.encode_input(batch.images.to_device(model, config), weights);
    let texts = batch.texts.embed(model).cast(DType::F32); // [B + B · K, E]
    let [n_texts, embedding] = texts.dims();
    let n_captions = config.settings.batch_size;
    let slots = config.negatives_per_caption();
    Embedded {
        images: images.cast(DType::F32),
        captions: texts.clone().slice(s![..n_captions, ..]),
        negatives: (n_texts > n_captions).then(|| Negatives {
            embeddings: texts.slice(s![n_captions.., ..]).reshape([n_captions, slots, embedding]),
            sources: batch.negatives.clone(),
        }),
    }
}

/// Weights as 16-bit floats (bfloat16), as a function of the weights that learn: gradients flow back to these (mixed precision
/// with master weights, arXiv 1710.03740). This one has the range of 32-bit floats, so that no loss has to be scaled.
struct Rounded;

impl ModuleMapper for Rounded {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::initialized(param.id, param.val().cast(DType::BF16))
    }
}

/// A device that keeps what gradients need.
pub fn learning(device: &Device, options: &Options) -> Device {
    let device = device.clone().autodiff();
    if options.gradient_checkpointing { device.gradient_checkpointing() } else { device }
}

/// A model with low-rank adapters at the attention of both towers, or of the text tower if the image tower is frozen, where a
/// run trains these and nothing else (LoRA, arXiv 2106.09685). They count twice (`alpha` is twice the rank), and are nothing
/// until they have learned.
pub fn adapted(config: &RunConfig, model: Clip) -> Clip {
    let Some(rank) = config.settings.lora else { return model };
    let attention = ParamGroup::from_any_predicates(vec!["qkv.weight", "output.weight"]);
    let adapted = if config.settings.lock_image {
        attention.exclude(ParamGroup::from_any_predicates(vec!["image."]))
    } else {
        attention
    };
    model.apply_lora(Lora::new(rank, 2.0 * rank as f64).set_param_group(adapted))
}

fn optimizer(config: &RunConfig) -> ModuleOptimizer {
    adamw(config.settings.weight_decay)
}

/// AdamW (arXiv 1711.05101) with CLIP's moments; only matrices decay.
pub fn adamw(weight_decay: f32) -> ModuleOptimizer {
    let adamw = AdamWConfig::new().with_beta_1(0.9).with_beta_2(0.98).with_epsilon(1e-6);
    let clipping = burn::grad_clipping::GradientClippingConfig::Norm(GRADIENT_NORM);
    let undecayed = ["norm_", "bias", "logit_scale", "class_embedding", "position_embedding"];
    ModuleOptimizer::from(adamw.clone().with_weight_decay(weight_decay).build())
        .with_grad_clipping(clipping.init())
        .with_group(
            ParamGroup::from_any_predicates(undecayed.to_vec()),
            adamw.with_weight_decay(0.0).build(),
            Some(clipping.init()),
        )
}

/// The learning rate of every parameter.
fn rates(rate: f64, image_rate: f64) -> ModuleLearningRate {
    let image = ParamGroup::from_any_predicates(vec!["image."]);
    ModuleLrScheduler::new(ConstantLr::new(rate)).with_group(image, ConstantLr::new(rate * image_rate)).step()
}

#[cfg(test)]
mod tests;
