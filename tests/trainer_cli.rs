//! The commands of the trainer as a person calls them, with rubbish too.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{tiny_bundle, trainer, trainer_err, trainer_ok};

fn check_error(args: &[&str], status: i32, words: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("text.txt"), "this is no image").expect("a file");
    std::fs::write(folder.path().join("empty.png"), "").expect("a file");
    std::fs::write(folder.path().join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let (code, said) = trainer_err(folder.path(), args);
    assert_eq!(code, Some(status), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?} should say {words:?}: {said}");
    let lines = said.lines().filter(|line| line.starts_with("error")).count();
    assert_eq!(lines, 1, "{args:?} should say one thing: {said}");
}

#[test]
fn wrong_arguments_end_with_two_and_failures_with_one() {
    check_error(&["paint"], 2, "unrecognized subcommand");
    check_error(&["pretrain"], 2, "--out");
    check_error(&["pretrain", "--negatives", "smell", "--out", "run"], 2, "invalid value 'smell'");
    check_error(&["negatives", "--captions", "text.txt", "--concepts", "smell"], 2, "not a concept");
    check_error(&["pretrain", "--data", "coco", "--out", "run", "--device", "cpu"], 1, "unknown data source");
    check_error(&["pretrain", "--resume", "--out", "nowhere", "--device", "cpu"], 1, "no training run");
    check_error(&["export", "--run", "nowhere", "--out", "x"], 1, "no training run");
    check_error(&["negatives", "--captions", "text.txt", "--calibrate-on", "text.txt"], 2, "--balanced");
    check_error(&["negatives", "--captions", "nowhere.txt"], 1, "cannot read nowhere.txt as captions");
    check_error(&["inspect", "nowhere.safetensors"], 1, "cannot read nowhere.safetensors");
    check_error(&["inspect", "text.txt"], 1, "not a bundle");
    let evaluate = ["evaluate", "--bundle", "tiny.safetensors", "--benchmark", "scenes", "--device", "cpu"];
    check_error(&[&evaluate[..], &["--data", "text.txt"]].concat(), 1, "no .parquet file in text.txt");
    check_error(&[&evaluate[..], &["--data", "."]].concat(), 1, "no .parquet file in .");
    let score =
        ["score", "--bundle", "tiny.safetensors", "--device", "cpu", "--caption", "a red car", "--image"];
    check_error(&[&score[..], &["text.txt"]].concat(), 1, "not an image");
    check_error(&[&score[..], &["empty.png"]].concat(), 1, "the file is empty");
}

#[test]
fn every_command_explains_itself_and_every_option_of_it() {
    let help = |args: &[&str]| trainer_ok(Path::new("."), &[args, &["--help"]].concat());
    let all = help(&[]);
    let commands = all.split("Commands:").nth(1).expect("a list").split("\n\n").next().expect("its end");
    // What a command does may go on in further lines, which stand further right.
    let commands = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands: Vec<&str> = commands.filter(|command| !command.is_empty()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let text = help(&[command]);
        let lines: Vec<&str> = text.lines().collect();
        let options = lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with("--"));
        for (number, option) in options {
            // What an option does stands behind its name, or on the next line.
            let mut parts = option.split("  ").map(str::trim).filter(|part| !part.is_empty());
            let words = parts.nth(1).or(lines.get(number + 1).copied()).unwrap_or_default().trim();
            assert!(words.len() > 10 && !words.starts_with('-'), "{command} {option}: {words:?}");
        }
    }
    let lines = help(&["pretrain"]).lines().count();
    assert!(lines <= 100, "the help of pretrain has {lines} lines, more than two screens");
}

#[test]
fn captions_that_are_not_english_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let captions = "A red car.\nDer Mann hat einen roten Hut.\nLe chat sur le lit.\nNo dog in sight.\n";
    std::fs::write(folder.path().join("captions.txt"), captions).expect("a file");
    let output = trainer(folder.path(), &["negatives", "--captions", "captions.txt"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 captions are left alone"), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("text");
    let with: Vec<bool> = printed.lines().map(|line| !line.ends_with("\"negatives\":[]}")).collect();
    assert_eq!(with, [true, false, false, false], "{printed}");
}

#[test]
fn few_captions_are_balanced_by_the_table_that_ships() {
    let folder = tempfile::tempdir().expect("a folder");
    let captions = "a brown dog runs on the beach\n".repeat(40);
    std::fs::write(folder.path().join("captions.txt"), &captions).expect("a file");
    let said = |args: &[&str]| {
        let output = trainer(folder.path(), &[&["negatives", "--captions", "captions.txt"], args].concat());
        assert!(output.status.success(), "{output:?}");
        (
            String::from_utf8_lossy(&output.stderr).into_owned(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (note, balanced) = said(&["--balanced", "--per-caption", "1"]);
    assert!(
        note.contains("the table that ships with Foil") && note.contains("keep a balanced negative"),
        "{note}"
    );
    assert_eq!(balanced.lines().count(), 40);
    assert!(balanced.contains("\"negatives\":[{"), "{balanced}");
    assert_eq!(balanced, said(&["--balanced", "on", "--per-caption", "1"]).1);
    let (note, unbalanced) = said(&["--balanced", "off", "--per-caption", "1"]);
    assert_eq!((note.as_str(), &unbalanced), ("", &said(&["--per-caption", "1"]).1));
    assert_ne!(balanced, unbalanced);
}

#[test]
fn negatives_are_one_json_line_a_caption() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("captions.txt"), "A red car.\n\nlovely weather\n").expect("a file");
    let printed =
        trainer_ok(folder.path(), &["negatives", "--captions", "captions.txt", "--per-caption", "3"]);
    let lines: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["caption"], "A red car.");
    let negatives = lines[0]["negatives"].as_array().expect("a list");
    assert_eq!(negatives.len(), 3);
    for negative in negatives {
        let at = |key: &str| negative[key].as_u64().expect("an offset") as usize;
        assert_eq!(&"A red car."[at("start")..at("end")], negative["from"]);
        assert_eq!(negative["rule"], "replace");
    }
    assert_eq!(lines[2]["negatives"], Value::Array(Vec::new()));
    let only = trainer_ok(
        folder.path(),
        &["negatives", "--captions", "captions.txt", "--concepts", "object", "--seed", "5"],
    );
    assert!(only.contains("\"object\"") && !only.contains("\"color\""));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("captions.txt"), "a red car\n".repeat(20_000)).expect("a file");
    // Makes sure that the program is built.
    trainer_ok(folder.path(), &["--version"]);
    let shell = format!("{} negatives --captions captions.txt | head -n 1", program());
    let output =
        Command::new("sh").args(["-c", &shell]).current_dir(folder.path()).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn captions_are_read_from_standard_input() {
    let mut child = Command::new(program())
        .args(["negatives", "--captions", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the trainer runs");
    child.stdin.take().expect("a pipe").write_all("a big dog 🚗\n".as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an end");
    assert!(String::from_utf8_lossy(&output.stdout).contains("a small dog 🚗"));
}

#[test]
fn a_challenge_set_is_scored_like_the_scenes_it_was_made_of() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.safetensors"), tiny_bundle()).expect("a file");
    trainer_ok(folder.path(), &["scenes", "--out", "set", "--count", "24", "--seed", "3"]);
    let evaluate = ["evaluate", "--bundle", "tiny.safetensors", "--benchmark", "scenes", "--device", "cpu"];
    let table = |more: &[&str]| {
        trainer_ok(folder.path(), &[&evaluate[..], more, &["--json", "table.json"]].concat());
        let json = std::fs::read_to_string(folder.path().join("table.json")).expect("the table");
        serde_json::from_str::<Value>(&json).expect("JSON")["models"][0]["rows"].clone()
    };
    let from_file = table(&["--data", "set"]);
    assert_eq!(from_file, table(&["--count", "24", "--seed", "3"]));
    let rows = from_file.as_array().expect("rows");
    let group = rows.iter().filter(|row| row["measure"] == "group");
    let found: Vec<_> = group.map(|row| (row["subset"].as_str().unwrap_or(""), row["n"].as_u64())).collect();
    let each = ["color", "object", "location", "size"].map(|concept| (concept, Some(6)));
    assert_eq!(found, [&each[..], &[("all", Some(24))]].concat());
}

fn program() -> String {
    // The same program that the support functions call.
    trainer(Path::new("."), &["--version"]);
    let tests = std::env::current_exe().expect("the test program");
    tests.ancestors().nth(2).expect("target/PROFILE/deps/suite").join("trainer").display().to_string()
}
