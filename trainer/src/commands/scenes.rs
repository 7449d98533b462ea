//! `scenes`: a challenge set of rendered pairs as parquet.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use shared::challenge_set::Case;
use shared::mask::Mask;
use shared::scene::Pair;

use crate::dataset::challenge_set_file;
use crate::dataset::scene_pairs::pair;

/// The options of `scenes`.
#[derive(Args)]
pub struct ScenesArgs {
    /// Write `test.parquet` into this folder, and make it if it is not there.
    #[arg(long)]
    pub out: PathBuf,
    /// Render N pairs, spread evenly over the concepts.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub count: usize,
    /// Seed the scenes.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Set the side of the images in pixels.
    #[arg(long, default_value_t = 224, value_parser = clap::value_parser!(u32).range(16..=2048))]
    pub side: u32,
}

/// Writes a challenge set.
///
/// # Errors
/// If the folder cannot be written to.
pub fn run(args: &ScenesArgs) -> Result<()> {
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make {}", args.out.display()))?;
    let path = args.out.join("test.parquet");
    let cases = (0..args.count as u64).map(|number| case(&pair(args.seed, number), args.side));
    challenge_set_file::write(&path, cases)?;
    println!("{} ({} pairs)", path.display(), args.count);
    Ok(())
}

fn case(pair: &Pair, side: u32) -> Result<Case> {
    let mask = pair.mask(side).iter().map(|&inside| if inside { u8::MAX } else { 0 }).collect();
    let [scene, foil] = [pair.scene(), pair.foil_scene()].map(|scene| scene.render(side));
    let captions = [pair.caption(), pair.foil_caption()];
    Ok(Case::new(pair.concept(), [&scene, &foil], captions, &Mask::new(side, side, mask))?)
}
