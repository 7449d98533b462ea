//! What `tests/fuzz` calls: every reader of files that others make. Nothing here is part of the program.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::challenge_set_file::ChallengeSetFile;
use crate::dataset::instances::{self, Instances};
use crate::dataset::{Captions, Split, caption_file, outlines, shards, text_pairs};
use crate::eval;
use crate::models::import::tensors::TensorFiles;

/// Reads a benchmark whose files lie in a folder.
///
/// # Panics
/// If there is no benchmark of this name.
pub fn benchmark(name: &str, folder: &Path) {
    let options = serde_json::json!({"benchmark": name, "data": folder});
    let options: eval::Options = serde_json::from_value(options).expect("a benchmark");
    _ = eval::load(&options);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if let Ok(set) = ChallengeSetFile::open(&entry.path()) {
            _ = set.rows();
            set.cases().take_while(Result::is_ok).for_each(drop);
        }
    }
}

/// Reads captions: for negatives of them, for an audit, and to train on.
pub fn captions(file: &Path) {
    _ = Captions::read(file, Split::Unnamed);
    _ = text_pairs::read(file);
    _ = caption_file::read(file, Split::Unnamed);
}

/// Reads what COCO's annotators outlined.
pub fn instances(file: &Path) {
    _ = instances::read(file, &mut Instances::new());
    let mut outlines = BTreeMap::new();
    if outlines::read(file, &mut outlines).is_ok() {
        let outlined = outlines.values().flat_map(|outlined| &outlined.things);
        outlined.for_each(|outline| _ = outline.mask(40, 30));
    }
}

/// Reads a shard.
pub fn shard(bytes: &[u8]) {
    _ = shards::scan(bytes);
}

/// Reads every tensor of a file of weights.
pub fn weights(file: &Path) {
    if let Ok(tensors) = TensorFiles::open(&[file.to_owned()]) {
        for name in tensors.names() {
            _ = tensors.values(name);
        }
    }
}
