//! The files of a pipeline, as diffusers saves them, and what of them can be used.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use candle_transformers::models::stable_diffusion::unet_2d::{BlockConfig, UNet2DConditionModelConfig};
use candle_transformers::models::stable_diffusion::vae::AutoEncoderKLConfig;
use serde::Deserialize;

use crate::system::files::json;

pub const UNET: &str = "unet/config.json";
pub const VAE: &str = "vae/config.json";
pub const TEXT_ENCODER: &str = "text_encoder/config.json";
pub const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// Latents, the mask, and the latents of the image around it.
pub const IN_CHANNELS: usize = 9;
/// The groups of its normalizations: candle has them in some places whatever the config says.
const GROUPS: usize = 32;
/// The channels of latents.
pub const LATENTS: usize = 4;

/// The names that weights go by, preferred ones first.
const WEIGHTS: [&str; 4] = [
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
];

/// Whether a file of a model on the hub belongs to what is read.
pub fn is_needed(file: &str) -> bool {
    let is_part = ["unet/", "vae/", "text_encoder/", "tokenizer/", "scheduler/"]
        .iter()
        .any(|part| file.starts_with(part));
    let name = file.rsplit('/').next().unwrap_or(file);
    is_part && (name.ends_with(".json") || name == "merges.txt" || WEIGHTS[..2].contains(&name))
}

/// The weights beside a config.
///
/// # Errors
/// If there are none.
pub fn weights(folder: &Path, config: &str) -> Result<PathBuf> {
    let config = folder.join(config);
    let part = config.parent().unwrap_or(folder);
    let found = WEIGHTS.iter().map(|name| part.join(name)).find(|path| path.exists());
    found.with_context(|| format!("{} has no {}", part.display(), WEIGHTS[0]))
}

#[derive(Deserialize)]
struct Unet {
    in_channels: usize,
    out_channels: usize,
    block_out_channels: Vec<usize>,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    layers_per_block: usize,
    attention_head_dim: OneOrEach,
    cross_attention_dim: usize,
    norm_num_groups: usize,
    #[serde(default = "usual_epsilon")]
    norm_eps: f64,
    #[serde(default)]
    use_linear_projection: bool,
    #[serde(default)]
    center_input_sample: bool,
    #[serde(default = "one")]
    transformer_layers_per_block: usize,
    #[serde(default)]
    class_embed_type: Option<String>,
    #[serde(default)]
    addition_embed_type: Option<String>,
    #[serde(default)]
    only_cross_attention: bool,
}

fn usual_epsilon() -> f64 {
    1e-5
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrEach {
    One(usize),
    Each(Vec<usize>),
}

/// The U-Net.
///
/// # Errors
/// If it is not one for inpainting, or of a structure that is not known.
pub fn unet(folder: &Path) -> Result<UNet2DConditionModelConfig> {
    let unet: Unet = json(&folder.join(UNET), "the config of a U-Net of diffusers")?;
    ensure!(
        unet.in_channels == IN_CHANNELS,
        "its U-Net has {} input channels; one for inpainting has {IN_CHANNELS}: latents, the mask, and the masked image",
        unet.in_channels
    );
    ensure!(
        unet.out_channels == LATENTS,
        "its U-Net has {} output channels instead of {LATENTS}",
        unet.out_channels
    );
    for (is_other, what) in [
        (unet.transformer_layers_per_block != 1, "several transformer layers a block, as SDXL"),
        (
            unet.addition_embed_type.is_some() || unet.class_embed_type.is_some(),
            "embeddings of more than time and text, as SDXL",
        ),
        (unet.only_cross_attention, "cross-attention only"),
    ] {
        ensure!(!is_other, "its U-Net has {what}, which is not known here");
    }
    check_groups("U-Net", unet.norm_num_groups)?;
    let n_blocks = unet.block_out_channels.len();
    let heads = match unet.attention_head_dim {
        OneOrEach::One(heads) => vec![heads; n_blocks],
        OneOrEach::Each(heads) => heads,
    };
    ensure!(
        n_blocks > 0
            && unet.down_block_types.len() == n_blocks
            && unet.up_block_types.len() == n_blocks
            && heads.len() == n_blocks,
        "its U-Net does not say of each of its {n_blocks} blocks what it is"
    );
    let is_cross = |kind: &str| match kind {
        "CrossAttnDownBlock2D" | "CrossAttnUpBlock2D" => Ok(true),
        "DownBlock2D" | "UpBlock2D" => Ok(false),
        other => bail!("its U-Net has a block {other}, which is not known here"),
    };
    let mut blocks = Vec::new();
    for (nth, out_channels) in unet.block_out_channels.iter().enumerate() {
        let (down, up) =
            (is_cross(&unet.down_block_types[nth])?, is_cross(&unet.up_block_types[n_blocks - 1 - nth])?);
        ensure!(down == up, "block {nth} of its U-Net looks at the text on one side only");
        let n_heads = heads[nth];
        let divides = |by: usize| by > 0 && out_channels.is_multiple_of(by);
        ensure!(
            divides(n_heads) && divides(GROUPS),
            "block {nth} of its U-Net does not divide into heads and groups"
        );
        // What diffusers calls the dimension of heads is their number.
        blocks.push(BlockConfig {
            out_channels: *out_channels,
            use_cross_attn: down.then_some(1),
            attention_head_dim: n_heads,
        });
    }
    Ok(UNet2DConditionModelConfig {
        center_input_sample: unet.center_input_sample,
        blocks,
        layers_per_block: unet.layers_per_block,
        norm_num_groups: GROUPS,
        norm_eps: unet.norm_eps,
        cross_attention_dim: unet.cross_attention_dim,
        use_linear_projection: unet.use_linear_projection,
        ..UNet2DConditionModelConfig::default()
    })
}

fn check_groups(part: &str, groups: usize) -> Result<()> {
    ensure!(groups == GROUPS, "its {part} normalizes {groups} groups of channels; known are {GROUPS}");
    Ok(())
}

#[derive(Deserialize)]
struct Vae {
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    latent_channels: usize,
    norm_num_groups: usize,
    #[serde(default = "usual_scale")]
    scaling_factor: f64,
    #[serde(default)]
    shift_factor: Option<f64>,
    #[serde(default = "yes")]
    use_quant_conv: bool,
    #[serde(default = "yes")]
    use_post_quant_conv: bool,
}

fn usual_scale() -> f64 {
    0.18215
}

fn yes() -> bool {
    true
}

/// The autoencoder, and the factor between its latents and those of the U-Net.
///
/// # Errors
/// If it is of a structure that is not known.
pub fn vae(folder: &Path) -> Result<(AutoEncoderKLConfig, f64)> {
    let vae: Vae = json(&folder.join(VAE), "the config of an autoencoder of diffusers")?;
    ensure!(
        vae.latent_channels == LATENTS,
        "its autoencoder has {} latent channels instead of {LATENTS}",
        vae.latent_channels
    );
    ensure!(
        vae.use_quant_conv && vae.use_post_quant_conv,
        "its autoencoder has no convolutions around its latents"
    );
    ensure!(vae.shift_factor.is_none(), "its autoencoder shifts its latents, which is not known here");
    ensure!(
        !vae.block_out_channels.is_empty()
            && vae.block_out_channels.iter().all(|channels| channels.is_multiple_of(GROUPS)),
        "its autoencoder does not divide into groups"
    );
    check_groups("autoencoder", vae.norm_num_groups)?;
    let config = AutoEncoderKLConfig {
        block_out_channels: vae.block_out_channels,
        layers_per_block: vae.layers_per_block,
        latent_channels: vae.latent_channels,
        norm_num_groups: GROUPS,
        use_quant_conv: true,
        use_post_quant_conv: true,
    };
    Ok((config, vae.scaling_factor))
}
