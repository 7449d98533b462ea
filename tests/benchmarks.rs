//! Every benchmark's format, in small files of our own that hold each trap of the published ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{root, tiny_bundle, trainer, trainer_err, trainer_ok};

/// A folder with a bundle, four images under the names that benchmarks give theirs, and files of a benchmark.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        path
    };
    fs::write(at("tiny.safetensors"), tiny_bundle()).expect("a file");
    for (sample, names) in [
        ("cat", ["val2017/000000000007.jpg", "ex_0_img_0.png"]),
        ("coffee", ["val2014/COCO_val2014_000000000008.jpg", "ex_0_img_1.png"]),
        ("rocket", ["VG_100K/2376832.jpg", "101.jpg"]),
        ("astronaut", ["faces/astronaut.jpg", "102.jpg"]),
    ] {
        for name in names {
            fs::copy(root().join(format!("assets/samples/{sample}.jpg")), at(name)).expect("a sample");
        }
    }
    for (name, text) in files {
        fs::write(at(name), text).expect("a file");
    }
    folder
}

fn evaluate(folder: &Path, benchmark: &str, more: &[&str]) -> Value {
    let command = [
        &["evaluate", "--bundle", "tiny.safetensors", "--benchmark", benchmark, "--data", "."][..],
        &["--device", "cpu", "--quiet", "--json", "report.json"],
        more,
    ];
    trainer_ok(folder, &command.concat());
    let json = fs::read_to_string(folder.join("report.json")).expect("the report");
    serde_json::from_str(&json).expect("JSON")
}

/// How many items each subset has by a measure, and how many were left out for which reason.
fn check(
    benchmark: &str,
    files: &[(&str, &str)],
    measure: &str,
    counts: &[(&str, u64)],
    skipped: &[(&str, u64)],
) {
    let folder = folder(files);
    let report = evaluate(folder.path(), benchmark, &[]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let rows = list(&report["models"][0]["rows"]);
    let own = rows.iter().filter(|row| row["measure"] == measure);
    let found: BTreeMap<String, u64> =
        own.map(|row| (text(&row["subset"]), row["n"].as_u64().expect("a number"))).collect();
    let expected: BTreeMap<String, u64> = counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    assert_eq!(found, expected, "{benchmark}");
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for skip in list(&report["skipped"]) {
        *reasons.entry(text(&skip["why"])).or_default() += skip["count"].as_u64().expect("a number");
    }
    let expected: BTreeMap<String, u64> = skipped.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect();
    assert_eq!(reasons, expected, "{benchmark}");
}

const GONE: &str = "image missing";

#[test]
fn sugar_crepe_has_gaps_in_its_keys_and_images_may_be_missing() {
    let replaced = r#"{
        "0": {"filename": "000000000007.jpg", "caption": "a cat", "negative_caption": "a dog"},
        "12": {"filename": "000000000008.jpg", "caption": "a cup", "negative_caption": "a cup "},
        "107": {"filename": "000000000009.jpg", "caption": "a cup", "negative_caption": "a mug"}}"#;
    let added = "\u{feff}{\r\n\"3\": {\"filename\": \"000000000008.jpg\", \"caption\": \"a cup\", \"negative_caption\": \"a cup and a cat\"}}";
    let files = [("data/replace_obj.json", replaced), ("data/add_obj.json", added), ("other.json", "[1]")];
    let skipped = [(GONE, 1), ("caption and negative are equal", 1)];
    check("sugarcrepe", &files, "accuracy", &[("replace_obj", 1), ("add_obj", 1), ("all", 2)], &skipped);
}

#[test]
fn sugar_crepe_plus_plus_has_two_true_captions() {
    let items = r#"[{"id": 4, "filename": "000000000007.jpg", "caption": "a cat", "caption2": "one cat",
        "negative_caption": "a dog"}]"#;
    let folder = folder(&[("swap_object.json", items)]);
    let report = evaluate(folder.path(), "sugarcrepe-pp", &[]);
    let row = &report["models"][0]["rows"][0];
    assert!((row["chance"].as_f64().expect("a share") - 1.0 / 3.0).abs() < 1e-9, "{row}");
}

#[test]
fn valse_counts_what_two_of_three_people_confirmed() {
    let existence = r#"{
        "a": {"image_file": "000000000007.jpg", "caption": "There is a cat.", "foil": null, "classes": 0,
              "classes_foil": [2, 1], "declarative_statement_foils": ["There is no cat."],
              "mturk": {"foil": 0, "caption": 2.0, "other": 1}},
        "b": {"image_file": "000000000007.jpg", "caption": "There is a cat.", "foil": "There is no cat.",
              "classes": "cat", "classes_foil": "dog", "mturk": {"foil": 2, "caption": 1, "other": 0}},
        "c": {"image_file": "v7w_1.jpg", "caption": "x", "foil": "y", "mturk": {"caption": 3}}}"#;
    let skipped = [(GONE, 1), ("not confirmed by its judges", 1)];
    check("valse", &[("existence.json", existence)], "accuracy", &[("existence", 1)], &skipped);
}

#[test]
fn aro_asks_of_a_box_and_averages_over_relations() {
    let boxed = |left: i32, relation: &str| {
        format!(
            r#"{{"image_id": "1", "image_path": "2376832.jpg", "bbox_x": {left}, "bbox_y": 10, "bbox_w": 5000, "bbox_h": 40,
            "true_caption": "the rocket is {relation} the tower", "false_caption": "the tower is {relation} the rocket",
            "relation_name": "{relation}"}}"#
        )
    };
    let list = format!("[{}, {}, {}]", boxed(-3, "above"), boxed(20, "above"), boxed(30, "near"));
    let folder = folder(&[("visual_genome_relation.json", &list), ("symmetric.txt", "near\r\n")]);
    let report = evaluate(folder.path(), "aro-relation", &[]);
    let row = &report["models"][0]["rows"][0];
    assert_eq!((&row["n"], &row["macro_average"]["classes"]), (&Value::from(3), &Value::from(2)));
    assert_eq!(row["blind"]["same_words"]["share"], 1.0);
    let report = evaluate(folder.path(), "aro-relation", &["--exclude", "symmetric.txt"]);
    assert_eq!(report["models"][0]["rows"][0]["n"], 2);
    assert_eq!(report["skipped"][0]["count"], 1);

    let attribution = r#"[{"image_path": "2376832.jpg", "bbox_x": 0, "bbox_y": 0, "bbox_w": 9.5, "bbox_h": 9.5,
        "true_caption": "the white rocket and the dark sky", "false_caption": "the dark rocket and the white sky",
        "attributes": ["white", "dark"]}]"#;
    let files = [("visual_genome_attribution.json", attribution)];
    check("aro-attribution", &files, "accuracy", &[("visual_genome_attribution", 1)], &[]);
    let order = r#"[{"image": "val2014/COCO_val2014_000000000008.jpg", "caption": ["A cup of coffee on a table.", "Cup"]}]"#;
    let skipped = [("caption and negative are equal", 1)];
    check("aro-order", &[("coco_karpathy_test.json", order)], "accuracy", &[("coco", 1)], &skipped);
}

#[test]
fn vl_checklist_is_asked_whole() {
    let list = r#"[["VG_100K/2376832.jpg", {"POS": ["white rocket"], "NEG": ["black rocket"]}],
        ["VG_100K/1.jpg", {"POS": ["a"], "NEG": ["b"]}], ["VG_100K/2376832.jpg", {"POS": ["white"], "NEG": []}]]"#;
    let files = [("Attribute/color/vg.json", list)];
    let skipped = [(GONE, 1), ("nothing to compare with", 1)];
    check("vl-checklist", &files, "accuracy", &[("Attribute/color/vg", 1)], &skipped);
}

#[test]
fn winoground_and_bivlc_are_squares() {
    let lines = "{\"id\": 0, \"image_0\": \"ex_0_img_0\", \"image_1\": \"ex_0_img_1\", \"caption_0\": \"a cat, no cup\", \"caption_1\": \"a cup, no cat\", \"collapsed_tag\": \"Object\"}\r\n\r\n{\"id\": 1, \"image_0\": \"ex_0_img_0\", \"image_1\": \"ex_1_img_1\", \"caption_0\": \"a\", \"caption_1\": \"b\"}\r\n";
    for measure in ["i2t", "t2i", "group", "edited image→text"] {
        check("winoground", &[("examples.jsonl", lines)], measure, &[("Object", 1)], &[(GONE, 1)]);
    }
    // Two rows as Hugging Face writes them, one with an image that is none.
    let folder = folder(&[]);
    let rows = root().join("tests/golden/bivlc.parquet");
    fs::copy(rows, folder.path().join("test-00000-of-00001.parquet")).expect("a table");
    let report = evaluate(folder.path(), "bivlc", &[]);
    let row = &report["models"][0]["rows"][0];
    assert_eq!((&row["subset"], &row["n"]), (&"REPLACE, attribute".into(), &1.into()));
    assert_eq!(report["skipped"][0]["why"], "image unreadable");
}

#[test]
fn inpaint_coco_is_read_with_its_verified_rows_and_without_lost_captions() {
    let folder = folder(&[("keep.singleshot.ids.txt", "0\n1\n3\n")]);
    trainer_ok(folder.path(), &["scenes", "--out", "set", "--count", "8", "--side", "64"]);
    let report = evaluate(folder.path(), "inpaintcoco", &[]);
    let rows = report["models"][0]["rows"].as_array().expect("rows").clone();
    let group = |subset: &str| {
        rows.iter()
            .find(|row| row["subset"] == subset && row["measure"] == "group")
            .map(|row| row["n"].clone())
    };
    assert_eq!(group("color"), Some(2.into()));
    assert_eq!((group("color, verified"), group("location, verified")), (Some(1.into()), Some(1.into())));
    assert_eq!(group("all"), Some(8.into()), "verified rows count once");

    let captions = "row,concept,coco_caption,inpaint_caption\n1,object,A cat.,A dog.\n2,size,A cup.,s\n3,color,A cup.,A cup.\n4,color,A cup.,A mug.\n";
    let folder = self::folder(&[("inpaintcoco_captions.csv", captions)]);
    for (name, sample) in [
        ("1-coco", "cat"),
        ("1-inpaint", "coffee"),
        ("2-coco", "cat"),
        ("2-inpaint", "cat"),
        ("3-coco", "cat"),
        ("3-inpaint", "coffee"),
    ] {
        let sample = root().join(format!("assets/samples/{sample}.jpg"));
        fs::copy(sample, folder.path().join(format!("{name}.png"))).expect("a sample");
    }
    let report = evaluate(folder.path(), "inpaintcoco", &[]);
    let skipped: Vec<_> =
        report["skipped"].as_array().expect("a list").iter().map(|skip| &skip["why"]).collect();
    assert_eq!(skipped, [GONE, "caption and negative are equal", "empty caption"]);
}

#[test]
fn svo_probes_compare_images() {
    let table = "index,sentence,pos_triplet,neg_triplet,pos_url,neg_url,pos_image_id,neg_image_id,subj_neg,verb_neg,obj_neg\n\
        0,A rocket starts.,\"rocket,start,\",\"woman,smile,\",u,u,101,102,True,False,False\n\
        1,A rocket starts.,t,t,u,u,101,999,False,True,False\n2,,t,t,u,u,101,102,False,False,True\n";
    let skipped = [(GONE, 1), ("empty caption", 1)];
    check("svo-probes", &[("svo_probes.csv", table)], "t2i", &[("subject", 1)], &skipped);
}

#[test]
fn hard_positives_join_two_files_by_their_order() {
    let list = |truth: &str| {
        format!(
            r#"[{{"image_id": 1, "true_caption": "{truth}", "false_caption": "black rocket", "image_path": "2376832.jpg"}}]"#
        )
    };
    let (original, reworded) = (list("white rocket"), list("rocket that is white"));
    let files = [
        ("data/vl_checklist_attributes.json", original.as_str()),
        ("swapped_data/vl_checklist_attributes.json", &reworded),
    ];
    let counts = [("attributes, original", 1), ("attributes, reworded", 1), ("attributes, both", 1)];
    check("hard-positives", &files, "accuracy", &counts, &[]);
}

#[test]
fn neg_clip_holds_lists_as_python_prints_them() {
    let table = "\ttitle\tfilepath\tneg_caption\tneg_image\n0\t\"a cup\nof coffee\"\tcoco/val2014/COCO_val2014_000000000008.jpg\t\"['a mug of \"\"coffee\"\"', \"\"a cup's tea\"\"]\"\t[1, 2]\n1\ta cat\tx.jpg\t['a dog']\t[]\n";
    check("negclip", &[("valid_neg_clip.tsv", table)], "accuracy", &[("valid_neg_clip", 2)], &[(GONE, 1)]);
}

#[test]
fn vsr_pairs_statements_that_differ_in_the_relation() {
    let line = |caption: &str, relation: &str, label: &str| {
        format!(
            r#"{{"image": "000000000007.jpg", "caption": "{caption}", "label": {label}, "relation": "{relation}"}}"#
        )
    };
    let lines = [
        line("The cat is on the sofa.", "on", "1.0"),
        line("The cat is under the sofa.", "under", "0"),
        line("The cat is near the dog.", "near", "0.0"),
        line("The cat is on the sofa.", "on", "1.0"),
    ];
    check(
        "vsr",
        &[("all.jsonl", &lines.join("\r\n"))],
        "accuracy",
        &[("vsr", 1)],
        &[("nothing to compare with", 1)],
    );
}

#[test]
fn our_own_negatives_are_drawn_for_any_captions() {
    let table =
        "image,split,caption\n000000000007.jpg,dev,a brown cat on a red sofa\n000000000008.jpg,train,a cup\n";
    let folder = folder(&[("captions.csv", table)]);
    let report =
        evaluate(folder.path(), "negatives", &["--split", "dev", "--html", "r.html", "--csv", "r.csv"]);
    let rows = report["models"][0]["rows"].as_array().expect("rows").clone();
    let subsets: Vec<_> = rows.iter().map(|row| row["subset"].as_str().expect("a name")).collect();
    assert_eq!(subsets, ["color", "object", "all"]);
    assert_eq!(report["models"][0]["terms"].as_array().expect("a list").len(), 2);
    let html = fs::read_to_string(folder.path().join("r.html")).expect("the page");
    assert!(
        html.contains("data:image/jpeg;base64,") && !html.contains("http"),
        "one page that needs nothing else"
    );
    assert_eq!(fs::read_to_string(folder.path().join("r.csv")).expect("the table").lines().count(), 4);
}

#[test]
fn photographs_are_edited_where_a_rule_can_make_the_negative_true() {
    let table = "image,caption\nastronaut.jpg,a flag to the left of a woman\n101.jpg,a rocket under a blue sky\n\
                 101.jpg,a yellow rocket\ngone.jpg,a cat on the left\n102.jpg,a woman smiles\n";
    check(
        "edits",
        &[("captions.csv", table)],
        "group",
        &[("mirrored", 1), ("recolored", 1), ("all", 2)],
        &[(GONE, 1), ("nothing to compare with", 1)],
    );
}

#[test]
fn retrieval_reads_every_form_and_its_pools() {
    let coco = r#"{"images": [{"id": 7, "file_name": "000000000007.jpg"}, {"id": 8, "file_name": "000000000008.jpg"}, {"id": 9, "file_name": "000000000009.jpg"}],
        "annotations": [{"image_id": 7, "caption": "a cat\n"}, {"image_id": 7, "caption": " "}, {"image_id": 8, "caption": "a cup"}, {"image_id": 9, "caption": "x"}]}"#;
    check("retrieval", &[("captions_val.json", coco)], "t2i R@1", &[("captions_val", 2)], &[(GONE, 1)]);
    let karpathy = r#"{"images": [{"filename": "astronaut.jpg", "split": "test", "sentences": [{"raw": "a woman"}, {"raw": "a flag"}]},
        {"filename": "101.jpg", "split": "test", "sentences": [{"raw": "a rocket"}]}, {"filename": "102.jpg", "split": "train", "sentences": [{"raw": "x"}]}]}"#;
    check("retrieval", &[("dataset_flickr8k.json", karpathy)], "t2i R@5", &[("dataset_flickr8k", 3)], &[]);
    let token = "astronaut.jpg#0\ta woman\nastronaut.jpg#1\ta flag\n101.jpg#0\ta rocket\n";
    check("retrieval", &[("Flickr8k.token.txt", token)], "i2t R@1", &[("Flickr8k.token", 2)], &[]);
    let flickr = "image,caption\nastronaut.jpg, a woman, smiling\n101.jpg, a rocket\n102.jpg, a face\nex_0_img_0.png, a cat\n";
    let folder = folder(&[("flickr30k_test.csv", flickr)]);
    let report = evaluate(folder.path(), "retrieval", &["--pool", "2"]);
    let rows = report["models"][0]["rows"].as_array().expect("rows").clone();
    let first = rows.iter().find(|row| row["measure"] == "t2i R@1").expect("a row");
    assert_eq!((&first["n"], &first["chance"]), (&4.into(), &0.5.into()));
}

#[test]
fn zero_shot_takes_folders_for_classes() {
    let folder = folder(&[]);
    for (class, sample) in [("white_cat", "cat"), ("coffee", "coffee"), ("rocket", "rocket")] {
        fs::create_dir_all(folder.path().join("classes").join(class)).expect("a folder");
        let sample = root().join(format!("assets/samples/{sample}.jpg"));
        fs::copy(sample, folder.path().join("classes").join(class).join("1.jpg")).expect("a sample");
    }
    let more = ["--template", "a photo of a {}.", "--template", "{}", "--data", "classes"];
    let command = ["evaluate", "--bundle", "tiny.safetensors", "--benchmark", "zero-shot", "--device", "cpu"];
    let printed = trainer_ok(folder.path(), &[&command[..], &more].concat());
    assert!(printed.contains("top-1") && printed.contains("33.3"), "{printed}");
}

#[test]
fn unreadable_images_are_left_out_for_every_bundle() {
    let items = r#"{"0": {"filename": "000000000007.jpg", "caption": "a cat", "negative_caption": "a dog"},
        "1": {"filename": "broken.jpg", "caption": "a cat", "negative_caption": "a dog"}}"#;
    let folder = folder(&[("replace_obj.json", items), ("broken.jpg", "no image")]);
    let report = evaluate(folder.path(), "sugarcrepe", &["--against", "tiny.safetensors"]);
    let n: Vec<_> = [0, 1].map(|model| report["models"][model]["rows"][0]["n"].as_u64()).into();
    assert_eq!(n, [Some(1), Some(1)]);
    assert_eq!(report["skipped"][0]["why"], "image unreadable");
    assert_eq!(report["comparisons"][0]["p"], 1.0);
}

#[test]
fn a_benchmark_that_cannot_be_asked_says_why() {
    let items = r#"{"0": {"filename": "gone.jpg", "caption": "a cat", "negative_caption": "a dog"}}"#;
    let folder = folder(&[
        ("replace_obj.json", items),
        ("swap_obj.json", "[{]"),
        ("valse/plurals.json", "{\"a\": 1}"),
        ("two/a/add_obj.json", items),
        ("two/b/add_obj.json", items),
    ]);
    let fails = |benchmark: &str, data: &str, words: &str| {
        let command =
            ["evaluate", "--bundle", "tiny.safetensors", "--device", "cpu", "--benchmark", benchmark];
        let (code, said) = trainer_err(folder.path(), &[&command[..], &["--data", data]].concat());
        assert_eq!(code, Some(1));
        assert!(said.contains(words), "{benchmark} should say {words:?}: {said}");
    };
    fails("sugarcrepe", "replace_obj.json", "none of the images was found (1 items need one)");
    fails("sugarcrepe", "two", "add_obj is there twice");
    fails("sugarcrepe", "swap_obj.json", "swap_obj.json: expected items with");
    fails("valse", "valse", "plurals.json: expected items with");
    fails("winoground", ".", "there is no examples.jsonl");
    fails("bivlc", ".", "there is no .parquet file");
    fails("zero-shot", "nowhere", "cannot read nowhere");
}

#[test]
fn embeddings_are_a_numpy_array_with_the_names_of_its_rows() {
    let folder =
        folder(&[("lines.txt", "a red car\n\na blue car\na red car\n"), ("faces/broken.png", "no image")]);
    let embed = |what: &[&str]| {
        let command =
            [&["embed", "--bundle", "tiny.safetensors", "--device", "cpu", "--quiet"], what].concat();
        trainer_ok(folder.path(), &command);
    };
    let array = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).expect("the array");
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert!(bytes.starts_with(b"\x93NUMPY\x01\x00") && (10 + length).is_multiple_of(64));
        let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
        let (numbers, _) = bytes[10 + length..].as_chunks();
        (header, numbers.iter().map(|number| f32::from_le_bytes(*number)).collect::<Vec<f32>>())
    };
    embed(&["--captions", "lines.txt", "--out", "lines.npy"]);
    let (header, numbers) = array("lines.npy");
    assert!(header.contains("'shape': (4, 16)") && header.contains("'<f4'"), "{header}");
    assert_eq!(numbers[..16], numbers[48..]);
    assert!((numbers[..16].iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(
        fs::read_to_string(folder.path().join("lines.txt")).expect("the names"),
        "a red car\n\na blue car\na red car\n"
    );

    embed(&["--images", ".", "--out", "images.npy"]);
    let names = fs::read_to_string(folder.path().join("images.txt")).expect("the names");
    let names: Vec<&str> = names.lines().collect();
    assert!(
        names.is_sorted()
            && names.contains(&"val2017/000000000007.jpg")
            && !names.contains(&"faces/broken.png")
    );
    let (header, numbers) = array("images.npy");
    assert!(header.contains(&format!("'shape': ({}, 16)", names.len())) && numbers.len() == 16 * names.len());

    let both = [
        "embed",
        "--bundle",
        "tiny.safetensors",
        "--images",
        ".",
        "--captions",
        "lines.txt",
        "--out",
        "x.npy",
    ];
    assert_eq!(trainer(folder.path(), &both).status.code(), Some(2));
}
