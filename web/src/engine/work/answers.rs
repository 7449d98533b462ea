//! Requests about images: read, edited, compared, explained, collected.

use std::collections::BTreeMap;

use shared::challenge_set::{self, Case};
use shared::concept::Concept;
use shared::edit::Edit;
use shared::engine::EngineError;
use shared::image::Image;
use web_sys::Blob;

use super::{Work, progress};
use crate::engine::collection::{Collection, CollectionError};
use crate::engine::images;
use crate::engine::loaded::Loaded;
use crate::engine::{tell, tell_with};
use crate::png;
use crate::protocol::{Answer, Event, Grid, ImageId, Region, Relevance};
use crate::relevance::GRID;

impl Work {
    /// Has every model embed an image; the file is read once for all of them. False if there is no such image.
    async fn embed(&mut self, id: ImageId) -> Result<bool, EngineError> {
        if !self.models.is_empty() && self.models.iter().all(|model| model.images.contains_key(&id)) {
            return Ok(true);
        }
        let Some(image) = self.images.pixels(id).await else { return Ok(false) };
        embed(&mut self.models, id, image).await?;
        Ok(true)
    }

    /// Reads the next image that nobody has asked about yet. False if there is none.
    pub(in crate::engine) async fn read_ahead(&mut self) -> bool {
        let Some(id) = self.images.next_unread() else { return false };
        if self.images.pixels(id).await.is_some()
            && let Err(error) = self.embed(id).await
        {
            tell(&Event::Failed { reason: error.to_string() });
        }
        true
    }

    pub(super) async fn select(&mut self, id: ImageId, region: &Region) {
        // An image may have gone while the strokes were on their way.
        if !self.studio.has(id) {
            let Some(image) = self.images.pixels(id).await else { return };
            self.studio.lay(id, image);
        }
        let Some((mask, color)) = self.studio.select(id, &region.strokes, region.reach) else { return };
        let covered = mask.coverage().iter().filter(|coverage| **coverage > 0).count();
        let share = covered as f32 / mask.coverage().len() as f32;
        match png::of_mask(&mask) {
            Ok(file) => tell_with(&Event::Selected { image: id, share, color }, Some(&file)),
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    pub(super) async fn edit(&mut self, id: ImageId, new: ImageId, region: &Region, edit: Edit) {
        let Some(image) = self.images.pixels(id).await else { return };
        self.studio.lay(id, image);
        let told = &mut |share: f32| progress("Editing the picture.".into(), Some(f64::from(share)));
        told(0.0);
        let edited = self.studio.select(id, &region.strokes, region.reach).map_or_else(
            || Err("the picture has gone".to_owned()),
            |(mask, was)| {
                let image = edit.apply(image, &mask, told).map_err(|error| error.to_string())?;
                Ok((png::of_image(&image)?, image, was))
            },
        );
        match edited {
            Ok((file, image, was)) => {
                self.images.put(new, file.clone(), image);
                tell_with(&Event::Edited { id: new, was }, Some(&file));
            }
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    pub(super) async fn matrix(&mut self, job: u32, ids: &[ImageId], captions: &[String]) {
        let mut grids: Vec<Grid> =
            self.models.iter().map(|model| Grid { model: model.name.clone(), rows: Vec::new() }).collect();
        for (nth, id) in ids.iter().enumerate() {
            let share = nth as f64 / ids.len() as f64;
            progress(format!("Scoring picture {} of {}.", nth + 1, ids.len()), Some(share));
            let rows = match self.embed(*id).await {
                Ok(true) => self.rows(*id, captions).await,
                // An image that has gone meanwhile has no row on the page either.
                Ok(false) => Ok(vec![vec![0.0; captions.len()]; grids.len()]),
                Err(error) => Err(error),
            };
            match rows {
                Ok(rows) => grids.iter_mut().zip(rows).for_each(|(grid, row)| grid.rows.push(row)),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Matrix { job, grids });
    }

    pub(super) async fn survey(&mut self, job: u32, image: ImageId, caption: &str) {
        match self.answers(image, caption, None, None).await {
            Ok(answers) => tell(&Event::Surveyed { job, image, answers }),
            Err(error) => tell(&Event::Failed { reason: error.to_string() }),
        }
    }

    /// Scores captions of a frame, which is forgotten at once.
    pub(super) async fn glance(&mut self, job: u32, frame: &Blob, captions: &[String]) {
        let rows = match images::read(frame).await {
            Ok((image, _)) => self.rows_of_frame(&image, captions).await,
            Err(_) => Ok(Vec::new()),
        };
        match rows {
            Ok(rows) => {
                let names = self.models.iter().map(|model| model.name.clone());
                let grids = names.zip(rows).map(|(model, row)| Grid { model, rows: vec![row] }).collect();
                tell(&Event::Glanced { job, grids });
            }
            Err(error) => tell(&Event::Failed { reason: error.to_string() }),
        }
    }

    async fn rows_of_frame(
        &mut self,
        frame: &Image,
        captions: &[String],
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        /// No image of the page is called this.
        const FRAME: ImageId = 0;
        for model in &mut self.models {
            model.images.remove(&FRAME);
        }
        embed(&mut self.models, FRAME, frame).await?;
        self.rows(FRAME, captions).await
    }

    /// The similarities of an embedded image and captions, a row a model.
    async fn rows(&mut self, id: ImageId, captions: &[String]) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut rows = Vec::new();
        for model in &mut self.models {
            rows.push(model.row(id, captions).await?);
        }
        Ok(rows)
    }

    /// Keeps a case of the visitor's challenge set.
    pub(super) async fn keep(
        &mut self,
        concept: Concept,
        [one, other]: [ImageId; 2],
        captions: &[String; 2],
    ) -> Result<(), CollectionError> {
        let Some(first) = self.images.take(one).await else { return Ok(()) };
        let Some(second) = self.images.take(other).await else { return Ok(()) };
        let images = [&first, &second];
        let captions = captions.each_ref().map(String::as_str);
        let case = Case::new(concept, images, captions, &challenge_set::difference(images))?;
        let collection = Collection::open().await?;
        collection.keep(&case).await?;
        tell(&Event::Collected { cases: collection.count().await?, is_new: true });
        Ok(())
    }

    pub(super) async fn explain(
        &mut self,
        job: u32,
        name: &str,
        id: ImageId,
        captions: &[String; 2],
        row: usize,
    ) {
        match self.relevance(name, id, captions, row).await {
            Ok(Some(relevance)) => tell(&Event::Explained { job, relevance }),
            // The image or the model has gone, and the question with it.
            Ok(None) => {}
            Err(error) => tell(&Event::Failed { reason: error.to_string() }),
        }
    }

    async fn relevance(
        &mut self,
        name: &str,
        id: ImageId,
        captions: &[String; 2],
        row: usize,
    ) -> Result<Option<Relevance>, EngineError> {
        if row >= GRID || !self.embed(id).await? {
            return Ok(None);
        }
        let Some(model) = self.models.iter_mut().find(|model| model.name == name) else { return Ok(None) };
        if !model.has_square(id) {
            let Some(image) = self.images.pixels(id).await else { return Ok(None) };
            model.set_square(id, image);
        }
        model.explain(id, captions, row).await
    }

    pub(super) async fn compare(
        &mut self,
        job: u32,
        id: ImageId,
        [caption, foil]: [&str; 2],
        other: Option<&(ImageId, String)>,
    ) {
        let begun = js_sys::Date::now();
        let asked = Some(foil).filter(|foil| !foil.is_empty() && *foil != caption);
        match self.answers(id, caption, asked, other).await {
            Ok(answers) => tell(&Event::Scores { job, answers, millis: js_sys::Date::now() - begun }),
            Err(error) => tell(&Event::Failed { reason: error.to_string() }),
        }
    }

    async fn answers(
        &mut self,
        id: ImageId,
        caption: &str,
        asked: Option<&str>,
        other: Option<&(ImageId, String)>,
    ) -> Result<Vec<Answer>, EngineError> {
        let mut answers = Vec::new();
        if !self.embed(id).await? {
            return Ok(answers);
        }
        let other = match other {
            Some((id, caption)) if self.embed(*id).await? => Some((*id, caption.as_str())),
            _ => None,
        };
        for model in &mut self.models {
            answers.push(model.answer((id, caption), asked, other).await?);
        }
        Ok(answers)
    }
}

/// Has every model embed an image. What a backbone that several share makes of it is computed once.
async fn embed(models: &mut [Loaded], id: ImageId, image: &Image) -> Result<(), EngineError> {
    let mut seen = BTreeMap::new();
    for model in models {
        model.embed_image(id, image, &mut seen).await?;
    }
    Ok(())
}
