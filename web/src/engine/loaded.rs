//! One model and what it makes of images and captions. Nothing is embedded twice.

use std::collections::{BTreeMap, BTreeSet};

use shared::bundle::Header;
use shared::caption::Caption;
use shared::engine::{Engine, EngineError};
use shared::image::Image;
use shared::negative;
use shared::similarity::{Embedding, Square, contest};
use web_sys::Blob;

use crate::protocol::{Answer, Grid, ImageId, Relevance, Set, WordWorth};
use crate::relevance::{without_each_cell, without_each_word};

/// One model and what it has computed so far.
pub(super) struct Loaded {
    pub(super) name: String,
    /// The set it belongs to; none for the visitor's own.
    pub(super) set: Option<Set>,
    /// The file, to load the model again on another device.
    pub(super) file: Blob,
    pub(super) header: Header,
    pub(super) engine: Engine,
    pub(super) images: BTreeMap<ImageId, Embedding>,
    pub(super) captions: BTreeMap<String, Embedding>,
}

impl Loaded {
    /// Scores a caption and its negatives, and crosswise with another image and its caption; what was embedded before is
    /// not embedded again.
    pub(super) async fn answer(
        &mut self,
        (id, image, caption): Imaged<'_>,
        other: Option<Imaged<'_>>,
    ) -> Result<Answer, EngineError> {
        let cut_at = self.engine.cut_at(caption)?;
        let negatives = negative::before(negative::shown(&Caption::new(caption)), cut_at);
        let mut texts: Vec<&str> = std::iter::once(caption)
            .chain(negatives.iter().map(|negative| negative.caption.as_str()))
            .collect();
        let asked = texts.len();
        texts.extend(other.map(|(_, _, caption)| caption));
        self.embed_captions(&texts).await?;
        self.embed_image(id, image).await?;
        let embeddings: Vec<Embedding> =
            texts[..asked].iter().map(|text| self.captions[*text].clone()).collect();
        let scores = contest(&self.images[&id], caption, &negatives, &embeddings, self.engine.logit_scale());
        let square = match other {
            Some((other_id, other_image, other_caption)) => {
                self.embed_image(other_id, other_image).await?;
                let images = [&self.images[&id], &self.images[&other_id]];
                Some(Square::of(images, [&self.captions[caption], &self.captions[other_caption]]))
            }
            None => None,
        };
        Ok(Answer { model: self.name.clone(), scores, cut_at, square })
    }

    /// What is left of two similarities without each cell of a row, and without each word if it is the first row.
    pub(super) async fn explain(
        &mut self,
        (id, image): (ImageId, &Image),
        captions: &[String; 2],
        row: usize,
    ) -> Result<Relevance, EngineError> {
        let both = captions.each_ref().map(String::as_str);
        self.embed_captions(&both).await?;
        self.embed_image(id, image).await?;
        let whole = self.against(&self.images[&id], both);
        let (square, sees_all) = self.engine.square(image);
        let covered = without_each_cell(&square, row);
        let covered = self.engine.embed_images(&covered.iter().collect::<Vec<_>>()).await?;
        let cells = covered.iter().map(|image| self.against(image, both)).collect();
        let words = if row == 0 { self.words(id, both, whole).await? } else { Vec::new() };
        Ok(Relevance { model: self.name.clone(), sees_all, whole, cells, words })
    }

    fn against(&self, image: &Embedding, captions: [&str; 2]) -> [f32; 2] {
        captions.map(|caption| image.cosine(&self.captions[caption]))
    }

    /// Each word of a caption, and the similarities of the caption and of its foil without it.
    async fn words(
        &mut self,
        id: ImageId,
        captions: [&str; 2],
        whole: [f32; 2],
    ) -> Result<Vec<WordWorth>, EngineError> {
        let [without, foil_without] = captions.map(without_each_word);
        let texts: Vec<&str> = without.iter().chain(&foil_without).map(|(_, text)| text.as_str()).collect();
        self.embed_captions(&texts).await?;
        let left = |text: &str| self.images[&id].cosine(&self.captions[text]);
        // A foil may have another number of words behind what was exchanged; then it is left as it is.
        let is_parallel = without.len() == foil_without.len();
        let lost = without.iter().enumerate().map(|(nth, (span, text))| WordWorth {
            word: captions[0][span.clone()].to_owned(),
            without: [left(text), if is_parallel { left(&foil_without[nth].1) } else { whole[1] }],
        });
        Ok(lost.collect())
    }

    /// The similarities of images and captions; an image that has gone has a row of zeros.
    pub(super) async fn grid(
        &mut self,
        images: &BTreeMap<ImageId, Image>,
        ids: &[ImageId],
        captions: &[String],
    ) -> Result<Grid, EngineError> {
        let texts: Vec<&str> = captions.iter().map(String::as_str).collect();
        self.embed_captions(&texts).await?;
        let mut rows = Vec::new();
        for id in ids {
            let Some(image) = images.get(id) else {
                rows.push(vec![0.0; captions.len()]);
                continue;
            };
            self.embed_image(*id, image).await?;
            let embedded = &self.images[id];
            rows.push(captions.iter().map(|caption| embedded.cosine(&self.captions[caption])).collect());
        }
        Ok(Grid { model: self.name.clone(), rows })
    }

    async fn embed_image(&mut self, id: ImageId, image: &Image) -> Result<(), EngineError> {
        if !self.images.contains_key(&id) {
            let mut embedded = self.engine.embed_images(&[image]).await?;
            self.images.insert(id, embedded.remove(0));
        }
        Ok(())
    }

    async fn embed_captions(&mut self, texts: &[&str]) -> Result<(), EngineError> {
        let new: BTreeSet<&str> =
            texts.iter().copied().filter(|text| !self.captions.contains_key(*text)).collect();
        let new: Vec<&str> = new.into_iter().collect();
        let embedded = self.engine.embed_captions(&new).await?;
        self.captions.extend(new.into_iter().map(str::to_owned).zip(embedded));
        Ok(())
    }
}

/// An image, what it is called, and a caption of it.
pub(super) type Imaged<'p> = (ImageId, &'p Image, &'p str);
