//! The parts of a model together.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::stable_diffusion::unet_2d::UNet2DConditionModel;
use shared::image::Image;
use shared::import::vocabulary;
use shared::mask::Mask;
use shared::tokenizer::Tokenizer;

use super::autoencoder::Autoencoder;
use super::config::{self, IN_CHANNELS, LATENTS};
use super::scheduler::SchedulerConfig;
use super::text_encoder::{TextConfig, TextEncoder};
use crate::inpaint::options::Scheduler;
use crate::models::import;
use crate::models::import::tensors::TensorFiles;
use crate::system::device;
use crate::system::files::json;

/// A model that paints into images.
pub struct Pipeline {
    unet: UNet2DConditionModel,
    autoencoder: Autoencoder,
    text_encoder: TextEncoder,
    tokenizer: Tokenizer,
    padding: u32,
    context: usize,
    scheduler: SchedulerConfig,
    device: Device,
    /// Pixels to a latent, on each side.
    factor: usize,
    bytes: usize,
}

/// What is to be painted.
pub struct Request<'a> {
    /// The image, its sides multiples of [`Pipeline::factor`].
    pub image: &'a Image,
    /// Covered whole where the image is painted anew; of the image's size.
    pub mask: &'a Mask,
    /// What is to be seen there.
    pub prompt: &'a str,
    /// The noise to begin with: `4 · h · w` numbers of variance 1.
    pub noise: Vec<f32>,
    /// The noise of the autoencoder's distribution; as many numbers.
    pub encoder_noise: Vec<f32>,
    /// Denoising steps.
    pub steps: usize,
    /// Classifier-free guidance.
    pub guidance: f64,
    /// The sampler.
    pub scheduler: Scheduler,
}

impl Pipeline {
    /// Loads a folder in diffusers' layout.
    ///
    /// # Errors
    /// If a file is missing, or a part is of a structure that is not known.
    pub fn load(folder: &Path) -> Result<Self> {
        // Configs first: what cannot be used is refused before gigabytes are read.
        let unet_config = config::unet(folder)?;
        let (vae_config, scale) = config::vae(folder)?;
        let text_config: TextConfig =
            json(&folder.join(config::TEXT_ENCODER), "the config of CLIP's text encoder")?;
        let scheduler = SchedulerConfig::read(folder)?;
        ensure!(
            unet_config.cross_attention_dim == text_config.hidden_size,
            "its U-Net attends to texts of width {}, and its text encoder has {}",
            unet_config.cross_attention_dim,
            text_config.hidden_size
        );
        let (tokenizer, padding) = tokenizer(folder)?;
        ensure!(
            tokenizer.vocabulary() <= text_config.vocab_size,
            "its tokenizer has {} tokens, and its text encoder {}",
            tokenizer.vocabulary(),
            text_config.vocab_size
        );
        let device = device::of_candle()?;
        let mut bytes = 0;
        let mut read = |part: &str| weights(folder, part, &device, &mut bytes);
        let builder = |weights| VarBuilder::from_tensors(weights, DType::F32, &device);
        let text = builder(read(config::TEXT_ENCODER)?);
        let text = if text.contains_tensor("text_model.final_layer_norm.weight") {
            text.pp("text_model")
        } else {
            text
        };
        let text_encoder = TextEncoder::new(&text, &text_config, &device).context("its text encoder")?;
        let factor = 1 << (vae_config.block_out_channels.len() - 1);
        let autoencoder =
            Autoencoder::new(read(config::VAE)?, vae_config, scale, &device).context("its autoencoder")?;
        let unet = builder(read(config::UNET)?);
        let unet =
            UNet2DConditionModel::new(unet, IN_CHANNELS, LATENTS, false, unet_config).context("its U-Net")?;
        let context = text_config.max_position_embeddings;
        Ok(Pipeline {
            unet,
            autoencoder,
            text_encoder,
            tokenizer,
            padding,
            context,
            scheduler,
            device,
            factor,
            bytes,
        })
    }

    /// Pixels to a latent, on each side.
    pub fn factor(&self) -> usize {
        self.factor
    }

    /// The weights in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where it computes.
    pub fn device(&self) -> &'static str {
        if self.device.is_cuda() { "CUDA" } else { "the CPU" }
    }

    /// Whether it can denoise so.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check(&self, kind: Scheduler, steps: usize) -> Result<()> {
        self.scheduler.sampler(kind, steps).map(drop)
    }

    /// Paints, and returns the whole image as the model has it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn inpaint(&self, request: &Request) -> Result<Image> {
        let latents = self.latents(request)?;
        let pixels = ((self.autoencoder.decode(&latents)? / 2.0)? + 0.5)?.clamp(0.0, 1.0)?; // [1, 3, H, W]
        let bytes = ((pixels * 255.0)?.round()?).squeeze(0)?.permute((1, 2, 0))?.flatten_all()?;
        let bytes = bytes.to_dtype(DType::U8)?.to_vec1()?;
        Ok(Image::new(request.image.width(), request.image.height(), bytes))
    }

    /// The denoised latents, `[1, 4, h, w]`.
    pub(super) fn latents(&self, request: &Request) -> Result<Tensor> {
        let [width, height] = [request.image.width(), request.image.height()].map(|side| side as usize);
        let (columns, rows) = (width / self.factor, height / self.factor);
        let noise = |of: &[f32]| Tensor::from_slice(of, (1, LATENTS, rows, columns), &self.device);
        let sampler = self.scheduler.sampler(request.scheduler, request.steps)?;
        let text = self.text(&["", request.prompt])?;
        let around = self.autoencoder.encode(&self.around(request)?, &noise(&request.encoder_noise)?)?;
        let condition = Tensor::cat(&[&self.mask(request.mask)?, &around], 1)?; // [1, 5, h, w]
        let condition = Tensor::cat(&[&condition, &condition], 0)?;
        let mut latents = (noise(&request.noise)? * sampler.initial())?;
        for step in 0..sampler.len() {
            let input = sampler.input(step, &latents)?;
            let input = Tensor::cat(&[&Tensor::cat(&[&input, &input], 0)?, &condition], 1)?; // [2, 9, h, w]
            let predicted = self.unet.forward(&input, sampler.time(step), &text)?;
            let (free, told) = (predicted.narrow(0, 0, 1)?, predicted.narrow(0, 1, 1)?);
            let guided = (&free + ((told - &free)? * request.guidance)?)?;
            latents = sampler.step(step, &latents, &guided)?;
        }
        Ok(latents)
    }

    /// The states of prompts, `[B, T, W]`.
    pub(super) fn text(&self, prompts: &[&str]) -> Result<Tensor> {
        let mut ids = Vec::new();
        for prompt in prompts {
            let tokens = self.tokenizer.encode(prompt, self.context)?;
            ids.extend_from_slice(tokens.ids());
            ids.resize(ids.len().next_multiple_of(self.context), self.padding);
        }
        let ids = Tensor::from_vec(ids, (prompts.len(), self.context), &self.device)?;
        self.text_encoder.forward(&ids)
    }

    /// The image with nothing where the mask is, `[1, 3, H, W]` from -1 to 1.
    fn around(&self, request: &Request) -> Result<Tensor> {
        let (width, height) = (request.image.width() as usize, request.image.height() as usize);
        let is_kept = |at: usize| request.mask.coverage()[at] < 128;
        let channel = |channel: usize| {
            let pixels = request.image.pixels().iter().enumerate();
            pixels.map(
                move |(at, pixel)| {
                    if is_kept(at) { f32::from(pixel[channel]) / 127.5 - 1.0 } else { 0.0 }
                },
            )
        };
        let values: Vec<f32> = (0..3).flat_map(channel).collect();
        Ok(Tensor::from_vec(values, (1, 3, height, width), &self.device)?)
    }

    /// The mask at the size of latents, each the pixel at its upper left, `[1, 1, h, w]`.
    fn mask(&self, mask: &Mask) -> Result<Tensor> {
        let (width, height) = (mask.width() as usize, mask.height() as usize);
        let (columns, rows) = (width / self.factor, height / self.factor);
        let at =
            |row: usize, column: usize| mask.coverage()[row * self.factor * width + column * self.factor];
        let values: Vec<f32> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| if at(row, column) < 128 { 0.0 } else { 1.0 }))
            .collect();
        Ok(Tensor::from_vec(values, (1, 1, rows, columns), &self.device)?)
    }
}

/// The weights beside a config, on a device.
fn weights(
    folder: &Path,
    config: &str,
    device: &Device,
    bytes: &mut usize,
) -> Result<HashMap<String, Tensor>> {
    let files = TensorFiles::open(&[config::weights(folder, config)?])?;
    let mut tensors = HashMap::new();
    for name in files.names() {
        // Positions by number, which older files hold.
        if name.ends_with("position_ids") {
            continue;
        }
        let (values, shape) = (files.values(name)?, files.shape(name)?);
        *bytes += size_of_val(&*values);
        tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, device)?);
    }
    Ok(tensors)
}

/// The tokenizer, and the token that prompts are padded with.
fn tokenizer(folder: &Path) -> Result<(Tokenizer, u32)> {
    /// What `CLIPTokenizer` pads with unless it is told.
    const USUAL: &str = "<|endoftext|>";
    let folder = folder.join("tokenizer");
    let text = match std::fs::read_to_string(folder.join("tokenizer.json")) {
        Ok(text) => text,
        Err(_) => vocabulary::tokenizer_json(&import::documents(&folder)?)?,
    };
    let tokenizer = Tokenizer::from_json(&text).context("its tokenizer")?;
    let said = |file: &str| -> Option<String> {
        let config: serde_json::Value = json(&folder.join(file), "JSON").ok()?;
        let token = &config["pad_token"];
        token.as_str().or_else(|| token["content"].as_str()).map(str::to_owned)
    };
    let token = ["special_tokens_map.json", "tokenizer_config.json"].into_iter().find_map(said);
    let token = token.as_deref().unwrap_or(USUAL);
    let padding = tokenizer
        .id(token)
        .with_context(|| format!("its tokenizer pads with {token:?}, which is none of its tokens"))?;
    Ok((tokenizer, padding))
}
