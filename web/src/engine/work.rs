//! What the engine holds and how it answers each request.

use std::collections::BTreeMap;

use burn::tensor::Device;
use shared::bundle::Bundle;
use shared::caption::Caption;
use shared::decode::decode;
use shared::engine::{Engine, EngineError};
use shared::negative;
use shared::picture::Picture;
use shared::similarity::{Embedding, contest};

use super::device::{self, Chosen};
use super::{fetch, tell};
use crate::protocol::{Answer, Backend, Event, Model, Origin, PictureId, Request, model_name};

/// One model and what it has computed so far.
struct Loaded {
    name: String,
    bundle: Bundle,
    engine: Engine,
    pictures: BTreeMap<PictureId, Embedding>,
    captions: BTreeMap<String, Embedding>,
}

/// The state of the worker.
#[derive(Default)]
pub struct Work {
    device: Option<Chosen>,
    models: Vec<Loaded>,
    pictures: BTreeMap<PictureId, Picture>,
}

impl Work {
    /// An engine that has not started.
    pub fn new() -> Self {
        Work::default()
    }

    /// Answers one request; whatever goes wrong becomes an event.
    pub async fn answer(&mut self, request: Request, bytes: Option<Vec<u8>>) {
        match request {
            Request::Start { backend, base, bundle } => self.start(backend, &base, bundle).await,
            Request::AddBundle { name } => {
                let bytes = bytes.unwrap_or_default();
                progress(format!("Loading {name}."), None);
                self.add_bundle(name, bytes, Origin::File).await;
                tell(&Event::Ready);
            }
            Request::AddPicture { id } => self.add_picture(id, &bytes.unwrap_or_default()),
            Request::RemovePicture { id } => {
                self.pictures.remove(&id);
                for model in &mut self.models {
                    model.pictures.remove(&id);
                }
            }
            Request::Compare { job, picture, caption } => self.compare(job, picture, &caption).await,
        }
    }

    async fn start(&mut self, forced: Option<Backend>, base: &str, bundle: Option<String>) {
        progress("Looking for a graphics processor.".into(), None);
        self.use_device(device::choose(forced).await);
        let listed = match fetch::manifest(base).await {
            Ok(listed) => listed,
            Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
        };
        for entry in listed {
            let size = megabytes(entry.bytes);
            let hear = |so_far: usize| {
                let words = format!("Downloading {}: {} of {size}.", entry.name, megabytes(so_far));
                progress(words, Some(so_far as f64 / entry.bytes.max(1) as f64));
            };
            match fetch::listed(&entry, base, hear).await {
                Ok((bytes, origin)) => self.add_bundle(entry.name.clone(), bytes, origin).await,
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        if let Some(file) = bundle {
            let name = model_name(&file);
            let hear = |so_far| progress(format!("Downloading {name}: {}.", megabytes(so_far)), None);
            match fetch::unlisted(&file, base, hear).await {
                Ok(bytes) => self.add_bundle(name, bytes, Origin::Downloaded).await,
                Err(error) => tell(&Event::BundleRefused { name, reason: error.to_string() }),
            }
        }
        tell(&Event::Ready);
    }

    fn use_device(&mut self, chosen: Chosen) {
        tell(&Event::Backend { backend: chosen.backend, note: chosen.note.clone() });
        self.device = Some(chosen);
    }

    /// The device in use: the main processor until another one is chosen.
    fn device(&self) -> Device {
        self.device.as_ref().map_or_else(|| device::cpu(String::new()).device, |chosen| chosen.device.clone())
    }

    async fn add_bundle(&mut self, name: String, bytes: Vec<u8>, origin: Origin) {
        match self.load(&name, bytes, origin).await {
            Ok((model, loaded)) => {
                self.models.retain(|other| other.name != name);
                self.models.push(loaded);
                tell(&Event::Model(model));
            }
            Err(error) => tell(&Event::BundleRefused { name, reason: error.to_string() }),
        }
    }

    /// Loads a bundle and replays its self-test, which also makes the device compile what it will need.
    async fn load(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        origin: Origin,
    ) -> Result<(Model, Loaded), EngineError> {
        let bundle = Bundle::read(bytes)?;
        let device = self.device();
        let on_gpu = self.device.as_ref().is_some_and(|chosen| chosen.backend == Backend::WebGpu);
        let words = if on_gpu { "Compiling GPU kernels and testing" } else { "Testing" };
        progress(format!("{words} {name}."), None);
        let mut engine = Engine::load(&bundle, &device).await?;
        if let Err(error) = engine.self_test(&bundle).await {
            if !on_gpu {
                return Err(error);
            }
            // A graphics processor that computes wrongly is worse than none.
            let note = format!("The main processor computes, because on WebGPU {error}.");
            self.fall_back(device::cpu(note)).await?;
            engine = Engine::load(&bundle, &self.device()).await?;
            engine.self_test(&bundle).await?;
        }
        let training = bundle.training();
        let model = Model {
            name: name.to_owned(),
            negatives: training.negatives.clone(),
            data: training.data.join(", "),
            bytes: bundle.bytes().len(),
            origin,
        };
        let (pictures, captions) = Default::default();
        Ok((model, Loaded { name: name.to_owned(), bundle, engine, pictures, captions }))
    }

    /// Moves every loaded model to another device.
    async fn fall_back(&mut self, chosen: Chosen) -> Result<(), EngineError> {
        for model in &mut self.models {
            model.engine = Engine::load(&model.bundle, &chosen.device).await?;
            model.pictures.clear();
            model.captions.clear();
        }
        self.use_device(chosen);
        Ok(())
    }

    fn add_picture(&mut self, id: PictureId, bytes: &[u8]) {
        match decode(bytes) {
            Ok(decoded) => {
                self.pictures.insert(id, decoded.picture);
                let notes = decoded.notes.iter().map(ToString::to_string).collect();
                tell(&Event::PictureRead { id, notes });
            }
            Err(error) => tell(&Event::PictureRefused { id, reason: error.to_string() }),
        }
    }

    async fn compare(&mut self, job: u32, id: PictureId, caption: &str) {
        let begun = js_sys::Date::now();
        let Some(picture) = self.pictures.get(&id) else {
            return tell(&Event::Scores { job, answers: Vec::new(), millis: 0.0 });
        };
        let mut answers = Vec::new();
        for model in &mut self.models {
            match model.answer(id, picture, caption).await {
                Ok(answer) => answers.push(answer),
                Err(error) => return tell(&Event::Failed { reason: error.to_string() }),
            }
        }
        tell(&Event::Scores { job, answers, millis: js_sys::Date::now() - begun });
    }
}

impl Loaded {
    /// Scores a caption and its negatives; what was embedded before is not embedded again.
    async fn answer(
        &mut self,
        id: PictureId,
        picture: &Picture,
        caption: &str,
    ) -> Result<Answer, EngineError> {
        if !self.pictures.contains_key(&id) {
            let mut embedded = self.engine.embed_pictures(&[picture]).await?;
            self.pictures.insert(id, embedded.remove(0));
        }
        let negatives = negative::shown(&Caption::new(caption));
        let texts: Vec<&str> = std::iter::once(caption)
            .chain(negatives.iter().map(|negative| negative.caption.as_str()))
            .collect();
        let new: Vec<&str> =
            texts.iter().copied().filter(|text| !self.captions.contains_key(*text)).collect();
        let embedded = self.engine.embed_captions(&new).await?;
        self.captions.extend(new.into_iter().map(str::to_owned).zip(embedded));
        let embeddings: Vec<Embedding> = texts.iter().map(|text| self.captions[*text].clone()).collect();
        let scores =
            contest(&self.pictures[&id], caption, &negatives, &embeddings, self.engine.logit_scale());
        Ok(Answer { model: self.name.clone(), scores, cut_at: self.engine.cut_at(caption)? })
    }
}

fn progress(words: String, fraction: Option<f64>) {
    tell(&Event::Progress { words, fraction });
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
