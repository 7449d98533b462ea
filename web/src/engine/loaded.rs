//! One model and what it makes of images and captions. Nothing is embedded twice.

use std::collections::{BTreeMap, BTreeSet};

use shared::bundle::Header;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::engine::{Engine, EngineError, Features};
use shared::image::Image;
use shared::negative;
use shared::similarity::{Embedding, Square, contest};
use web_sys::Blob;

use crate::protocol::{Answer, ImageId, Relevance, Set, WordWorth};
use crate::relevance::{without_each_cell, without_each_word};
use crate::words::concept_between;

/// One model and what it has computed so far.
pub(super) struct Loaded {
    pub(super) name: String,
    /// The set it belongs to; none for the visitor's own.
    pub(super) set: Option<Set>,
    /// The file, to load the model again on another device.
    pub(super) file: Blob,
    /// The file of its backbone, if that is another one.
    pub(super) backbone: Option<Blob>,
    pub(super) header: Header,
    pub(super) engine: Engine,
    pub(super) images: BTreeMap<ImageId, Embedding>,
    pub(super) captions: BTreeMap<String, Embedding>,
    /// What it sees of the image whose map was asked for last.
    pub(super) square: Option<SquareOf>,
}

impl Loaded {
    /// Scores a caption against its negatives, first of them the one that the visitor asks about, and crosswise with another image
    /// and its caption. What was embedded before is not embedded again.
    ///
    /// # Panics
    /// If an image was not embedded.
    pub(super) async fn answer(
        &mut self,
        (id, caption): (ImageId, &str),
        asked: Option<&str>,
        other: Option<(ImageId, &str)>,
    ) -> Result<Answer, EngineError> {
        let cut_at = self.engine.cut_at(caption)?;
        let shown = negative::before(negative::shown(&Caption::new(caption)), cut_at);
        let mut foils: Vec<(&str, Option<Concept>)> =
            shown.iter().map(|negative| (negative.caption.as_str(), Some(negative.concept))).collect();
        if let Some(asked) = asked {
            foils.retain(|(foil, _)| *foil != asked);
            foils.insert(0, (asked, concept_between(caption, asked)));
        }
        let mut texts: Vec<&str> =
            std::iter::once(caption).chain(foils.iter().map(|(foil, _)| *foil)).collect();
        let of_caption = texts.len();
        texts.extend(other.map(|(_, caption)| caption));
        self.embed_captions(&texts).await?;
        let embeddings: Vec<Embedding> =
            texts[..of_caption].iter().map(|text| self.captions[*text].clone()).collect();
        let scores = contest(&self.images[&id], caption, &foils, &embeddings, self.engine.logits());
        let square = other.map(|(other_id, other_caption)| {
            let images = [&self.images[&id], &self.images[&other_id]];
            Square::of(images, [&self.captions[caption], &self.captions[other_caption]])
        });
        Ok(Answer { model: self.name.clone(), scores, asked: asked.is_some(), cut_at, square })
    }

    /// Whether the map of an image needs its pixels.
    pub(super) fn has_square(&self, id: ImageId) -> bool {
        self.square.as_ref().is_some_and(|square| square.of == id)
    }

    /// Keeps what the model sees of an image, for its map.
    pub(super) fn set_square(&mut self, of: ImageId, image: &Image) {
        let (image, sees_all) = self.engine.square(image);
        self.square = Some(SquareOf { of, image, sees_all });
    }

    /// What is left of two similarities without each cell of a row, and without each word if it is the first row; nothing without
    /// the image's embedding and square.
    pub(super) async fn explain(
        &mut self,
        id: ImageId,
        captions: &[String; 2],
        row: usize,
    ) -> Result<Option<Relevance>, EngineError> {
        let both = captions.each_ref().map(String::as_str);
        self.embed_captions(&both).await?;
        let Some(square) = self.square.as_ref().filter(|square| square.of == id) else { return Ok(None) };
        let Some(embedding) = self.images.get(&id) else { return Ok(None) };
        let whole = self.against(embedding, both);
        let sees_all = square.sees_all;
        let covered = without_each_cell(&square.image, row);
        let covered = self.engine.embed_images(&covered.iter().collect::<Vec<_>>()).await?;
        let cells = covered.iter().map(|image| self.against(image, both)).collect();
        let words = if row == 0 { self.words(id, both, whole).await? } else { Vec::new() };
        Ok(Some(Relevance { model: self.name.clone(), sees_all, whole, cells, words }))
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

    /// The similarities of an image and captions.
    ///
    /// # Panics
    /// If the image was not embedded.
    pub(super) async fn row(&mut self, id: ImageId, captions: &[String]) -> Result<Vec<f32>, EngineError> {
        let texts: Vec<&str> = captions.iter().map(String::as_str).collect();
        self.embed_captions(&texts).await?;
        let image = &self.images[&id];
        Ok(captions.iter().map(|caption| image.cosine(&self.captions[caption])).collect())
    }

    /// Embeds an image, once. What a backbone that others share makes of it is computed once, too: `seen` has it by the backbone.
    pub(super) async fn embed_image(
        &mut self,
        id: ImageId,
        image: &Image,
        seen: &mut BTreeMap<String, Features>,
    ) -> Result<(), EngineError> {
        if self.images.contains_key(&id) {
            return Ok(());
        }
        let shared = self.header.backbone().map(|file| file.sha256.clone());
        let features = match shared {
            Some(sha256) => match seen.get(&sha256) {
                Some(features) => Some(features.clone()),
                None => self.engine.features(&[image]).inspect(|new| _ = seen.insert(sha256, new.clone())),
            },
            None => None,
        };
        let mut embedded = match &features {
            Some(features) => self.engine.embed_features(features).await?,
            None => self.engine.embed_images(&[image]).await?,
        };
        self.images.insert(id, embedded.remove(0));
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

/// What a model sees of an image.
pub(super) struct SquareOf {
    of: ImageId,
    image: Image,
    /// Whether that is the whole image.
    sees_all: bool,
}
