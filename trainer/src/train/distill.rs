//! Distillation of a sentence encoder into the text tower (arXiv 1503.02531, with vectors in place of classes): what sentences
//! have in common is learned from text alone, of which there is far more than captioned images.

use anyhow::Result;
use burn::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::module::{Initializer, Module};
use burn::nn::Linear;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use shared::model::Clip;
use shared::seed;
use shared::tokenizer::{TokenBatch, Tokens};

use super::schedule;
use super::state;
use crate::system::device;
use crate::system::npy::Matrix;
use crate::system::progress;

/// The share of steps over which the learning rate rises.
const WARMUP: f64 = 0.05;

/// Batches are made of sentences of similar length, sorted among this many batches.
const SORTED: usize = 8;

/// How to distill.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Passes over the sentences.
    pub epochs: usize,
    /// Sentences a step.
    pub batch_size: usize,
    /// The peak learning rate.
    pub lr: f64,
    /// The weight decay of matrices.
    pub weight_decay: f32,
    /// Seeds the weights and the order.
    pub seed: u64,
    /// Show no progress bar.
    pub quiet: bool,
}

/// A model that learns from the sentence vectors, and the mean cosine with these over the last epoch.
#[derive(Debug)]
pub struct Distilled {
    /// The model; its image tower is as it was.
    pub clip: Clip,
    /// Steps taken.
    pub steps: usize,
    /// The mean cosine.
    pub cosine: f64,
}

/// The text tower and a map of its embeddings to the teacher's space, which is not kept.
#[derive(Module, Debug)]
struct Student {
    clip: Clip,
    /// `[E, D]`
    to_teacher: Linear,
}

impl Student {
    /// The mean over sentences of `1 - cosine` with the teacher's vectors, `[1]`.
    ///
    /// # Shapes
    /// - `vectors`: `[B, D]`, unit rows
    fn loss(&self, sentences: &[Tokens], vectors: Tensor<2>) -> Tensor<1> {
        let embeddings = self.clip.encode_tokens(&TokenBatch::of(sentences));
        let found = self.to_teacher.forward(embeddings);
        let lengths = found.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(1e-6);
        let cosines = (found * vectors).sum_dim(1) / lengths; // [B, 1]
        -cosines.mean() + 1.0
    }
}

/// Trains the text tower of a model until its embeddings tell the teacher's vectors of the same sentences.
///
/// # Errors
/// If the device fails.
///
/// # Panics
/// If there are not as many sentences as vectors, or none.
pub fn distill(clip: Clip, sentences: &[Tokens], vectors: &Matrix, recipe: Recipe) -> Result<Distilled> {
    let [n, width] = vectors.shape;
    assert_eq!(sentences.len(), n, "sentences and vectors");
    let device = clip.device();
    let [_, embedding] = clip.encode_tokens(&TokenBatch::of(&sentences[..1])).dims();
    let to_teacher = Linear {
        weight: Initializer::Normal { mean: 0.0, std: (embedding as f64).powf(-0.5) }
            .init([embedding, width], &device),
        bias: None,
    };
    let mut student = Student { clip, to_teacher };
    let mut optimizer = state::adamw(recipe.weight_decay);
    let batches_an_epoch = (n / recipe.batch_size).max(1);
    let steps = recipe.epochs * batches_an_epoch;
    let bar = if recipe.quiet { indicatif::ProgressBar::hidden() } else { progress::bar(steps, "steps")? };
    let (mut step, mut cosine) = (0, 0.0);
    for epoch in 0..recipe.epochs {
        let mut losses: Vec<Tensor<1>> = Vec::new();
        for batch in batches(sentences, recipe, epoch).into_iter().take(batches_an_epoch) {
            let tokens: Vec<Tokens> = batch.iter().map(|nth| sentences[*nth].clone()).collect();
            let loss = student.loss(&tokens, unit_rows(vectors, &batch, &device));
            let gradients = GradientsParams::from_grads(loss.backward(), &student);
            let rate = schedule::learning_rate(recipe.lr, WARMUP, step as u64, steps as u64);
            student = optimizer.step(ModuleLearningRate::from(rate), student, gradients);
            losses.push(loss.detach());
            step += 1;
            bar.inc(1);
        }
        cosine = 1.0 - f64::from(device::floats(Tensor::cat(losses, 0).mean())?[0]);
        if !recipe.quiet {
            bar.suspend(|| eprintln!("epoch {} of {}: mean cosine {cosine:.3}", epoch + 1, recipe.epochs));
        }
    }
    bar.finish_and_clear();
    Ok(Distilled { clip: student.clip, steps, cosine })
}

/// The sentences of an epoch in batches: those of a batch are of similar length, so that little is padded.
fn batches(sentences: &[Tokens], recipe: Recipe, epoch: usize) -> Vec<Vec<usize>> {
    let rng = &mut seed::rng(&[recipe.seed, epoch as u64]);
    let mut order: Vec<usize> = (0..sentences.len()).collect();
    order.shuffle(rng);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for heap in order.chunks_mut(SORTED * recipe.batch_size) {
        heap.sort_by_key(|nth| sentences[*nth].ids().len());
        batches.extend(heap.chunks(recipe.batch_size).map(<[usize]>::to_vec));
    }
    batches.shuffle(rng);
    batches
}

/// Some of the teacher's vectors, scaled to length 1: `[B, D]`.
fn unit_rows(vectors: &Matrix, rows: &[usize], device: &Device) -> Tensor<2> {
    let [_, width] = vectors.shape;
    let row = |nth: &usize| {
        let row = &vectors.values[nth * width..(nth + 1) * width];
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
        row.iter().map(move |value| value / length)
    };
    let values: Vec<f32> = rows.iter().flat_map(row).collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), width]), device)
}
