//! Requests about images: read, edited, compared, explained, collected.

use shared::challenge_set::{self, Case};
use shared::concept::Concept;
use shared::decode::decode;
use web_sys::Blob;

use super::{Work, progress};
use crate::edit::Edit;
use crate::engine::collection::{Collection, CollectionError};
use crate::engine::{blob, tell, tell_with};
use crate::png;
use crate::protocol::{Event, ImageId, Region};
use crate::relevance::GRID;

impl Work {
    pub(super) async fn add_image(&mut self, id: ImageId, file: &Blob) {
        let bytes = match blob::read(file).await {
            Ok(bytes) => bytes,
            Err(reason) => return tell(&Event::ImageRefused { id, reason }),
        };
        match decode(&bytes) {
            Ok(decoded) => {
                self.images.insert(id, decoded.image);
                let notes = decoded.notes.iter().map(ToString::to_string).collect();
                tell(&Event::ImageRead { id, notes });
            }
            Err(error) => tell(&Event::ImageRefused { id, reason: error.to_string() }),
        }
    }

    pub(super) fn select(&mut self, id: ImageId, region: &Region) {
        // An image may have gone while the strokes were on their way.
        let Some(image) = self.images.get(&id) else { return };
        let (mask, color) = self.studio.select(id, image, &region.strokes, region.reach);
        let covered = mask.coverage().iter().filter(|coverage| **coverage > 0).count();
        let share = covered as f32 / mask.coverage().len() as f32;
        match png::of_mask(&mask) {
            Ok(file) => tell_with(&Event::Selected { image: id, share, color }, Some(&file)),
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    pub(super) fn edit(&mut self, id: ImageId, new: ImageId, region: &Region, edit: Edit) {
        let Some(image) = self.images.get(&id) else { return };
        let told = &mut |share: f32| progress("Editing the picture.".into(), Some(f64::from(share)));
        told(0.0);
        let edited = self
            .studio
            .edit(id, image, &region.strokes, region.reach, edit, told)
            .map_err(|error| error.to_string())
            .and_then(|(image, was)| Ok((png::of_image(&image)?, image, was)));
        match edited {
            Ok((file, image, was)) => {
                self.images.insert(new, image);
                tell_with(&Event::Edited { id: new, was }, Some(&file));
            }
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    pub(super) async fn matrix(&mut self, job: u32, ids: &[ImageId], captions: &[String]) {
        let mut grids = Vec::new();
        for model in &mut self.models {
            match model.grid(&self.images, ids, captions).await {
                Ok(grid) => grids.push(grid),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Matrix { job, grids });
    }

    /// Keeps a case of the visitor's challenge set.
    pub(super) async fn keep(
        &self,
        concept: Concept,
        ids: [ImageId; 2],
        captions: &[String; 2],
    ) -> Result<(), CollectionError> {
        let [Some(first), Some(second)] = ids.map(|id| self.images.get(&id)) else { return Ok(()) };
        let images = [first, second];
        let captions = captions.each_ref().map(String::as_str);
        let case = Case::new(concept, images, captions, &challenge_set::difference(images))?;
        let collection = Collection::open().await?;
        collection.keep(&case).await?;
        tell(&Event::Collected { cases: collection.count().await?, is_new: true });
        Ok(())
    }

    pub(super) async fn explain(&mut self, job: u32, id: ImageId, captions: &[String; 2], row: usize) {
        let Some(image) = self.images.get(&id).filter(|_| row < GRID) else { return };
        let mut models = Vec::new();
        for model in &mut self.models {
            match model.explain((id, image), captions, row).await {
                Ok(relevance) => models.push(relevance),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Explained { job, models });
    }

    pub(super) async fn compare(
        &mut self,
        job: u32,
        id: ImageId,
        caption: &str,
        other: Option<&(ImageId, String)>,
    ) {
        let begun = js_sys::Date::now();
        let Some(image) = self.images.get(&id) else {
            return tell(&Event::Scores { job, answers: Vec::new(), millis: 0.0 });
        };
        let other = other.and_then(|(id, caption)| Some((*id, self.images.get(id)?, caption.as_str())));
        let mut answers = Vec::new();
        for model in &mut self.models {
            match model.answer((id, image, caption), other).await {
                Ok(answer) => answers.push(answer),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Scores { job, answers, millis: js_sys::Date::now() - begun });
    }
}
