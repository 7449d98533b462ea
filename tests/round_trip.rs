//! pretrain → resume → export → score, on a model for tests.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use shared::bundle::Bundle;
use shared::engine::Engine;

use crate::support::{
    TINY_RUN, export, metrics, root, tiny_bundle, trainer_err, trainer_ok, trainer_path, weights,
};

#[test]
fn an_interrupted_run_ends_with_the_same_weights_as_an_uninterrupted_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = tiny_bundle();
    trainer_ok(folder.path(), &[&TINY_RUN[..], &["run", "--stop-after", "5"]].concat());
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "run"];
    let lock = File::create(folder.path().join("run/lock")).expect("a file");
    lock.lock().expect("a lock");
    let (code, said) = trainer_err(folder.path(), &go_on);
    assert!(code == Some(1) && said.contains("run is in use by another process"), "{said}");
    drop(lock);
    trainer_ok(folder.path(), &go_on);
    assert!(weights(&export(folder.path(), "run", "f32")) == weights(whole), "the weights differ");
}

/// The number of a run's newest checkpoint, or 0.
fn newest_checkpoint(run: &Path) -> u64 {
    let names = std::fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let steps = names.filter_map(|name| name.to_str()?.strip_prefix("checkpoint-")?.parse().ok());
    steps.max().unwrap_or(0)
}

/// Step and loss of every line of a run's metrics.
fn losses(run: &Path) -> Vec<(u64, f64)> {
    let number =
        |line: Value| (line["step"].as_u64().expect("a step"), line["loss"].as_f64().expect("a loss"));
    metrics(run).into_iter().map(number).collect()
}

#[test]
fn a_run_that_is_killed_twenty_times_ends_with_the_same_weights_and_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "scenes:1600", "--loss", "ce-clip"];
    let steps = ["--batch-size", "4", "--accum-freq", "2"];
    let more = ["--epochs", "1", "--save-every", "4", "--quiet", "--out"];
    let begin = |out| [&settings[..], &steps, &more, &[out]].concat();
    trainer_ok(folder.path(), &begin("whole"));
    let run = folder.path().join("killed");
    let go_on =
        ["pretrain", "--resume", "--device", "cpu", "--save-every", "4", "--quiet", "--out", "killed"];
    for kill in 0..20u64 {
        let reached = newest_checkpoint(&run);
        let command = if kill == 0 { begin("killed") } else { go_on.to_vec() };
        let mut running =
            Command::new(trainer_path()).args(command).current_dir(folder.path()).spawn().expect("a run");
        // Killed at any moment between two checkpoints, or while one is written.
        while newest_checkpoint(&run) <= reached && running.try_wait().expect("a process").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(kill * 7 % 29));
        running.kill().expect("SIGKILL");
        running.wait().expect("an end");
    }
    trainer_ok(folder.path(), &go_on);
    assert_eq!(losses(&run), losses(&folder.path().join("whole")));
    let [killed, whole] = ["killed", "whole"].map(|run| export(folder.path(), run, "f32"));
    assert!(weights(&killed) == weights(&whole), "the weights differ");
    let bundle = Bundle::read(whole).expect("a bundle");
    assert_eq!(bundle.header().training().batch, 8, "images a step");
}

/// Trains on from the bundle for tests, once at a stretch and once with a pause, and returns the weights before and after.
fn fine_tuned(flags: &[&str]) -> [Vec<(String, Vec<u8>)>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let command = ["pretrain", "--init", "tiny.safetensors", "--device", "cpu", "--quiet"];
    let more = ["--data", "scenes:64", "--batch-size", "16", "--epochs", "1", "--out"];
    trainer_ok(folder.path(), &[&command[..], flags, &more, &["whole"]].concat());
    trainer_ok(folder.path(), &[&command[..], flags, &more, &["parts", "--stop-after", "2"]].concat());
    trainer_ok(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"]);
    let [whole, parts] = ["whole", "parts"].map(|run| weights(&export(folder.path(), run, "f32")));
    assert!(whole == parts, "resuming changed the weights");
    [weights(tiny_bundle()), whole]
}

/// The names of weights that have changed.
fn changed([before, after]: &[Vec<(String, Vec<u8>)>; 2]) -> Vec<&str> {
    let pairs = before.iter().zip(after).filter(|(before, after)| before != after);
    pairs.map(|((name, _), _)| name.as_str()).collect()
}

#[test]
fn a_run_goes_on_from_a_bundle_and_leaves_a_locked_tower_alone() {
    let weights = fine_tuned(&["--lock-image"]);
    let changed = changed(&weights);
    assert!(changed.iter().all(|name| !name.starts_with("image.")), "{changed:?}");
    assert!(changed.len() > 10, "the text tower was trained");
}

#[test]
fn adapters_change_attention_and_nothing_else() {
    for (flags, towers) in [(&["--lora", "2"][..], 2), (&["--lora", "2", "--lock-image"], 1)] {
        let weights = fine_tuned(flags);
        let changed = changed(&weights);
        let attention = |name: &&&str| name.ends_with("qkv.weight") || name.ends_with("output.weight");
        assert_eq!(changed.iter().filter(attention).count(), changed.len(), "{changed:?}");
        assert_eq!(changed.len(), 2 * towers, "{changed:?}");
    }
}

#[test]
fn an_experiment_is_one_command_that_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "seeds = [0, 1]\n[train]\npreset = \"tiny\"\ndata = \"scenes:64\"\nbatch-size = 16\nepochs = 1\n\
        [[arm]]\nname = \"plain\"\nnegatives = \"none\"\n[[arm]]\nname = \"own\"\nloss = \"tsvlc\"\n\
        [[benchmark]]\nbenchmark = \"scenes\"\ncount = 8\n";
    std::fs::write(folder.path().join("small.toml"), text).expect("a file");
    let command = ["experiment", "small.toml", "--out", "runs", "--device", "cpu"];
    let table = trainer_ok(folder.path(), &command);
    assert!(table.contains("| own | all | 8 |") && table.contains("Points ahead of plain"), "{table}");
    let written =
        || std::fs::metadata(folder.path().join("runs/plain-0/metrics.jsonl")).expect("metrics").len();
    let before = written();
    let again = trainer_ok(folder.path(), &command);
    let table = |text: &str| text[text.find("scenes:").expect("a table")..].to_owned();
    assert_eq!(
        (table(&again), written()),
        (std::fs::read_to_string(folder.path().join("runs/table.md")).expect("a table"), before)
    );

    std::fs::write(folder.path().join("small.toml"), text.replace("batch-size = 16", "batch-size = 32"))
        .expect("a file");
    let (code, said) = trainer_err(folder.path(), &command);
    assert!(code == Some(1) && said.contains("a run with other settings"), "{said}");
    std::fs::write(folder.path().join("small.toml"), text.replace("loss =", "los =")).expect("a file");
    let (code, said) = trainer_err(folder.path(), &command);
    assert!(
        code == Some(1) && said.contains("arm own cannot be trained") && said.contains("`los`"),
        "{said}"
    );
}

#[test]
fn plain_and_hard_negative_runs_start_from_the_same_weights_and_end_with_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let trained = |out: &str, flags: &[&str]| {
        trainer_ok(folder.path(), &[&TINY_RUN[..], &[out], flags].concat());
        let last = metrics(&folder.path().join(out)).pop().expect("a line");
        (weights(&export(folder.path(), out, "f32")), last["with_negatives"].as_f64().expect("a share"))
    };
    // At such a learning rate no weight moves but by 1e-30.
    let (plain, without) = trained("plain-start", &["--negatives", "none", "--lr", "1e-30"]);
    let (hard, with) = trained("hard-start", &["--lr", "1e-30"]);
    assert!(without == 0.0 && with > 0.5, "{without} and {with} have negatives");
    for ((name, plain), (_, hard)) in plain.iter().zip(&hard) {
        let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes"));
        let same = |(plain, hard)| (number(plain) - number(hard)).abs() < 1e-20;
        assert!(plain.chunks(4).zip(hard.chunks(4)).all(same), "{name}");
    }
    assert_eq!(plain.len(), hard.len());
    assert!(trained("plain", &["--negatives", "none"]).0 != weights(tiny_bundle()));
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
    let image = shared::decode::decode(&std::fs::read(image).expect("a sample")).expect("an image").image;
    let similarity = pollster::block_on(async {
        let engine = Engine::load(&bundle, &burn::tensor::Device::flex()).await.expect("an engine");
        let image = engine.embed_images(&[&image]).await.expect("an embedding");
        let caption = engine.embed_captions(&["a small brown cat"]).await.expect("an embedding");
        image[0].cosine(&caption[0])
    });
    let told = scores[0]["similarity"].as_f64().expect("a number");
    assert!((told - f64::from(similarity)).abs() < 1e-6, "{told} and {similarity}");
}
