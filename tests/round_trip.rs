//! pretrain → resume → export → score, on a model for tests.

use std::path::Path;

use serde_json::Value;
use shared::bundle::Bundle;
use shared::engine::Engine;

use crate::support::{TINY_RUN, root, tiny_bundle, trainer_ok};

fn export(folder: &Path, run: &str, precision: &str) -> Vec<u8> {
    let out = format!("{run}.safetensors");
    trainer_ok(folder, &["export", "--run", run, "--out", &out, "--precision", precision]);
    std::fs::read(folder.join(out)).expect("the bundle")
}

/// The tensors of a bundle without its metadata, which names commands and folders.
fn weights(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let file = safetensors::SafeTensors::deserialize(bytes).expect("a bundle");
    let mut weights: Vec<_> =
        file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
    weights.sort();
    weights
}

#[test]
fn an_interrupted_run_ends_with_the_same_weights_as_an_uninterrupted_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = tiny_bundle();
    trainer_ok(folder.path(), &[&TINY_RUN[..], &["run", "--stop-after", "5"]].concat());
    trainer_ok(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "run"]);
    assert!(weights(&export(folder.path(), "run", "f32")) == weights(whole), "the weights differ");
}

#[test]
fn plain_and_hard_negative_runs_differ_only_in_their_negatives() {
    let folder = tempfile::tempdir().expect("a folder");
    trainer_ok(folder.path(), &[&TINY_RUN[..], &["plain", "--negatives", "none"]].concat());
    let metrics = std::fs::read_to_string(folder.path().join("plain/metrics.jsonl")).expect("metrics");
    let last: Value = serde_json::from_str(metrics.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["with_negatives"], 0.0);
    assert!(weights(&export(folder.path(), "plain", "f32")) != weights(tiny_bundle()));
}

#[test]
fn a_bundle_proves_itself_and_answers_like_the_library() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let told = trainer_ok(folder.path(), &["inspect", "tiny.safetensors", "--device", "cpu"]);
    assert!(told.contains("8 pairs reproduced"), "{told}");

    let image = root().join("assets/samples/cat.jpg");
    let image = image.to_str().expect("a path");
    let score = ["score", "--bundle", "tiny.safetensors", "--device", "cpu", "--image", image, "--caption"];
    let printed =
        trainer_ok(folder.path(), &[&score[..], &["a small brown cat", "--negatives", "--json"]].concat());
    let scores = serde_json::from_str::<Value>(&printed).expect("JSON")["scores"].clone();
    let scores = scores.as_array().expect("a list");
    assert_eq!(scores[0]["kind"], "caption");
    assert!(scores[1..].iter().all(|row| row["kind"] == "negative" && row["concept"].is_string()));
    let total: f64 = scores.iter().filter_map(|row| row["probability"].as_f64()).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");

    let bundle = Bundle::read(tiny_bundle().to_vec()).expect("the bundle");
    let picture =
        shared::decode::decode(&std::fs::read(image).expect("a sample")).expect("a picture").picture;
    let similarity = pollster::block_on(async {
        let engine = Engine::load(&bundle, &burn::tensor::Device::flex()).await.expect("an engine");
        let picture = engine.embed_pictures(&[&picture]).await.expect("an embedding");
        let caption = engine.embed_captions(&["a small brown cat"]).await.expect("an embedding");
        picture[0].cosine(&caption[0])
    });
    let told = scores[0]["similarity"].as_f64().expect("a number");
    assert!((told - f64::from(similarity)).abs() < 1e-6, "{told} and {similarity}");
}
