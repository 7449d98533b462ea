//! One model and what it makes of pictures and captions. Nothing is embedded twice.

use std::collections::{BTreeMap, BTreeSet};

use shared::bundle::Header;
use shared::caption::Caption;
use shared::engine::{Engine, EngineError};
use shared::negative;
use shared::picture::Picture;
use shared::similarity::{Embedding, Square, contest};
use web_sys::Blob;

use crate::protocol::{Answer, Grid, PictureId, Relevance, Set, WordWorth};
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
    pub(super) pictures: BTreeMap<PictureId, Embedding>,
    pub(super) captions: BTreeMap<String, Embedding>,
}

impl Loaded {
    /// Scores a caption and its negatives, and crosswise with another picture and its caption; what was embedded before is
    /// not embedded again.
    pub(super) async fn answer(
        &mut self,
        (id, picture, caption): Pictured<'_>,
        other: Option<Pictured<'_>>,
    ) -> Result<Answer, EngineError> {
        let negatives = negative::shown(&Caption::new(caption));
        let mut texts: Vec<&str> = std::iter::once(caption)
            .chain(negatives.iter().map(|negative| negative.caption.as_str()))
            .collect();
        let asked = texts.len();
        texts.extend(other.map(|(_, _, caption)| caption));
        self.embed_captions(&texts).await?;
        self.embed_picture(id, picture).await?;
        let embeddings: Vec<Embedding> =
            texts[..asked].iter().map(|text| self.captions[*text].clone()).collect();
        let scores =
            contest(&self.pictures[&id], caption, &negatives, &embeddings, self.engine.logit_scale());
        let square = match other {
            Some((other_id, other_picture, other_caption)) => {
                self.embed_picture(other_id, other_picture).await?;
                let pictures = [&self.pictures[&id], &self.pictures[&other_id]];
                Some(Square::of(pictures, [&self.captions[caption], &self.captions[other_caption]]))
            }
            None => None,
        };
        Ok(Answer { model: self.name.clone(), scores, cut_at: self.engine.cut_at(caption)?, square })
    }

    /// What is left of two similarities without each cell of a row, and without each word if it is the first row.
    pub(super) async fn explain(
        &mut self,
        (id, picture): (PictureId, &Picture),
        captions: &[String; 2],
        row: usize,
    ) -> Result<Relevance, EngineError> {
        let both = captions.each_ref().map(String::as_str);
        self.embed_captions(&both).await?;
        self.embed_picture(id, picture).await?;
        let whole = self.against(&self.pictures[&id], both);
        let (square, sees_all) = self.engine.square(picture);
        let covered = without_each_cell(&square, row);
        let covered = self.engine.embed_pictures(&covered.iter().collect::<Vec<_>>()).await?;
        let cells = covered.iter().map(|picture| self.against(picture, both)).collect();
        let words = if row == 0 { self.words(id, both, whole).await? } else { Vec::new() };
        Ok(Relevance { model: self.name.clone(), sees_all, whole, cells, words })
    }

    fn against(&self, picture: &Embedding, captions: [&str; 2]) -> [f32; 2] {
        captions.map(|caption| picture.cosine(&self.captions[caption]))
    }

    /// Each word of a caption, and the similarities of the caption and of its foil without it.
    async fn words(
        &mut self,
        id: PictureId,
        captions: [&str; 2],
        whole: [f32; 2],
    ) -> Result<Vec<WordWorth>, EngineError> {
        let [without, foil_without] = captions.map(without_each_word);
        let texts: Vec<&str> = without.iter().chain(&foil_without).map(|(_, text)| text.as_str()).collect();
        self.embed_captions(&texts).await?;
        let left = |text: &str| self.pictures[&id].cosine(&self.captions[text]);
        // A foil may have another number of words behind what was exchanged; then it is left as it is.
        let is_parallel = without.len() == foil_without.len();
        let lost = without.iter().enumerate().map(|(nth, (span, text))| WordWorth {
            word: captions[0][span.clone()].to_owned(),
            without: [left(text), if is_parallel { left(&foil_without[nth].1) } else { whole[1] }],
        });
        Ok(lost.collect())
    }

    /// The similarities of pictures and captions; a picture that has gone has a row of zeros.
    pub(super) async fn grid(
        &mut self,
        pictures: &BTreeMap<PictureId, Picture>,
        ids: &[PictureId],
        captions: &[String],
    ) -> Result<Grid, EngineError> {
        let texts: Vec<&str> = captions.iter().map(String::as_str).collect();
        self.embed_captions(&texts).await?;
        let mut rows = Vec::new();
        for id in ids {
            let Some(picture) = pictures.get(id) else {
                rows.push(vec![0.0; captions.len()]);
                continue;
            };
            self.embed_picture(*id, picture).await?;
            let embedded = &self.pictures[id];
            rows.push(captions.iter().map(|caption| embedded.cosine(&self.captions[caption])).collect());
        }
        Ok(Grid { model: self.name.clone(), rows })
    }

    async fn embed_picture(&mut self, id: PictureId, picture: &Picture) -> Result<(), EngineError> {
        if !self.pictures.contains_key(&id) {
            let mut embedded = self.engine.embed_pictures(&[picture]).await?;
            self.pictures.insert(id, embedded.remove(0));
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

/// A picture, what it is called, and a caption of it.
pub(super) type Pictured<'p> = (PictureId, &'p Picture, &'p str);
