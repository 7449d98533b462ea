//! `scenes`: a challenge set of rendered pairs as parquet.

use std::fs::File;

use anyhow::{Context, Result};
use shared::challenge_set::{self, Case};
use shared::concept::Concept;
use shared::edit::Mask;
use shared::scene::Pair;
use shared::seed;

use crate::cli::ScenesArgs;

/// The stream of test pairs; training draws from others.
const STREAM: u64 = 100;

/// The `number`-th test pair of a seed. Concepts take turns.
pub fn pair(run_seed: u64, number: u64) -> Pair {
    let concept = Concept::ALL[(number % Concept::ALL.len() as u64) as usize];
    Pair::from_seed(concept, seed::mix(&[run_seed, STREAM, number]))
}

/// Writes a challenge set.
///
/// # Errors
/// If the folder cannot be written to.
pub fn run(args: &ScenesArgs) -> Result<()> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let path = args.out.join("test.parquet");
    let failed = || format!("cannot write {}", path.display());
    let file = File::create(&path).with_context(failed)?;
    let cases = (0..args.count as u64).map(|number| case(&pair(args.seed, number), args.side));
    challenge_set::write(file, cases).with_context(failed)?;
    println!("{} ({} pairs)", path.display(), args.count);
    Ok(())
}

fn case(pair: &Pair, side: u32) -> Result<Case> {
    let mask = pair.mask(side).iter().map(|&inside| if inside { u8::MAX } else { 0 }).collect();
    let [scene, foil] = [pair.scene(), pair.foil_scene()].map(|scene| scene.render(side));
    let captions = [pair.caption(), pair.foil_caption()];
    Ok(Case::new(pair.concept(), [&scene, &foil], captions, &Mask::new(side, side, mask))?)
}
