//! The files of open_clip, as it puts them on the hub.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::take::{Names, Take, block_part};
use super::{channels, number, timm};
use crate::model::{
    Activation, ClipConfig, Scoring, TextAttention, TextConfig, TextReadOut, VisionConfig, VitConfig,
};
use crate::preprocess::{CLIP_MEAN, CLIP_STD, Fit, Preprocess, Resample};
use crate::tokenizer::Cleaning;

pub const CONFIG: &str = "open_clip_config.json";
pub const WEIGHTS: &[&str] =
    &["open_clip_model.safetensors", "model.safetensors", "open_clip_pytorch_model.bin"];

/// The width of an attention head in the image tower, unless the config says otherwise.
const HEAD: usize = 64;

/// The epsilon of the norms, unless the config says otherwise.
const EPSILON: f64 = 1e-5;

/// What Foil knows how to build; any other key asks for a model that its towers cannot hold.
const KNOWN: [(&str, &[&str]); 3] = [
    (
        "",
        &[
            "embed_dim",
            "vision_cfg",
            "text_cfg",
            "quick_gelu",
            "custom_text",
            "init_logit_scale",
            "init_logit_bias",
        ],
    ),
    (
        "vision_cfg",
        &[
            "image_size",
            "patch_size",
            "width",
            "layers",
            "head_width",
            "mlp_ratio",
            // Patches are dropped in training only, and so are paths.
            "patch_dropout",
            "timm_model_name",
            "timm_model_pretrained",
            "timm_pool",
            "timm_proj",
            "timm_drop",
            "timm_drop_path",
        ],
    ),
    (
        "text_cfg",
        &[
            "context_length",
            "vocab_size",
            "width",
            "layers",
            "heads",
            "mlp_ratio",
            "no_causal_mask",
            "proj_bias",
            "pool_type",
            "norm_kwargs",
            "act_kwargs",
            "hf_tokenizer_name",
            "tokenizer_kwargs",
        ],
    ),
];

/// What open_clip takes where a config is silent; some write it out.
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "attentional_pool"
        | "no_ln_pre"
        | "output_tokens"
        | "input_patchnorm"
        | "final_ln_after_pool"
        | "embed_cls" => *value == Value::Bool(false),
        "pool_type" => *value == "tok",
        "pos_embed_type" => *value == "learnable",
        "proj_type" => *value == "linear",
        "pad_id" => value.as_f64() == Some(0.0),
        "act_kwargs" | "norm_kwargs" => value.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

/// The model that `open_clip_config.json` describes; what it leaves out is as in open_clip's `CLIPVisionCfg` and
/// `CLIPTextCfg`. `padding` is the token that its tokenizer pads with, if it is not CLIP's.
///
/// # Errors
/// If it is not a model of two transformers that Foil has.
pub fn config(config: &Value, padding: Option<u32>) -> Result<(ClipConfig, Names)> {
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
    let activation = match model["quick_gelu"].as_bool() {
        Some(true) => Activation::QuickGelu,
        _ => Activation::Gelu,
    };
    let is_timm = !vision["timm_model_name"].is_null();
    let (tower, image_activation) =
        if is_timm { timm::tower(vision)? } else { (VisionConfig::Vit(vit(vision)?), activation) };
    let text_epsilon = text["norm_kwargs"]["eps"].as_f64().unwrap_or(EPSILON);
    let epsilon = match tower {
        VisionConfig::Vit(_) if is_timm => timm::EPSILON,
        VisionConfig::Vit(_) => EPSILON,
        // It has no such norms.
        _ => text_epsilon,
    };
    if text_epsilon != epsilon {
        bail!("the epsilon of norms is {epsilon} for images and {text_epsilon} for text; Foil has one");
    }
    let text_activation = match text["act_kwargs"]["approximate"].as_str() {
        None | Some("none") => activation,
        Some("tanh") if activation == Activation::Gelu => Activation::GeluTanh,
        Some(other) => bail!("act_kwargs has approximate {other:?} beside {activation:?}"),
    };
    let names = Names {
        image: if is_timm { timm::image } else { image },
        text: match (is_true(&model["custom_text"]), is_true(&text["proj_bias"])) {
            (false, _) => self::text,
            (true, false) => |target| self::text(target).prefixed("text."),
            (true, true) => with_bias,
        },
    };
    if is_true(&text["proj_bias"]) && !is_true(&model["custom_text"]) {
        bail!("{CONFIG} sets proj_bias without custom_text");
    }
    let config = ClipConfig {
        embedding: number(model, "embed_dim", 0)?,
        vision: tower,
        text: TextConfig {
            activation: (text_activation != image_activation).then_some(text_activation),
            ..text_tower(text, padding)?
        },
        activation: image_activation,
        norm_epsilon: epsilon,
        preprocess: preprocess(&config["preprocess_cfg"], number(vision, "image_size", 224)?)
            .with_context(|| format!("in {CONFIG}"))?,
        scoring: if model["init_logit_bias"].is_null() { Scoring::Softmax } else { Scoring::Sigmoid },
    };
    Ok((config, names))
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

fn wider(tower: &Value, width: usize) -> usize {
    (tower["mlp_ratio"].as_f64().unwrap_or(4.0) * width as f64) as usize
}

/// open_clip's own image tower.
fn vit(vision: &Value) -> Result<VitConfig> {
    let width = number(vision, "width", 768)?;
    let heads = width / number(vision, "head_width", HEAD)?.max(1);
    let sizes = [width, number(vision, "layers", 12)?, heads, wider(vision, width)];
    Ok(VitConfig::clip(number(vision, "patch_size", 16)?, sizes))
}

fn text_tower(text: &Value, padding: Option<u32>) -> Result<TextConfig> {
    let width = number(text, "width", 512)?;
    let sizes = [width, number(text, "layers", 12)?, number(text, "heads", 8)?, wider(text, width)];
    let tower =
        TextConfig::clip(number(text, "vocab_size", 49_408)?, number(text, "context_length", 77)?, sizes);
    let is_clips = text["hf_tokenizer_name"].is_null();
    let cleaning = match (is_clips, text["tokenizer_kwargs"]["clean"].as_str()) {
        (true, None | Some("lower")) => Cleaning::OpenClip,
        (false, Some("canonicalize")) => Cleaning::OpenClipCanonical,
        (_, clean) => bail!(
            "captions are cleaned by {:?} for the tokenizer {}, which Foil does not do",
            clean.unwrap_or("whitespace"),
            text["hf_tokenizer_name"]
        ),
    };
    let kwargs = text["tokenizer_kwargs"].as_object().into_iter().flatten();
    if let Some((key, value)) = kwargs.into_iter().find(|(key, _)| *key != "clean") {
        bail!("tokenizer_kwargs sets {key} to {value}, which Foil does not do");
    }
    let read_out = match text["pool_type"].as_str().unwrap_or("argmax") {
        "argmax" => TextReadOut::End,
        "last" => TextReadOut::Last,
        other => bail!("pool_type is {other:?}; Foil knows \"argmax\" and \"last\""),
    };
    let attention =
        if is_true(&text["no_causal_mask"]) { TextAttention::Full } else { TextAttention::Causal };
    let reads_padding = attention == TextAttention::Full || read_out == TextReadOut::Last;
    Ok(TextConfig {
        read_out,
        cleaning,
        attention,
        // Behind CLIP's tokens stand zeros.
        padding: reads_padding.then(|| if is_clips { 0 } else { padding.unwrap_or(0) }),
        projection_bias: is_true(&text["proj_bias"]),
        ..tower
    })
}

fn preprocess(config: &Value, side: usize) -> Result<Preprocess> {
    let resample = match config["interpolation"].as_str().unwrap_or("bicubic") {
        "bicubic" => Resample::Bicubic,
        "bilinear" => Resample::Bilinear,
        other => bail!("interpolation is {other:?}; Foil knows \"bicubic\" and \"bilinear\""),
    };
    let fit = match config["resize_mode"].as_str().unwrap_or("shortest") {
        "shortest" => Fit::CenterCrop,
        "squash" => Fit::Squash,
        other => bail!("resize_mode is {other:?}; Foil knows \"shortest\" and \"squash\""),
    };
    let (mean, std) = (channels(config, "mean", CLIP_MEAN)?, channels(config, "std", CLIP_STD)?);
    Ok(Preprocess { side, fit, resample, mean, std })
}

/// What a weight of the image tower is made of.
fn image(target: &str) -> Take {
    let take = block(target).unwrap_or_else(|| match target {
        "projection.weight" => Take::Transposed("proj".to_owned()),
        "patch_embedding.weight" => Take::same("conv1.weight"),
        "position_embedding" => Take::same("positional_embedding"),
        other => Take::Same(other.replace("norm_pre", "ln_pre").replace("norm_post", "ln_post")),
    });
    take.prefixed("visual.")
}

/// What a weight of the text tower is made of.
fn text(target: &str) -> Take {
    block(target).unwrap_or_else(|| match target {
        "projection.weight" => Take::Transposed("text_projection".to_owned()),
        "token_embedding" => Take::same("token_embedding.weight"),
        "position_embedding" => Take::same("positional_embedding"),
        other => Take::Same(other.replace("norm_post", "ln_final")),
    })
}

/// What a weight of a text tower of its own is made of whose projection has a bias.
fn with_bias(target: &str) -> Take {
    let take = match target.strip_prefix("projection.") {
        Some(kind) => Take::Same(format!("text_projection.{kind}")),
        None => text(target),
    };
    take.prefixed("text.")
}

fn block(target: &str) -> Option<Take> {
    let (block, part, kind) = block_part(target)?;
    let part = match part {
        "norm_1" => "ln_1.",
        "norm_2" => "ln_2.",
        "attention.qkv" => "attn.in_proj_",
        "attention.output" => "attn.out_proj.",
        "mlp_in" => "mlp.c_fc.",
        _ => "mlp.c_proj.",
    };
    Some(Take::Same(format!("transformer.resblocks.{block}.{part}{kind}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(model: Value, preprocess: Value) -> Result<ClipConfig> {
        let config = config(&json!({"model_cfg": model, "preprocess_cfg": preprocess}), None)?;
        Ok(config.0)
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
        assert!(refused(timm, Value::Null).contains("timm's vit,"));
        let explicit = json!({"embed_dim": 8, "vision_cfg": {"pool_type": "tok", "patch_dropout": 0.5}, "text_cfg": {"proj_bias": false}});
        assert!(of(explicit, Value::Null).is_ok(), "defaults may be written out");
        let biased = json!({"embed_dim": 8, "text_cfg": {"proj_bias": true}});
        assert!(refused(biased, Value::Null).contains("proj_bias"));
        let bert = json!({"embed_dim": 8, "text_cfg": {"hf_tokenizer_name": "bert-base-uncased", "tokenizer_kwargs": {"strip_sep_token": true}}});
        assert!(refused(bert, Value::Null).contains("bert-base-uncased"));
        let hf = json!({"embed_dim": 8, "text_cfg": {"hf_model_name": "roberta-base"}});
        assert!(refused(hf, Value::Null).contains("hf_model_name"));
        let resnet = json!({"embed_dim": 8, "vision_cfg": {"layers": [3, 4, 6, 3]}});
        assert!(refused(resnet, Value::Null).contains("layers"));
        let plain = || json!({"embed_dim": 8});
        assert!(refused(plain(), json!({"interpolation": "nearest"})).contains("nearest"));
        assert!(refused(plain(), json!({"resize_mode": "longest"})).contains("longest"));
        assert!(
            format!("{:#}", config(&json!({}), None).map(|_| ()).expect_err("refused")).contains("model_cfg")
        );
    }
}
