//! Every picture and every caption of a benchmark through the towers, each once.

use std::collections::HashMap;

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use rayon::prelude::*;
use shared::engine::Engine;
use shared::picture::Picture;
use shared::similarity::Embedding;

use crate::benchmark::{Benchmark, CaptionId, PictureId, Source};
use crate::progress;

/// Pictures or captions a pass through the model.
const BATCH: usize = 64;

/// What embeds pictures and captions.
pub trait Model {
    /// One embedding a picture, in order.
    ///
    /// # Errors
    /// If the device fails.
    fn embed_pictures(&self, pictures: &[&Picture]) -> Result<Vec<Embedding>>;

    /// One embedding a caption, in order.
    ///
    /// # Errors
    /// If the device fails.
    fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>>;
}

impl Model for Engine {
    fn embed_pictures(&self, pictures: &[&Picture]) -> Result<Vec<Embedding>> {
        Ok(pollster::block_on(Engine::embed_pictures(self, pictures))?)
    }

    fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>> {
        Ok(pollster::block_on(Engine::embed_captions(self, captions))?)
    }
}

/// Where the pictures and captions of a benchmark lie.
#[derive(Debug)]
pub struct Embeddings {
    pictures: Vec<Embedding>,
    /// Of each picture its place in `pictures`; copies share one. None for a picture that could not be read.
    places: Vec<Option<usize>>,
    captions: Vec<Embedding>,
    /// Why pictures could not be read.
    pub unreadable: Vec<(PictureId, String)>,
}

impl Embeddings {
    /// The embedding of a picture that could be read.
    ///
    /// # Panics
    /// If it could not.
    pub fn picture(&self, id: PictureId) -> &Embedding {
        &self.pictures[self.places[id].expect("cases with unreadable pictures have been left out")]
    }

    /// The embedding of a caption.
    pub fn caption(&self, id: CaptionId) -> &Embedding {
        &self.captions[id]
    }
}

/// Embeds everything that a benchmark needs. A picture that stands under two names is embedded once.
///
/// # Errors
/// If the device fails, or no picture can be read.
pub fn embed(benchmark: &Benchmark, model: &impl Model, quiet: bool) -> Result<Embeddings> {
    let n_embedded = benchmark.pictures.len() + benchmark.captions.len();
    let bar = if quiet { ProgressBar::hidden() } else { progress::bar(n_embedded, "embedded")? };
    let mut embeddings =
        Embeddings { pictures: Vec::new(), places: Vec::new(), captions: Vec::new(), unreadable: Vec::new() };
    let mut known: HashMap<[u8; 32], usize> = HashMap::new();
    for (nth, batch) in benchmark.pictures.chunks(BATCH).enumerate() {
        let contents: Vec<Result<[u8; 32]>> = batch.par_iter().map(Source::content).collect();
        let is_new = |idx: usize| {
            let content = contents[idx].as_ref().ok()?;
            let before = contents[..idx].iter().flatten().any(|other| other == content);
            (!before && !known.contains_key(content)).then_some(idx)
        };
        let new: Vec<usize> = (0..batch.len()).filter_map(is_new).collect();
        let pictures: Vec<(usize, Result<Picture>)> =
            new.into_par_iter().map(|idx| (idx, batch[idx].picture())).collect();
        let (read, broken): (Vec<_>, Vec<_>) = pictures.into_iter().partition(|(_, picture)| picture.is_ok());
        let read: Vec<(usize, Picture)> =
            read.into_iter().filter_map(|(idx, picture)| Some((idx, picture.ok()?))).collect();
        let made = model.embed_pictures(&read.iter().map(|(_, picture)| picture).collect::<Vec<_>>())?;
        for ((idx, _), embedding) in read.iter().zip(made) {
            if let Ok(content) = &contents[*idx] {
                known.insert(*content, embeddings.pictures.len());
                embeddings.pictures.push(embedding);
            }
        }
        let mut reasons: HashMap<usize, String> = HashMap::new();
        for (idx, picture) in broken {
            reasons.extend(picture.err().map(|error| (idx, format!("{error:#}"))));
        }
        for (idx, content) in contents.iter().enumerate() {
            let place = content.as_ref().ok().and_then(|content| known.get(content).copied());
            embeddings.places.push(place);
            if place.is_none() {
                let unread = content.as_ref().err().map(|error| format!("{error:#}"));
                let why = reasons.remove(&idx).or(unread);
                let why = why.unwrap_or_else(|| format!("{} cannot be used", batch[idx].name()));
                embeddings.unreadable.push((nth * BATCH + idx, why));
            }
        }
        bar.inc(batch.len() as u64);
    }
    if let (true, Some((_, why))) = (embeddings.pictures.is_empty(), embeddings.unreadable.first()) {
        bail!("no picture could be read: {why}");
    }
    for batch in benchmark.captions.chunks(BATCH) {
        embeddings
            .captions
            .extend(model.embed_captions(&batch.iter().map(String::as_str).collect::<Vec<_>>())?);
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(embeddings)
}
