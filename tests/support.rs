//! What several tests need: the repository, the trainer, a bundle for tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use shared::bundle::Bundle;
use shared::decode::decode;
use shared::image::Image;

pub use crate::formulas::{formula, image};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository")
}

/// The image in a file.
pub fn decoded(path: &Path) -> Image {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    decode(&bytes).expect("an image").image
}

/// A bundle of the page, whole.
pub fn shipped_bundle(name: &str) -> Bundle {
    let read = |file: &str| std::fs::read(root().join("assets").join(file)).expect("a file of the page");
    let bundle = Bundle::read(read(&format!("{name}.safetensors"))).expect("a bundle");
    match bundle.header().backbone().map(|backbone| read(&backbone.file)) {
        Some(backbone) => bundle.join(&backbone).expect("the backbone that it was made with"),
        None => bundle,
    }
}

/// The trainer program, built beside the tests and with the same profile.
pub fn trainer_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let tests = std::env::current_exe().expect("the test program");
        let folder = tests.ancestors().nth(2).expect("target/PROFILE/deps/suite");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "trainer"]).current_dir(root());
        // The features that the tests were built with, or Burn would be built once more.
        let features = std::env::var("FOIL_TRAINER_FEATURES").unwrap_or_default();
        build.args(features.split_whitespace());
        // Build scripts that read what Cargo says of the package that is tested would take it for a change of their own, and
        // they, and all that depends on them, would be built anew, here and again by the next build outside of the tests.
        let of_tests = |name: &OsString| {
            let name = name.to_string_lossy();
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        };
        std::env::vars_os().map(|(name, _)| name).filter(of_tests).for_each(|name| {
            build.env_remove(name);
        });
        if folder.file_name().is_some_and(|profile| profile == "release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo").success(), "the trainer does not build");
        folder.join("trainer")
    })
}

/// Runs the trainer in a folder.
pub fn trainer(folder: &Path, args: &[&str]) -> Output {
    Command::new(trainer_path()).args(args).current_dir(folder).output().expect("the trainer runs")
}

/// Runs the trainer and returns what it printed.
pub fn trainer_ok(folder: &Path, args: &[&str]) -> String {
    let output = trainer(folder, args);
    assert!(output.status.success(), "trainer {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Exports a run of a folder, and returns the bundle.
pub fn export(folder: &Path, run: &str, precision: &str) -> Vec<u8> {
    let out = format!("{run}.safetensors");
    trainer_ok(folder, &["export", "--run", run, "--out", &out, "--precision", precision]);
    std::fs::read(folder.join(out)).expect("the bundle")
}

/// Every line of a run's metrics.
pub fn metrics(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Runs the trainer, which must fail with a sentence, and returns its status and the sentence.
pub fn trainer_err(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = trainer(folder, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "trainer {args:?} should fail");
    assert!(!said.contains("panicked"), "trainer {args:?}: {said}");
    (output.status.code(), said)
}

/// Arguments of a training run of a few steps.
pub const TINY_RUN: [&str; 13] = [
    "pretrain",
    "--preset",
    "tiny",
    "--device",
    "cpu",
    "--data",
    "scenes:64",
    "--batch-size",
    "16",
    "--epochs",
    "2",
    "--quiet",
    "--out",
];

/// A bundle of a few training steps, made once.
pub fn tiny_bundle() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        trainer_ok(folder.path(), &[&TINY_RUN[..], &["run"]].concat());
        trainer_ok(
            folder.path(),
            &["export", "--run", "run", "--out", "tiny.safetensors", "--precision", "f32"],
        );
        std::fs::read(folder.path().join("tiny.safetensors")).expect("the bundle")
    })
}

/// The tensors of a bundle without its metadata, which names commands and folders.
pub fn weights(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let file = safetensors::SafeTensors::deserialize(bytes).expect("a bundle");
    let mut weights: Vec<_> =
        file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
    weights.sort();
    weights
}
