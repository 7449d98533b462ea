//! The files of open_clip, as it puts them on the hub.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shared::model::{Activation, ClipConfig, ReadOut, TextConfig, TextReadOut, VisionConfig, VitConfig};
use shared::preprocess::{Fit, Preprocess};
use shared::tokenizer::Cleaning;

use super::take::{Take, block_part};
use super::{channels, number};
use crate::models::presets::{CLIP_MEAN, CLIP_STD};

pub const CONFIG: &str = "open_clip_config.json";
pub const WEIGHTS: &[&str] =
    &["open_clip_model.safetensors", "model.safetensors", "open_clip_pytorch_model.bin"];

/// The width of an attention head in the image tower, unless the config says otherwise.
const HEAD: usize = 64;

/// What Foil knows how to build; any other key asks for a model that its towers cannot hold.
const KNOWN: [(&str, &[&str]); 3] = [
    ("", &["embed_dim", "vision_cfg", "text_cfg", "quick_gelu"]),
    // Patches are dropped in training only.
    (
        "vision_cfg",
        &["image_size", "patch_size", "width", "layers", "head_width", "mlp_ratio", "patch_dropout"],
    ),
    ("text_cfg", &["context_length", "vocab_size", "width", "layers", "heads", "mlp_ratio"]),
];

/// What open_clip takes where a config is silent; some write it out.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "attentional_pool"
        | "no_ln_pre"
        | "output_tokens"
        | "input_patchnorm"
        | "final_ln_after_pool"
        | "proj_bias"
        | "no_causal_mask"
        | "embed_cls"
        | "custom_text" => *value == Value::Bool(false),
        "pool_type" => *value == "tok" || *value == "argmax",
        "pos_embed_type" => *value == "learnable",
        "proj_type" => *value == "linear",
        "pad_id" => value.as_f64() == Some(0.0),
        "act_kwargs" | "norm_kwargs" => value.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

/// The model that `open_clip_config.json` describes; what it leaves out is as in open_clip's `CLIPVisionCfg` and
/// `CLIPTextCfg`.
///
/// # Errors
/// If it is not a model of two plain transformers.
pub fn config(config: &Value) -> Result<ClipConfig> {
    let model = &config["model_cfg"];
    if !model.is_object() {
        bail!("{CONFIG} has no model_cfg");
    }
    for (part, known) in KNOWN {
        let section = if part.is_empty() { model } else { &model[part] };
        let keys = section.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let is_other =
            |(key, value): &(&String, &Value)| !known.contains(&key.as_str()) && !is_default(key, value);
        if let Some((key, value)) = keys.into_iter().find(is_other) {
            bail!(
                "{CONFIG} sets {key} to {value} in {}, which Foil's towers do not have",
                if part.is_empty() { "model_cfg" } else { part }
            );
        }
    }
    let (vision, text) = (&model["vision_cfg"], &model["text_cfg"]);
    let wider =
        |tower: &Value, width: usize| (tower["mlp_ratio"].as_f64().unwrap_or(4.0) * width as f64) as usize;
    let side = number(vision, "image_size", 224)?;
    let (width, text_width) = (number(vision, "width", 768)?, number(text, "width", 512)?);
    let quick = model["quick_gelu"].as_bool().unwrap_or(false);
    Ok(ClipConfig {
        embedding: number(model, "embed_dim", 0)?,
        vision: VisionConfig::Vit(VitConfig {
            patch: number(vision, "patch_size", 16)?,
            stem: Vec::new(),
            width,
            layers: number(vision, "layers", 12)?,
            heads: width / number(vision, "head_width", HEAD)?.max(1),
            mlp_width: wider(vision, width),
            read_out: ReadOut::Class,
        }),
        text: TextConfig {
            vocabulary: number(text, "vocab_size", 49_408)?,
            context: number(text, "context_length", 77)?,
            width: text_width,
            layers: number(text, "layers", 12)?,
            heads: number(text, "heads", 8)?,
            mlp_width: wider(text, text_width),
            read_out: TextReadOut::End,
            cleaning: Cleaning::OpenClip,
        },
        activation: if quick { Activation::QuickGelu } else { Activation::Gelu },
        norm_epsilon: 1e-5,
        preprocess: preprocess(&config["preprocess_cfg"], side).with_context(|| format!("in {CONFIG}"))?,
    })
}

fn preprocess(config: &Value, side: usize) -> Result<Preprocess> {
    if let Some(other) = config["interpolation"].as_str().filter(|name| *name != "bicubic") {
        bail!("interpolation is {other:?}; Foil resizes by bicubic convolution only");
    }
    let fit = match config["resize_mode"].as_str().unwrap_or("shortest") {
        "shortest" => Fit::CenterCrop,
        "squash" => Fit::Squash,
        other => bail!("resize_mode is {other:?}; Foil knows \"shortest\" and \"squash\""),
    };
    let (mean, std) = (channels(config, "mean", CLIP_MEAN)?, channels(config, "std", CLIP_STD)?);
    Ok(Preprocess { side, fit, mean, std })
}

/// What a weight of ours is made of.
pub fn take(target: &str) -> Take {
    if let Some((tower, block, part, kind)) = block_part(target) {
        let tower = if tower == "image" { "visual." } else { "" };
        let part = match part {
            "norm_1" => "ln_1.",
            "norm_2" => "ln_2.",
            "attention.qkv" => "attn.in_proj_",
            "attention.output" => "attn.out_proj.",
            "mlp_in" => "mlp.c_fc.",
            _ => "mlp.c_proj.",
        };
        return Take::Same(format!("{tower}transformer.resblocks.{block}.{part}{kind}"));
    }
    match target {
        "image.projection.weight" => Take::Transposed("visual.proj".to_owned()),
        "text.projection.weight" => Take::Transposed("text_projection".to_owned()),
        other => Take::Same(match other {
            "image.patch_embedding.weight" => "visual.conv1.weight".to_owned(),
            "image.class_embedding" => "visual.class_embedding".to_owned(),
            "image.position_embedding" => "visual.positional_embedding".to_owned(),
            "text.token_embedding" => "token_embedding.weight".to_owned(),
            "text.position_embedding" => "positional_embedding".to_owned(),
            other => other
                .replace("image.norm_pre", "visual.ln_pre")
                .replace("image.norm_post", "visual.ln_post")
                .replace("text.norm_post", "ln_final"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(model: Value, preprocess: Value) -> Result<ClipConfig> {
        config(&json!({"model_cfg": model, "preprocess_cfg": preprocess}))
    }

    #[test]
    fn a_published_config_is_read() {
        // ViT-B-32 as in open_clip/model_configs.
        let model = json!({
            "embed_dim": 512,
            "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
            "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}
        });
        let found = of(model.clone(), json!({"resize_mode": "shortest"})).expect("a config");
        let VisionConfig::Vit(vit) = &found.vision else { panic!("another tower") };
        assert_eq!((vit.heads, vit.mlp_width, found.text.mlp_width), (12, 3072, 2048));
        assert_eq!((found.activation, found.preprocess.fit), (Activation::Gelu, Fit::CenterCrop));
        let mut quick = model;
        quick["quick_gelu"] = json!(true);
        assert_eq!(of(quick, Value::Null).expect("a config").activation, Activation::QuickGelu);
    }

    #[test]
    fn what_foil_cannot_build_is_refused_by_name() {
        let refused = |model, preprocess| format!("{:#}", of(model, preprocess).expect_err("refused"));
        let timm = json!({"embed_dim": 8, "vision_cfg": {"timm_model_name": "vit"}});
        assert!(refused(timm, Value::Null).contains("timm_model_name"));
        let explicit = json!({"embed_dim": 8, "vision_cfg": {"pool_type": "tok", "patch_dropout": 0.5}, "text_cfg": {"proj_bias": false}});
        assert!(of(explicit, Value::Null).is_ok(), "defaults may be written out");
        let biased = json!({"embed_dim": 8, "text_cfg": {"proj_bias": true}});
        assert!(refused(biased, Value::Null).contains("proj_bias"));
        let resnet = json!({"embed_dim": 8, "vision_cfg": {"layers": [3, 4, 6, 3]}});
        assert!(refused(resnet, Value::Null).contains("layers"));
        let plain = || json!({"embed_dim": 8});
        assert!(refused(plain(), json!({"interpolation": "bilinear"})).contains("bilinear"));
        assert!(refused(plain(), json!({"resize_mode": "longest"})).contains("longest"));
        assert!(format!("{:#}", config(&json!({})).expect_err("refused")).contains("model_cfg"));
    }
}
