//! SigLIP and SigLIP 2 of fixed resolution (arXiv 2303.15343, 2502.14786) in the files of Hugging Face `transformers`
//! (`SiglipModel.save_pretrained` and its processor's).

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::take::{Names, Take};
use super::transformers::{CONFIG, epsilon, preprocess, section, sizes, text_model, vision_model};
use super::{Documents, TOKENIZER, number, padding_token};
use crate::model::{
    Activation, ClipConfig, Scoring, TextAttention, TextConfig, TextReadOut, VisionConfig, VitConfig,
};
use crate::tokenizer::{Cleaning, Tokenizer};

/// The model that the files describe. What they leave out is as in `transformers.SiglipConfig`.
///
/// # Errors
/// If Foil's towers cannot hold it.
pub fn config(
    config: &Value,
    preprocessor: &Value,
    documents: &Documents,
    tokenizer: &Tokenizer,
) -> Result<(ClipConfig, Names)> {
    let (vision, text) = (&section(config, "vision_config"), &section(config, "text_config"));
    let [activation, text_activation] = [activation(vision)?, activation(text)?];
    if vision["vision_use_head"] == Value::Bool(false) {
        bail!("{CONFIG} sets vision_use_head to false: such a model pools no images");
    }
    const SIZES: [usize; 4] = [768, 12, 12, 3072];
    let vit = VitConfig::siglip(number(vision, "patch_size", 16)?, sizes(vision, SIZES)?);
    let tower = TextConfig::clip(
        number(text, "vocab_size", 32_000)?,
        number(text, "max_position_embeddings", 64)?,
        sizes(text, SIZES)?,
    );
    let padding = padding_token(documents, tokenizer)?.unwrap_or_else(|| tokenizer.end());
    let config = ClipConfig {
        embedding: number(text, "projection_size", tower.width)?,
        vision: VisionConfig::Vit(vit),
        text: TextConfig {
            read_out: TextReadOut::Last,
            cleaning: cleaning(documents)?,
            padding: Some(padding),
            attention: TextAttention::Full,
            projection_bias: true,
            activation: (text_activation != activation).then_some(text_activation),
            ..tower
        },
        activation,
        norm_epsilon: epsilon([vision, text], 1e-6)?,
        preprocess: preprocess(preprocessor, number(vision, "image_size", 224)?)?,
        scoring: Scoring::Sigmoid,
    };
    Ok((config, Names { image, text: self::text }))
}

fn activation(tower: &Value) -> Result<Activation> {
    match tower["hidden_act"].as_str().unwrap_or("gelu_pytorch_tanh") {
        "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
        "gelu" => Ok(Activation::Gelu),
        "quick_gelu" => Ok(Activation::QuickGelu),
        other => bail!("hidden_act is {other:?}; Foil knows gelu_pytorch_tanh, gelu and quick_gelu"),
    }
}

/// How captions are cleaned: SigLIP's tokenizer of pieces with probabilities comes without punctuation, SigLIP 2 reads Gemma's with
/// it, both in lower case.
fn cleaning(documents: &Documents) -> Result<Cleaning> {
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        r#type: String,
    }
    if !documents.has(TOKENIZER) {
        return Ok(Cleaning::Canonical);
    }
    let file: File = serde_json::from_str(documents.text(TOKENIZER)?)
        .with_context(|| format!("{TOKENIZER} does not say of what kind it is"))?;
    Ok(if file.model.r#type == "Unigram" { Cleaning::Canonical } else { Cleaning::Lower })
}

/// What a weight of the image tower is made of.
fn image(target: &str) -> Take {
    let Some(part) = target.strip_prefix("attention_pool.") else { return vision_model(target) };
    let part = match part {
        "query" => "probe".to_owned(),
        "attention.qkv.weight" => "attention.in_proj_weight".to_owned(),
        "attention.qkv.bias" => "attention.in_proj_bias".to_owned(),
        other => other
            .replace("attention.output", "attention.out_proj")
            .replace("norm", "layernorm")
            .replace("mlp_in", "mlp.fc1")
            .replace("mlp_out", "mlp.fc2"),
    };
    Take::Same(format!("vision_model.head.{part}"))
}

/// What a weight of the text tower is made of.
fn text(target: &str) -> Take {
    match target.strip_prefix("projection.") {
        Some(kind) => Take::Same(format!("text_model.head.{kind}")),
        None => text_model(target),
    }
}
