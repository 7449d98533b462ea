//! Any bytes as a file of captions. The first byte chooses its name, and with it its form.
#![no_main]

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 8] = [
    "captions_a.json",
    "dataset_a.json",
    "a.csv",
    "a.tsv",
    "a.token.txt",
    "a.txt",
    "a.jsonl",
    "instances_a.json",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let file = folder.path().join(NAMES[usize::from(*first) % NAMES.len()]);
    std::fs::write(&file, rest).expect("a file");
    if file.ends_with("instances_a.json") {
        trainer::fuzzing::instances(&file);
    } else {
        trainer::fuzzing::captions(&file);
    }
});
