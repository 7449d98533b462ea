//! The files of Hugging Face `transformers` (`CLIPModel.save_pretrained` and its processor's).

use anyhow::{Context, Result, bail};
use serde_json::Value;
use shared::model::{Activation, ClipConfig, ReadOut, TextConfig, TextReadOut, VisionConfig, VitConfig};
use shared::preprocess::{Fit, Preprocess};
use shared::tokenizer::Cleaning;

use super::take::{Take, block_part};
use super::{channels, number};
use crate::models::presets::{CLIP_MEAN, CLIP_STD};

pub const CONFIG: &str = "config.json";
pub const PREPROCESSOR: &str = "preprocessor_config.json";
pub const PROCESSOR: &str = "processor_config.json";
pub const WEIGHTS: &[&str] = &["model.safetensors", "pytorch_model.bin"];

/// The number by which Pillow, and so `transformers`, calls bicubic resampling.
const BICUBIC: u64 = 3;

/// The model that `config.json` and `preprocessor_config.json` describe. What they leave out is as in
/// `transformers.CLIPConfig`: those are the numbers of ViT-B/32.
///
/// # Errors
/// If it is no CLIP, or one that Foil's towers cannot hold.
pub fn config(config: &Value, preprocessor: &Value) -> Result<ClipConfig> {
    match config["model_type"].as_str() {
        Some("clip") => {}
        Some(other) => bail!("{CONFIG} describes a model of the type {other:?}, not \"clip\""),
        None => bail!("{CONFIG} does not say what it describes: it has no model_type"),
    }
    let (vision, text) = (&section(config, "vision_config"), &section(config, "text_config"));
    let activations = [vision, text].map(|tower| tower["hidden_act"].as_str().unwrap_or("quick_gelu"));
    let activation = match activations {
        ["quick_gelu", "quick_gelu"] => Activation::QuickGelu,
        ["gelu", "gelu"] => Activation::Gelu,
        [vision, text] => bail!(
            "hidden_act is {vision:?} for images and {text:?} for text; both must be \"quick_gelu\" or both \"gelu\""
        ),
    };
    let epsilons = [vision, text].map(|tower| tower["layer_norm_eps"].as_f64().unwrap_or(1e-5));
    if epsilons[0] != epsilons[1] {
        bail!("layer_norm_eps is {} for images and {} for text; Foil has one", epsilons[0], epsilons[1]);
    }
    let side = number(vision, "image_size", 224)?;
    let preprocess = preprocess(preprocessor).with_context(|| format!("in {PREPROCESSOR}"))?;
    if preprocess.side != side {
        bail!("{PREPROCESSOR} makes images of {} pixels, the model wants {side}", preprocess.side);
    }
    Ok(ClipConfig {
        embedding: number(config, "projection_dim", 512)?,
        vision: VisionConfig::Vit(VitConfig {
            patch: number(vision, "patch_size", 32)?,
            stem: Vec::new(),
            width: number(vision, "hidden_size", 768)?,
            layers: number(vision, "num_hidden_layers", 12)?,
            heads: number(vision, "num_attention_heads", 12)?,
            mlp_width: number(vision, "intermediate_size", 3072)?,
            read_out: ReadOut::Class,
        }),
        text: TextConfig {
            vocabulary: number(text, "vocab_size", 49_408)?,
            context: number(text, "max_position_embeddings", 77)?,
            width: number(text, "hidden_size", 512)?,
            layers: number(text, "num_hidden_layers", 12)?,
            heads: number(text, "num_attention_heads", 8)?,
            mlp_width: number(text, "intermediate_size", 2048)?,
            read_out: TextReadOut::End,
            cleaning: Cleaning::None,
        },
        activation,
        norm_epsilon: epsilons[0],
        preprocess,
    })
}

/// A section of a config. What older versions wrote under the same name with `_dict` wins, as in `CLIPConfig.__init__`.
fn section(config: &Value, name: &str) -> Value {
    let mut section = config[name].as_object().cloned().unwrap_or_default();
    section.extend(config[format!("{name}_dict")].as_object().cloned().unwrap_or_default());
    Value::Object(section)
}

fn preprocess(config: &Value) -> Result<Preprocess> {
    /// What transformers writes for 1 / 255.
    const PER_LEVEL: f64 = 1.0 / 255.0;
    if let Some(factor) = config["rescale_factor"].as_f64().filter(|factor| (factor - PER_LEVEL).abs() > 1e-6)
    {
        bail!("rescale_factor is {factor}; Foil makes levels of 0 to 255 numbers of 0 to 1");
    }
    let resample = config["resample"].as_u64().unwrap_or(BICUBIC);
    if resample != BICUBIC {
        bail!("resample is {resample}; Foil resizes by bicubic convolution only, which is {BICUBIC}");
    }
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
        mean: channels(config, "image_mean", CLIP_MEAN)?,
        std: channels(config, "image_std", CLIP_STD)?,
    })
}

/// What a weight of ours is made of.
pub fn take(target: &str) -> Take {
    if let Some((tower, block, part, kind)) = block_part(target) {
        let tower = if tower == "image" { "vision_model" } else { "text_model" };
        let named = |part: &str| format!("{tower}.encoder.layers.{block}.{part}.{kind}");
        return match part {
            "norm_1" => Take::Same(named("layer_norm1")),
            "norm_2" => Take::Same(named("layer_norm2")),
            "attention.qkv" => {
                Take::Stacked(["q", "k", "v"].map(|part| named(&format!("self_attn.{part}_proj"))))
            }
            "attention.output" => Take::Same(named("self_attn.out_proj")),
            "mlp_in" => Take::Same(named("mlp.fc1")),
            _ => Take::Same(named("mlp.fc2")),
        };
    }
    Take::Same(match target {
        "image.class_embedding" => "vision_model.embeddings.class_embedding".to_owned(),
        "image.position_embedding" => "vision_model.embeddings.position_embedding.weight".to_owned(),
        "image.projection.weight" => "visual_projection.weight".to_owned(),
        "text.token_embedding" => "text_model.embeddings.token_embedding.weight".to_owned(),
        "text.position_embedding" => "text_model.embeddings.position_embedding.weight".to_owned(),
        "text.projection.weight" => "text_projection.weight".to_owned(),
        other => other
            .replace("image.patch_embedding", "vision_model.embeddings.patch_embedding")
            // Their spelling.
            .replace("image.norm_pre", "vision_model.pre_layrnorm")
            .replace("image.norm_post", "vision_model.post_layernorm")
            .replace("text.norm_post", "text_model.final_layer_norm"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(model: Value, preprocessor: Value) -> String {
        format!("{:#}", config(&model, &preprocessor).expect_err("a config that is refused"))
    }

    fn crop(size: Value) -> Value {
        json!({"size": size, "crop_size": 224})
    }

    #[test]
    fn what_a_config_leaves_out_is_as_in_vit_b_32() {
        let found = config(&json!({"model_type": "clip"}), &crop(json!({"shortest_edge": 224})));
        let found = found.expect("a config");
        let VisionConfig::Vit(vit) = &found.vision else { panic!("another tower") };
        assert_eq!((vit.patch, vit.layers, found.text.vocabulary), (32, 12, 49_408));
        assert_eq!((found.activation, found.preprocess.fit), (Activation::QuickGelu, Fit::CenterCrop));
        assert_eq!(found.validate(), Ok(()));
    }

    #[test]
    fn sizes_are_read_in_every_form() {
        let fit = |preprocessor: Value| preprocess(&preprocessor).map(|found| (found.side, found.fit));
        assert_eq!(fit(crop(json!(224))).expect("a crop"), (224, Fit::CenterCrop));
        let square = json!({"height": 64, "width": 64});
        assert_eq!(
            fit(json!({"size": square, "do_center_crop": false})).expect("a squash"),
            (64, Fit::Squash)
        );
        assert!(fit(json!({"size": 256, "crop_size": 224})).is_err());
        assert!(fit(json!({"size": 224, "crop_size": 224, "resample": 2})).is_err());
    }

    #[test]
    fn what_is_not_this_model_is_refused_by_name() {
        let clip = |part: Value| {
            let mut model = json!({"model_type": "clip"});
            model["vision_config"] = part;
            model
        };
        assert!(refused(json!({"model_type": "llama"}), Value::Null).contains("\"llama\""));
        assert!(refused(json!({}), Value::Null).contains("no model_type"));
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
            preprocess(&config)
        };
        assert!(scaled(0.003_921_568_627_450_98).is_ok());
        let error = scaled(1.0).expect_err("other levels").to_string();
        assert!(error.contains("rescale_factor is 1"), "{error}");
    }
}
