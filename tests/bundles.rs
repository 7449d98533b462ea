//! The shipped bundles, and broken ones.

use std::collections::HashMap;

use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use shared::bundle::{Bundle, BundleError};
use shared::engine::Engine;

use crate::support::{root, tiny_bundle};

/// The most that a visitor should have to download for a set of models, in bytes.
const MOST_BYTES: usize = 18_000_000;

#[test]
fn the_list_of_default_bundles_is_true_and_each_proves_itself() {
    let list = std::fs::read_to_string(root().join("assets/bundles.json")).expect("the list");
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).expect("JSON");
    let names: Vec<&str> = list.iter().filter_map(|entry| entry["name"].as_str()).collect();
    assert_eq!(names, ["photo-plain", "photo-hard-negative", "scene-plain", "scene-hard-negative"]);
    let read = |listed: &serde_json::Value| {
        let file = root().join("assets").join(listed["file"].as_str().expect("a file name"));
        let bytes = std::fs::read(&file).expect("a file");
        assert_eq!(listed["bytes"], bytes.len());
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(listed["sha256"], hash);
        bytes
    };
    let mut downloads: HashMap<&str, usize> = HashMap::new();
    for entry in &list {
        let mut bundle = Bundle::read(read(entry)).expect("a bundle that can be read");
        for file in [entry, &entry["backbone"]] {
            if let (Some(name), Some(bytes)) = (file["file"].as_str(), file["bytes"].as_u64()) {
                downloads.insert(name, bytes as usize);
            }
        }
        assert_eq!(entry.get("backbone").is_some(), bundle.header().backbone().is_some());
        if let Some(backbone) = entry.get("backbone") {
            bundle = bundle.join(&read(backbone)).expect("the backbone that it was made with");
        }
        assert_eq!(
            entry["set"],
            if entry["name"].as_str().is_some_and(|name| name.starts_with("photo")) {
                "photographs"
            } else {
                "scenes"
            }
        );
        let difference = pollster::block_on(async {
            let engine = Engine::load(&bundle, &Device::flex()).await.expect("an engine");
            engine.self_test(bundle.header()).await.expect("its own similarities")
        });
        assert!(difference < 1e-4, "{difference}");
    }
    let of_photographs = downloads.iter().filter(|(name, _)| name.starts_with("photo"));
    assert!(of_photographs.map(|(_, bytes)| bytes).sum::<usize>() <= MOST_BYTES);
}

/// The tiny bundle with its metadata and tensors changed.
fn changed(
    change: impl Fn(&mut HashMap<String, String>, &mut Vec<(String, TensorView<'_>)>),
) -> Result<(), String> {
    let bytes = tiny_bundle();
    let (_, header) = SafeTensors::read_metadata(bytes).expect("a header");
    let mut metadata = header.metadata().clone().expect("metadata");
    let file = SafeTensors::deserialize(bytes).expect("a bundle");
    let mut tensors: Vec<_> = file.iter().map(|(name, view)| (name.to_owned(), view)).collect();
    change(&mut metadata, &mut tensors);
    let bytes = safetensors::serialize(tensors, Some(metadata)).expect("a file");
    open(bytes).map_err(|error| error.to_string())
}

fn open(bytes: Vec<u8>) -> Result<(), BundleError> {
    Bundle::read(bytes)?.model(&Device::flex()).map(drop)
}

fn check(said: Result<(), String>, words: &str) {
    let said = said.expect_err("a refusal");
    assert!(said.contains(words), "{said:?} should say {words:?}");
}

#[test]
fn a_broken_bundle_is_refused_with_what_is_wrong() {
    assert!(changed(|_, _| ()).is_ok());
    check(changed(|metadata, _| drop(metadata.insert("foil.version".into(), "9".into()))), "version \"9\"");
    check(changed(|metadata, _| drop(metadata.remove("foil.version"))), "has no foil.version");
    check(changed(|metadata, _| drop(metadata.remove("foil.tokenizer"))), "has no foil.tokenizer");
    check(changed(|metadata, _| drop(metadata.insert("foil.config".into(), "{}".into()))), "foil.config");
    let wider = |metadata: &mut HashMap<String, String>| {
        let config = metadata["foil.config"].replace("\"embedding\":16", "\"embedding\":24");
        metadata.insert("foil.config".into(), config);
    };
    check(changed(|metadata, _| wider(metadata)), "has shape");
    check(
        changed(|_, tensors| tensors.retain(|(name, _)| name != "text.norm_post.weight")),
        "text.norm_post.weight is missing",
    );
    check(changed(|_, tensors| tensors[0].0 = "stray".into()), "stray does not belong");
    check(
        changed(|_, tensors| {
            let (_, view) = &tensors[0];
            let copy = TensorView::new(view.dtype(), view.shape().to_vec(), view.data()).expect("a view");
            tensors.push(("stray".into(), copy));
        }),
        "stray does not belong",
    );
}

#[test]
fn a_bundle_cut_anywhere_is_refused() {
    let bytes = tiny_bundle();
    for keep in [0, 4, 8, 20, bytes.len() / 2, bytes.len() - 1] {
        let error = open(bytes[..keep].to_vec()).expect_err("a refusal").to_string();
        let expected = if keep > 8 { "cut off" } else { "not a bundle" };
        assert!(error.contains(expected), "{keep} bytes: {error}");
    }
    assert!(open(vec![0xff; 5000]).expect_err("a refusal").to_string().contains("not a bundle"));
}
