//! Any bytes as a file of published weights. The first byte chooses its form.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let name = if first % 2 == 0 { "model.safetensors" } else { "pytorch_model.bin" };
    std::fs::write(folder.path().join(name), rest).expect("a file");
    trainer::fuzzing::weights(&folder.path().join(name));
});
