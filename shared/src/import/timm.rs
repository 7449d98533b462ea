//! Image towers of open_clip that are timm's: SigLIP's vision transformers, and MobileCLIP's FastViT.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::fastvit;
use super::take::{Take, block_part};
use crate::model::{Activation, VisionConfig, VitConfig};

/// timm's vision transformers have this epsilon, whatever open_clip's config says of text.
pub const EPSILON: f64 = 1e-6;

/// The sizes of the towers by their names: width, layers, heads, width of the hidden layers (timm 1.0.31, `vision_transformer.py`).
const SIZES: [(&str, [usize; 4]); 4] = [
    ("base", [768, 12, 12, 3072]),
    ("large", [1024, 24, 16, 4096]),
    ("so400m", [1152, 27, 16, 4304]),
    ("giantopt", [1536, 40, 16, 6144]),
];

/// Those whose nonlinearity is the approximate one: size, patch and side of images, zero for all sides.
const APPROXIMATE: [(&str, usize, usize); 4] =
    [("base", 32, 0), ("large", 16, 512), ("so400m", 16, 0), ("giantopt", 16, 0)];

/// The tower that open_clip's `vision_cfg` names, such as `vit_base_patch16_siglip_224`.
///
/// # Errors
/// If Foil has no such tower; the sentence names it.
pub fn tower(vision: &Value) -> Result<(VisionConfig, Activation)> {
    let name = vision["timm_model_name"].as_str().context("timm_model_name is no name")?;
    let check = |pool: &str, projection: Option<&str>| match (&vision["timm_pool"], &vision["timm_proj"]) {
        (found, _) if found.as_str() != Some(pool) => {
            bail!("timm_pool is {found}, and Foil reads {name} with {pool:?} only")
        }
        (_, found) if found.as_str() != projection => {
            bail!(
                "timm_proj is {found}, and Foil reads {name} with {} only",
                projection.unwrap_or("none at all")
            )
        }
        _ => Ok(()),
    };
    if let Some(fastvit) = fastvit::tower(name) {
        check("avg", None)?;
        return Ok((VisionConfig::FastVit(fastvit), Activation::Gelu));
    }
    let refused = || format!("its image tower is timm's {name}, which Foil does not have");
    let (size, patch, side) = parse(name).with_context(refused)?;
    let (_, sizes) = SIZES.into_iter().find(|(known, _)| *known == size).with_context(refused)?;
    check("map", Some("none"))?;
    let is_approximate = APPROXIMATE
        .iter()
        .any(|known| (known.0, known.1) == (size, patch) && (known.2 == 0 || known.2 == side));
    let activation = if is_approximate { Activation::GeluTanh } else { Activation::Gelu };
    Ok((VisionConfig::Vit(VitConfig::siglip(patch, sizes)), activation))
}

/// Size, patch and side of `vit_SIZE_patchN_siglip_SIDE`.
fn parse(name: &str) -> Option<(&str, usize, usize)> {
    let (size, rest) = name.strip_prefix("vit_")?.split_once("_patch")?;
    let (patch, side) = rest.split_once("_siglip_")?;
    Some((size, patch.parse().ok()?, side.parse().ok()?))
}

/// What a weight of the image tower is made of.
pub fn image(target: &str) -> Take {
    let name = match (block_part(target), target.strip_prefix("attention_pool.")) {
        (Some((block, part, kind)), _) => format!("blocks.{block}.{}.{kind}", inner(part)),
        (None, Some("query")) => "attn_pool.latent".to_owned(),
        (None, Some(part)) => {
            let (part, kind) = part.rsplit_once('.').unwrap_or((part, ""));
            if part == "attention.qkv" {
                let parts = [("q", 1), ("kv", 2)];
                let named = |(name, share)| (format!("visual.trunk.attn_pool.{name}.{kind}"), share);
                return Take::Stacked(parts.map(named).to_vec());
            }
            format!("attn_pool.{}.{kind}", inner(part).trim_start_matches("attn."))
        }
        (None, None) => target
            .replace("patch_embedding", "patch_embed.proj")
            .replace("position_embedding", "pos_embed")
            .replace("norm_post", "norm"),
    };
    Take::Same(format!("visual.trunk.{name}"))
}

fn inner(part: &str) -> &str {
    match part {
        "norm_1" => "norm1",
        "norm_2" => "norm2",
        "attention.qkv" => "attn.qkv",
        "attention.output" => "attn.proj",
        "mlp_in" => "mlp.fc1",
        "mlp_out" => "mlp.fc2",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str) -> Result<(VisionConfig, Activation)> {
        tower(&json!({"timm_model_name": name, "timm_pool": "map", "timm_proj": "none"}))
    }

    #[test]
    fn a_tower_is_read_from_its_name() {
        let (tower, activation) = named("vit_so400m_patch14_siglip_384").expect("a tower");
        let VisionConfig::Vit(vit) = tower else { panic!("another tower") };
        assert_eq!((vit.patch, vit.width, vit.layers, activation), (14, 1152, 27, Activation::Gelu));
        let activations = [
            ("large_patch16_siglip_256", Activation::Gelu),
            ("large_patch16_siglip_512", Activation::GeluTanh),
        ];
        for (name, expected) in activations {
            assert_eq!(named(&format!("vit_{name}")).expect("a tower").1, expected, "{name}");
        }
    }

    #[test]
    fn another_tower_is_refused_by_name() {
        for name in [
            "convnext_base",
            "fastvit_mci3",
            "vit_base_patch16_siglip_gap_224",
            "vit_tiny_patch16_siglip_224",
        ] {
            assert!(format!("{:#}", named(name).expect_err("refused")).contains(name), "{name}");
        }
        let pooled = json!({"timm_model_name": "vit_base_patch16_siglip_224", "timm_pool": "avg"});
        assert!(format!("{:#}", tower(&pooled).expect_err("refused")).contains("timm_pool"));
    }
}
