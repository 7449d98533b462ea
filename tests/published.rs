//! What other programs compute with published weights, and what an imported bundle computes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use shared::bundle::Bundle;
use shared::engine::Engine;
use shared::image::Image;
use shared::similarity::Embedding;

use crate::support::{formula, image, trainer_ok};

/// The largest difference allowed, as a share of the largest number of its kind.
pub const TOLERANCE: f32 = 1e-4;

/// What another program computes with a model.
#[derive(Deserialize)]
pub struct Expected {
    pub captions: Vec<String>,
    #[serde(rename = "pictures")]
    pub sides: Vec<[u32; 2]>,
    /// Token ids, padding included where the model reads it.
    pub ids: Vec<Vec<u32>>,
    /// Embeddings, or their first numbers.
    pub images: Vec<Vec<f32>>,
    pub texts: Vec<Vec<f32>>,
    pub logits: Vec<Vec<f32>>,
    /// Of each pair by itself, where the model has such.
    pub probabilities: Option<Vec<Vec<f32>>>,
}

impl Expected {
    pub fn read(path: &Path) -> Self {
        serde_json::from_str(&fs::read_to_string(path).expect("a golden file")).expect("its JSON")
    }
}

/// Imports the folder.
pub fn import(folder: &Path, precision: &str) -> Bundle {
    let out = format!("{precision}.safetensors");
    trainer_ok(folder, &["import", "--from", ".", "--out", &out, "--precision", precision]);
    Bundle::read(fs::read(folder.join(out)).expect("the bundle")).expect("a bundle")
}

/// The furthest that any number is from what it should be, as a share of the largest.
fn difference(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    let pairs = || found.iter().zip(expected).flat_map(|(found, expected)| found.iter().zip(expected));
    let largest = pairs().map(|(_, expected)| expected.abs()).fold(0.0, f32::max);
    pairs().map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max) / largest
}

/// How far images, texts, logits and, where there are any, probabilities of pairs are from what is expected.
pub fn differences(bundle: &Bundle, expected: &Expected) -> Vec<f32> {
    let captions: Vec<&str> = expected.captions.iter().map(String::as_str).collect();
    for (caption, ids) in captions.iter().zip(&expected.ids) {
        let context = bundle.header().config().text.context;
        let tokens = bundle.header().tokenizer().encode(caption, context).expect("tokens");
        assert_eq!(tokens.ids(), ids, "{caption:?}");
    }
    let images: Vec<Image> = expected.sides.iter().copied().map(image).collect();
    let (logits, images, texts) = pollster::block_on(async {
        let engine = Engine::load(bundle, &Device::flex()).await.expect("the weights");
        let images = engine.embed_images(&images.iter().collect::<Vec<_>>()).await.expect("images");
        (engine.logits(), images, engine.embed_captions(&captions).await.expect("captions"))
    });
    let similarities: Vec<Vec<f32>> =
        images.iter().map(|image| texts.iter().map(|text| image.cosine(text)).collect()).collect();
    let logit = |cosine: &f32| logits.scale * cosine + logits.bias.unwrap_or(0.0);
    let values = |embeddings: &[Embedding]| -> Vec<Vec<f32>> {
        embeddings.iter().map(|embedding| embedding.values().to_vec()).collect()
    };
    let mut differences = vec![
        difference(&values(&images), &expected.images),
        difference(&values(&texts), &expected.texts),
        difference(
            &similarities.iter().map(|row| row.iter().map(logit).collect()).collect::<Vec<_>>(),
            &expected.logits,
        ),
    ];
    assert_eq!(logits.bias.is_some(), expected.probabilities.is_some(), "a bias, and probabilities of pairs");
    if let Some(expected) = &expected.probabilities {
        let found: Vec<Vec<f32>> = similarities.iter().map(|row| logits.probabilities(row)).collect();
        differences.push(difference(&found, expected));
    }
    differences
}

/// Writes weights of these shapes whose values are the formula of their names, and some numbers.
pub fn write_formula(path: &Path, shapes: &BTreeMap<String, Vec<usize>>, numbers: &[(&str, f32)]) {
    let is_number = |name: &String| numbers.iter().any(|(number, _)| number == name);
    let mut tensors: Vec<(&str, &[usize], Vec<u8>)> = shapes
        .iter()
        .filter(|(name, _)| !is_number(name))
        .map(|(name, shape)| {
            // As `weights` in `golden/make_siglip.py`.
            let value = |value: f32| match name.rsplit('.').next() {
                Some("running_var") => value.abs() + 0.5,
                Some("gamma") => value * 0.1,
                _ => value,
            };
            let bytes = formula(name, shape).map(value).flat_map(f32::to_le_bytes).collect();
            (name.as_str(), &shape[..], bytes)
        })
        .collect();
    tensors.extend(numbers.iter().map(|(name, number)| (*name, &[][..], number.to_le_bytes().to_vec())));
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("as many bytes as the shape says"))
    });
    safetensors::serialize_to_file(views, None, path).expect("a file");
}
