//! Natural hard negatives: of every caption, the nearest captions of other images by the model's own text tower, found anew
//! for every epoch. Nobody checks that they are false of the image; now and then one is true.

use std::path::Path;

use anyhow::{Result, bail};
use burn::tensor::{Tensor, s};
use rand::seq::index::sample;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shared::model::Clip;
use shared::tokenizer::{Tokenizer, TokenizerError};

use super::Data;
use super::example::Stream;
use super::source::Source;
use super::texts::{Lengths, Texts};
use crate::system::atomic_file;
use crate::system::device;
use crate::train::objective::indices;
use crate::train::run_config::RunConfig;

/// The most captions that are candidates in one epoch, drawn anew for each: all against all would grow with the square.
const CANDIDATES: usize = 32_768;
/// Captions that are embedded, or compared with all candidates, at a time.
const TOGETHER: usize = 480;

/// The nearest captions of an epoch.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// For each source and each of its captions, captions of the same source, the nearest first. Drawn scenes have none.
    nearest: Vec<Vec<Vec<u32>>>,
}

/// A caption to compare.
struct Listed<'a> {
    text: &'a str,
    /// The image it belongs to.
    image: usize,
}

impl Mined {
    /// What is mined for an epoch: read from the run's folder, or, when the epoch begins, found and kept there, one file an
    /// epoch, because a run that is killed may have to go back to an earlier one.
    ///
    /// # Errors
    /// If the folder cannot be used, the device fails, or what was mined when the epoch began is gone.
    pub fn of_epoch(
        run: &Path,
        (config, data, tokenizer): (&RunConfig, &Data, &Tokenizer),
        model: &Clip,
        number: u64,
    ) -> Result<Self> {
        let epoch = number / config.batches_an_epoch();
        let path = run.join(format!("mined-{epoch:04}.json"));
        if path.exists() {
            return atomic_file::read_json(&path);
        }
        if !number.is_multiple_of(config.batches_an_epoch()) {
            bail!("{} is gone; without it the run would not go on as it began", path.display());
        }
        let mined = Mined::find(config, data, tokenizer, model, epoch)?;
        atomic_file::write(&path, serde_json::to_string(&mined)?)?;
        Ok(mined)
    }

    fn find(
        config: &RunConfig,
        data: &Data,
        tokenizer: &Tokenizer,
        model: &Clip,
        epoch: u64,
    ) -> Result<Self> {
        let rng = &mut Stream::Candidates.of(config.settings.seed, epoch);
        let of_source = |source: &Source| {
            let Source::Photographs(photographs) = source else { return Ok(Vec::new()) };
            let listed: Vec<Listed> =
                photographs.images().captions().map(|(image, text)| Listed { text, image }).collect();
            let mut candidates = sample(rng, listed.len(), listed.len().min(CANDIDATES)).into_vec();
            candidates.sort_unstable();
            let lengths = data.lengths(tokenizer, config.model.text.context)?;
            let rows = embed(&listed, tokenizer, model, lengths)?;
            nearest(&listed, &rows, &candidates, config.settings.per_caption)
        };
        Ok(Mined { nearest: data.sources.iter().map(of_source).collect::<Result<_>>()? })
    }

    /// The nearest captions of each caption of a source.
    pub(super) fn of_source(&self, nth: usize) -> &[Vec<u32>] {
        &self.nearest[nth]
    }
}

/// What the text tower makes of captions, `[n, E]`.
fn embed(listed: &[Listed], tokenizer: &Tokenizer, model: &Clip, lengths: Lengths) -> Result<Tensor<2>> {
    let mut rows = Vec::new();
    for some in listed.chunks(TOGETHER) {
        let tokens = some.iter().map(|caption| tokenizer.encode(caption.text, lengths.context));
        let tokens = tokens.collect::<Result<Vec<_>, TokenizerError>>()?;
        rows.push(Texts::new(&tokens, &(0..tokens.len()).collect::<Vec<_>>(), lengths).embed(model));
    }
    Ok(Tensor::cat(rows, 0))
}

/// Of every caption the `most` candidates of other images that are nearest by cosine and say something else.
fn nearest(listed: &[Listed], rows: &Tensor<2>, candidates: &[usize], most: usize) -> Result<Vec<Vec<u32>>> {
    let plain: Vec<String> = listed.par_iter().map(|caption| plain(caption.text)).collect();
    let others = rows.clone().select(0, indices(candidates, &rows.device())).transpose(); // [E, C]
    let mut nearest = Vec::with_capacity(listed.len());
    for begin in (0..listed.len()).step_by(TOGETHER) {
        let end = listed.len().min(begin + TOGETHER);
        let cosines = rows.clone().slice(s![begin..end, ..]).matmul(others.clone()); // [B, C]
        let cosines = device::floats(cosines)?;
        let of_row = |(row, cosines): (usize, &[f32])| {
            let own = begin + row;
            let mut best: Vec<(f32, usize)> = Vec::with_capacity(most + 1);
            for (&candidate, &cosine) in candidates.iter().zip(cosines) {
                let is_near = best.len() < most || best.last().is_some_and(|(least, _)| cosine > *least);
                if is_near && listed[candidate].image != listed[own].image && plain[candidate] != plain[own] {
                    let place = best.partition_point(|(better, _)| *better >= cosine);
                    best.insert(place, (cosine, candidate));
                    best.truncate(most);
                }
            }
            best.into_iter().map(|(_, candidate)| candidate as u32).collect::<Vec<_>>()
        };
        nearest.par_extend(cosines.par_chunks(candidates.len()).enumerate().map(of_row));
    }
    Ok(nearest)
}

/// A caption without what does not change its meaning.
fn plain(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn the_nearest_captions_are_of_other_images_and_say_something_else() {
        let listed = [
            ("a red car", 0),
            ("a red car in a street", 0),
            ("A red car.", 1),
            ("a blue car", 1),
            ("a dog", 2),
            ("two dogs", 3),
        ]
        .map(|(text, image)| Listed { text, image });
        let angles = [0.0f32, 0.1, 0.0, 0.2, 1.4, 1.5];
        let rows: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let rows = Tensor::from_data(TensorData::new(rows, [6, 2]), &Device::flex());
        let all: Vec<usize> = (0..listed.len()).collect();
        let found = nearest(&listed, &rows, &all, 2).expect("captions");
        // The first one's twin of image 1 says the same, its sibling is of the same image.
        assert_eq!(found[0], [3, 4]);
        assert_eq!(found[1], [3, 2]);
        assert_eq!(found[4], [5, 3]);
        assert_eq!(nearest(&listed, &rows, &[4], 2).expect("captions")[0], [4]);
        assert!(nearest(&listed, &rows, &[4], 2).expect("captions")[4].is_empty());
    }
}
