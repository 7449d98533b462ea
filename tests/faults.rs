//! What goes wrong on a machine: killed programs, full disks, folders that cannot be written to, files that vanish.
//! `FAULTS.md` is the list, and names the test of each.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shared::bundle::Bundle;

use crate::support::{
    TINY_RUN, export, metrics, root, trainer, trainer_err, trainer_ok, trainer_path, weights,
};

/// Kills a command twenty times, later each time, the last ones about when it would be done; after each, `check` looks at what
/// is left. Returns how often it was killed before it was done.
fn killed(folder: &Path, args: &[&str], check: impl Fn()) -> usize {
    let begun = Instant::now();
    trainer_ok(folder, args);
    let whole = begun.elapsed();
    let mut n_killed = 0;
    for nth in 1..=20 {
        let mut running = Command::new(trainer_path())
            .args(args)
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the trainer runs");
        std::thread::sleep(whole * nth / 20);
        n_killed += usize::from(running.try_wait().expect("a child").is_none());
        running.kill().expect("a child that may have ended");
        running.wait().expect("a child");
        check();
    }
    n_killed
}

#[test]
fn a_bundle_is_whole_or_the_one_before_when_export_and_import_are_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    trainer_ok(folder.path(), &[&TINY_RUN[..], &["run"]].concat());
    let published = root().join("tests/golden/clip/transformers");
    let published = published.to_str().expect("a path");
    for args in [
        ["export", "--run", "run", "--out", "a.safetensors", "--precision", "f32"],
        ["import", "--from", published, "--out", "a.safetensors", "--precision", "f32"],
    ] {
        let n_killed = killed(folder.path(), &args, || {
            let bytes = std::fs::read(folder.path().join("a.safetensors")).expect("a bundle");
            Bundle::read(bytes).expect("a whole bundle");
        });
        assert!(n_killed > 5, "{args:?} was killed {n_killed} times");
    }
}

/// Runs the trainer with files limited to so many kilobytes, as if the disk were full from there on.
fn with_little_room(folder: &Path, kilobytes: u32, args: &[&str]) -> (Option<i32>, String) {
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(trainer_path())
        .args(args)
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

#[test]
fn a_disk_that_is_full_ends_a_run_with_a_sentence_and_it_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = |out| [&TINY_RUN[..], &[out, "--save-every", "2"]].concat();
    trainer_ok(folder.path(), &begin("whole"));
    // Room for settings and metrics, none for weights.
    let (code, said) = with_little_room(folder.path(), 64, &begin("run"));
    assert!(
        code == Some(1) && said.contains("error: cannot write") && said.contains("run"),
        "{code:?} {said}"
    );
    let go_on = ["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "run"];
    trainer_ok(folder.path(), &go_on);
    let [whole, run] = ["whole", "run"].map(|run| weights(&export(folder.path(), run, "f32")));
    assert!(whole == run, "the weights differ");

    std::fs::remove_file(folder.path().join("run.safetensors")).expect("a bundle");
    let (code, said) =
        with_little_room(folder.path(), 64, &["export", "--run", "run", "--out", "run.safetensors"]);
    assert!(code == Some(1) && said.contains("cannot write run.safetensors"), "{code:?} {said}");
    assert!(!folder.path().join("run.safetensors").exists());
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    // Not even root makes a folder in these places.
    for out in ["file/run", "/proc/run"] {
        let (code, said) = trainer_err(folder.path(), &[&TINY_RUN[..], &[out]].concat());
        assert!(code == Some(1) && said.contains(out), "{said}");
    }
}

#[test]
fn an_image_that_vanishes_while_it_is_trained_on_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("mine")).expect("a folder");
    for sample in ["cat", "coffee"] {
        let at = |ending: &str| folder.path().join(format!("mine/{sample}.{ending}"));
        std::fs::copy(root().join(format!("assets/samples/{sample}.jpg")), at("jpg")).expect("a sample");
        std::fs::write(at("txt"), format!("a {sample}")).expect("a text");
    }
    let run =
        ["pretrain", "--preset", "tiny", "--device", "cpu", "--quiet", "--data", "mine", "--batch-size", "2"];
    let running = Command::new(trainer_path())
        .args(run)
        .args(["--epochs", "100000", "--out", "run"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the trainer runs");
    // It has begun once there is a line of metrics.
    let begun = Instant::now();
    while !folder.path().join("run/metrics.jsonl").exists() || metrics(&folder.path().join("run")).is_empty()
    {
        assert!(begun.elapsed() < Duration::from_secs(300), "the run does not begin");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_file(folder.path().join("mine/cat.jpg")).expect("an image");
    let output = running.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("error: cannot read") && said.contains("cat.jpg"),
        "{said}"
    );

    // What is there no more when the run goes on is another set of images.
    let go_on =
        trainer(folder.path(), &["pretrain", "--resume", "--device", "cpu", "--quiet", "--out", "run"]);
    let said = String::from_utf8_lossy(&go_on.stderr);
    assert!(go_on.status.code() == Some(1) && said.contains("changed since the run began"), "{said}");
}
