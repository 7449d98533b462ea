//! The options of `inpaint`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use shared::concept::Concept;

/// What is edited, and how. All but `out` defines the set, and is compared when a run goes on.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Options {
    /// Read captions from COCO's or Karpathy's JSON, Flickr's `*.token.txt`, or a table (.csv, .tsv) with the columns `image` and
    /// `caption`.
    #[arg(long, value_name = "FILE")]
    pub captions: PathBuf,
    /// Read this split.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Find the images in this folder.
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Take masks from COCO's `instances_….json`.
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "masks")]
    pub instances: Vec<PathBuf>,
    /// Take masks from PNG files, white on black: `bus.red-bus.png` or `bus.png` for a thing in `bus.jpg`. A mask with a name is used
    /// for the caption's word for it, one without a name if the caption names one thing only.
    #[arg(long, value_name = "DIR", conflicts_with = "instances")]
    pub masks: Option<PathBuf>,
    /// Write the candidates to this parquet file.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub out: PathBuf,
    /// Edit with `exact` rules (recolor, resize, or cut another thing out of another image), or inpaint with a Stable Diffusion 1.5
    /// or 2 inpainting model: a folder in diffusers' layout or a name on the Hugging Face hub.
    #[arg(long, value_name = "exact|MODEL", default_value = "exact")]
    pub generator: String,
    /// Change terms of these concepts, comma-separated.
    #[arg(long, value_delimiter = ',', default_values_t = [Concept::Object, Concept::Size, Concept::Color])]
    pub concepts: Vec<Concept>,
    /// Make up to N pairs of captions for each concept of an image.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub pairs: u64,
    /// Make up to N candidates for each pair of captions.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub candidates: u64,
    /// Stop after N pairs of captions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Seed the choice of terms and the noise.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Shrink images until their shorter side has at most N pixels.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..=4096))]
    pub size: u32,
    /// Widen each mask to either side by this percentage of its width; by default 0, and 25 for a model, as InpaintCOCO.
    #[arg(long, value_name = "PERCENT")]
    pub width_factor: Option<f64>,
    /// Widen each mask up and down by this percentage of its height; by default 0, and 25 for a model.
    #[arg(long, value_name = "PERCENT")]
    pub height_factor: Option<f64>,
    /// Soften the edges of masks over N pixels; by default 0, and 8 for a model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=256))]
    pub feather: Option<u32>,
    /// Order the candidates of a pair by this bundle's smallest margin, best first. The set will favor models like it.
    #[arg(long, value_name = "BUNDLE|none", default_value = "none")]
    pub rank: String,
    /// Record this license for images that the instances file gives none: a text, or a table (.csv) with the columns `image` and
    /// `license`.
    #[arg(long, value_name = "TEXT|FILE", default_value = "")]
    pub license: String,
    /// Denoise in N steps.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub steps: u64,
    /// Guide by the prompt this much (classifier-free guidance).
    #[arg(long, value_name = "SCALE", default_value_t = 7.5)]
    pub guidance: f64,
    /// Denoise with `ddim` or `euler`.
    #[arg(long, value_enum, default_value = "ddim")]
    pub scheduler: Scheduler,
}

/// A sampler of diffusion models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Scheduler {
    /// arXiv 2010.02502, without noise of its own.
    Ddim,
    /// Algorithm 2 of arXiv 2206.00364 without churn, as `EulerDiscreteScheduler` of diffusers.
    Euler,
}
