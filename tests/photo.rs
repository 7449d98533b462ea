//! The image towers for photographs compute what timm computes with the same weights (golden files of
//! `golden/make_convnets.py`).

use std::fs;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use shared::bundle::{Bundle, Loader};
use shared::model::Clip;

use crate::support::{formula, image, root, trainer_err, trainer_ok, weights};

/// A network of timm's.
struct Network {
    name: &'static str,
    preset: &'static str,
    /// The side of the images that it is shown.
    side: u32,
    /// Of blocks of equal width: their channels, how many there are, and the side of their kernels.
    stages: [[usize; 3]; 7],
}

const MOBILENET: Network = Network {
    name: "mobilenetv2_100",
    preset: "photo",
    side: 256,
    stages: [[16, 1, 3], [24, 2, 3], [32, 3, 3], [64, 4, 3], [96, 3, 3], [160, 3, 3], [320, 1, 3]],
};

const LITE0: Network = Network {
    name: "tf_efficientnet_lite0",
    preset: "photo-lite0",
    side: 224,
    stages: [[16, 1, 3], [24, 2, 3], [40, 2, 5], [80, 3, 3], [112, 3, 5], [192, 4, 5], [320, 1, 3]],
};

const LITE2: Network = Network {
    name: "tf_efficientnet_lite2",
    preset: "photo-lite2",
    side: 260,
    stages: [[16, 1, 3], [24, 3, 3], [48, 3, 5], [88, 4, 3], [120, 4, 5], [208, 5, 5], [352, 1, 3]],
};

/// The numbers of an image's color histogram: of the whole and of the middle.
const COLORS: usize = 2 * 39;

/// The golden files have every channel whose number this divides.
const EVERY: usize = 12;

/// Writes the network of the golden file in timm's layout.
fn write_network(network: &Network, path: &Path) {
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
    for (stage, [output, repeats, kernel]) in network.stages.into_iter().enumerate() {
        // The first block does not widen.
        let factor = if stage == 0 { 1 } else { 6 };
        for block in 0..repeats {
            let name = |part: &str| format!("blocks.{stage}.{block}.{part}");
            let hidden = factor * input;
            if factor == 1 {
                add(name("conv_dw"), name("bn1"), [hidden, 1, kernel, kernel]);
                add(name("conv_pw"), name("bn2"), [output, hidden, 1, 1]);
            } else {
                add(name("conv_pw"), name("bn1"), [hidden, input, 1, 1]);
                add(name("conv_dw"), name("bn2"), [hidden, 1, kernel, kernel]);
                add(name("conv_pwl"), name("bn3"), [output, hidden, 1, 1]);
            }
            input = output;
        }
    }
    add("conv_head".to_owned(), "bn2".to_owned(), [1280, input, 1, 1]);
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    safetensors::serialize_to_file(views, None, path).expect("a file");
}

/// A folder with two images, their captions and a network.
fn folder(network: &Network) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let side = network.side;
    let image = image([side, side]);
    for (name, caption) in [("a", "a red dog on the left"), ("b", "two small boys in the snow")] {
        let path = folder.path().join(name);
        image::save_buffer(path.with_extension("png"), image.rgb(), side, side, image::ColorType::Rgb8)
            .expect("an image");
        fs::write(path.with_extension("txt"), caption).expect("a caption");
    }
    write_network(network, &folder.path().join("network.safetensors"));
    folder
}

/// A training of two steps, its stem locked.
const RUN: [&str; 21] = [
    "pretrain",
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
fn locked_networks_see_what_timm_sees() {
    for network in [MOBILENET, LITE0, LITE2] {
        let folder = folder(&network);
        trainer_ok(folder.path(), &[&RUN[..], &["run", "--preset", network.preset]].concat());
        let kept = fs::read_dir(folder.path().join("kept")).expect("what was seen");
        let mut kept: Vec<Vec<f32>> = kept
            .map(|file| {
                let bytes = fs::read(file.expect("a file").path()).expect("what was seen");
                bytes.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect()
            })
            .collect();
        assert_eq!(kept.len(), 4, "whole and cut to a part, as they are and mirrored");
        let golden = root().join(format!("tests/golden/{}.json", network.name));
        let golden: Vec<Value> = serde_json::from_slice(&fs::read(golden).expect("a file")).expect("JSON");
        let channels = |map: &Value| map["channels"].as_u64().expect("a number") as usize;
        let difference = |seen: &[f32]| {
            let (mut largest, mut begins) = (0.0f32, 0);
            for map in &golden {
                for part in ["means", "deviations"] {
                    let expected = map[part].as_array().expect("values");
                    assert_eq!(expected.len(), channels(map).div_ceil(EVERY));
                    let seen = seen[begins..begins + channels(map)].iter().step_by(EVERY);
                    for (seen, expected) in seen.zip(expected) {
                        largest = largest.max((seen - expected.as_f64().expect("a value") as f32).abs());
                    }
                    begins += channels(map);
                }
            }
            largest
        };
        kept.sort_by(|a, b| difference(a).total_cmp(&difference(b)));
        // Of two images; behind what the network sees is the color histogram.
        assert_eq!(kept[0].len(), 2 * (golden.iter().map(|map| 2 * channels(map)).sum::<usize>() + COLORS));
        // Kept as 16-bit floats. With padding as PyTorch does it they would differ by 0.03.
        let [whole, mirrored] = [&kept[0], &kept[1]].map(|kept| difference(kept));
        assert!(whole < 2e-3 && mirrored > 2.0 * whole, "{}: {whole} and {mirrored}", network.name);
    }
}

#[test]
fn what_was_kept_is_what_would_be_seen_again_and_a_locked_stem_stays() {
    let folder = folder(&MOBILENET);
    let exported = |run: &str| {
        trainer_ok(
            folder.path(),
            &["export", "--run", run, "--out", "out.safetensors", "--precision", "f32"],
        );
        weights(&fs::read(folder.path().join("out.safetensors")).expect("a bundle"))
    };
    let bundle = |run: &str, more: &[&str]| {
        trainer_ok(folder.path(), &[&RUN[..], &[run, "--preset", "photo"], more].concat());
        exported(run)
    };
    let first = bundle("first", &[]);
    let second = bundle("second", &[]);
    assert!(first == second, "weights differ");
    trainer_ok(folder.path(), &[&RUN[..], &["stopped", "--preset", "photo", "--stop-after", "1"]].concat());
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
    assert!(inspected.contains("mobilenet_v2\""), "{inspected}");
}

#[test]
fn bundles_of_one_backbone_share_its_file_and_score_as_whole_ones_do() {
    let folder = folder(&MOBILENET);
    for (run, seed) in [("first", "0"), ("second", "1")] {
        trainer_ok(folder.path(), &[&RUN[..], &[run, "--preset", "photo", "--seed", seed]].concat());
        let whole = format!("{run}-whole.safetensors");
        trainer_ok(folder.path(), &["export", "--run", run, "--out", &whole, "--precision", "q8"]);
        let shared = ["--backbone", "backbone.safetensors", "--precision", "q8"];
        let own = format!("{run}.safetensors");
        trainer_ok(folder.path(), &[&["export", "--run", run, "--out", &own][..], &shared].concat());
        let size = |file: &str| fs::metadata(folder.path().join(file)).expect("a file").len();
        assert!(size(&own) + size("backbone.safetensors") < size(&whole) + 10_000);
        let score = |bundle: &str| {
            let asked = ["--image", "a.png", "--caption", "a red dog", "--device", "cpu"];
            trainer_ok(folder.path(), &[&["score", "--bundle", bundle][..], &asked].concat())
        };
        assert_eq!(score(&own), score(&whole));
    }
    // As the page loads the second of two.
    let read = |file: &str| fs::read(folder.path().join(file)).expect("a file");
    let [first, second] = ["first.safetensors", "second.safetensors"].map(|file| {
        Bundle::read(read(file)).expect("a bundle").join(&read("backbone.safetensors")).expect("its backbone")
    });
    let device = Device::flex();
    let without = Bundle::read(read("second.safetensors")).expect("a bundle");
    let mut loader = Loader::sharing_backbone(without.header(), &first.model(&device).expect("a model"));
    for tensor in without.header().tensors() {
        loader.add(tensor, &without.bytes()[tensor.bytes.clone()]).expect("a tensor of its own");
    }
    let embedding = |model: Clip| model.encode_image(Tensor::ones([1, 3, 256, 256], &device)).into_data();
    let shared = embedding(loader.finish().expect("every weight"));
    assert_eq!(shared, embedding(second.model(&device).expect("a model")));
    let refused = |bundle: &str| trainer_err(folder.path(), &["inspect", bundle, "--device", "cpu"]).1;
    let backbone = folder.path().join("backbone.safetensors");
    let mut bytes = fs::read(&backbone).expect("the backbone");
    *bytes.last_mut().expect("weights") ^= 1;
    fs::write(&backbone, bytes).expect("a file");
    assert!(refused("first.safetensors").contains("is not the backbone that the bundle was made with"));
    let again =
        ["export", "--run", "first", "--out", "again.safetensors", "--backbone", "backbone.safetensors"];
    assert!(trainer_err(folder.path(), &again).1.contains("holds another backbone"));
    fs::remove_file(&backbone).expect("the backbone");
    assert!(refused("first.safetensors").contains("backbone.safetensors"));
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let folder = folder(&MOBILENET);
    let refused = |args: &[&str]| trainer_err(folder.path(), args).1;
    let small = ["pretrain", "--data", ".", "--batch-size", "2", "--device", "cpu", "--out", "small"];
    let told = refused(&[&small[..], &["--init-image", "network.safetensors"]].concat());
    assert!(told.contains("--preset photo"), "{told}");
    fs::write(folder.path().join("network.safetensors"), "nothing").expect("a file");
    write_network(&LITE0, &folder.path().join("lite0.safetensors"));
    let other = ["run", "--preset", "photo", "--init-image", "lite0.safetensors"];
    let without_network: Vec<&str> =
        RUN.iter().copied().filter(|arg| !arg.contains("network") && *arg != "--init-image").collect();
    let told = refused(&[&without_network[..], &other].concat());
    assert!(told.contains("as the weights of MobileNetV2"), "{told}");
    let told = refused(&[&RUN[..], &["run", "--preset", "photo"]].concat());
    assert!(told.contains("network.safetensors"), "{told}");
}
