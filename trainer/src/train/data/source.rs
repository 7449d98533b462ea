//! A source of training data: drawn scenes, images in files, or these beside their edits.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use shared::concept::Concept;
use shared::negative::Balance;

use super::edited::Edited;
use super::example::{Example, Stream};
use super::features::InputEncoder;
use super::photographs::Photographs;
use super::scenes::Scenes;
use crate::dataset::Corpus;
use crate::dataset::images::{self, Images};
use crate::negatives::calibration::{Coverage, Drawing, For, table_for};
use crate::train::run_config::RunConfig;

/// Scenes per epoch when the source names no number.
const SCENES: u64 = 40_000;

/// What has been opened by this process: images are decoded and hashed once, however many runs are trained on them.
#[derive(Debug, Default)]
pub struct Library(HashMap<(String, images::Options), Arc<Images>>);

impl Library {
    fn open(&mut self, data: &str, options: &images::Options) -> Result<Arc<Images>> {
        let key = (data.to_owned(), options.clone());
        if let Some(images) = self.0.get(&key) {
            return Ok(Arc::clone(images));
        }
        let images = Arc::new(Images::open(data, options)?);
        self.0.insert(key, Arc::clone(&images));
        Ok(images)
    }
}

/// Where examples come from.
#[derive(Debug)]
pub enum Source {
    /// Drawn scenes.
    Scenes(Scenes),
    /// Images and captions in files.
    Photographs(Photographs),
    /// Those that have an edit, and their edits.
    Edited(Edited),
}

impl Source {
    /// Opens what `--data` names: `scenes`, `scenes:COUNT`, a file of captions or its folder, or shards; `edits:` before files or
    /// shards stands for their images beside edited ones.
    ///
    /// # Errors
    /// If it is neither, or cannot be used.
    pub fn open(data: &str, options: &images::Options, run_seed: u64, library: &mut Library) -> Result<Self> {
        let scenes = |images| Ok(Source::Scenes(Scenes::new(images, run_seed)));
        match data.split_once(':') {
            None if data == "scenes" => scenes(SCENES),
            Some(("scenes", count)) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                scenes(count.with_context(|| format!("not a number of images in --data {data}"))?)
            }
            Some(("edits", files)) if images::is_files(files) => {
                Ok(Source::Edited(Edited::new(library.open(files, options)?)?))
            }
            _ if images::is_files(data) => {
                Ok(Source::Photographs(Photographs::new(library.open(data, options)?)))
            }
            _ => bail!(
                "unknown data source {data:?}: neither `scenes` or `scenes:COUNT`, nor a file of captions or a folder with one, nor shards (….tar), nor one of these two with `edits:` before it"
            ),
        }
    }

    /// Images an epoch.
    pub fn images(&self) -> u64 {
        match self {
            Source::Scenes(scenes) => scenes.images,
            Source::Photographs(photographs) => photographs.n_images(),
            Source::Edited(edited) => edited.n_images(),
        }
    }

    /// A number that changes with the data; drawn data never changes.
    pub fn fingerprint(&self) -> u64 {
        match self {
            Source::Scenes(_) => 0,
            Source::Photographs(photographs) => photographs.images().fingerprint(),
            Source::Edited(edited) => edited.images().fingerprint(),
        }
    }

    /// Its images in files; none if they are drawn.
    pub fn files(&self) -> Option<&Images> {
        match self {
            Source::Scenes(_) => None,
            Source::Photographs(photographs) => Some(photographs.images()),
            Source::Edited(edited) => Some(edited.images()),
        }
    }

    /// Passes all its images through a frozen backbone, if it has them all, and caches the features.
    ///
    /// # Errors
    /// If an image cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn precompute_features(&mut self, config: &RunConfig, encoder: &InputEncoder) -> Result<()> {
        match self {
            Source::Scenes(_) => Ok(()),
            Source::Photographs(photographs) => photographs.precompute_features(config, encoder),
            Source::Edited(edited) => edited.precompute_features(config, encoder),
        }
    }

    /// How the words of negatives are chosen.
    pub fn drawing(&mut self) -> &mut Drawing {
        match self {
            Source::Scenes(scenes) => &mut scenes.drawing,
            Source::Photographs(photographs) => &mut photographs.drawing,
            Source::Edited(edited) => &mut edited.drawing,
        }
    }

    /// The table by which its negatives are balanced; says how many captions keep one.
    pub fn table(&self, concepts: &[Concept], seed: u64) -> Result<Cow<'static, Balance>> {
        fn balanced(corpus: &impl Corpus, concepts: &[Concept], seed: u64) -> Result<Cow<'static, Balance>> {
            let table = table_for(corpus, concepts, For::Own, seed)?;
            eprintln!("{}", Coverage::of(corpus, concepts, &table, seed));
            Ok(table)
        }
        match self {
            Source::Scenes(scenes) => balanced(&scenes.corpus(), concepts, seed),
            Source::Photographs(photographs) => balanced(photographs.images(), concepts, seed),
            Source::Edited(edited) => balanced(edited.images(), concepts, seed),
        }
    }

    /// Its captions, or as many as stand for all of them.
    pub fn captions(&self) -> Vec<Cow<'_, str>> {
        fn of_files(images: &Images) -> Vec<Cow<'_, str>> {
            images.captions().map(|(_, text)| Cow::Borrowed(text)).collect()
        }
        match self {
            Source::Scenes(scenes) => scenes.captions().into_iter().map(Cow::Owned).collect(),
            Source::Photographs(photographs) => of_files(photographs.images()),
            Source::Edited(edited) => of_files(edited.images()),
        }
    }

    /// Its examples of the batch of a number, `share` of them.
    pub fn examples(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        mined: Option<&[Vec<u32>]>,
        number: u64,
        share: u64,
    ) -> Result<Vec<Example>> {
        let first = number * share;
        let numbers = (0..share).into_par_iter();
        match self {
            Source::Scenes(scenes) => {
                let total = config.batches() * share;
                let n_single = (config.single_objects * total as f64).ceil() as u64;
                numbers
                    .map(|nth| scenes.example(config, encoder, first + nth, first + nth < n_single))
                    .collect()
            }
            Source::Edited(edited) => edited.examples(config, encoder, number, share),
            Source::Photographs(photographs) => {
                let n_images = photographs.n_images() as usize;
                let places = Stream::Order.batch(config.settings.seed, number, share, n_images);
                numbers
                    .map(|nth| photographs.example(config, encoder, mined, places[nth as usize], first + nth))
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_or_refused() {
        let images = |data: &str| {
            Source::open(data, &images::Options::default(), 0, &mut Library::default())
                .map(|source| source.images())
        };
        assert_eq!(images("scenes").expect("a source"), SCENES);
        assert_eq!(images("scenes:7").expect("a source"), 7);
        for wrong in ["scenes:", "scenes:0", "scenes:x", "coco", ""] {
            assert!(images(wrong).is_err(), "{wrong:?}");
        }
    }
}
