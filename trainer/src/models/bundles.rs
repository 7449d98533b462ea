//! Bundle files: made with a self-test, written, read, checked on a device.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::Args;
use shared::bundle::{Bundle, Precision, Split, Training};
use shared::engine::{Engine, EngineError};
use shared::image::Image;
use shared::scene::{self, Scene};

use crate::system::atomic_file;
use crate::system::files::file_name;
use crate::system::named::named;

/// Where a bundle goes, and how its weights are stored.
#[derive(Args)]
pub struct Output {
    /// Write the bundle into this file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write the image backbone into this file, and only the rest into `--out`: bundles with one backbone share the file, and
    /// whoever has several of them downloads and computes it once.
    #[arg(long, value_name = "FILE")]
    pub backbone: Option<PathBuf>,
    /// Store the weights as `f32` (exact), `f16`, or `q8` (one byte per weight).
    #[arg(long, value_name = "PRECISION", default_value = "f16", value_parser = named::<Precision>)]
    pub precision: Precision,
}

impl Output {
    /// Writes the bundle, in two files if the backbone has one of its own.
    ///
    /// # Errors
    /// If a file cannot be written, or that of the backbone holds something else.
    pub fn write(&self, bundle: &Bundle) -> Result<()> {
        match &self.backbone {
            Some(backbone) => write_split(&self.out, backbone, bundle),
            None => write(&self.out, bundle),
        }
    }
}

/// Reads a bundle file, and the file beside it that holds its backbone, if there is one.
///
/// # Errors
/// If one of them cannot be read, or is no bundle.
pub fn read(path: &Path) -> Result<Bundle> {
    let content = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let failed = || format!("cannot use {}", path.display());
    let bundle = Bundle::read(content(path)?).with_context(failed)?;
    match bundle.header().backbone() {
        Some(backbone) => {
            let backbone = content(&path.with_file_name(&backbone.file))?;
            bundle.join(&backbone).with_context(failed)
        }
        None => Ok(bundle),
    }
}

/// Loads a bundle onto a device and checks that it computes there what it should.
///
/// # Errors
/// If it cannot be read or used, or the device computes something else.
pub fn load(path: &Path, device: &Device) -> Result<(Bundle, Engine)> {
    let bundle = read(path)?;
    let engine = pollster::block_on(async {
        let engine = Engine::load(&bundle, device).await?;
        engine.self_test(bundle.header()).await?;
        Ok::<_, EngineError>(engine)
    })
    .with_context(|| format!("cannot use {}", path.display()))?;
    Ok((bundle, engine))
}

/// Makes a bundle, measures what its precision costs, and has it prove itself.
///
/// `pack` packs the weights at a precision. How far similarities of `images` are from those of the exact weights is
/// added to the results in `training`. The self-test holds what the stored weights compute, rounding included.
///
/// # Errors
/// If packing fails, or the device does.
pub fn make(
    precision: Precision,
    images: &[Image],
    mut training: Training,
    pack: impl Fn(Precision, &Training) -> Result<Bundle>,
) -> Result<Bundle> {
    let device = Device::flex();
    let captions: Vec<String> = (0..DRIFT_SCENES).map(scene::caption_of_seed).collect();
    let similarities = |engine: &Engine| pollster::block_on(similarities(engine, images, &captions));
    let exact = match precision {
        Precision::F32 => None,
        Precision::F16 | Precision::Q8 => {
            let bundle = pack(Precision::F32, &training)?;
            Some(similarities(&pollster::block_on(Engine::load(&bundle, &device))?)?)
        }
    };
    let bundle = pack(precision, &training)?;
    let engine = pollster::block_on(Engine::load(&bundle, &device))?;
    if let Some(exact) = exact {
        let stored = similarities(&engine)?;
        let drifts: Vec<f32> = exact.iter().zip(&stored).map(|(a, b)| (a - b).abs()).collect();
        let max = drifts.iter().copied().fold(0.0, f32::max);
        let mean = drifts.iter().sum::<f32>() / drifts.len() as f32;
        training.results.insert("drift_max".to_owned(), max.into());
        training.results.insert("drift_mean".to_owned(), mean.into());
    }
    let selftest = pollster::block_on(engine.record_self_test())?;
    Ok(bundle.with(&training, &selftest)?)
}

/// The scenes whose captions, and themselves where nobody names images, show what a precision costs.
const DRIFT_SCENES: u64 = 16;

/// The side at which they are drawn, in pixels.
const DRIFT_SIDE: u32 = 224;

/// Scenes to measure on where nobody names images.
pub fn drift_scenes() -> Vec<Image> {
    (0..DRIFT_SCENES).map(|seed| Scene::from_seed(seed).render(DRIFT_SIDE)).collect()
}

/// The cosine of every image with every caption.
async fn similarities(
    engine: &Engine,
    images: &[Image],
    captions: &[String],
) -> Result<Vec<f32>, EngineError> {
    let captions: Vec<&str> = captions.iter().map(String::as_str).collect();
    let captions = engine.embed_captions(&captions).await?;
    let mut similarities = Vec::new();
    for image in images {
        for image in engine.embed_images(&[image]).await? {
            similarities.extend(captions.iter().map(|caption| image.cosine(caption)));
        }
    }
    Ok(similarities)
}

/// Writes a bundle in two files, of which `backbone` is in the same folder and may be there already: several bundles share it.
///
/// # Errors
/// If a file cannot be written, or `backbone` holds something else.
fn write_split(path: &Path, backbone: &Path, bundle: &Bundle) -> Result<()> {
    if path.parent() != backbone.parent() {
        bail!("{} and {} must be in one folder", path.display(), backbone.display());
    }
    let Split { bundle, backbone: bytes } = bundle.split(&file_name(backbone))?;
    if backbone.exists() {
        let found = fs::read(backbone).with_context(|| format!("cannot read {}", backbone.display()))?;
        if found != bytes {
            bail!("{} holds another backbone; choose another name for this one", backbone.display());
        }
    } else {
        atomic_file::write(backbone, &bytes)?;
    }
    atomic_file::write(path, &bundle)?;
    let [own, shared] = [&bundle, &bytes].map(Vec::len);
    println!("{} ({own} bytes) and {} ({shared} bytes)", path.display(), backbone.display());
    Ok(())
}

/// Writes a bundle so that the file is either all there or not there, and says so.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, bundle: &Bundle) -> Result<()> {
    atomic_file::write(path, bundle.bytes())?;
    println!("{} ({} bytes)", path.display(), bundle.bytes().len());
    Ok(())
}
