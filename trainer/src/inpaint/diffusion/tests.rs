//! What diffusers makes with the same configs, weights and noise (`tests/golden/make_inpainting.py`).

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use shared::image::Image;

use self::inpainting_model::saved;
use super::pipeline::{Pipeline, Request};
use super::*;

#[path = "../../../../tests/formulas.rs"]
mod formulas;
#[path = "../../../../tests/inpainting_model.rs"]
mod inpainting_model;

/// What is done to a folder.
type Change = Box<dyn Fn(&Path)>;

const NAMES: [&str; 2] = ["sd1", "sd2"];
const SIDES: [u32; 2] = [64, 48];
/// The two programs add up in another order, and candle's U-Net takes tanh's approximation of GELU. Of latents in units of their
/// standard deviation, which is 1 where a model has been trained.
const TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
struct Expected {
    prompt: String,
    steps: usize,
    guidance: f64,
    hidden: Vec<f32>,
    ddim: Painted,
    euler: Painted,
}

#[derive(Deserialize)]
struct Painted {
    latents: Vec<f32>,
    pixels: Vec<f32>,
}

fn furthest(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn values(tensor: &candle_core::Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("numbers")
}

#[test]
fn latents_and_images_are_those_of_diffusers() {
    let image = formulas::image(SIDES);
    let is_masked = |at: u32| (16..47).contains(&(at % SIDES[0])) && (10..38).contains(&(at / SIDES[0]));
    let mask = (0..SIDES[0] * SIDES[1]).map(|at| if is_masked(at) { 255 } else { 0 }).collect();
    let mask = Mask::new(SIDES[0], SIDES[1], mask);
    for name in NAMES {
        let folder = saved(name, |_| ());
        let expected: Expected = serde_json::from_value(inpainting_model::expected(name)).expect("JSON");
        let pipeline = Pipeline::load(folder.path()).expect("a pipeline");
        let hidden = values(&pipeline.text(&[&expected.prompt]).expect("states"));
        let width = hidden.len() / 77;
        let hidden: Vec<f32> =
            [0, 1, 3, 5, 76].iter().flat_map(|at| hidden[at * width..][..width].to_vec()).collect();
        assert!(furthest(&hidden, &expected.hidden) < 1e-5, "{name}: text");
        for (scheduler, painted) in [(Scheduler::Ddim, &expected.ddim), (Scheduler::Euler, &expected.euler)] {
            let request = Request {
                image: &image,
                mask: &mask,
                prompt: &expected.prompt,
                noise: formulas::formula("noise", &[4, 6, 8]).map(|value| value * 6.0).collect(),
                encoder_noise: formulas::formula("noise of the masked image", &[4, 6, 8]).collect(),
                steps: expected.steps,
                guidance: expected.guidance,
                scheduler,
            };
            let latents = values(&pipeline.latents(&request).expect("latents"));
            let spread =
                painted.latents.iter().map(|value| value * value).sum::<f32>() / latents.len() as f32;
            let apart = furthest(&latents, &painted.latents) / spread.sqrt().max(1.0);
            assert!(apart < TOLERANCE, "{name}, {scheduler:?}: latents are {apart} apart");
            let painted_image = pipeline.inpaint(&request).expect("an image");
            let sampled: Vec<f32> = (0..SIDES[1])
                .step_by(5)
                .flat_map(|y| (0..SIDES[0]).step_by(7).map(move |x| (x, y)))
                .flat_map(|(x, y)| painted_image.pixel(x, y).map(|level| f32::from(level) / 255.0))
                .collect();
            let apart = furthest(&sampled, &painted.pixels);
            assert!(apart < TOLERANCE + 0.5 / 255.0, "{name}, {scheduler:?}: pixels are {apart} apart");
        }
    }
}

#[test]
fn folders_that_are_no_inpainting_model_get_their_sentence() {
    let edit = |file: &'static str, key: &'static str, value: Value| {
        move |folder: &Path| {
            let path = folder.join(file);
            let text = fs::read_to_string(&path).expect("a config");
            let mut config: Value = serde_json::from_str(&text).expect("JSON");
            config[key] = value.clone();
            fs::write(&path, config.to_string()).expect("a file");
        }
    };
    let remove =
        |file: &'static str| move |folder: &Path| fs::remove_file(folder.join(file)).expect("a file");
    let cases: [(Change, &str); 12] = [
        (Box::new(edit(config::UNET, "in_channels", 4.into())), "4 input channels; one for inpainting has 9"),
        (Box::new(edit(config::UNET, "addition_embed_type", "text_time".into())), "SDXL"),
        (Box::new(edit(config::UNET, "down_block_types", serde_json::json!(["A", "B", "C"]))), "a block A"),
        (Box::new(edit(config::UNET, "cross_attention_dim", 32.into())), "attends to texts of width 32"),
        (Box::new(edit(config::VAE, "latent_channels", 16.into())), "16 latent channels"),
        (Box::new(edit(config::SCHEDULER, "prediction_type", "sample".into())), "predicts \"sample\""),
        (Box::new(edit(config::SCHEDULER, "beta_schedule", "linear".into())), "schedule \"linear\""),
        (Box::new(edit(config::TEXT_ENCODER, "hidden_act", "relu".into())), "activation relu"),
        (Box::new(remove(config::UNET)), "unet/config.json"),
        (Box::new(remove("vae/diffusion_pytorch_model.safetensors")), "vae has no diffusion_pytorch_model"),
        (Box::new(remove("tokenizer/tokenizer.json")), "tokenizer.json"),
        (
            Box::new(|folder: &Path| {
                fs::write(folder.join("unet/diffusion_pytorch_model.safetensors"), b"x").expect("a file")
            }),
            "cut off",
        ),
    ];
    for (change, why) in cases {
        let folder = saved("sd1", change);
        let found = Pipeline::load(folder.path()).and_then(|pipeline| pipeline.check(Scheduler::Ddim, 4));
        let error = format!("{:#}", found.expect_err(why));
        assert!(error.contains(why), "{error}");
    }
    let folder = saved("sd1", |_| ());
    let pipeline = Pipeline::load(folder.path()).expect("a pipeline");
    let error = pipeline.check(Scheduler::Euler, 1001).expect_err("too many steps").to_string();
    assert!(error.contains("1000 timesteps"), "{error}");
}

#[test]
fn what_is_pasted_changes_nothing_outside_the_mask_and_comes_again_with_its_seed() {
    use crate::inpaint::proposal::Proposal;
    use shared::caption::Caption;
    use shared::concept::Concept;
    use shared::negative;

    let folder = saved("sd1", |_| ());
    let diffusion = Diffusion {
        pipeline: Pipeline::load(folder.path()).expect("a pipeline"),
        name: "tiny".to_owned(),
        sha256: String::new(),
        mask: MaskOptions { width_factor: 25.0, height_factor: 25.0, feather: 4 },
        steps: 2,
        guidance: 7.5,
        scheduler: Scheduler::Ddim,
    };
    let image: Image = formulas::image(SIDES);
    let is_masked = |at: u32| (20..40).contains(&(at % SIDES[0])) && (15..30).contains(&(at / SIDES[0]));
    let mask = (0..SIDES[0] * SIDES[1]).map(|at| if is_masked(at) { 255 } else { 0 }).collect();
    let proposals = [Proposal {
        negative: negative::all(&Caption::new("a red car"), &[Concept::Color]).remove(0),
        prompt: "blue car".to_owned(),
        noun: "car".to_owned(),
        mask: std::sync::Arc::new(Mask::new(SIDES[0], SIDES[1], mask)),
        is_plural: false,
        kept: Vec::new(),
    }];
    let task = Task { name: "a", image: &image, proposals: &proposals, n_candidates: 2, seed: 5 };
    let made = |task: &Task<'_>| -> Vec<Candidate> {
        let made = diffusion.make(&Task { name: task.name, ..*task }).expect("an edit").expect("a candidate");
        made.candidates
    };
    let candidates = made(&task);
    assert_eq!(candidates.len(), 2);
    for candidate in &candidates {
        let pixels = image.pixels().iter().zip(candidate.image.pixels()).zip(candidate.mask.coverage());
        let mut changed = 0;
        for ((before, after), coverage) in pixels {
            assert!(*coverage > 0 || before == after, "outside the mask");
            changed += usize::from(before != after);
        }
        assert!(changed > 100, "{changed} pixels changed");
    }
    assert_ne!(candidates[0].image, candidates[1].image);
    let again = made(&task);
    assert!(candidates.iter().zip(&again).all(|(a, b)| a.image == b.image));
    assert_ne!(made(&Task { seed: 6, name: "a", ..task })[0].image, candidates[0].image);
}
