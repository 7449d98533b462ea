//! Every image and every caption of a benchmark through the towers, each once.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use rayon::prelude::*;
use shared::engine::Engine;
use shared::image::Image;
use shared::similarity::Embedding;

use super::benchmark::{Benchmark, CaptionId, ImageId};
use crate::dataset::ImageSource;
use crate::system::progress;

/// Images or captions a pass through the model.
const BATCH: usize = 64;

/// What embeds images and captions.
pub trait Model {
    /// One embedding an image, in order.
    ///
    /// # Errors
    /// If the device fails.
    fn embed_images(&self, images: &[&Image]) -> Result<Vec<Embedding>>;

    /// One embedding a caption, in order.
    ///
    /// # Errors
    /// If the device fails.
    fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>>;
}

impl Model for Engine {
    fn embed_images(&self, images: &[&Image]) -> Result<Vec<Embedding>> {
        Ok(pollster::block_on(Engine::embed_images(self, images))?)
    }

    fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>> {
        Ok(pollster::block_on(Engine::embed_captions(self, captions))?)
    }
}

/// Where a model puts the images and captions of a benchmark.
#[derive(Debug)]
pub struct Embeddings {
    images: Vec<Embedding>,
    /// Of each image its place in `images`; copies share one. None for an image that could not be read.
    places: Arc<Vec<Option<usize>>>,
    captions: Vec<Embedding>,
}

/// Images that could not be read, and why.
pub type Unreadable = Vec<(ImageId, String)>;

impl Embeddings {
    /// The embedding of an image that could be read.
    ///
    /// # Panics
    /// If it could not.
    pub fn image(&self, id: ImageId) -> &Embedding {
        &self.images[self.places[id].expect("cases with unreadable images have been left out")]
    }

    /// The embedding of a caption.
    pub fn caption(&self, id: CaptionId) -> &Embedding {
        &self.captions[id]
    }
}

/// Embeds everything that a benchmark needs, by every model. Each image is read and decoded once, and so is one that stands
/// under two names.
///
/// # Errors
/// If the device fails, or no image can be read.
pub fn embed(
    benchmark: &Benchmark,
    models: &[&dyn Model],
    quiet: bool,
) -> Result<(Vec<Embeddings>, Unreadable)> {
    let n_embedded = benchmark.images.len() + benchmark.captions.len();
    let bar = if quiet { ProgressBar::hidden() } else { progress::bar(n_embedded, "embedded")? };
    let mut images: Vec<Vec<Embedding>> = vec![Vec::new(); models.len()];
    let mut captions: Vec<Vec<Embedding>> = vec![Vec::new(); models.len()];
    let (mut places, mut unreadable) = (Vec::new(), Vec::new());
    let mut known: HashMap<[u8; 32], usize> = HashMap::new();
    for (nth, batch) in benchmark.images.chunks(BATCH).enumerate() {
        let contents: Vec<Result<[u8; 32]>> = batch.par_iter().map(ImageSource::content).collect();
        let is_new = |idx: usize| {
            let content = contents[idx].as_ref().ok()?;
            let before = contents[..idx].iter().flatten().any(|other| other == content);
            (!before && !known.contains_key(content)).then_some(idx)
        };
        let new: Vec<usize> = (0..batch.len()).filter_map(is_new).collect();
        let decoded: Vec<(usize, Result<Image>)> =
            new.into_par_iter().map(|idx| (idx, batch[idx].image())).collect();
        let mut reasons: HashMap<usize, String> = HashMap::new();
        let mut read: Vec<Image> = Vec::new();
        for (idx, image) in decoded {
            match (image, &contents[idx]) {
                (Ok(image), Ok(content)) => {
                    known.insert(*content, known.len());
                    read.push(image);
                }
                (Err(error), _) => {
                    reasons.insert(idx, format!("{error:#}"));
                }
                (Ok(_), Err(_)) => unreachable!("only what has a content is decoded"),
            }
        }
        let read: Vec<&Image> = read.iter().collect();
        for (model, images) in models.iter().zip(&mut images) {
            images.extend(model.embed_images(&read)?);
        }
        for (idx, content) in contents.iter().enumerate() {
            let place = content.as_ref().ok().and_then(|content| known.get(content).copied());
            places.push(place);
            if place.is_none() {
                let unread = content.as_ref().err().map(|error| format!("{error:#}"));
                let why = reasons.remove(&idx).or(unread);
                let why = why.unwrap_or_else(|| format!("{} cannot be used", batch[idx].name()));
                unreadable.push((nth * BATCH + idx, why));
            }
        }
        bar.inc(batch.len() as u64);
    }
    if let (true, Some((_, why))) = (known.is_empty(), unreadable.first()) {
        bail!("no image could be read: {why}");
    }
    for batch in benchmark.captions.chunks(BATCH) {
        let texts: Vec<&str> = batch.iter().map(String::as_str).collect();
        for (model, captions) in models.iter().zip(&mut captions) {
            captions.extend(model.embed_captions(&texts)?);
        }
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let places = Arc::new(places);
    let of_each = images.into_iter().zip(captions);
    let embeddings =
        of_each.map(|(images, captions)| Embeddings { images, places: Arc::clone(&places), captions });
    Ok((embeddings.collect(), unreadable))
}
