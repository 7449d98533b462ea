//! Promises that span rooms.
//!
//! - `benchmarks`: every benchmark format, its traps included, and embeddings as arrays
//! - `laws`: the five laws of hard negatives, over generated captions
//! - `images`: what decoding and resizing make of real files
//! - `trainer_cli`: the commands of the trainer as a person calls them, with rubbish too
//! - `round_trip`: pretrain → resume → export → score, on a model for tests
//! - `sources`: what can be trained on, what is left out, and what a run remembers of it
//! - `faults`: killed programs, full disks, files that vanish; `FAULTS.md` is the list
//! - `bundles`: the shipped bundles, and broken ones
//! - `photo`: the preset of photographs, from published weights to a bundle
//! - `clip`, `siglip`: imported weights against the programs they come from; `published` is what both need
//! - `distributed`: training over several processes, with the feature `mpi`
//! - `distill`: a text tower from the vectors of a sentence encoder
//! - `inpaint`: from captioned photographs and masks to a verified challenge set
//! - `game`: what the guessing game of the page says that models pick
//! - `gallery`: pictures that stand for samples, and the pages that show them where links are shown
//! - `formulas`: images and weights that golden files need not hold
//! - `inpainting_model`: tiny inpainting models, with the feature `diffusion`
//! - `imports`: which file imports which, for `tidy`
//! - `tidy`: structural promises of ARCHITECTURE.md
//!
//! What a real browser must show is in `browser/`.
#![recursion_limit = "256"]

mod benchmarks;
mod bundles;
mod clip;
mod distill;
#[cfg(feature = "mpi")]
mod distributed;
mod faults;
mod formulas;
mod gallery;
mod game;
mod images;
mod imports;
mod inpaint;
#[cfg(feature = "diffusion")]
mod inpainting_model;
mod laws;
mod photo;
mod published;
mod round_trip;
mod siglip;
mod sources;
mod support;
mod tidy;
mod trainer_cli;
