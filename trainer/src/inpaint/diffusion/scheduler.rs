//! Samplers: from noise to latents, a step at a time.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use serde::Deserialize;

use super::config;
use crate::inpaint::options::Scheduler;
use crate::system::files::json;

/// `scheduler/scheduler_config.json`, whatever sampler it was written for.
#[derive(Clone, Debug, Deserialize)]
pub struct SchedulerConfig {
    beta_start: f64,
    beta_end: f64,
    beta_schedule: String,
    num_train_timesteps: usize,
    #[serde(default)]
    steps_offset: usize,
    #[serde(default = "epsilon")]
    prediction_type: String,
    #[serde(default)]
    timestep_spacing: Option<String>,
    #[serde(default)]
    set_alpha_to_one: bool,
    #[serde(default)]
    rescale_betas_zero_snr: bool,
    #[serde(default)]
    clip_sample: bool,
}

fn epsilon() -> String {
    "epsilon".to_owned()
}

/// What the U-Net predicts.
#[derive(Clone, Copy, PartialEq)]
enum Prediction {
    /// The noise.
    Epsilon,
    /// A mixture of noise and image (arXiv 2202.00512, appendix D).
    Velocity,
}

/// One step's timestep, and how much noise is in the latents before and after it.
#[derive(Clone, Copy, Debug)]
struct Step {
    time: f64,
    /// The standard deviation of the noise where the image has 1: `√((1 - ᾱ) / ᾱ)`.
    sigma: f64,
    next_sigma: f64,
}

/// A sampler with its steps.
pub struct Sampler {
    kind: Scheduler,
    prediction: Prediction,
    steps: Vec<Step>,
    initial: f64,
}

impl SchedulerConfig {
    /// # Errors
    /// If the file cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        json(&folder.join(config::SCHEDULER), "the config of a scheduler of diffusers")
    }

    /// A sampler of so many steps.
    ///
    /// # Errors
    /// If the model was trained in a way that is not known, or has fewer timesteps.
    pub fn sampler(&self, kind: Scheduler, n_steps: usize) -> Result<Sampler> {
        let prediction = match self.prediction_type.as_str() {
            "epsilon" => Prediction::Epsilon,
            "v_prediction" => Prediction::Velocity,
            other => bail!("its U-Net predicts {other:?}; known are \"epsilon\" and \"v_prediction\""),
        };
        ensure!(
            self.beta_schedule == "scaled_linear",
            "its noise grows by the schedule {:?}; known is \"scaled_linear\"",
            self.beta_schedule
        );
        ensure!(
            !self.rescale_betas_zero_snr,
            "its noise is rescaled to leave nothing of the image, which is not known here"
        );
        ensure!(!self.clip_sample, "its latents are clipped at each step, which is not known here");
        let n_times = self.num_train_timesteps;
        ensure!(
            n_times > 1 && n_steps <= n_times,
            "it was trained with {n_times} timesteps, which is fewer than {n_steps}"
        );
        let (first, last) = (self.beta_start.sqrt(), self.beta_end.sqrt());
        let mut kept = 1.0;
        // ᾱ of each timestep.
        let alphas: Vec<f64> = (0..n_times)
            .map(|time| {
                let root = first + (last - first) * time as f64 / (n_times - 1) as f64;
                kept *= 1.0 - root * root;
                kept
            })
            .collect();
        let sigma = |alpha: f64| ((1.0 - alpha) / alpha).sqrt();
        let times = self.times(kind, n_steps)?;
        let at = |time: f64| {
            let before = (time.floor() as usize).min(n_times - 1);
            let [a, b] = [before, (before + 1).min(n_times - 1)].map(|time| sigma(alphas[time]));
            a + (b - a) * (time - before as f64)
        };
        let ratio = (n_times / n_steps) as f64;
        let next = |nth: usize| match (kind, times.get(nth + 1)) {
            (Scheduler::Euler, Some(next)) => at(*next),
            (Scheduler::Euler, None) => 0.0,
            (Scheduler::Ddim, _) if times[nth] >= ratio => at(times[nth] - ratio),
            (Scheduler::Ddim, _) if self.set_alpha_to_one => 0.0,
            (Scheduler::Ddim, _) => sigma(alphas[0]),
        };
        let steps: Vec<Step> = (0..n_steps)
            .map(|nth| Step { time: times[nth], sigma: at(times[nth]), next_sigma: next(nth) })
            .collect();
        let most = steps[0].sigma;
        let initial = match (kind, self.timestep_spacing.as_deref()) {
            (Scheduler::Ddim, _) => 1.0,
            (Scheduler::Euler, None | Some("linspace" | "trailing")) => most,
            (Scheduler::Euler, Some(_)) => most.hypot(1.0),
        };
        Ok(Sampler { kind, prediction, steps, initial })
    }

    /// The timesteps, the noisiest first. What the config does not say is as in diffusers.
    fn times(&self, kind: Scheduler, n_steps: usize) -> Result<Vec<f64>> {
        let usual = match kind {
            Scheduler::Ddim => "leading",
            Scheduler::Euler => "linspace",
        };
        let n_times = self.num_train_timesteps;
        let time = |nth: usize| match self.timestep_spacing.as_deref().unwrap_or(usual) {
            "leading" => Ok((nth * (n_times / n_steps) + self.steps_offset) as f64),
            "trailing" => {
                let ratio = n_times as f64 / n_steps as f64;
                Ok((n_times as f64 - (n_steps - 1 - nth) as f64 * ratio).round() - 1.0)
            }
            "linspace" if kind == Scheduler::Euler && n_steps > 1 => {
                Ok((n_times - 1) as f64 * nth as f64 / (n_steps - 1) as f64)
            }
            "linspace" if n_steps > 1 => {
                Ok(((n_times - 1) as f64 * nth as f64 / (n_steps - 1) as f64).round())
            }
            "linspace" => Ok((n_times - 1) as f64),
            other => bail!(
                "its timesteps are spaced {other:?}; known are \"leading\", \"trailing\" and \"linspace\""
            ),
        };
        let times = (0..n_steps).rev().map(time).collect::<Result<Vec<f64>>>()?;
        Ok(times.into_iter().map(|time| time.min((n_times - 1) as f64)).collect())
    }
}

impl Sampler {
    /// The number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// What the noise at the beginning is multiplied by.
    pub fn initial(&self) -> f64 {
        self.initial
    }

    /// The timestep that the U-Net is told.
    pub fn time(&self, step: usize) -> f64 {
        self.steps[step].time
    }

    /// The latents as the U-Net wants them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn input(&self, step: usize, latents: &Tensor) -> Result<Tensor> {
        match self.kind {
            Scheduler::Ddim => Ok(latents.clone()),
            Scheduler::Euler => Ok((latents / self.steps[step].sigma.hypot(1.0))?),
        }
    }

    /// The latents after a step, by what the U-Net predicts of them.
    ///
    /// Both samplers go along one line, from latents with noise `σ` to those with noise `σ'`; DDIM's (arXiv 2010.02502, equation 12)
    /// are scaled to a variance of 1, Euler's are not.
    ///
    /// # Errors
    /// If the device fails.
    pub fn step(&self, step: usize, latents: &Tensor, predicted: &Tensor) -> Result<Tensor> {
        let Step { sigma, next_sigma, .. } = self.steps[step];
        // The length of (1, σ), by which latents are scaled to a variance of 1.
        let (norm, next_norm) = (sigma.hypot(1.0), next_sigma.hypot(1.0));
        let scaled = match self.kind {
            Scheduler::Ddim => latents.clone(),
            Scheduler::Euler => (latents / norm)?,
        };
        // Of latents x = (image + σ · noise) / norm.
        let (image, noise) = match self.prediction {
            Prediction::Epsilon => (((&scaled * norm)? - (predicted * sigma)?)?, predicted.clone()),
            Prediction::Velocity => (
                ((&scaled / norm)? - (predicted * (sigma / norm))?)?,
                ((predicted / norm)? + (&scaled * (sigma / norm))?)?,
            ),
        };
        let next = (image + (noise * next_sigma)?)?;
        match self.kind {
            Scheduler::Ddim => Ok((next / next_norm)?),
            Scheduler::Euler => Ok(next),
        }
    }
}
