//! Tiny Stable Diffusion inpainting models as diffusers saves them, and what diffusers makes with them
//! (`golden/make_inpainting.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::Value;
use tempfile::TempDir;

use super::formulas::formula;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/inpainting").join(name)
}

/// What diffusers makes.
pub fn expected(name: &str) -> Value {
    let text = fs::read_to_string(golden(name).join("expected.json")).expect("the golden file");
    serde_json::from_str(&text).expect("JSON")
}

/// A pipeline as diffusers saves it, with weights by the formula, and one change.
pub fn saved(name: &str, change: impl Fn(&Path)) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let golden = golden(name);
    let shapes: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_value(expected(name)["shapes"].take()).expect("shapes");
    for part in ["unet", "vae", "text_encoder", "scheduler", "tokenizer"] {
        fs::create_dir(folder.path().join(part)).expect("a folder");
        for file in fs::read_dir(golden.join(part)).expect("a folder") {
            let file = file.expect("a file");
            fs::copy(file.path(), folder.path().join(part).join(file.file_name())).expect("a copy");
        }
    }
    for (part, shapes) in &shapes {
        let values: Vec<(String, Vec<u8>, Vec<usize>)> = shapes
            .iter()
            .map(|(name, shape)| {
                let bytes = formula(name, shape).flat_map(f32::to_le_bytes).collect();
                (name.clone(), bytes, shape.clone())
            })
            .collect();
        let views = values.iter().map(|(name, bytes, shape)| {
            (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
        });
        let file = if part == "text_encoder" { "model" } else { "diffusion_pytorch_model" };
        let path = folder.path().join(part).join(format!("{file}.safetensors"));
        serialize_to_file(views, None, &path).expect("a file");
    }
    change(folder.path());
    folder
}
