//! Any bytes as a benchmark's file. The first byte chooses the benchmark, the second its file's name.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The benchmarks, and under which names their files are looked for.
const FORMS: [(&str, &[&str]); 17] = [
    ("sugarcrepe", &["replace_obj.json", "swap_att.json"]),
    ("sugarcrepe-pp", &["replace_object.json", "swap_object.json"]),
    ("valse", &["existence.json", "foil-it.json"]),
    ("vl-checklist", &["a.json"]),
    ("aro-relation", &["visual_genome_relation.json"]),
    ("aro-attribution", &["visual_genome_attribution.json"]),
    ("aro-order", &["coco_karpathy_test.json"]),
    ("winoground", &["examples.jsonl"]),
    ("svo-probes", &["svo_probes.csv"]),
    ("hard-positives", &["vl_checklist_attributes.json"]),
    ("vsr", &["test.jsonl"]),
    ("neg-clip", &["valid.tsv"]),
    ("retrieval", &["captions_val.json", "a.csv", "a.token.txt"]),
    ("negatives", &["captions_val.json", "captions.csv"]),
    ("edits", &["captions.csv"]),
    ("bivlc", &["a.parquet"]),
    ("inpaintcoco", &["a.parquet", "inpaintcoco.csv"]),
];

fuzz_target!(|bytes: &[u8]| {
    let [first, second, rest @ ..] = bytes else { return };
    let (name, files) = FORMS[usize::from(*first) % FORMS.len()];
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
    std::fs::write(folder.path().join(files[usize::from(*second) % files.len()]), rest).expect("a file");
    trainer::fuzzing::benchmark(name, folder.path());
});
