use burn::module::ModuleMapper;
use burn::tensor::{Device, TensorData};
use clap::Parser;
use shared::tokenizer::Tokenizer;

use super::*;
use crate::train::configure::configure;
use crate::train::data::{self, Data, Library};

const RATE: f64 = 1e-3;

/// A model for tests, what it learns from, and the settings of both.
fn set_up(flags: &[&str]) -> (TrainState, Data, Tokenizer, RunConfig) {
    set_up_on(&Device::flex().autodiff(), flags)
}

fn set_up_on(device: &Device, flags: &[&str]) -> (TrainState, Data, Tokenizer, RunConfig) {
    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        options: Options,
    }
    let fixed = ["pretrain", "--preset", "tiny", "--batch-size", "4", "--data", "scenes:64", "--out", "none"];
    let Typed { options } = Typed::parse_from(fixed.iter().chain(flags));
    let data = Data::open(&options.settings, &mut Library::default()).expect("data");
    let (config, tokenizer) = configure(&options, &data, 1).expect("settings");
    // Not drawn: tests beside this one draw from the same generator.
    let model = config.model.init(device).map(&mut Waves(0.0));
    (TrainState::begin(&config, model), data, tokenizer, config)
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
fn taught(flags: &[&str], numbers: &[u64]) -> TrainState {
    let (state, data, tokenizer, config) = set_up(flags);
    teach(state, (&data, &tokenizer, &config), numbers)
}

fn teach(mut state: TrainState, run: (&Data, &Tokenizer, &RunConfig), numbers: &[u64]) -> TrainState {
    let (.., config) = run;
    for step in numbers.chunks(config.accum_freq as usize) {
        state.step(&batches(run, step), RATE, &alone()).expect("a step");
    }
    state
}

fn batches((data, tokenizer, config): (&Data, &Tokenizer, &RunConfig), numbers: &[u64]) -> Vec<Batch> {
    let batch = |number: &u64| data::batch(config, data, tokenizer, None, *number).expect("a batch");
    numbers.iter().map(batch).collect()
}

fn alone() -> ProcessGroup {
    ProcessGroup::join(None).expect("the only process")
}

/// The gradient of a step on batches of these numbers, as numbers.
fn gradient(flags: &[&str], numbers: &[u64]) -> Vec<f32> {
    let (mut state, data, tokenizer, config) = set_up(flags);
    let batches = batches((&data, &tokenizer, &config), numbers);
    let (_, gradients) = state.gradients(&batches, &alone()).expect("gradients");
    flat(&gradients, &state.model)
}

fn flat(gradients: &GradientsParams, model: &Clip) -> Vec<f32> {
    let mut flat = Flat { gradients, numbers: Ok(Vec::new()) };
    model.visit(&mut flat);
    flat.numbers.expect("numbers")
}

/// The largest difference, as a share of the largest number.
fn apart(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let largest = one.iter().fold(0.0, |most: f32, number| most.max(number.abs()));
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max) / largest
}

/// All weights, in the order in which a module lists its parameters.
fn weights(model: &Clip) -> Vec<f32> {
    struct Weights(Vec<f32>);
    impl ModuleVisitor for Weights {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(param.base().detach().into_data().iter::<f32>());
        }
    }
    let mut weights = Weights(Vec::new());
    model.visit(&mut weights);
    weights.0
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
fn a_step_of_several_batches_has_the_gradient_of_one_with_all_their_images() {
    for loss in ["negclip", "tsvlc", "fsc-clip", "ce-clip", "siglip"] {
        for negatives in ["all", "none"] {
            let flags = ["--accum-freq", "3", "--loss", loss, "--negatives", negatives];
            let (state, data, tokenizer, config) = set_up(&flags);
            // All images in one graph.
            let batches = batches((&data, &tokenizer, &config), &[3, 4, 5]);
            let embedded = batches.iter().map(|batch| embed(&state.model, batch, &config)).collect();
            let all = Embedded::cat(embedded).expect("batches");
            let (loss_of_all, _) = state.objective.loss(all, Logits::of(&state.model));
            let of_all = GradientsParams::from_grads(loss_of_all.backward(), &state.model);
            let far = apart(&flat(&of_all, &state.model), &gradient(&flags, &[3, 4, 5]));
            assert!(far < 1e-5, "{loss}, {negatives}: {far}");
        }
    }
    // Batches apart from each other have another one.
    let (one, other) = (gradient(&[], &[3]), gradient(&[], &[4]));
    let mean: Vec<f32> = one.iter().zip(&other).map(|(one, other)| (one + other) / 2.0).collect();
    assert!(apart(&mean, &gradient(&["--accum-freq", "2"], &[3, 4])) > 0.01);
}

#[test]
fn devices_beside_each_other_learn_what_one_learns_batch_by_batch() {
    // Thresholds are what a step remembers for the next one, so the loss that has them is the hardest case.
    let flags = ["--accum-freq", "3", "--loss", "ce-clip"];
    let numbers: Vec<u64> = (0..6).collect();
    let alone = taught(&flags, &numbers);
    for further in 1..=2 {
        let (state, data, tokenizer, config) = set_up(&flags);
        let devices = vec![Device::flex().autodiff(); further];
        let together = teach(state.with_replicas(&devices), (&data, &tokenizer, &config), &numbers);
        assert!(weights(together.model()) == weights(alone.model()), "{further} further devices");
        let thresholds = |state: &TrainState| state.objective.thresholds().values().expect("thresholds");
        assert_eq!(thresholds(&together), thresholds(&alone));
        assert!(thresholds(&alone).iter().any(|margin| *margin > 0.0));
    }
}

#[test]
fn sixteen_bits_compute_the_same_gradient_roughly_and_leave_weights_their_thirty_two() {
    let (exact, rough) = (gradient(&[], &[0]), gradient(&["--precision", "bf16"], &[0]));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let cosine = dot(&exact, &rough) / (dot(&exact, &exact) * dot(&rough, &rough)).sqrt();
    assert!(cosine > 0.99 && exact != rough, "the cosine of both gradients is {cosine}");

    // A step far below what sixteen bits can tell apart.
    let (mut state, data, tokenizer, config) = set_up(&["--precision", "bf16"]);
    let before = weights(state.model());
    state.step(&batches((&data, &tokenizer, &config), &[0]), 1e-5, &alone()).expect("a step");
    let after = weights(state.model());
    let moved: Vec<f32> = before.iter().zip(&after).map(|(before, after)| (before - after).abs()).collect();
    assert!(moved.iter().all(|by| *by < 1.2e-5));
    assert!(moved.iter().filter(|by| **by > 0.5e-5).count() > moved.len() / 2);
}

#[test]
fn activations_computed_again_are_the_same() {
    let flags = ["--loss", "tsvlc"];
    let device = Device::flex().autodiff().gradient_checkpointing();
    let (state, data, tokenizer, config) = set_up_on(&device, &flags);
    let again = teach(state, (&data, &tokenizer, &config), &[0, 1]);
    assert!(weights(again.model()) == weights(taught(&flags, &[0, 1]).model()));
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
    let slow = ["--image-lr-scale", "0.01"];
    assert_eq!(farthest(&slow, false), farthest(&[], false));
    let share = farthest(&slow, true) / farthest(&[], true);
    assert!((share - 0.01).abs() < 0.002, "the image tower moved {share} as far");
}

#[test]
fn plain_and_hard_negative_runs_see_the_same_images_and_captions_in_the_same_order() {
    let (state, plain, tokenizer, plain_config) = set_up(&["--negatives", "none"]);
    let (_, hard, hard_tokenizer, hard_config) = set_up(&[]);
    assert_eq!(tokenizer.to_json().expect("JSON"), hard_tokenizer.to_json().expect("JSON"));
    for number in 0..16 {
        let plain = data::batch(&plain_config, &plain, &tokenizer, None, number).expect("a batch");
        let hard = data::batch(&hard_config, &hard, &tokenizer, None, number).expect("a batch");
        assert_eq!(plain.images, hard.images, "batch {number}");
        let captions = |batch: &Batch| batch.texts.embed(state.model()).narrow(0, 0, 4);
        let far = (captions(&plain) - captions(&hard)).abs().max().into_scalar::<f32>();
        assert!(far < 1e-6, "the captions of batch {number} differ by {far}");
        assert!(plain.negatives.is_empty() && hard.negatives.len() == 8);
    }
}
