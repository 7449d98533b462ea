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

/// Pictures and captions of our own, some of them broken.
fn photographs(folder: &Path) {
    let samples = ["cat", "coffee", "rocket", "astronaut"];
    let captions = [
        "a small brown cat on a red sofa",
        "a white cup of coffee",
        "a white rocket under a blue sky",
        "a smiling woman",
    ];
    std::fs::create_dir_all(folder.join("photos")).expect("a folder");
    let mut table =
        "image,split,caption\nnone.jpg,train,a dog\nbroken.jpg,train,a dog\nheld.jpg,test,a dog\n".to_owned();
    for (sample, caption) in samples.iter().zip(captions) {
        let from = root().join(format!("assets/samples/{sample}.jpg"));
        for copy in 0..4 {
            std::fs::copy(&from, folder.join(format!("photos/{sample}-{copy}.jpg"))).expect("a sample");
            table += &format!("{sample}-{copy}.jpg,train,{caption}\n{sample}-{copy}.jpg,train,\n");
        }
    }
    std::fs::write(folder.join("photos/broken.jpg"), "no picture").expect("a file");
    std::fs::copy(root().join("assets/samples/cat.jpg"), folder.join("photos/held.jpg")).expect("a sample");
    std::fs::write(folder.join("captions.csv"), table).expect("a table");
}

#[test]
fn a_run_on_photographs_survives_broken_ones_and_remembers_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "captions.csv", "--batch", "8"];
    let whole = [&command[..], &["--epochs", "3", "--quiet", "--out", "whole"]].concat();
    trainer_ok(folder.path(), &whole);
    let parts = [&command[..], &["--epochs", "3", "--quiet", "--out", "parts", "--stop-after", "3"]].concat();
    trainer_ok(folder.path(), &parts);
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"];
    trainer_ok(folder.path(), &go_on);
    let bundle = export(folder.path(), "whole", "f32");
    assert!(
        weights(&bundle) == weights(&export(folder.path(), "parts", "f32")),
        "resuming changed the weights"
    );

    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join("whole").join(name)).expect("a file of the run")
    };
    assert_eq!(read("pictures.txt").lines().count(), 16);
    let skipped: Vec<Value> =
        read("skipped.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let count =
        |why: &str| skipped.iter().filter(|one| one["why"].as_str().expect("text").contains(why)).count();
    assert_eq!((count("not there"), count("not a picture"), count("empty caption")), (1, 1, 16));
    let last: Value =
        serde_json::from_str(read("metrics.jsonl").lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["with_negatives"], 0.75, "three of four captions name something that can be exchanged");

    // The held-out copy has another name, so it is no leak; the training pictures are.
    let evaluate = |split: &str| {
        let command =
            ["evaluate", "--bundle", "whole.safetensors", "--benchmark", "negatives", "--device", "cpu"];
        let more = ["--data", ".", "--split", split, "--quiet", "--json", "report.json"];
        trainer_ok(folder.path(), &[&command[..], &more].concat());
        let json = std::fs::read_to_string(folder.path().join("report.json")).expect("the report");
        serde_json::from_str::<Value>(&json).expect("JSON")["models"][0]["trained_on_pictures"].clone()
    };
    assert_eq!((evaluate("train"), evaluate("test")), (12.into(), 0.into()));

    std::fs::write(folder.path().join("captions.csv"), "image,split,caption\ncat-0.jpg,train,a cat\n")
        .expect("a table");
    let (code, said) = crate::support::trainer_err(folder.path(), &go_on);
    assert_eq!(code, Some(1));
    assert!(said.contains("has changed since the run began"), "{said}");
}
