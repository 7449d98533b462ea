//! The files of Hugging Face `transformers` (`CLIPModel.save_pretrained` and its processor's).

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::take::{Names, Take, block_part};
use super::{channels, number};
use crate::model::{Activation, ClipConfig, Scoring, TextConfig, VisionConfig, VitConfig};
use crate::preprocess::{CLIP_MEAN, CLIP_STD, Fit, Preprocess, Resample};

pub const CONFIG: &str = "config.json";
pub const PREPROCESSOR: &str = "preprocessor_config.json";
pub const PROCESSOR: &str = "processor_config.json";
pub const WEIGHTS: &[&str] = &["model.safetensors", "pytorch_model.bin"];

/// The numbers by which Pillow, and so `transformers`, calls ways of resampling.
const BILINEAR: u64 = 2;
const BICUBIC: u64 = 3;

/// The CLIP that `config.json` and `preprocessor_config.json` describe. What they leave out is as in
/// `transformers.CLIPConfig`: those are the numbers of ViT-B/32.
///
/// # Errors
/// If Foil's towers cannot hold it.
pub fn config(config: &Value, preprocessor: &Value) -> Result<(ClipConfig, Names)> {
    let (vision, text) = (&section(config, "vision_config"), &section(config, "text_config"));
    let activations = [vision, text].map(|tower| tower["hidden_act"].as_str().unwrap_or("quick_gelu"));
    let activation = match activations {
        ["quick_gelu", "quick_gelu"] => Activation::QuickGelu,
        ["gelu", "gelu"] => Activation::Gelu,
        [vision, text] => bail!(
            "hidden_act is {vision:?} for images and {text:?} for text; both must be \"quick_gelu\" or both \"gelu\""
        ),
    };
    let epsilon = epsilon([vision, text], 1e-5)?;
    let preprocess = preprocess(preprocessor, number(vision, "image_size", 224)?)?;
    let vision = VitConfig::clip(number(vision, "patch_size", 32)?, sizes(vision, [768, 12, 12, 3072])?);
    let text = TextConfig::clip(
        number(text, "vocab_size", 49_408)?,
        number(text, "max_position_embeddings", 77)?,
        sizes(text, [512, 12, 8, 2048])?,
    );
    let config = ClipConfig {
        embedding: number(config, "projection_dim", 512)?,
        vision: VisionConfig::Vit(vision),
        text,
        activation,
        norm_epsilon: epsilon,
        preprocess,
        scoring: Scoring::Softmax,
    };
    Ok((config, Names { image, text: self::text }))
}

/// Width, layers, heads and width of the hidden layers of a tower.
pub fn sizes(tower: &Value, defaults: [usize; 4]) -> Result<[usize; 4]> {
    let [width, layers, heads, mlp_width] = defaults;
    Ok([
        number(tower, "hidden_size", width)?,
        number(tower, "num_hidden_layers", layers)?,
        number(tower, "num_attention_heads", heads)?,
        number(tower, "intermediate_size", mlp_width)?,
    ])
}

/// The epsilon of both towers' norms.
pub fn epsilon(towers: [&Value; 2], default: f64) -> Result<f64> {
    let [vision, text] = towers.map(|tower| tower["layer_norm_eps"].as_f64().unwrap_or(default));
    if vision != text {
        bail!("layer_norm_eps is {vision} for images and {text} for text; Foil has one");
    }
    Ok(vision)
}

/// A section of a config. What older versions wrote under the same name with `_dict` wins, as in `CLIPConfig.__init__`.
pub fn section(config: &Value, name: &str) -> Value {
    let mut section = config[name].as_object().cloned().unwrap_or_default();
    section.extend(config[format!("{name}_dict")].as_object().cloned().unwrap_or_default());
    Value::Object(section)
}

/// What `preprocessor_config.json` says, for a model of images of `side` pixels.
pub fn preprocess(config: &Value, side: usize) -> Result<Preprocess> {
    let preprocess = prepare(config).with_context(|| format!("in {PREPROCESSOR}"))?;
    if preprocess.side != side {
        bail!("{PREPROCESSOR} makes images of {} pixels, the model wants {side}", preprocess.side);
    }
    Ok(preprocess)
}

fn prepare(config: &Value) -> Result<Preprocess> {
    /// What transformers writes for 1 / 255.
    const PER_LEVEL: f64 = 1.0 / 255.0;
    if let Some(factor) = config["rescale_factor"].as_f64().filter(|factor| (factor - PER_LEVEL).abs() > 1e-6)
    {
        bail!("rescale_factor is {factor}; Foil makes levels of 0 to 255 numbers of 0 to 1");
    }
    let resample = match config["resample"].as_u64().unwrap_or(BICUBIC) {
        BICUBIC => Resample::Bicubic,
        BILINEAR => Resample::Bilinear,
        other => bail!(
            "resample is {other}; Foil knows {BILINEAR}, which is bilinear, and {BICUBIC}, which is bicubic"
        ),
    };
    for step in ["do_resize", "do_normalize", "do_rescale", "do_convert_rgb"] {
        if config[step] == Value::Bool(false) {
            bail!("{step} is false");
        }
    }
    // A length alone, or by the names of its sides.
    let length = |size: &Value| size.as_u64().or_else(|| size["shortest_edge"].as_u64());
    let square = |size: &Value| {
        let [height, width] = ["height", "width"].map(|side| size[side].as_u64());
        height.filter(|_| height == width)
    };
    let (size, crop) = (&config["size"], &config["crop_size"]);
    let cropped = config["do_center_crop"] != Value::Bool(false);
    let (side, fit) = match (length(size), square(size), crop.as_u64().or_else(|| square(crop))) {
        (Some(shorter), _, Some(crop)) if cropped && shorter == crop => (crop, Fit::CenterCrop),
        (None, Some(side), Some(crop)) if !cropped || side == crop => (side, Fit::Squash),
        (None, Some(side), None) => (side, Fit::Squash),
        _ => bail!(
            "images are resized to {size} and cropped to {crop}; Foil crops the shorter side's square, or squashes"
        ),
    };
    Ok(Preprocess {
        side: usize::try_from(side)?,
        fit,
        resample,
        mean: channels(config, "image_mean", CLIP_MEAN)?,
        std: channels(config, "image_std", CLIP_STD)?,
    })
}

/// What a weight of the image tower is made of.
fn image(target: &str) -> Take {
    let name = match target {
        "projection.weight" => return Take::same("visual_projection.weight"),
        // Their spelling.
        other => other.replace("norm_pre", "pre_layrnorm"),
    };
    vision_model(&name)
}

/// What a weight of the text tower is made of.
fn text(target: &str) -> Take {
    match target {
        "projection.weight" => Take::same("text_projection.weight"),
        other => text_model(other),
    }
}

/// What a weight in an image tower of this library is made of, whatever model it belongs to.
pub fn vision_model(target: &str) -> Take {
    if let Some(take) = block(target) {
        return take.prefixed("vision_model.");
    }
    Take::Same(match target {
        "class_embedding" => "vision_model.embeddings.class_embedding".to_owned(),
        "position_embedding" => "vision_model.embeddings.position_embedding.weight".to_owned(),
        other => format!(
            "vision_model.{}",
            other
                .replace("patch_embedding", "embeddings.patch_embedding")
                .replace("norm_post", "post_layernorm")
        ),
    })
}

/// What a weight in a text tower of this library is made of.
pub fn text_model(target: &str) -> Take {
    if let Some(take) = block(target) {
        return take.prefixed("text_model.");
    }
    Take::Same(match target {
        "token_embedding" | "position_embedding" => format!("text_model.embeddings.{target}.weight"),
        other => format!("text_model.{}", other.replace("norm_post", "final_layer_norm")),
    })
}

fn block(target: &str) -> Option<Take> {
    let (block, part, kind) = block_part(target)?;
    let named = |part: &str| format!("encoder.layers.{block}.{part}.{kind}");
    Some(match part {
        "norm_1" => Take::Same(named("layer_norm1")),
        "norm_2" => Take::Same(named("layer_norm2")),
        "attention.qkv" => {
            let parts = ["q", "k", "v"].map(|part| (named(&format!("self_attn.{part}_proj")), 1));
            Take::Stacked(parts.to_vec())
        }
        "attention.output" => Take::Same(named("self_attn.out_proj")),
        "mlp_in" => Take::Same(named("mlp.fc1")),
        _ => Take::Same(named("mlp.fc2")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(model: Value, preprocessor: Value) -> String {
        format!("{:#}", config(&model, &preprocessor).map(|_| ()).expect_err("a config that is refused"))
    }

    fn crop(size: Value) -> Value {
        json!({"size": size, "crop_size": 224})
    }

    #[test]
    fn what_a_config_leaves_out_is_as_in_vit_b_32() {
        let found = config(&json!({"model_type": "clip"}), &crop(json!({"shortest_edge": 224})));
        let (found, _) = found.expect("a config");
        let VisionConfig::Vit(vit) = &found.vision else { panic!("another tower") };
        assert_eq!((vit.patch, vit.layers, found.text.vocabulary), (32, 12, 49_408));
        assert_eq!((found.activation, found.preprocess.fit), (Activation::QuickGelu, Fit::CenterCrop));
        assert_eq!(found.validate(), Ok(()));
    }

    #[test]
    fn sizes_are_read_in_every_form() {
        let fit = |preprocessor: Value| prepare(&preprocessor).map(|found| (found.side, found.fit));
        assert_eq!(fit(crop(json!(224))).expect("a crop"), (224, Fit::CenterCrop));
        let square = json!({"height": 64, "width": 64});
        assert_eq!(
            fit(json!({"size": square, "do_center_crop": false})).expect("a squash"),
            (64, Fit::Squash)
        );
        assert!(fit(json!({"size": 256, "crop_size": 224})).is_err());
        let bilinear = prepare(&json!({"size": 224, "crop_size": 224, "resample": 2})).expect("a crop");
        assert_eq!(bilinear.resample, Resample::Bilinear);
        assert!(fit(json!({"size": 224, "crop_size": 224, "resample": 1})).is_err());
    }

    #[test]
    fn what_is_not_this_model_is_refused_by_name() {
        let clip = |part: Value| {
            let mut model = json!({"model_type": "clip"});
            model["vision_config"] = part;
            model
        };
        assert!(refused(clip(json!({"hidden_act": "gelu"})), Value::Null).contains("hidden_act"));
        assert!(refused(clip(json!({"layer_norm_eps": 1e-6})), Value::Null).contains("layer_norm_eps"));
        assert!(refused(clip(json!({"image_size": 336})), crop(json!(224))).contains("336"));
        assert!(refused(clip(json!({"patch_size": "big"})), crop(json!(224))).contains("patch_size"));
    }

    #[test]
    fn what_older_versions_wrote_under_other_names_wins() {
        let config = json!({
            "text_config": {"hidden_act": "quick_gelu", "hidden_size": 16},
            "text_config_dict": {"hidden_act": "gelu"}
        });
        assert_eq!(section(&config, "text_config"), json!({"hidden_act": "gelu", "hidden_size": 16}));
        assert_eq!(section(&config, "vision_config"), json!({}));
    }

    #[test]
    fn levels_are_scaled_to_one_or_refused() {
        let scaled = |factor: f64| {
            let mut config = crop(json!({"shortest_edge": 224}));
            config["rescale_factor"] = json!(factor);
            prepare(&config)
        };
        assert!(scaled(0.003_921_568_627_450_98).is_ok());
        let error = scaled(1.0).expect_err("other levels").to_string();
        assert!(error.contains("rescale_factor is 1"), "{error}");
    }
}
