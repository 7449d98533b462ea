//! The shipped bundles, and broken ones.

use std::collections::HashMap;

use burn::tensor::Device;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use shared::bundle::{Bundle, BundleError};
use shared::engine::Engine;

use crate::support::{root, tiny_bundle, trainer, trainer_ok};

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

#[test]
fn an_average_lies_between_its_bundles_and_keeps_what_they_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let assets = root().join("assets");
    let [plain, hard] =
        ["photo-plain", "photo-hard-negative"].map(|name| format!("{}/{name}.safetensors", assets.display()));
    std::fs::copy(
        assets.join("photo-backbone.safetensors"),
        folder.path().join("photo-backbone.safetensors"),
    )
    .expect("a copy");
    let average = |shares: [&str; 2], out: &str| {
        let backbone = ["--backbone", "photo-backbone.safetensors", "--precision", "q8"];
        let bundles = ["average", "--bundle", &plain, &hard, "--weights", shares[0], shares[1], "--out", out];
        trainer_ok(folder.path(), &[&bundles[..], &backbone].concat());
        std::fs::read(folder.path().join(out)).expect("the bundle")
    };
    // Where all weight is on one of them, it is that one, and its backbone is the file that was there already.
    let all_hard = Bundle::read(average(["0", "1"], "hard.safetensors")).expect("a bundle");
    let original = Bundle::read(std::fs::read(&hard).expect("a bundle")).expect("a bundle");
    let tensors = |bundle: &Bundle| {
        let file = SafeTensors::deserialize(bundle.bytes()).expect("tensors");
        let names = file.names().into_iter().map(str::to_owned).collect::<Vec<_>>();
        names
            .into_iter()
            .map(|name| (name.clone(), file.tensor(&name).expect("a tensor").data().to_vec()))
            .collect::<HashMap<_, _>>()
    };
    let numbers = |bundle: &Bundle, name: &str| -> Vec<f32> {
        tensors(bundle)[name].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let (found, expected) = (tensors(&all_hard), tensors(&original));
    assert_eq!(found.len(), expected.len());
    let off = expected.iter().filter(|(name, bytes)| {
        found[*name].iter().zip(bytes.iter()).filter(|(a, b)| a != b).count() > bytes.len() / 100
    });
    assert_eq!(off.map(|(name, _)| name.clone()).collect::<Vec<_>>(), [""; 0]);

    let mean = Bundle::read(average(["0.25", "0.75"], "mean.safetensors")).expect("a bundle");
    let plain = Bundle::read(std::fs::read(&plain).expect("a bundle")).expect("a bundle");
    let [mean_bias, plain_bias, hard_bias] =
        [&mean, &plain, &original].map(|bundle| numbers(bundle, "text.norm_post.bias"));
    for ((mean, plain), hard) in mean_bias.iter().zip(&plain_bias).zip(&hard_bias) {
        assert!((mean - (0.25 * plain + 0.75 * hard)).abs() < 1e-6);
    }
    let training = mean.header().training();
    assert_eq!(training.data, ["flickr8k", "edits:flickr8k", "names"]);
    assert_eq!(training.negatives, "all");
    assert_eq!(training.images, original.header().training().images);
    assert_eq!(training.results["average_of"][1]["bundle"], "photo-hard-negative.safetensors");

    // What does not fit together is refused.
    let scene = format!("{}/scene-plain.safetensors", assets.display());
    for (arguments, reason) in [
        (vec![hard.as_str(), &scene], "is another kind of model"),
        (vec![hard.as_str()], "two bundles at least"),
        (vec![hard.as_str(), &hard, "--weights", "1"], "2 bundles need 2 shares; 1 given"),
    ] {
        let output = trainer(
            folder.path(),
            &[&["average", "--out", "x.safetensors", "--bundle"], &arguments[..]].concat(),
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
}
