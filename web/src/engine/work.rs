//! What the engine holds and how it answers each request.

use std::collections::BTreeMap;

use burn::tensor::Device;
use shared::bundle::Header;
use shared::challenge_set::{self, Case};
use shared::concept::Concept;
use shared::decode::decode;
use shared::edit::Edit;
use shared::engine::{Engine, EngineError};
use shared::picture::Picture;
use shared::relevance::GRID;
use wasm_bindgen::JsCast;
use web_sys::Blob;

use super::blob::LoadError;
use super::collection::{Collection, CollectionError};
use super::device::{self, Chosen};
use super::download::Watcher;
use super::fetch::Listed;
use super::loaded::Loaded;
use super::shelf::Shelf;
use super::studio::Studio;
use super::{blob, fetch, tell, tell_with};
use crate::png;
use crate::protocol::{Backend, Event, Model, Origin, PictureId, Region, Request, Set, model_name};
use crate::words::size;

/// Why a model is not loaded.
#[derive(Debug, thiserror::Error)]
enum Unloaded {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no room for it.
    #[error("{0}")]
    NoRoom(String),
}

/// Tells the page about a download, and ends it if the device has no room for the model.
struct Told<'w> {
    name: &'w str,
    /// The size, if the list of bundles names it.
    bytes: Option<usize>,
    /// What must have room for it, where no list has promised that.
    device: Option<&'w Chosen>,
}

impl Watcher for Told<'_> {
    fn hear(&self, so_far: usize, total: Option<usize>) {
        let total = self.bytes.or(total);
        let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
        tell(&Event::Progress {
            words: format!("Downloading {}: {}{of}.", self.name, size(so_far)),
            fraction: total.map(|total| so_far as f64 / total.max(1) as f64),
            can_cancel: self.bytes.is_none(),
        });
    }

    fn has_seen_enough(&self, beginning: &[u8]) -> Result<bool, String> {
        // The list says what to expect; what else comes is refused by its checksum.
        let Some(device) = self.device else { return Ok(true) };
        if beginning.len() < Header::PREFIX {
            return Ok(false);
        }
        let end = Header::end(beginning).map_err(|error| error.to_string())?;
        if beginning.len() < end {
            return Ok(false);
        }
        let header = Header::read(beginning).map_err(|error| error.to_string())?;
        device.has_room_for(&header).map(|()| true)
    }
}

/// The state of the worker.
#[derive(Default)]
pub struct Work {
    /// The page's address.
    base: String,
    /// The bundles that the page offers.
    listed: Vec<Listed>,
    device: Option<Chosen>,
    models: Vec<Loaded>,
    pictures: BTreeMap<PictureId, Picture>,
    studio: Studio,
}

impl Work {
    /// An engine that has not started.
    pub fn new() -> Self {
        Work::default()
    }

    /// Answers one request; whatever goes wrong becomes an event.
    pub async fn answer(&mut self, request: Request, file: Option<Blob>) {
        match (request, file) {
            (Request::Start { set, backend, base, bundle }, _) => {
                self.base = base;
                self.start(set, backend, bundle).await;
            }
            (Request::Choose { set }, _) => {
                if self.choose(set).await {
                    tell_kept(&Shelf::open().await).await;
                    tell(&Event::Ready);
                }
            }
            (Request::AddBundle { name }, Some(file)) => {
                self.add_bundle(name, None, file, Origin::File).await;
                tell(&Event::Ready);
            }
            (Request::AddPicture { id }, Some(file)) => self.add_picture(id, &file).await,
            (Request::RemovePicture { id }, _) => {
                self.pictures.remove(&id);
                for model in &mut self.models {
                    model.pictures.remove(&id);
                }
            }
            (Request::Select { picture, region }, _) => self.select(picture, &region),
            (Request::Edit { picture, id, region, edit }, _) => self.edit(picture, id, &region, edit),
            (Request::Matrix { job, pictures, captions }, _) => {
                self.matrix(job, &pictures, &captions).await;
            }
            (Request::Keep { concept, pictures, captions }, _) => {
                report(self.keep(concept, pictures, &captions).await);
            }
            (Request::HandOver, _) => report(hand_over().await),
            (Request::Discard, _) => report(discard().await),
            (Request::Explain { job, picture, captions, row }, _) => {
                self.explain(job, picture, &captions, row).await;
            }
            (Request::Compare { job, picture, caption, other }, _) => {
                self.compare(job, picture, &caption, other.as_ref()).await;
            }
            (Request::Forget { sha256 }, _) => {
                let shelf = Shelf::open().await;
                shelf.forget(&sha256).await;
                tell_kept(&shelf).await;
            }
            // Heard on arrival.
            (Request::Cancel, _) => {}
            (Request::AddBundle { .. } | Request::AddPicture { .. }, None) => {
                tell(&Event::Failed { reason: "a file got lost on its way to the engine".to_owned() });
            }
        }
    }

    async fn start(&mut self, set: Set, forced: Option<Backend>, bundle: Option<String>) {
        progress("Looking for a graphics processor.".into(), None);
        self.use_device(device::choose(forced).await);
        self.listed = match fetch::manifest(&self.base).await {
            Ok(listed) => listed,
            Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
        };
        if !self.choose(set).await {
            return;
        }
        if let Some(file) = bundle {
            let name = model_name(&file);
            let told = Told { name: &name, bytes: None, device: self.device.as_ref() };
            match fetch::unlisted(&file, &self.base, &told).await {
                Ok((file, origin)) => self.add_bundle(name, None, file, origin).await,
                Err(error) => tell(&Event::BundleRefused { name, reason: error.to_string() }),
            }
        }
        tell_kept(&Shelf::open().await).await;
        // A browser that keeps nothing says so when something should be kept.
        if let Ok(collection) = Collection::open().await
            && let Ok(cases) = collection.count().await
        {
            tell(&Event::Collected { cases, is_new: false });
        }
        tell(&Event::Ready);
    }

    /// Loads a set in place of the other one. False if it could not be fetched; the page knows.
    async fn choose(&mut self, set: Set) -> bool {
        self.models.retain(|model| {
            let stays = model.set.is_none_or(|of| of == set);
            if !stays {
                tell(&Event::ModelGone { name: model.name.clone() });
            }
            stays
        });
        let missing: Vec<Listed> = self
            .listed
            .iter()
            .filter(|entry| entry.set == set && !self.models.iter().any(|model| model.name == entry.name))
            .cloned()
            .collect();
        for entry in missing {
            let told = Told { name: &entry.name, bytes: Some(entry.bytes), device: None };
            match fetch::listed(&entry, &self.base, &told).await {
                Ok((file, origin)) => self.add_bundle(entry.name.clone(), Some(set), file, origin).await,
                Err(error) => {
                    tell(&Event::Failed { reason: error.to_string() });
                    return false;
                }
            }
        }
        // The page's own models answer before the visitor's.
        self.models.sort_by_key(|model| model.set.is_none());
        true
    }

    fn use_device(&mut self, chosen: Chosen) {
        tell(&Event::Backend { backend: chosen.backend, note: chosen.note.clone() });
        self.device = Some(chosen);
    }

    /// The device in use: the main processor until another one is chosen.
    fn device(&self) -> Device {
        self.device.as_ref().map_or_else(|| device::cpu(String::new()).device, |chosen| chosen.device.clone())
    }

    async fn add_bundle(&mut self, name: String, set: Option<Set>, file: Blob, origin: Origin) {
        match self.load(&name, file, origin).await {
            Ok((model, loaded)) => {
                let loaded = Loaded { set, ..loaded };
                self.models.retain(|other| other.name != name);
                self.models.push(loaded);
                tell(&Event::Model(model));
            }
            Err(error) => tell(&Event::BundleRefused { name, reason: error.to_string() }),
        }
    }

    /// Loads a bundle and replays its self-test, which also makes the device compile what it will need.
    async fn load(&mut self, name: &str, file: Blob, origin: Origin) -> Result<(Model, Loaded), Unloaded> {
        let header = blob::header(&file).await?;
        if let Some(chosen) = &self.device {
            chosen.has_room_for(&header).map_err(Unloaded::NoRoom)?;
        }
        let on_gpu = self.device.as_ref().is_some_and(|chosen| chosen.backend == Backend::WebGpu);
        let mut engine = engine(name, &file, &header, &self.device(), on_gpu).await?;
        if let Err(error) = engine.self_test(&header).await {
            if !on_gpu {
                return Err(error.into());
            }
            // A graphics processor that computes wrongly is worse than none.
            let note = format!("The main processor computes, because on WebGPU {error}.");
            self.fall_back(device::cpu(note)).await?;
            engine = self::engine(name, &file, &header, &self.device(), false).await?;
            engine.self_test(&header).await?;
        }
        let training = header.training();
        let model = Model {
            name: name.to_owned(),
            negatives: training.negatives.clone(),
            data: training.data.join(", "),
            bytes: header.file_bytes(),
            heap: heap(),
            origin,
        };
        let (pictures, captions) = Default::default();
        Ok((model, Loaded { name: name.to_owned(), set: None, file, header, engine, pictures, captions }))
    }

    /// Moves every loaded model to another device.
    async fn fall_back(&mut self, chosen: Chosen) -> Result<(), Unloaded> {
        for model in &mut self.models {
            model.engine = engine(&model.name, &model.file, &model.header, &chosen.device, false).await?;
            model.pictures.clear();
            model.captions.clear();
        }
        self.use_device(chosen);
        Ok(())
    }

    async fn add_picture(&mut self, id: PictureId, file: &Blob) {
        let bytes = match blob::read(file).await {
            Ok(bytes) => bytes,
            Err(reason) => return tell(&Event::PictureRefused { id, reason }),
        };
        match decode(&bytes) {
            Ok(decoded) => {
                self.pictures.insert(id, decoded.picture);
                let notes = decoded.notes.iter().map(ToString::to_string).collect();
                tell(&Event::PictureRead { id, notes });
            }
            Err(error) => tell(&Event::PictureRefused { id, reason: error.to_string() }),
        }
    }

    fn select(&mut self, id: PictureId, region: &Region) {
        // A picture may have gone while the strokes were on their way.
        let Some(picture) = self.pictures.get(&id) else { return };
        let (mask, color) = self.studio.select(id, picture, &region.strokes, region.reach);
        let covered = mask.coverage().iter().filter(|coverage| **coverage > 0).count();
        let share = covered as f32 / mask.coverage().len() as f32;
        match png::of_mask(&mask) {
            Ok(file) => tell_with(&Event::Selected { picture: id, share, color }, Some(&file)),
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    fn edit(&mut self, id: PictureId, new: PictureId, region: &Region, edit: Edit) {
        let Some(picture) = self.pictures.get(&id) else { return };
        let told = &mut |share: f32| progress("Editing the picture.".into(), Some(f64::from(share)));
        told(0.0);
        let edited = self
            .studio
            .edit(id, picture, &region.strokes, region.reach, edit, told)
            .map_err(|error| error.to_string())
            .and_then(|(picture, was)| Ok((png::of_picture(&picture)?, picture, was)));
        match edited {
            Ok((file, picture, was)) => {
                self.pictures.insert(new, picture);
                tell_with(&Event::Edited { id: new, was }, Some(&file));
            }
            Err(reason) => tell(&Event::EditRefused { reason }),
        }
    }

    async fn matrix(&mut self, job: u32, ids: &[PictureId], captions: &[String]) {
        let mut grids = Vec::new();
        for model in &mut self.models {
            match model.grid(&self.pictures, ids, captions).await {
                Ok(grid) => grids.push(grid),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Matrix { job, grids });
    }

    /// Keeps a case of the visitor's challenge set.
    async fn keep(
        &self,
        concept: Concept,
        ids: [PictureId; 2],
        captions: &[String; 2],
    ) -> Result<(), CollectionError> {
        let [Some(first), Some(second)] = ids.map(|id| self.pictures.get(&id)) else { return Ok(()) };
        let pictures = [first, second];
        let captions = captions.each_ref().map(String::as_str);
        let case = Case::new(concept, pictures, captions, &challenge_set::difference(pictures))?;
        let collection = Collection::open().await?;
        collection.keep(&case).await?;
        tell(&Event::Collected { cases: collection.count().await?, is_new: true });
        Ok(())
    }

    async fn explain(&mut self, job: u32, id: PictureId, captions: &[String; 2], row: usize) {
        let Some(picture) = self.pictures.get(&id).filter(|_| row < GRID) else { return };
        let mut models = Vec::new();
        for model in &mut self.models {
            match model.explain((id, picture), captions, row).await {
                Ok(relevance) => models.push(relevance),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Explained { job, models });
    }

    async fn compare(&mut self, job: u32, id: PictureId, caption: &str, other: Option<&(PictureId, String)>) {
        let begun = js_sys::Date::now();
        let Some(picture) = self.pictures.get(&id) else {
            return tell(&Event::Scores { job, answers: Vec::new(), millis: 0.0 });
        };
        let other = other.and_then(|(id, caption)| Some((*id, self.pictures.get(id)?, caption.as_str())));
        let mut answers = Vec::new();
        for model in &mut self.models {
            match model.answer((id, picture, caption), other).await {
                Ok(answer) => answers.push(answer),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Scores { job, answers, millis: js_sys::Date::now() - begun });
    }
}

/// Loads the model of a file onto a device.
async fn engine(
    name: &str,
    file: &Blob,
    header: &Header,
    device: &Device,
    on_gpu: bool,
) -> Result<Engine, Unloaded> {
    let told = |share: f64| progress(format!("Loading {name}."), Some(share));
    let model = blob::model(file, header, device, told).await?;
    let words = if on_gpu { "Compiling GPU kernels and testing" } else { "Testing" };
    progress(format!("{words} {name}."), None);
    Ok(Engine::new(header, model).await?)
}

/// Sends the page the challenge set.
async fn hand_over() -> Result<(), CollectionError> {
    let file = Collection::open().await?.file().await?;
    tell_with(&Event::ChallengeSet, Some(&file));
    Ok(())
}

/// Throws the challenge set away.
async fn discard() -> Result<(), CollectionError> {
    let collection = Collection::open().await?;
    collection.clear().await?;
    tell(&Event::Collected { cases: collection.count().await?, is_new: false });
    Ok(())
}

/// Tells the page what went wrong with the challenge set, if anything did.
fn report(outcome: Result<(), CollectionError>) {
    outcome.unwrap_or_else(|error| tell(&Event::CollectionFailed { reason: error.to_string() }));
}

/// The memory of this program in bytes.
fn heap() -> usize {
    let memory = wasm_bindgen::memory().unchecked_into::<js_sys::WebAssembly::Memory>();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length() as usize
}

async fn tell_kept(shelf: &Shelf) {
    tell(&Event::Kept(shelf.list().await));
}

fn progress(words: String, fraction: Option<f64>) {
    tell(&Event::Progress { words, fraction, can_cancel: false });
}
