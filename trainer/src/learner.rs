//! What a run changes from step to step: weights, their moving average, the optimiser's moments, what the loss remembers.

pub mod towers;

use std::collections::VecDeque;
use std::path::Path;
use std::thread;

use anyhow::Result;
use burn::lr_scheduler::constant::ConstantLr;
use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Lora, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use shared::model::Clip;

use crate::checkpoint::{self, Checkpoint};
use crate::data::Batch;
use crate::objective::{Kind, Leads, Margins, Objective};
use crate::run_config::RunConfig;

/// Longer gradients of one parameter are shortened to this length.
const GRADIENT_NORM: f32 = 1.0;

/// A model that learns.
pub struct Learner {
    model: Clip,
    /// Copies of the model on further devices, which learn from other batches of the same step.
    replicas: Vec<Clip>,
    average: Option<Average>,
    optimizer: ModuleOptimizer,
    objective: Objective,
    gradients: GradientsAccumulator<Clip>,
    /// Steps.
    done: u64,
    config: RunConfig,
}

impl Learner {
    /// The state before the first step of a model whose weights are drawn.
    pub fn begin(config: &RunConfig, model: Clip) -> Self {
        let average = config.average.map(|decay| Average::new(decay, model.clone()));
        let margins = Margins::new([0.0; Kind::COUNT], &model.device());
        Learner::new(config, model, average, optimizer(config), margins, 0)
    }

    /// The state of a checkpoint after `step` steps, whose weights `model` has.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, or is of another model.
    pub fn load(config: &RunConfig, model: Clip, step: u64, folder: &Path) -> Result<Self> {
        let load_average = |decay| {
            checkpoint::load_average(folder, model.clone()).map(|average| Average::new(decay, average))
        };
        let average = config.average.map(load_average).transpose()?;
        let optimizer = checkpoint::load_optimizer(folder, optimizer(config))?;
        let margins = Margins::new(checkpoint::load_margins(folder)?, &model.device());
        Ok(Learner::new(config, model, average, optimizer, margins, step))
    }

    fn new(
        config: &RunConfig,
        model: Clip,
        average: Option<Average>,
        optimizer: ModuleOptimizer,
        margins: Margins,
        done: u64,
    ) -> Self {
        let model = if config.lock_stem { model.lock_stem() } else { model };
        Learner {
            model: if config.lock_image { model.lock_image() } else { model },
            replicas: Vec::new(),
            average,
            optimizer,
            objective: Objective::new(config.loss, config.loss_weight, margins),
            gradients: GradientsAccumulator::new(),
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

    /// Takes the share that each kind's negatives were beaten with; see [`Objective::take_beaten`].
    ///
    /// # Errors
    /// If the device fails.
    pub fn take_beaten(&mut self) -> Result<Vec<(Kind, f64)>> {
        self.objective.take_beaten()
    }

    /// Learns on further devices as well, a batch on each at a time.
    pub fn with_replicas(self, devices: &[Device]) -> Self {
        let replicas = devices.iter().map(|device| self.model.clone().fork(device)).collect();
        Learner { replicas, ..self }
    }

    /// The most batches that are learnt from at the same time.
    pub fn n_devices(&self) -> usize {
        1 + self.replicas.len()
    }

    /// Adds the gradients of batches to those of the step under way, a batch a device, and returns their losses, `[1]` each.
    ///
    /// Batches of a step are not negatives of each other: a step of two is not one of twice the size. What comes out does
    /// not depend on how many devices there are.
    ///
    /// # Panics
    /// If there are more batches than devices.
    pub fn learn(&mut self, batches: Vec<Batch>) -> Vec<Tensor<1>> {
        assert!(batches.len() <= self.n_devices(), "a batch a device");
        let (objective, config) = (&self.objective, &self.config);
        let models = std::iter::once(&self.model).chain(&self.replicas);
        let mut work: Vec<_> = models
            .zip(batches)
            .map(|(model, batch)| move || Lesson::of(model, batch, objective, config))
            .collect();
        let lessons: Vec<Lesson> = match work.len() {
            1 => work.drain(..).map(|work| work()).collect(),
            _ => thread::scope(|scope| {
                let threads: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
                let join = |thread: thread::ScopedJoinHandle<_>| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                threads.into_iter().map(join).collect()
            }),
        };
        let device = self.model.device();
        let mut losses = Vec::with_capacity(lessons.len());
        for lesson in lessons {
            let Lesson { loss, gradients, leads } = lesson.on(&device, &self.model);
            self.gradients.accumulate(&self.model, gradients);
            self.objective.count(leads);
            losses.push(loss);
        }
        losses
    }

    /// Takes the step.
    pub fn step(&mut self, rate: f64) {
        let gradients = self.gradients.grads();
        let rates = rates(rate, self.config.image_rate);
        self.model = self.optimizer.step(rates, self.model.clone(), gradients);
        for replica in &mut self.replicas {
            *replica = self.model.clone().fork(&replica.device());
        }
        self.objective.end_step();
        self.done += 1;
        if let Some(average) = &mut self.average {
            average.take(&self.model, self.done);
        }
    }

    /// Saves all of it.
    ///
    /// # Errors
    /// If the run folder cannot be written to.
    pub fn save(&self, run: &Path) -> Result<()> {
        let average = self.average.as_ref().map(|average| &average.model);
        let (optimizer, margins) = (&self.optimizer, self.objective.margins());
        checkpoint::save(run, self.done, &Checkpoint { model: &self.model, average, optimizer, margins })
    }
}

/// What one batch teaches.
struct Lesson {
    /// `[1]`
    loss: Tensor<1>,
    gradients: GradientsParams,
    leads: Option<Leads>,
}

impl Lesson {
    fn of(model: &Clip, batch: Batch, objective: &Objective, config: &RunConfig) -> Self {
        let embedded = towers::embed(model, batch, config);
        let (loss, leads) = objective.loss(embedded, model.logit_scale());
        let share = loss.clone().div_scalar(config.accumulate as f64);
        let gradients = GradientsParams::from_grads(share.backward(), model);
        Lesson { loss: loss.detach(), gradients, leads }
    }

    /// The same on the device of the model that takes the step.
    fn on(self, device: &Device, model: &Clip) -> Self {
        Lesson {
            loss: self.loss.to_device(device),
            gradients: self.gradients.to_device(device, model),
            leads: self.leads.map(|leads| leads.on(&device.clone().inner())),
        }
    }
}

/// A model with low-rank adapters at the attention of both towers, or of the text tower if the other one is locked, where a
/// run trains these and nothing else (LoRA, arXiv 2106.09685). They count twice (`alpha` is twice the rank), and are nothing
/// until they have learnt.
pub fn adapted(config: &RunConfig, model: Clip) -> Clip {
    let Some(rank) = config.lora else { return model };
    let attention = ParamGroup::from_any_predicates(vec!["qkv.weight", "output.weight"]);
    let adapted = if config.lock_image {
        attention.exclude(ParamGroup::from_any_predicates(vec!["image."]))
    } else {
        attention
    };
    model.apply_lora(Lora::new(rank, 2.0 * rank as f64).set_param_group(adapted))
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

/// The learning rate of every parameter.
fn rates(rate: f64, image_rate: f64) -> ModuleLearningRate {
    let image = ParamGroup::from_any_predicates(vec!["image."]);
    ModuleLrScheduler::new(ConstantLr::new(rate)).with_group(image, ConstantLr::new(rate * image_rate)).step()
}

/// An exponential moving average of weights, which often answers better than the weights of any one step
/// (Polyak and Juditsky 1992; arXiv 1703.01780).
struct Average {
    decay: f64,
    model: Clip,
}

impl Average {
    fn new(decay: f64, model: Clip) -> Self {
        Average { decay, model: model.no_grad() }
    }

    /// Moves towards the weights after `done` steps. The first steps count more, or the weights at the beginning, which know
    /// nothing, would have a say for long.
    fn take(&mut self, model: &Clip, done: u64) {
        let decay = self.decay.min((1.0 + done as f64) / (10.0 + done as f64));
        let mut weights = Weights::default();
        model.visit(&mut weights);
        self.model = self.model.clone().map(&mut Towards { weights: weights.0, by: 1.0 - decay });
    }
}

/// Flat weights, in the order in which a module lists its parameters.
#[derive(Default)]
struct Weights(VecDeque<Tensor<1>>);

impl ModuleVisitor for Weights {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push_back(param.base().detach().flatten(0, D - 1));
    }
}

/// Moves the parameters of a module towards those of another one of its kind.
struct Towards {
    weights: VecDeque<Tensor<1>>,
    by: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.pop_front() {
            Some(goal) => param.map(|old| {
                let goal = goal.reshape(old.dims());
                old.clone() + (goal - old).mul_scalar(self.by)
            }),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};
    use crate::data::{self, Data};
    use crate::run_folder;
    use shared::tokenizer::Tokenizer;

    const RATE: f64 = 1e-3;

    /// A model for tests, what it learns from, and the settings of both.
    fn set_up(flags: &[&str]) -> (Learner, Data, Tokenizer, RunConfig) {
        set_up_on(&Device::flex().autodiff(), flags)
    }

    fn set_up_on(device: &Device, flags: &[&str]) -> (Learner, Data, Tokenizer, RunConfig) {
        let fixed = [
            "trainer",
            "pretrain",
            "--preset",
            "tiny",
            "--batch",
            "4",
            "--data",
            "scenes:64",
            "--out",
            "none",
        ];
        let Verb::Pretrain(args) = Cli::parse_from(fixed.iter().chain(flags)).verb else {
            panic!("another verb than was asked for");
        };
        let (config, data, tokenizer) = run_folder::configure(&args).expect("settings");
        // Not drawn: tests beside this one draw from the same generator.
        let model = config.model.init(device).map(&mut Waves(0.0));
        (Learner::begin(&config, model), data, tokenizer, config)
    }

    /// Fills a module with numbers of its own.
    struct Waves(f32);

    impl ModuleMapper for Waves {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|old| {
                let mut next = || {
                    self.0 += 0.7;
                    0.2 * self.0.sin()
                };
                let values: Vec<f32> = (0..old.shape().num_elements()).map(|_| next()).collect();
                let new = Tensor::from_data(TensorData::new(values, old.dims()), &old.device());
                new.set_require_grad(true)
            })
        }
    }

    /// Learns from batches of these numbers, a step each time as many have come as make one.
    fn taught(flags: &[&str], numbers: &[u64]) -> Learner {
        let (learner, data, tokenizer, config) = set_up(flags);
        teach(learner, (&data, &tokenizer, &config), numbers)
    }

    fn teach(
        mut learner: Learner,
        (data, tokenizer, config): (&Data, &Tokenizer, &RunConfig),
        numbers: &[u64],
    ) -> Learner {
        for step in numbers.chunks(config.accumulate as usize) {
            for round in step.chunks(learner.n_devices()) {
                let batch = |number: &u64| data::batch(config, data, tokenizer, None, *number);
                learner.learn(round.iter().map(batch).collect::<Result<_>>().expect("batches"));
            }
            learner.step(RATE);
        }
        learner
    }

    /// All weights.
    fn weights(model: &Clip) -> Vec<f32> {
        let mut weights = Weights::default();
        model.visit(&mut weights);
        let each =
            weights.0.into_iter().map(|weights| weights.into_data().try_to_vec::<f32>().expect("floats"));
        each.flatten().collect()
    }

    /// Whether each weight is the image tower's.
    fn of_image(model: &Clip) -> Vec<bool> {
        struct Locked(Vec<bool>);
        impl ModuleVisitor for Locked {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.extend(vec![!param.is_require_grad(); param.val().shape().num_elements()]);
            }
        }
        let mut locked = Locked(Vec::new());
        model.clone().lock_image().visit(&mut locked);
        locked.0
    }

    #[test]
    fn a_step_of_two_batches_is_one_along_the_mean_of_their_gradients() {
        let once = weights(taught(&[], &[3]).model());
        assert_eq!(weights(taught(&["--accumulate", "2"], &[3, 3]).model()), once);
        let both = weights(taught(&["--accumulate", "2"], &[3, 4]).model());
        assert_ne!(both, once);
        assert_ne!(both, weights(taught(&[], &[4]).model()));
        assert_eq!(both, weights(taught(&["--accumulate", "2"], &[4, 3]).model()));
    }

    #[test]
    fn devices_beside_each_other_learn_what_one_learns_batch_by_batch() {
        // Margins are what a step remembers for the next one, so the loss that has them is the hardest case.
        let flags = ["--accumulate", "3", "--loss", "rank"];
        let numbers: Vec<u64> = (0..6).collect();
        let alone = taught(&flags, &numbers);
        for further in 1..=2 {
            let (learner, data, tokenizer, config) = set_up(&flags);
            let devices = vec![Device::flex().autodiff(); further];
            let together = teach(learner.with_replicas(&devices), (&data, &tokenizer, &config), &numbers);
            assert_eq!(weights(together.model()), weights(alone.model()), "{further} further devices");
            let margins = |learner: &Learner| learner.objective.margins().values().expect("margins");
            assert_eq!(margins(&together), margins(&alone));
            assert!(margins(&alone).iter().any(|margin| *margin > 0.0));
        }
    }

    #[test]
    fn sixteen_bits_compute_the_same_gradient_roughly_and_leave_weights_their_thirty_two() {
        let gradient = |flags: &[&str]| {
            let (mut learner, data, tokenizer, config) = set_up(flags);
            learner.learn(vec![data::batch(&config, &data, &tokenizer, None, 0).expect("a batch")]);
            let mut flat = Gradients { of: learner.gradients.grads(), flat: Vec::new() };
            learner.model.visit(&mut flat);
            flat.flat
        };
        let (exact, rough) = (gradient(&[]), gradient(&["--bf16"]));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let cosine = dot(&exact, &rough) / (dot(&exact, &exact) * dot(&rough, &rough)).sqrt();
        assert!(cosine > 0.99 && exact != rough, "the cosine of both gradients is {cosine}");

        // A step far below what sixteen bits can tell apart.
        let (mut learner, data, tokenizer, config) = set_up(&["--bf16"]);
        let before = weights(learner.model());
        learner.learn(vec![data::batch(&config, &data, &tokenizer, None, 0).expect("a batch")]);
        learner.step(1e-5);
        let after = weights(learner.model());
        let moved: Vec<f32> =
            before.iter().zip(&after).map(|(before, after)| (before - after).abs()).collect();
        assert!(moved.iter().all(|by| *by < 1.2e-5));
        assert!(moved.iter().filter(|by| **by > 0.5e-5).count() > moved.len() / 2);
    }

    /// The gradients of a module's parameters, in their order.
    struct Gradients {
        of: GradientsParams,
        flat: Vec<f32>,
    }

    impl ModuleVisitor for Gradients {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.of.get::<D>(param.id) {
                self.flat.extend(gradient.into_data().iter::<f32>());
            }
        }
    }

    #[test]
    fn activations_computed_again_are_the_same() {
        let flags = ["--loss", "both"];
        let device = Device::flex().autodiff().gradient_checkpointing();
        let (learner, data, tokenizer, config) = set_up_on(&device, &flags);
        let again = teach(learner, (&data, &tokenizer, &config), &[0, 1]);
        assert_eq!(weights(again.model()), weights(taught(&flags, &[0, 1]).model()));
    }

    #[test]
    fn the_image_tower_learns_at_a_rate_of_its_own() {
        let (untaught, ..) = set_up(&[]);
        let before = weights(untaught.model());
        let is_image = of_image(untaught.model());
        // The first step of Adam is as long as the rate, whatever the gradient.
        let farthest = |flags: &[&str], image: bool| {
            let after = weights(taught(flags, &[0]).model());
            let moved = before.iter().zip(&after).map(|(before, after)| (before - after).abs());
            moved.zip(&is_image).filter(|(_, of)| **of == image).map(|(by, _)| by).fold(0.0, f32::max)
        };
        let slow = ["--image-rate", "0.01"];
        assert_eq!(farthest(&slow, false), farthest(&[], false));
        let share = farthest(&slow, true) / farthest(&[], true);
        assert!((share - 0.01).abs() < 0.002, "the image tower moved {share} as far");
    }

    #[test]
    fn the_average_follows_the_weights() {
        let flags = ["--average", "0.5"];
        let (untaught, ..) = set_up(&flags);
        let mut expected = weights(untaught.model());
        for done in 1..=9 {
            let numbers: Vec<u64> = (0..done).collect();
            let decay = (0.5f32).min((1.0 + done as f32) / (10.0 + done as f32));
            for (mean, weight) in expected.iter_mut().zip(weights(taught(&flags, &numbers).model())) {
                *mean = decay * *mean + (1.0 - decay) * weight;
            }
        }
        let learner = taught(&flags, &(0..9).collect::<Vec<_>>());
        let average = weights(&learner.average.expect("an average").model);
        assert_eq!(average.len(), expected.len());
        assert!(average.iter().zip(&expected).all(|(mean, expected)| (mean - expected).abs() < 1e-5));
        assert_ne!(average, weights(&learner.model));
    }
}
