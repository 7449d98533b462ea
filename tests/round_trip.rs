//! pretrain → resume → export → score, on a model for tests.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use shared::bundle::Bundle;
use shared::engine::Engine;

use crate::support::{TINY_RUN, root, tiny_bundle, trainer_err, trainer_ok, trainer_path, weights};

fn export(folder: &Path, run: &str, precision: &str) -> Vec<u8> {
    let out = format!("{run}.safetensors");
    trainer_ok(folder, &["export", "--run", run, "--out", &out, "--precision", precision]);
    std::fs::read(folder.join(out)).expect("the bundle")
}

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

/// Every line of a run's metrics.
fn metrics(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
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
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "scenes:1600", "--loss", "rank"];
    let steps = ["--batch", "4", "--accumulate", "2", "--average", "0.9"];
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
    let [killed, whole] = ["killed", "whole"].map(|run| weights(&export(folder.path(), run, "f32")));
    assert!(killed == whole, "the weights differ");
}

/// Trains on from the bundle for tests, once at a stretch and once with a pause, and returns the weights before and after.
fn fine_tuned(flags: &[&str]) -> [Vec<(String, Vec<u8>)>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let command = ["pretrain", "--init", "tiny.safetensors", "--device", "cpu", "--quiet"];
    let more = ["--data", "scenes:64", "--batch", "16", "--epochs", "1", "--out"];
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
    for (flags, towers) in
        [(&["--lora", "2"][..], 2), (&["--lora", "2", "--lock-image", "--average", "0.5"], 1)]
    {
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
    let text = "seeds = [0, 1]\n[train]\npreset = \"tiny\"\ndata = \"scenes:64\"\nbatch = 16\nepochs = 1\nquiet = true\n\
        [[arm]]\nname = \"plain\"\nnegatives = \"none\"\n[[arm]]\nname = \"own\"\nloss = \"own\"\n\
        [[benchmark]]\nbenchmark = \"scenes\"\ncount = 8\nquiet = true\n";
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

    std::fs::write(folder.path().join("small.toml"), text.replace("batch = 16", "batch = 32"))
        .expect("a file");
    let (code, said) = trainer_err(folder.path(), &command);
    assert!(code == Some(1) && said.contains("a run with other settings"), "{said}");
    std::fs::write(folder.path().join("small.toml"), text.replace("loss =", "los =")).expect("a file");
    let (code, said) = trainer_err(folder.path(), &command);
    assert!(
        code == Some(1) && said.contains("arm own cannot be trained") && said.contains("--los"),
        "{said}"
    );
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
        "someone is smiling",
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
    let last = metrics(&folder.path().join("whole")).pop().expect("a line");
    assert_eq!(last["with_negatives"], 0.75, "three of four captions name something that can be exchanged");

    // The held-out copy has another name, so it is no leak; the training pictures are.
    let evaluate =
        ["evaluate", "--bundle", "whole.safetensors", "--benchmark", "negatives", "--device", "cpu"];
    let of_split = |split| [&evaluate[..], &["--data", ".", "--split", split, "--quiet"]].concat();
    let (code, said) = trainer_err(folder.path(), &of_split("train"));
    assert!(code == Some(1) && said.contains("was trained on 12 of the 13 pictures"), "{said}");
    let trained_on = |split| {
        let more = ["--allow-leakage", "--json", "report.json"];
        trainer_ok(folder.path(), &[&of_split(split)[..], &more].concat());
        let json = std::fs::read_to_string(folder.path().join("report.json")).expect("the report");
        serde_json::from_str::<Value>(&json).expect("JSON")["models"][0]["trained_on_pictures"].clone()
    };
    assert_eq!((trained_on("train"), trained_on("test")), (12.into(), 0.into()));

    std::fs::write(folder.path().join("captions.csv"), "image,split,caption\ncat-0.jpg,train,a cat\n")
        .expect("a table");
    let (code, said) = trainer_err(folder.path(), &go_on);
    assert_eq!(code, Some(1));
    assert!(said.contains("has changed since the run began"), "{said}");
}

#[test]
fn negatives_are_mined_anew_for_every_epoch_and_survive_an_interruption() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--data", "captions.csv", "--batch", "8"];
    let more = ["--negatives", "mined,color", "--epochs", "3", "--quiet", "--out"];
    let begin = |out| [&command[..], &more, &[out]].concat();
    trainer_ok(folder.path(), &begin("whole"));
    // Two batches an epoch: a run that stops between two epochs has not mined for the next one yet.
    trainer_ok(folder.path(), &[&begin("parts")[..], &["--stop-after", "2"]].concat());
    let mined = folder.path().join("parts/mined-0001.json");
    assert!(!mined.exists());
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"];
    trainer_ok(folder.path(), &[&go_on[..], &["--stop-after", "3"]].concat());
    // The second batch of an epoch needs what was mined before its first.
    let hidden = folder.path().join("hidden.json");
    std::fs::rename(&mined, &hidden).expect("what was mined");
    let (code, said) = trainer_err(folder.path(), &go_on);
    assert!(code == Some(1) && said.contains("mined-0001.json is gone"), "{said}");
    std::fs::rename(&hidden, &mined).expect("what was mined");
    trainer_ok(folder.path(), &go_on);
    let [whole, parts] = ["whole", "parts"].map(|run| weights(&export(folder.path(), run, "f32")));
    assert!(whole == parts, "resuming changed the weights");

    let read = |name: &str| std::fs::read_to_string(folder.path().join("whole").join(name)).expect("a file");
    let nearest: Value = serde_json::from_str(&read("mined-0000.json")).expect("JSON");
    let captions = nearest["nearest"][0].as_array().expect("captions");
    let lengths: Vec<usize> = captions.iter().map(|near| near.as_array().expect("numbers").len()).collect();
    assert_eq!(lengths, [2; 16]);
    let last = metrics(&folder.path().join("whole")).pop().expect("a line");
    assert_eq!(last["with_negatives"], 1.0);
    let kinds: Vec<&String> = last["negatives_beaten"].as_object().expect("shares").keys().collect();
    assert_eq!(kinds, ["color", "mined"]);

    let scenes = ["pretrain", "--data", "scenes", "--negatives", "mined", "--device", "cpu", "--out", "none"];
    let (code, said) = trainer_err(folder.path(), &scenes);
    assert!(code == Some(1) && said.contains("needs captions in files"), "{said}");
}

#[test]
fn a_folder_of_pictures_with_texts_beside_them_is_a_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch", "2", "--data"];
    let pretrain = [&command[..], &["mine", "--epochs", "1", "--out", "run"]].concat();
    for (sample, texts) in
        [("cat", "a brown cat\n\na cat on a sofa\n"), ("coffee", "a white cup"), ("rocket", "")]
    {
        let at = |ending: &str| folder.path().join(format!("mine/{sample}/1.{ending}"));
        std::fs::create_dir_all(folder.path().join("mine").join(sample)).expect("a folder");
        std::fs::copy(root().join(format!("assets/samples/{sample}.jpg")), at("jpg")).expect("a sample");
        if sample == "cat" {
            let (code, said) = trainer_err(folder.path(), &pretrain);
            assert!(code == Some(1) && said.contains("nor pictures with a .txt file beside them"), "{said}");
        }
        std::fs::write(at("txt"), texts).expect("a text");
    }
    trainer_ok(folder.path(), &[&command[..], &["mine", "--epochs", "1", "--out", "texts"]].concat());
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join("texts").join(name)).expect("a file of the run")
    };
    assert_eq!(read("pictures.txt"), "cat/1.jpg\ncoffee/1.jpg\n");
    assert!(read("skipped.jsonl").contains("rocket/1.jpg"));
}

#[test]
fn sources_are_mixed_in_every_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    let command =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--batch", "8", "--epochs", "3"];
    let sources = ["--data", "captions.csv", "scenes:640", "--weight", "3", "--weight", "1", "--out"];
    trainer_ok(folder.path(), &[&command[..], &sources, &["whole"]].concat());
    trainer_ok(folder.path(), &[&command[..], &sources, &["parts", "--stop-after", "4"]].concat());
    trainer_ok(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "parts"]);
    let [whole, parts] = ["whole", "parts"].map(|run| export(folder.path(), run, "f32"));
    assert!(weights(&whole) == weights(&parts), "resuming changed the weights");
    let bundle = Bundle::read(whole).expect("the bundle");
    let training = bundle.header().training();
    // Sixteen photographs, six a batch: two steps an epoch.
    assert_eq!((training.steps, training.pictures.len()), (6, 16));
    assert_eq!(training.data, ["captions.csv", "scenes:640"]);

    let too_large =
        ["pretrain", "--data", "captions.csv", "--batch", "17", "--device", "cpu", "--out", "large"];
    let (code, said) = trainer_err(folder.path(), &too_large);
    assert!(code == Some(1) && said.contains("has 16 pictures, a batch takes 17"), "{said}");
    let (code, said) =
        trainer_err(folder.path(), &[&command[..], &sources, &["x", "--weight", "1"]].concat());
    assert!(code == Some(1) && said.contains("3 --weight for 2 sources"), "{said}");
}
