//! What the engine holds and how it answers each request.

mod answers;
mod candidates;
mod imports;

use burn::tensor::Device;
use shared::bundle::{BackboneFile, Header};
use shared::engine::{Engine, EngineError};
use wasm_bindgen::JsCast;
use web_sys::Blob;

use super::blob::{Backbone, LoadError};
use super::candidates::Candidates;
use super::collection::{Collection, CollectionError};
use super::device::{self, Chosen};
use super::download::Watcher;
use super::fetch::Listed;
use super::fetch_error::FetchError;
use super::images::Images;
use super::loaded::Loaded;
use super::shelf::Shelf;
use super::studio::Studio;
use super::{blob, fetch, tell, tell_with};
use crate::protocol::{Backend, Event, Model, Origin, Request, Set, model_name};
use crate::words::size;

/// Why a model is not loaded.
#[derive(Debug, thiserror::Error)]
enum Unloaded {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// There is no room for it.
    #[error("{0}")]
    NoRoom(String),
    /// A part of it is in a file that did not come.
    #[error(
        "its image backbone is in another file, {0}; open a bundle that was exported without `--backbone`"
    )]
    NoBackbone(String),
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
    /// The set that answers.
    set: Set,
    models: Vec<Loaded>,
    images: Images,
    studio: Studio,
    candidates: Option<Candidates>,
}

impl Work {
    /// An engine that has not started.
    pub fn new() -> Self {
        Work::default()
    }

    /// Answers one request; whatever goes wrong becomes an event.
    pub async fn answer(&mut self, request: Request, files: Vec<Blob>) {
        match (request, files.first().cloned()) {
            (Request::Start { set, backend, base, bundle }, _) => {
                self.base = base;
                self.start(set, backend, bundle).await;
            }
            (Request::Choose { set }, _) => match self.choose(set).await {
                Ok(missing) => {
                    tell_kept(&Shelf::open().await).await;
                    tell(&Event::Ready { set: self.set, missing });
                }
                Err(reason) => tell(&Event::SetRefused { set: self.set, reason }),
            },
            (Request::AddBundle { name }, Some(file)) => {
                self.add_bundle(name, None, file, Origin::File).await;
                tell(&Event::Ready { set: self.set, missing: None });
            }
            (Request::Import { name, files: names, precision }, _) => {
                self.import(name, names.into_iter().zip(files).collect(), precision).await;
                tell_kept(&Shelf::open().await).await;
                tell(&Event::Ready { set: self.set, missing: None });
            }
            (Request::OpenKept { name, sha256 }, _) => {
                self.open_kept(name, &sha256).await;
                tell_kept(&Shelf::open().await).await;
                tell(&Event::Ready { set: self.set, missing: None });
            }
            (Request::AddImage { id }, Some(file)) => self.images.add(id, file),
            (Request::RemoveImage { id }, _) => {
                self.images.remove(id);
                for model in &mut self.models {
                    model.images.remove(&id);
                }
            }
            (Request::Select { image, region }, _) => self.select(image, &region).await,
            (Request::Edit { image, id, region, edit }, _) => self.edit(image, id, &region, edit).await,
            (Request::Matrix { job, images, captions }, _) => {
                self.matrix(job, &images, &captions).await;
            }
            (Request::Survey { job, image, caption }, _) => self.survey(job, image, &caption).await,
            (Request::Glance { job, captions }, Some(file)) => self.glance(job, &file, &captions).await,
            (Request::Keep { concept, images, captions }, _) => {
                report(self.keep(concept, images, &captions).await);
            }
            (Request::OpenCandidates, Some(file)) => self.open_candidates(file).await,
            (Request::ShowCandidate { row }, _) => self.show_candidate(row).await,
            (Request::Verify { reviews }, _) => self.verify(&reviews).await,
            (Request::HandOver, _) => report(hand_over().await),
            (Request::Discard, _) => report(discard().await),
            (Request::Explain { job, model, image, captions, row }, _) => {
                self.explain(job, &model, image, &captions, row).await;
            }
            (Request::Compare { job, image, caption, foil, other }, _) => {
                self.compare(job, image, [&caption, &foil], other.as_ref()).await;
            }
            (Request::Forget { sha256 }, _) => {
                let shelf = Shelf::open().await;
                shelf.forget(&sha256).await;
                tell_kept(&shelf).await;
            }
            // Heard on arrival.
            (Request::Cancel, _) => {}
            (
                Request::AddBundle { .. }
                | Request::AddImage { .. }
                | Request::OpenCandidates
                | Request::Glance { .. },
                None,
            ) => {
                tell(&Event::Failed { reason: "a file got lost on its way to the engine".to_owned() });
            }
        }
    }

    async fn start(&mut self, set: Set, forced: Option<Backend>, bundle: Option<String>) {
        progress("Looking for a GPU.".into(), None);
        self.use_device(device::choose(forced).await);
        self.listed = match fetch::manifest(&self.base).await {
            Ok(listed) => listed,
            Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
        };
        let missing = match self.choose(set).await {
            Ok(missing) => missing,
            Err(reason) => return tell(&Event::Failed { reason }),
        };
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
        tell(&Event::Ready { set: self.set, missing });
    }

    /// Loads a set, and only then lets go of the other one. Says what is missing of it, if anything is.
    ///
    /// # Errors
    /// If none of its models can be had; then everything stays as it was.
    async fn choose(&mut self, set: Set) -> Result<Option<String>, String> {
        let mut missing = None;
        let wanted: Vec<Listed> = self.listed.iter().filter(|entry| entry.set == set).cloned().collect();
        for entry in wanted {
            if self.models.iter().any(|model| model.name == entry.name) {
                continue;
            }
            let told = Told { name: &entry.name, bytes: Some(entry.file.bytes), device: None };
            match fetch::listed(&entry.file, &self.base, &told).await {
                Ok((file, origin)) => self.add_bundle(entry.name.clone(), Some(set), file, origin).await,
                Err(error) => missing = Some(error.to_string()),
            }
        }
        if let Some(reason) = missing.take_if(|_| !self.models.iter().any(|model| model.set == Some(set))) {
            return Err(reason);
        }
        self.models.retain(|model| {
            let stays = model.set.is_none_or(|of| of == set);
            if !stays {
                tell(&Event::ModelGone { name: model.name.clone() });
            }
            stays
        });
        // The page's own models answer before the visitor's.
        self.models.sort_by_key(|model| model.set.is_none());
        self.set = set;
        Ok(missing)
    }

    /// The file of a bundle's backbone: a loaded model's, or one of the list.
    async fn backbone_file(&self, name: &str, wanted: &BackboneFile) -> Result<Blob, Unloaded> {
        if let Some(file) = self.sharing(wanted).and_then(|model| model.backbone.clone()) {
            return Ok(file);
        }
        let mut listed = self.listed.iter().filter_map(|entry| entry.backbone.as_ref());
        let listed = listed.find(|file| file.sha256 == wanted.sha256);
        let listed = listed.ok_or_else(|| Unloaded::NoBackbone(wanted.file.clone()))?;
        let told = Told { name, bytes: Some(listed.bytes), device: None };
        Ok(fetch::listed(listed, &self.base, &told).await?.0)
    }

    /// A loaded model that has a backbone.
    fn sharing(&self, backbone: &BackboneFile) -> Option<&Loaded> {
        self.models
            .iter()
            .find(|model| model.header.backbone().is_some_and(|other| other.sha256 == backbone.sha256))
    }

    /// Where the backbone of a bundle comes from, of which `file` holds it if the bundle does not.
    fn backbone<'a>(&'a self, header: &Header, file: Option<&'a Blob>) -> Backbone<'a> {
        match header.backbone().and_then(|wanted| self.sharing(wanted)) {
            Some(other) => Backbone::Loaded(other.engine.clip()),
            None => file.map_or(Backbone::Bundle, Backbone::File),
        }
    }

    fn use_device(&mut self, chosen: Chosen) {
        tell(&Event::Backend { backend: chosen.backend, note: chosen.note.clone() });
        self.device = Some(chosen);
    }

    /// The device in use: the CPU until another one is chosen.
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
        let backbone = match header.backbone() {
            Some(wanted) => Some(self.backbone_file(name, wanted).await?),
            None => None,
        };
        if let Some(chosen) = &self.device {
            chosen.has_room_for(&header).map_err(Unloaded::NoRoom)?;
        }
        let on_gpu = self.device.as_ref().is_some_and(|chosen| chosen.backend == Backend::WebGpu);
        let parts = (&file, self.backbone(&header, backbone.as_ref()));
        let mut engine = engine(name, parts, &header, &self.device(), on_gpu).await?;
        if let Err(error) = engine.self_test(&header).await {
            if !on_gpu {
                return Err(error.into());
            }
            // A GPU that computes wrongly is worse than none.
            let note = format!("Running on the CPU, because on WebGPU {error}.");
            self.fall_back(device::cpu(note)).await?;
            let parts = (&file, self.backbone(&header, backbone.as_ref()));
            engine = self::engine(name, parts, &header, &self.device(), false).await?;
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
            judges_pairs: engine.logits().bias.is_some(),
        };
        let (images, captions) = Default::default();
        let name = name.to_owned();
        Ok((
            model,
            Loaded { name, set: None, file, backbone, header, engine, images, captions, square: None },
        ))
    }

    /// Moves every loaded model to another device.
    async fn fall_back(&mut self, chosen: Chosen) -> Result<(), Unloaded> {
        for model in &mut self.models {
            let parts = (&model.file, model.backbone.as_ref().map_or(Backbone::Bundle, Backbone::File));
            model.engine = engine(&model.name, parts, &model.header, &chosen.device, false).await?;
            model.images.clear();
            model.captions.clear();
        }
        self.use_device(chosen);
        Ok(())
    }
}

/// Loads the model of a file onto a device.
async fn engine(
    name: &str,
    (file, backbone): (&Blob, Backbone<'_>),
    header: &Header,
    device: &Device,
    on_gpu: bool,
) -> Result<Engine, Unloaded> {
    let told = |share: f64| progress(format!("Loading {name}."), Some(share));
    let model = blob::model(file, header, backbone, device, told).await?;
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
