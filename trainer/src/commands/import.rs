//! `import`: published weights become a bundle.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::Value;
use shared::bundle::Precision;
use shared::bundle::{Bundle, Training};
use shared::image::Image;
use shared::import::Published;
use shared::model::{Activation, VisionConfig};
use shared::preprocess::Fit;

use crate::dataset::ImageSource;
use crate::models::bundles;
use crate::models::import::{PublishedFolder, hub};
use crate::system;
use crate::system::named::named;

/// The options of `import`.
#[derive(Args)]
pub struct ImportArgs {
    /// Import a CLIP or SigLIP model from a folder, as transformers or open_clip save it, or by its name on the Hugging Face hub,
    /// such as `openai/clip-vit-base-patch32`.
    #[arg(long, value_name = "DIR_OR_NAME")]
    pub from: PathBuf,
    /// Write the bundle into this file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Store the weights as `f32` (exact), `f16`, or `q8` (one byte per weight).
    #[arg(long, value_name = "PRECISION", default_value = "f16", value_parser = named::<Precision>)]
    pub precision: Precision,
    /// Measure the cost of the precision on these images; by default on rendered scenes.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub image: Vec<PathBuf>,
}

/// Reads a published model, says what it is, and writes it as a bundle.
///
/// # Errors
/// If the model is not there, is none that Foil has or does not fit its config, or the bundle cannot be written.
pub fn run(args: &ImportArgs) -> Result<()> {
    let folder = PublishedFolder::open(&hub::folder(&args.from)?)?;
    let published = &folder.model;
    describe(published);
    let from = args.from.display().to_string();
    let training = Training::imported(&from, published.layout(), &system::commit());
    let images = if args.image.is_empty() { bundles::drift_scenes() } else { images(args)? };
    let pack = |precision, training: &Training| {
        Bundle::pack(&published.config, folder.weights(), &published.tokenizer, training, precision)
    };
    let bundle = bundles::make(args.precision, &images, training, pack)?;
    let results = &bundle.header().training().results;
    let [max, mean] = ["drift_max", "drift_mean"].map(|name| results.get(name).and_then(Value::as_f64));
    if let (Some(max), Some(mean)) = (max, mean) {
        println!("rounding moves similarities by at most {max:.1e}, {mean:.1e} on average");
    }
    bundles::write(&args.out, &bundle)
}

/// What decides about published numbers, so that nobody has to guess it.
fn describe(published: &Published) {
    let config = &published.config;
    let activation = match config.activation {
        Activation::QuickGelu => "QuickGELU",
        Activation::Gelu => "GELU",
        Activation::GeluTanh => "approximate GELU",
    };
    let fit = match config.preprocess.fit {
        Fit::CenterCrop => "cut to the middle square",
        Fit::Squash => "squashed",
    };
    let patches = match &config.vision {
        VisionConfig::Vit(vit) => format!("patches of {} in ", vit.patch),
        VisionConfig::Backbone(_) | VisionConfig::FastVit(_) => String::new(),
    };
    println!(
        "{} names; {activation}; {patches}images of {} pixels, {fit}; {} tokens, at most {} a caption",
        published.layout(),
        config.preprocess.side,
        config.text.vocabulary,
        config.text.context
    );
}

fn images(args: &ImportArgs) -> Result<Vec<Image>> {
    args.image.iter().map(|path| ImageSource::File(path.clone()).image()).collect()
}
