//! SigLIP's and MobileCLIP's weights compute what their own programs compute with them (golden files of `golden/make_siglip.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::published::{Expected, TOLERANCE, differences, import, write_formula};
use crate::support::{metrics, root, trainer_err, trainer_ok};

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/siglip").join(name)
}

/// A copy of a folder of golden files.
fn published(layout: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(golden(layout)).expect("golden files") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("a copy");
    }
    folder
}

/// A model in full size, whose weights are a formula of their names.
#[derive(Deserialize)]
struct OfFormula {
    config: Value,
    shapes: BTreeMap<String, Vec<usize>>,
    /// The numbers among the weights.
    scalars: BTreeMap<String, f32>,
    expected: Expected,
    /// Of its own, or CLIP's.
    tokenizer: Option<Value>,
    tokenizer_config: Option<Value>,
}

impl OfFormula {
    fn read(name: &str) -> Self {
        serde_json::from_str(&fs::read_to_string(golden(name)).expect("a golden file")).expect("its JSON")
    }

    /// Writes the folder, as open_clip would save it.
    fn write(&self, folder: &Path) {
        let file = |name: &str, json: &Value| fs::write(folder.join(name), json.to_string()).expect("a file");
        file("open_clip_config.json", &self.config);
        let documents =
            [("tokenizer.json", &self.tokenizer), ("tokenizer_config.json", &self.tokenizer_config)];
        for (name, document) in documents {
            document.iter().for_each(|document| file(name, document));
        }
        if self.tokenizer.is_none() {
            for name in ["vocab.json", "merges.txt"] {
                let golden = root().join("tests/golden/clip/transformers").join(name);
                fs::copy(golden, folder.join(name)).expect("a copy");
            }
        }
        let scalars: Vec<(&str, f32)> =
            self.scalars.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        write_formula(&folder.join("open_clip_model.safetensors"), &self.shapes, &scalars);
    }
}

#[test]
fn both_versions_compute_what_transformers_does() {
    for layout in ["transformers", "transformers_2"] {
        let folder = published(layout);
        let expected = Expected::read(&golden(layout).join("expected.json"));
        for (precision, most) in [("f32", TOLERANCE), ("f16", 2e-3)] {
            let found = differences(&import(folder.path(), precision), &expected);
            assert!(
                found[..3].iter().all(|difference| *difference <= most),
                "{layout}, {precision}: {found:?}"
            );
            assert!(found[3] <= 7.0 * most, "{layout}, {precision}: {found:?}");
        }
    }
}

#[test]
fn towers_of_timm_in_full_size_compute_what_open_clip_does() {
    for name in ["vit_b_16_siglip.json", "mobileclip2_s0.json"] {
        let model = OfFormula::read(name);
        let folder = tempfile::tempdir().expect("a folder");
        model.write(folder.path());
        for (precision, most) in [("f32", TOLERANCE), ("f16", 2e-3)] {
            let found = differences(&import(folder.path(), precision), &model.expected);
            assert!(
                found[..3].iter().all(|difference| *difference <= most),
                "{name}, {precision}: {found:?}"
            );
            // A probability changes by up to a quarter of what its logit does, of 28 and more at this scale.
            assert!(
                found[3..].iter().all(|difference| *difference <= 7.0 * most),
                "{name}, {precision}: {found:?}"
            );
        }
    }
}

#[test]
fn the_probability_of_a_pair_does_not_depend_on_other_captions() {
    let folder = published("transformers");
    import(folder.path(), "f32");
    let image = root().join("assets/samples/cat.jpg");
    let score = |captions: &[&str]| -> Vec<f64> {
        let image = image.to_str().expect("a path");
        let args =
            [&["score", "--bundle", "f32.safetensors", "--image", image, "--json", "--caption"], captions]
                .concat();
        let told: Value = serde_json::from_str(&trainer_ok(folder.path(), &args)).expect("JSON");
        let scores = told["scores"].as_array().expect("scores");
        scores.iter().map(|score| score["probability"].as_f64().expect("a number")).collect()
    };
    let alone = score(&["a cat"]);
    let together = score(&["a cat", "a red ball"]);
    assert_eq!(alone[0], together[0]);
    assert!(alone[0] > 0.0 && alone[0] < 1.0, "{alone:?}");
}

#[test]
fn fine_tuning_learns_by_its_own_loss_and_no_other() {
    let folder = published("transformers");
    import(folder.path(), "f32");
    let run = [
        "pretrain",
        "--init",
        "f32.safetensors",
        "--device",
        "cpu",
        "--quiet",
        "--data",
        "scenes:64",
        "--out",
        "run",
    ];
    let (_, said) = trainer_err(folder.path(), &run);
    assert!(said.contains("--loss siglip"), "{said}");
    let teach = ["--loss", "siglip", "--batch-size", "16", "--epochs", "24", "--lr", "3e-3"];
    trainer_ok(folder.path(), &[&run[..], &teach].concat());
    let lines = metrics(&folder.path().join("run"));
    let [first, last] = [lines.first(), lines.last()].map(|line| line.expect("a line"));
    let number = |line: &Value, name: &str| line[name].as_f64().expect("a number");
    assert!(number(last, "loss") < 0.8 * number(first, "loss"), "{first} and {last}");
    assert!(number(first, "logit_bias") != number(last, "logit_bias"), "{first} and {last}");
    assert!(last["hard_negative_accuracy"].as_object().is_some_and(|sources| !sources.is_empty()), "{last}");
    trainer_ok(
        folder.path(),
        &["export", "--run", "run", "--out", "tuned.safetensors", "--precision", "f32"],
    );
    let told = trainer_ok(folder.path(), &["inspect", "tuned.safetensors", "--device", "cpu"]);
    assert!(told.contains("logit_bias"), "{told}");
    let (_, said) = trainer_err(
        folder.path(),
        &["pretrain", "--preset", "tiny", "--init", "f32.safetensors", "--loss", "siglip", "--out", "x"],
    );
    assert!(said.contains("leave --preset out"), "{said}");
}
