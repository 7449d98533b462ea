//! Stable Diffusion inpainting (arXiv 2112.10752) in diffusers' layout: versions 1.5 and 2, whose U-Net sees the mask and the
//! image around it in five channels beside the four of the latents.
//!
//! ```text
//! prompt ── text encoder ── [2, 77, W] ─────────────────────┐
//! image around the mask ── autoencoder ── [1, 4, h, w] ──┐  │
//! mask ── [1, 1, h, w] ──────────────────────────────────┼── U-Net ── scheduler ── … ── autoencoder ── image, pasted
//! noise ── [1, 4, h, w] ─────────────────────────────────┘     └── step ┘                  into the original
//! ```

mod autoencoder;
mod config;
mod pipeline;
mod scheduler;
mod text_encoder;

use std::path::Path;

use anyhow::{Context, Result};
use rand::RngExt;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};
use shared::bundle::hexadecimal;
use shared::challenge_set::GeneratorDetails;
use shared::edit::composite;
use shared::mask::Mask;
use shared::seed;

use self::pipeline::{Pipeline, Request};
use super::generator::{Candidate, Generator, Made, MaskOptions, Task};
use super::options::{Options, Scheduler};
use crate::models::import::hub;
use crate::system::files::sha256;

/// As InpaintCOCO's masks.
const FACTOR: f64 = 25.0;
/// Two hundredths of the usual side.
const FEATHER: u32 = 8;
/// What a model cannot do without, in the order in which it is fetched: with the last it counts as fetched.
const PARTS: [&str; 5] =
    [config::SCHEDULER, config::TEXT_ENCODER, config::VAE, config::UNET, "model_index.json"];

/// A diffusion model and how it is asked.
struct Diffusion {
    pipeline: Pipeline,
    name: String,
    sha256: String,
    mask: MaskOptions,
    steps: usize,
    guidance: f64,
    scheduler: Scheduler,
}

/// Loads the model that `--generator` names.
///
/// # Errors
/// If it is neither a folder nor a name, cannot be fetched, or is no inpainting model that can be used.
pub fn open(options: &Options) -> Result<Box<dyn Generator>> {
    let folder = hub::snapshot(Path::new(&options.generator), &PARTS, &|file| config::is_needed(file))?;
    let unusable = || format!("cannot use {} as an inpainting model", options.generator);
    let pipeline = Pipeline::load(&folder).with_context(unusable)?;
    let steps = options.steps as usize;
    pipeline.check(options.scheduler, steps).with_context(unusable)?;
    let parts = [config::TEXT_ENCODER, config::VAE, config::UNET];
    let hashes = parts.map(|part| sha256(&config::weights(&folder, part)?));
    let hashes = hashes.into_iter().collect::<Result<Vec<_>>>().with_context(unusable)?;
    eprintln!(
        "{}: {:.1} GB of weights on {}",
        options.generator,
        pipeline.bytes() as f64 / 1e9,
        pipeline.device()
    );
    Ok(Box::new(Diffusion {
        pipeline,
        name: options.generator.clone(),
        sha256: hexadecimal(&Sha256::digest(hashes.concat())),
        mask: MaskOptions::of(options, FACTOR, FEATHER),
        steps,
        guidance: options.guidance,
        scheduler: options.scheduler,
    }))
}

impl Generator for Diffusion {
    fn step(&self) -> u32 {
        self.pipeline.factor() as u32
    }

    fn is_parallel(&self) -> bool {
        false
    }

    fn fingerprint(&self) -> &str {
        &self.sha256
    }

    fn make(&self, task: &Task) -> Result<Option<Made>> {
        let Some(proposal) = task.proposals.first() else { return Ok(None) };
        let mask = self.mask.apply(&proposal.mask);
        // The model repaints whatever the mask covers at all; the soft edge is for pasting.
        let hard = mask.coverage().iter().map(|coverage| if *coverage > 0 { u8::MAX } else { 0 }).collect();
        let hard = Mask::new(mask.width(), mask.height(), hard);
        let factor = self.pipeline.factor();
        let n_latents = 4 * (mask.width() as usize / factor) * (mask.height() as usize / factor);
        let candidate = |number: usize| -> Result<Candidate> {
            let seed = seed::mix(&[task.seed, number as u64]);
            let rng = &mut seed::rng(&[seed]);
            let mut noise = || (0..n_latents).map(|_| rng.sample(StandardNormal)).collect::<Vec<f32>>();
            let request = Request {
                image: task.image,
                mask: &hard,
                prompt: &proposal.prompt,
                noise: noise(),
                encoder_noise: noise(),
                steps: self.steps,
                guidance: self.guidance,
                scheduler: self.scheduler,
            };
            let painted = self.pipeline.inpaint(&request)?;
            Ok(Candidate {
                image: composite(task.image, &painted, &mask),
                mask: hard.clone(),
                mask_details: self.mask.details(proposal),
                details: GeneratorDetails {
                    generator: self.name.clone(),
                    sha256: self.sha256.clone(),
                    edited: String::new(),
                    scheduler: format!("{:?}", self.scheduler).to_lowercase(),
                    seed,
                    prompt: proposal.prompt.clone(),
                    num_inference_steps: self.steps as u64,
                    guidance_scale: self.guidance,
                    margin: f64::NAN,
                },
            })
        };
        let candidates = (0..task.n_candidates).map(candidate).collect::<Result<_>>()?;
        Ok(Some(Made { place: 0, proposal: proposal.clone(), candidates }))
    }
}

#[cfg(test)]
mod tests;
