//! What a model is given of a picture: its pixels; or, where the image tower's stem is locked, what that makes of it. Of
//! photographs it is computed once and kept, since no step changes it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::{Tensor, TensorData};
use half::f16;
use rayon::prelude::*;
use shared::model::Clip;
use shared::picture::Picture;
use shared::preprocess::Preprocess;
use shared::seed;

use crate::{bar, device, whole};

/// Pictures that pass a locked stem together.
const BATCH: usize = 16;

/// Looks at pictures for the model that is trained.
#[derive(Debug, Default)]
pub struct Eye {
    /// The model whose stem is looked through, if it is locked.
    locked: Option<Clip>,
}

impl Eye {
    /// An eye that looks through the stem of a model.
    pub fn through(clip: Clip) -> Self {
        Eye { locked: Some(clip) }
    }

    /// What the model is given of a picture: `[3, S, S]`, or `[P, C]` of a locked stem.
    ///
    /// # Errors
    /// If the device fails.
    pub fn look(&self, picture: &Picture, preprocess: &Preprocess) -> Result<Vec<f32>> {
        let pixels = preprocess.pixels(picture);
        match &self.locked {
            Some(clip) => stem(clip, preprocess.side, pixels),
            None => Ok(pixels),
        }
    }

    /// Looks at pictures once and keeps what was seen: in memory, and in a file of `folder` for the runs to come.
    ///
    /// `fingerprint` changes with the pictures; `read` reads the one of a number.
    ///
    /// # Errors
    /// If a picture cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn keep(
        &self,
        preprocess: &Preprocess,
        n_pictures: usize,
        fingerprint: u64,
        folder: Option<&Path>,
        read: impl Fn(usize) -> Result<Picture> + Sync,
    ) -> Result<Kept> {
        let clip = self.locked.as_ref().context("only a locked stem sees the same every time")?;
        // The same pictures seen through other weights are other numbers.
        let probe = Picture::new(32, 32, (0..3 * 32 * 32).map(|at| (at * 37 % 251) as u8).collect());
        let probe: Vec<u64> =
            self.look(&probe, preprocess)?.iter().map(|value| u64::from(value.to_bits())).collect();
        let length = probe.len();
        let name = format!("{:016x}.stem", seed::mix(&[&[fingerprint][..], &probe].concat()));
        let path = folder.map(|folder| folder.join(name));
        if let Some(path) = path.as_deref().filter(|path| path.exists()) {
            return Kept::read(path, n_pictures, length);
        }
        let bar = bar::counting(n_pictures, "pictures looked at")?;
        // A network leaves most cores idle where it computes on one of them, so each looks at pictures of its own.
        let look = |first: usize| {
            let mut pixels = Vec::new();
            let numbers = first..n_pictures.min(first + BATCH);
            for number in numbers.clone() {
                pixels.extend(preprocess.pixels(&read(number)?));
            }
            let seen = stem(clip, preprocess.side, pixels)?;
            bar.inc(numbers.len() as u64);
            Ok(seen.into_iter().map(f16::from_f32).collect())
        };
        let firsts = (0..n_pictures).into_par_iter().step_by(BATCH);
        let values: Vec<Vec<f16>> = firsts.map(look).collect::<Result<_>>()?;
        bar.finish_and_clear();
        let kept = Kept { values: values.concat(), length };
        if let Some(path) = path {
            kept.write(&path)?;
        }
        Ok(kept)
    }
}

/// Pixels, one picture after the other, to what the stem makes of them.
fn stem(clip: &Clip, side: usize, pixels: Vec<f32>) -> Result<Vec<f32>> {
    let n_pictures = pixels.len() / (3 * side * side);
    let pixels = TensorData::new(pixels, [n_pictures, 3, side, side]);
    device::floats(clip.image_stem(Tensor::from_data(pixels, &clip.device())))
}

/// What was seen of pictures, as 16-bit floats.
#[derive(Debug)]
pub struct Kept {
    values: Vec<f16>,
    /// Numbers of a picture.
    length: usize,
}

impl Kept {
    /// What was seen of the picture of a number.
    pub fn seen(&self, number: usize) -> Vec<f32> {
        let values = &self.values[number * self.length..(number + 1) * self.length];
        values.iter().map(|value| value.to_f32()).collect()
    }

    fn read(path: &Path, n_pictures: usize, length: usize) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.len() != 2 * n_pictures * length {
            bail!("{} is damaged; remove it, and it will be made again", path.display());
        }
        let values = bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two)).collect();
        Ok(Kept { values, length })
    }

    fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        whole::write(path, self.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    }
}
