//! What several tests need: the repository, the trainer, a bundle for tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository")
}

/// The trainer program, built beside the tests and with the same profile.
pub fn trainer_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let tests = std::env::current_exe().expect("the test program");
        let folder = tests.ancestors().nth(2).expect("target/PROFILE/deps/suite");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "trainer"]).current_dir(root());
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
    "--batch",
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
