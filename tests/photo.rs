//! The image tower for photographs computes what timm computes with the same weights (golden file of
//! `golden/make_mobilenet.py`).

use std::fs;
use std::path::Path;

use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

use crate::support::{formula, image, root, trainer_err, trainer_ok, weights};

/// The side of the images that the network is shown.
const SIDE: u32 = 256;
/// The maps that are read, and their channels: a mean of each, then a deviation of each.
const READ: [(&str, usize); 3] = [("middle", 96), ("last", 320), ("head", 1280)];
/// The golden file has every channel whose number this divides.
const EVERY: usize = 12;

/// MobileNetV2's blocks: factor of expansion, channels, repeats.
const STAGES: [[usize; 3]; 7] =
    [[1, 16, 1], [6, 24, 2], [6, 32, 3], [6, 64, 4], [6, 96, 3], [6, 160, 3], [6, 320, 1]];

/// Writes the network of the golden file in timm's layout.
fn write_network(path: &Path) {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |convolution: String, norm: String, shape: [usize; 4]| {
        let name = format!("{convolution}.weight");
        tensors.push((
            name.clone(),
            shape.to_vec(),
            formula(&name, &shape).flat_map(f32::to_le_bytes).collect(),
        ));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            let name = format!("{norm}.{part}");
            let shift = if part == "running_var" { 1.0 } else { 0.0 };
            let values =
                formula(&name, &shape[..1]).flat_map(|value| (value + shift).to_le_bytes()).collect();
            tensors.push((name, vec![shape[0]], values));
        }
    };
    add("conv_stem".to_owned(), "bn1".to_owned(), [32, 3, 3, 3]);
    let mut input = 32;
    for (stage, [factor, output, repeats]) in STAGES.into_iter().enumerate() {
        for block in 0..repeats {
            let name = |part: &str| format!("blocks.{stage}.{block}.{part}");
            let hidden = factor * input;
            if factor == 1 {
                add(name("conv_dw"), name("bn1"), [hidden, 1, 3, 3]);
                add(name("conv_pw"), name("bn2"), [output, hidden, 1, 1]);
            } else {
                add(name("conv_pw"), name("bn1"), [hidden, input, 1, 1]);
                add(name("conv_dw"), name("bn2"), [hidden, 1, 3, 3]);
                add(name("conv_pwl"), name("bn3"), [output, hidden, 1, 1]);
            }
            input = output;
        }
    }
    add("conv_head".to_owned(), "bn2".to_owned(), [1280, 320, 1, 1]);
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    safetensors::serialize_to_file(views, None, path).expect("a file");
}

/// A folder with two images, their captions and a network.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let image = image([SIDE, SIDE]);
    for (name, caption) in [("a", "a red dog on the left"), ("b", "two small boys in the snow")] {
        let path = folder.path().join(name);
        image::save_buffer(path.with_extension("png"), image.rgb(), SIDE, SIDE, image::ColorType::Rgb8)
            .expect("an image");
        fs::write(path.with_extension("txt"), caption).expect("a caption");
    }
    write_network(&folder.path().join("network.safetensors"));
    folder
}

/// A training of two steps, its stem locked.
const RUN: [&str; 23] = [
    "pretrain",
    "--preset",
    "photo",
    "--init-image",
    "network.safetensors",
    "--freeze-backbone",
    "--feature-cache",
    "kept",
    "--mirror",
    "--crops",
    "1",
    "--channel-dropout",
    "0.25",
    "--data",
    ".",
    "--batch-size",
    "2",
    "--epochs",
    "2",
    "--device",
    "cpu",
    "--quiet",
    "--out",
];

#[test]
fn a_locked_network_sees_what_timm_sees() {
    let folder = folder();
    trainer_ok(folder.path(), &[&RUN[..], &["run"]].concat());
    let kept = fs::read_dir(folder.path().join("kept")).expect("what was seen");
    let mut kept: Vec<Vec<f32>> = kept
        .map(|file| {
            let bytes = fs::read(file.expect("a file").path()).expect("what was seen");
            bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect()
        })
        .collect();
    assert_eq!(kept.len(), 4, "whole and cut to a part, as they are and mirrored");
    let golden = fs::read_to_string(root().join("tests/golden/mobilenet.json")).expect("the golden file");
    let golden: Value = serde_json::from_str(&golden).expect("JSON");
    let difference = |seen: &[f32]| {
        let (mut largest, mut begins) = (0.0f32, 0);
        for (name, n_channels) in READ {
            for part in ["means", "deviations"] {
                let expected = golden[name][part].as_array().expect("values");
                assert_eq!(expected.len(), n_channels.div_ceil(EVERY));
                let seen = seen[begins..begins + n_channels].iter().step_by(EVERY);
                for (seen, expected) in seen.zip(expected) {
                    largest = largest.max((seen - expected.as_f64().expect("a value") as f32).abs());
                }
                begins += n_channels;
            }
        }
        largest
    };
    kept.sort_by(|a, b| difference(a).total_cmp(&difference(b)));
    assert_eq!(kept[0].len(), 2 * READ.iter().map(|(_, n_channels)| 2 * n_channels).sum::<usize>());
    // Kept as 16-bit floats of less than one. With padding as PyTorch does it they would differ by 0.03.
    assert!(difference(&kept[0]) < 1e-3, "{}", difference(&kept[0]));
    assert!(difference(&kept[1]) > 2e-3, "mirrored it differs by {}", difference(&kept[1]));
}

#[test]
fn what_was_kept_is_what_would_be_seen_again_and_a_locked_stem_stays() {
    let folder = folder();
    let exported = |run: &str| {
        trainer_ok(
            folder.path(),
            &["export", "--run", run, "--out", "out.safetensors", "--precision", "f32"],
        );
        weights(&fs::read(folder.path().join("out.safetensors")).expect("a bundle"))
    };
    let bundle = |run: &str, more: &[&str]| {
        trainer_ok(folder.path(), &[&RUN[..], &[run], more].concat());
        exported(run)
    };
    let first = bundle("first", &[]);
    let second = bundle("second", &[]);
    assert!(first == second, "weights differ");
    trainer_ok(folder.path(), &[&RUN[..], &["stopped", "--stop-after", "1"]].concat());
    trainer_ok(folder.path(), &["pretrain", "--resume", "--out", "stopped", "--device", "cpu", "--quiet"]);
    assert!(first == exported("stopped"), "what is forgotten depends on where the run was stopped");
    assert_eq!(fs::read_dir(folder.path().join("kept")).expect("what was seen").count(), 4);
    let other = bundle("other", &["--seed", "1"]);
    let (stem, rest): (Vec<_>, Vec<_>) =
        first.iter().zip(&other).partition(|((name, _), _)| name.starts_with("image.network."));
    assert_eq!(stem.len(), 2 * 52);
    assert!(stem.iter().all(|(a, b)| a == b), "a locked stem has changed");
    assert!(rest.iter().any(|(a, b)| a != b));
    let inspected = trainer_ok(folder.path(), &["inspect", "out.safetensors", "--device", "cpu"]);
    assert!(inspected.contains("mobilenet_v2_pooled"), "{inspected}");
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let folder = folder();
    let refused = |args: &[&str]| trainer_err(folder.path(), args).1;
    let small = ["pretrain", "--data", ".", "--batch-size", "2", "--device", "cpu", "--out", "small"];
    let told = refused(&[&small[..], &["--init-image", "network.safetensors"]].concat());
    assert!(told.contains("--preset photo"), "{told}");
    fs::write(folder.path().join("network.safetensors"), "nothing").expect("a file");
    let told = refused(&[&RUN[..], &["run"]].concat());
    assert!(told.contains("network.safetensors"), "{told}");
}
