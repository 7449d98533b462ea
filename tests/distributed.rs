//! Several processes learn what one learns from the same batches, and none waits for one that is gone.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{export, metrics, root, trainer, trainer_ok, trainer_path};

// A low rate: of a gradient that is nothing but rounding, as that of keys' biases, Adam makes a step as long as the rate.
const RUN: [&str; 10] =
    ["pretrain", "--preset", "tiny", "--device", "cpu", "--lr", "5e-5", "--quiet", "--log-every", "1"];

/// `mpirun` with processes of the trainer.
fn mpirun(folder: &Path, n_processes: usize, args: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["-n", &n_processes.to_string(), "--oversubscribe"]).arg(trainer_path()).args(args);
    command.args(["--distributed", "mpi"]).current_dir(folder);
    // Machines that run tests in containers have no other user.
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command
}

fn distributed(folder: &Path, n_processes: usize, args: &[&str]) -> Output {
    mpirun(folder, n_processes, args).output().expect("mpirun runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn losses(run: &Path) -> Vec<f64> {
    metrics(run).iter().map(|line| line["loss"].as_f64().expect("a loss")).collect()
}

/// The weights of a run, one tensor after the other.
fn weights(folder: &Path, run: &str) -> Vec<f32> {
    let bundle = export(folder, run, "f32");
    let tensors = crate::support::weights(&bundle);
    let floats = tensors.iter().flat_map(|(_, bytes)| bytes.as_chunks::<4>().0);
    floats.map(|four| f32::from_le_bytes(*four)).collect()
}

/// Checks that two runs have the same losses and weights, to rounding.
fn assert_same(folder: &Path, one: &str, other: &str) {
    let (losses_of_one, losses_of_other) = (losses(&folder.join(one)), losses(&folder.join(other)));
    assert_eq!(losses_of_one.len(), losses_of_other.len(), "{one} and {other}");
    for (step, (one, other)) in losses_of_one.iter().zip(&losses_of_other).enumerate() {
        assert!((one - other).abs() < 1e-5, "step {}: {one} and {other}", step + 1);
    }
    let (weights_of_one, weights_of_other) = (weights(folder, one), weights(folder, other));
    assert_eq!(weights_of_one.len(), weights_of_other.len());
    let apart = weights_of_one.iter().zip(&weights_of_other).map(|(one, other)| (one - other).abs());
    let apart = apart.fold(0.0, f32::max);
    assert!(apart < 1e-5, "the weights of {one} and {other} are up to {apart} apart");
}

/// Sixteen images in a table with captions and wrong captions.
fn photographs(folder: &Path) {
    let mut table = "\ttitle\tfilepath\tneg_caption\tneg_image\n".to_owned();
    for (sample, caption, wrong) in [
        ("cat", "a small brown cat on a red sofa", "a small brown sofa on a red cat"),
        ("coffee", "a white cup of coffee", "a black cup of coffee"),
        ("rocket", "a white rocket under a blue sky", "a blue rocket under a white sky"),
        ("astronaut", "a woman in an orange suit", "an orange woman in a suit"),
    ] {
        let from = root().join(format!("assets/samples/{sample}.jpg"));
        for copy in 0..4 {
            std::fs::copy(&from, folder.join(format!("{sample}-{copy}.jpg"))).expect("a sample");
            table += &format!("{copy}\t{caption} {copy}\t{sample}-{copy}.jpg\t['{wrong}']\t[]\n");
        }
    }
    std::fs::write(folder.join("train.tsv"), table).expect("a table");
}

/// The same images in two shards.
fn shards(folder: &Path) {
    for shard in 0..2 {
        let mut tar = tar::Builder::new(Vec::new());
        for sample in ["cat", "coffee", "rocket", "astronaut"] {
            let image = std::fs::read(folder.join(format!("{sample}-{shard}.jpg"))).expect("an image");
            for copy in 0..2 {
                let caption = format!("a {sample} of shard {shard} and number {copy}");
                for (ending, bytes) in [("jpg", &image[..]), ("txt", caption.as_bytes())] {
                    let mut header = tar::Header::new_gnu();
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, format!("{sample}-{copy}.{ending}"), bytes)
                        .expect("an entry");
                }
            }
        }
        std::fs::write(folder.join(format!("{shard}.tar")), tar.into_inner().expect("an archive"))
            .expect("a shard");
    }
}

#[test]
fn processes_learn_what_one_learns_by_every_loss_and_from_every_kind_of_negative() {
    let folder = tempfile::tempdir().expect("a folder");
    photographs(folder.path());
    shards(folder.path());
    let scenes = ["--data", "scenes:128", "--batch-size", "4", "--accum-freq", "4", "--epochs", "1"];
    // Steps that end in the middle of an epoch, each of which mines its own negatives.
    let files =
        ["--data", "train.tsv", "--batch-size", "2", "--accum-freq", "4", "--epochs", "3", "--mirror"];
    let short = ["--data", "train.tsv", "--batch-size", "3", "--accum-freq", "4", "--epochs", "4"];
    let tar = [
        "--data",
        "{0..1}.tar",
        "--batch-size",
        "2",
        "--accum-freq",
        "4",
        "--epochs",
        "2",
        "--index",
        "index",
    ];
    for (name, n_processes, data, learning) in [
        ("shards", 4, &tar[..], ["--loss", "tsvlc", "--negatives", "all"]),
        ("negclip", 2, &scenes, ["--loss", "negclip", "--negatives", "all"]),
        ("ce-clip", 4, &scenes, ["--loss", "ce-clip", "--negatives", "all"]),
        ("tsvlc", 2, &files, ["--loss", "tsvlc", "--negatives", "color,given"]),
        ("fsc-clip", 4, &short, ["--loss", "fsc-clip", "--negatives", "mined"]),
        ("plain", 2, &files, ["--loss", "negclip", "--negatives", "none"]),
    ] {
        let run = [&RUN[..], data, &learning].concat();
        let (one, several) = (format!("{name}-1"), format!("{name}-{n_processes}"));
        trainer_ok(folder.path(), &[&run[..], &["--out", &one]].concat());
        let output = distributed(folder.path(), n_processes, &[&run[..], &["--out", &several]].concat());
        assert!(output.status.success(), "{name}: {}", said(&output));
        assert_same(folder.path(), &one, &several);
        let last = metrics(&folder.path().join(&several)).pop().expect("a line");
        assert!(last["communicating"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)));
        let counts = |run: &str| {
            let line = metrics(&folder.path().join(run)).pop().expect("a line");
            [line["with_negatives"].clone(), line["hard_negative_accuracy"].clone()]
        };
        assert_eq!(counts(&one), counts(&several), "{name}");
    }
}

/// The process of a rank, by what Open MPI tells it in its environment.
fn rank(mpirun: &Child, rank: usize) -> Option<u32> {
    let wanted = format!("OMPI_COMM_WORLD_RANK={rank}");
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.into_iter().find(|number| {
        let read = |file: &str| std::fs::read(format!("/proc/{number}/{file}")).unwrap_or_default();
        let parent = String::from_utf8_lossy(&read("stat"))
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parent == Some(mpirun.id())
            && read("environ").split(|byte| *byte == 0).any(|set| set == wanted.as_bytes())
    })
}

/// Starts a run of two processes, waits until it has saved a checkpoint, and sends a signal to one of them.
fn interrupted(folder: &Path, args: &[&str], signal: &str) -> Output {
    let mut command = mpirun(folder, 2, args);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mpirun runs");
    let run = folder.join(args.last().expect("a folder"));
    let begun = Instant::now();
    let saved = || {
        std::fs::read_dir(&run).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("checkpoint-0"))
            })
        })
    };
    while !saved() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint comes");
        sleep(Duration::from_millis(5));
    }
    let process = rank(&running, 1).expect("the second process");
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().expect("kill").success());
    running.wait_with_output().expect("an end")
}

#[test]
fn a_process_that_is_killed_ends_all_and_any_number_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = [
        &RUN[..],
        &[
            "--data",
            "scenes:2048",
            "--batch-size",
            "4",
            "--accum-freq",
            "4",
            "--epochs",
            "1",
            "--save-every",
            "4",
        ],
    ]
    .concat();
    trainer_ok(folder.path(), &[&run[..], &["--out", "one"]].concat());
    for (out, signal, n_processes) in [("killed", "-KILL", 4), ("stopped", "-TERM", 1)] {
        let output = interrupted(folder.path(), &[&run[..], &["--out", out]].concat(), signal);
        let told = said(&output);
        match signal {
            "-KILL" => assert!(!output.status.success() && told.contains("signal 9"), "{told}"),
            _ => assert!(output.status.success() && told.contains("stopped after"), "{told}"),
        }
        let steps = losses(&folder.path().join(out)).len();
        assert!(steps < 128, "{out} ended before it was told to");
        let resume = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--log-every", "1", "--out", out];
        let output = match n_processes {
            1 => trainer(folder.path(), &resume),
            n => distributed(folder.path(), n, &resume),
        };
        assert!(output.status.success(), "{}", said(&output));
        assert_same(folder.path(), "one", out);
    }
}

#[test]
fn a_run_that_cannot_be_divided_ends_with_its_reason_in_every_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = [&RUN[..], &["--data", "scenes:64", "--batch-size", "4", "--accum-freq", "3", "--out", "run"]]
        .concat();
    let output = distributed(folder.path(), 2, &run);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("3 batches of a step cannot be divided evenly among 2"),
        "{}",
        said(&output)
    );
    assert!(!folder.path().join("run").exists());
    let output =
        distributed(folder.path(), 2, &[&RUN[..], &["--data", "nowhere.csv", "--out", "run"]].concat());
    assert!(!output.status.success() && said(&output).contains("nowhere.csv"), "{}", said(&output));
}
