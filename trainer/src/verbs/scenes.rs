//! `scenes`: a challenge set of rendered pairs as parquet.

use std::io::Cursor;

use anyhow::{Context, Result};
use bytes::Bytes;
use image::{GrayImage, ImageFormat, RgbImage};
use shared::concept::Concept;
use shared::picture::Picture;
use shared::scene::Pair;
use shared::seed;

use crate::cli::ScenesArgs;
use crate::pairs::{self, MaskedRow, PairRow};

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
    pairs::write(&path, (0..args.count as u64).map(|number| row(&pair(args.seed, number), args.side)))?;
    println!("{} ({} pairs)", path.display(), args.count);
    Ok(())
}

fn row(pair: &Pair, side: u32) -> Result<MaskedRow> {
    let mask = pair.mask(side).iter().map(|&inside| if inside { 255 } else { 0 }).collect();
    let mask = GrayImage::from_raw(side, side, mask).context("a mask of the picture's size")?;
    Ok(MaskedRow {
        row: PairRow {
            concept: pair.concept().to_string(),
            caption: pair.caption().to_owned(),
            image: png(&pair.scene().render(side))?,
            foil_caption: pair.foil_caption().to_owned(),
            foil_image: png(&pair.foil_scene().render(side))?,
        },
        mask: encode(|file| mask.write_to(file, ImageFormat::Png))?,
    })
}

fn png(picture: &Picture) -> Result<Bytes> {
    let image = RgbImage::from_raw(picture.width(), picture.height(), picture.rgb().to_vec())
        .context("a picture of its own size")?;
    encode(|file| image.write_to(file, ImageFormat::Png))
}

fn encode(write: impl FnOnce(&mut Cursor<Vec<u8>>) -> image::ImageResult<()>) -> Result<Bytes> {
    let mut file = Cursor::new(Vec::new());
    write(&mut file).context("cannot encode a PNG")?;
    Ok(file.into_inner().into())
}
