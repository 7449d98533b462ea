//! Distillation: vectors of a sentence encoder in, a text tower out, which a run begins with.

use std::fs;
use std::path::Path;

use shared::bundle::Bundle;

use crate::support::{trainer_err, trainer_ok, weights};

/// Sentences, and vectors that say which word of four they have, and which of two.
fn teacher(folder: &Path) {
    let (mut sentences, mut vectors) = (String::new(), Vec::new());
    for nth in 0..128usize {
        let (thing, color) = (nth % 4, nth / 4 % 2);
        sentences +=
            &format!("a {} {} number {nth}\n", ["red", "blue"][color], ["cat", "dog", "car", "cup"][thing]);
        let mut vector = [0.0f32; 6];
        (vector[thing], vector[4 + color]) = (1.0, 1.0);
        vectors.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
    }
    fs::write(folder.join("sentences.txt"), sentences).expect("a file");
    fs::write(folder.join("vectors.npy"), npy([128, 6], &vectors)).expect("a file");
}

fn npy([rows, columns]: [usize; 2], data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

const DISTILL: [&str; 14] = [
    "distill",
    "--sentences",
    "sentences.txt",
    "--vectors",
    "vectors.npy",
    "--preset",
    "tiny",
    "--batch-size",
    "16",
    "--device",
    "cpu",
    "--quiet",
    "--out",
    "text.safetensors",
];

#[test]
fn a_text_tower_learns_from_its_teacher_and_a_run_begins_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    teacher(folder);
    let distilled = |epochs: &str| {
        trainer_ok(folder, &[&DISTILL[..], &["--epochs", epochs]].concat());
        let bytes = fs::read(folder.join("text.safetensors")).expect("a tower");
        let bundle = Bundle::read(bytes.clone()).expect("a bundle");
        let cosine = bundle.header().training().results["teacher_cosine"].as_f64().expect("a number");
        (bytes, cosine)
    };
    let (_, early) = distilled("1");
    let (tower, late) = distilled("30");
    assert!(early < late && late > 0.9, "the cosine goes from {early} to {late}");
    assert!(weights(&tower) == weights(&distilled("30").0), "the same seed gives other weights");
    let names: Vec<String> = weights(&tower).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| name.starts_with("text.")), "{names:?}");

    let run = ["--data", "scenes:64", "--batch-size", "16", "--epochs", "1", "--device", "cpu", "--quiet"];
    let begun =
        [&["pretrain", "--preset", "tiny", "--init-text", "text.safetensors", "--lr", "1e-9"], &run[..]];
    trainer_ok(folder, &[&begun.concat()[..], &["--out", "run"]].concat());
    trainer_ok(folder, &["export", "--run", "run", "--out", "run.safetensors", "--precision", "f32"]);
    let model = fs::read(folder.join("run.safetensors")).expect("a bundle");
    let of_text = |bytes: &[u8]| -> Vec<f32> {
        let text = weights(bytes).into_iter().filter(|(name, _)| name.starts_with("text."));
        text.flat_map(|(_, data)| {
            data.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect::<Vec<_>>()
        })
        .collect()
    };
    let (theirs, ours) = (of_text(&tower), of_text(&model));
    assert_eq!(theirs.len(), ours.len());
    let largest = theirs.iter().zip(&ours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-5, "the run began with other weights: {largest}");

    // It has no image tower, and is no model.
    let (_, told) = trainer_err(folder, &["inspect", "text.safetensors", "--device", "cpu"]);
    assert!(told.contains("is missing"), "{told}");
    let other = ["pretrain", "--preset", "small", "--init-text", "text.safetensors", "--out", "other"];
    assert!(trainer_err(folder, &[&other, &run[..]].concat()).1.contains("embeddings of 16"), "other widths");
    let both = ["pretrain", "--init", "run.safetensors", "--init-text", "text.safetensors", "--out", "both"];
    assert_eq!(trainer_err(folder, &[&both, &run[..]].concat()).0, Some(2));
}

#[test]
fn sentences_and_vectors_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    teacher(folder);
    fs::write(folder.join("sentences.txt"), "one\ntwo\n").expect("a file");
    assert!(trainer_err(folder, &DISTILL).1.contains("has 2 sentences, vectors.npy has 128 vectors"));
    fs::write(folder.join("vectors.npy"), "rubbish").expect("a file");
    assert!(trainer_err(folder, &DISTILL).1.contains("does not begin as NumPy's files do"));
    fs::write(folder.join("vectors.npy"), npy([0, 6], &[])).expect("a file");
    fs::write(folder.join("sentences.txt"), "").expect("a file");
    assert!(trainer_err(folder, &DISTILL).1.contains("no sentences"));
}
