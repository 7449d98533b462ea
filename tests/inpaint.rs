//! From captions, images and masks to a verified challenge set and its report.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::challenge_set::{Case, Reader, Row};
use shared::concept::Concept;
use shared::decode::decode;
use shared::encode;
use shared::image::Image;
use shared::review::{Reason, Review, Verdict, fingerprint};

use crate::support::{root, tiny_bundle, trainer_err, trainer_ok, trainer_path};

const SIDES: [u32; 2] = [200, 160];

/// What a drawn image shows: the captions, the category, its color, and left, top, right and bottom of the thing.
type Drawn = (&'static str, &'static str, [u8; 3], [u32; 4]);

const RED: [u8; 3] = [200, 30, 34];
const BLUE: [u8; 3] = [36, 80, 190];
const GREEN: [u8; 3] = [38, 140, 62];
const DRAWN: [Drawn; 6] = [
    ("A red car on a road.", "car", RED, [40, 60, 130, 110]),
    ("A blue bus on a road.", "bus", BLUE, [30, 40, 150, 120]),
    ("A small truck on a road.", "truck", GREEN, [80, 90, 120, 120]),
    ("A large boat on the water.", "boat", RED, [40, 30, 150, 120]),
    ("A green car near a house.", "car", RED, [60, 60, 120, 100]),
    ("Somebody sings.", "car", RED, [60, 60, 120, 100]),
];

/// Draws a thing before a ground of many grays.
fn draw((_, _, color, [left, top, right, bottom]): Drawn) -> Image {
    let [width, height] = SIDES;
    let pixel = |at: u32| {
        let (x, y) = (at % width, at / width);
        if (left..right).contains(&x) && (top..bottom).contains(&y) {
            color.map(|level| level.saturating_add(((x * 7 + y * 3) % 9) as u8))
        } else {
            [((x / 8 + y / 8) % 5 * 12 + 90) as u8; 3]
        }
    };
    Image::new(width, height, (0..width * height).flat_map(pixel).collect())
}

/// Writes the drawn images, their captions and their outlines as COCO does.
fn drawn_set(folder: &Path) {
    fs::create_dir(folder.join("images")).expect("a folder");
    let mut images = Vec::new();
    let (mut captions, mut outlines) = (Vec::new(), Vec::new());
    let categories: Vec<&str> = DRAWN.iter().map(|(_, category, ..)| *category).collect();
    for (id, drawn) in DRAWN.into_iter().enumerate() {
        let (caption, _, _, [left, top, right, bottom]) = drawn;
        let name = format!("{id}.png");
        fs::write(folder.join("images").join(&name), encode::image(&draw(drawn)).expect("a file"))
            .expect("a file");
        images.push(json!({"id": id, "file_name": name, "width": SIDES[0], "height": SIDES[1], "license": 1, "coco_url": format!("http://coco/{id}")}));
        captions.push(json!({"id": id, "image_id": id, "caption": caption}));
        let polygon = [left, top, right, top, right, bottom, left, bottom];
        outlines.push(
            json!({"id": id, "image_id": id, "category_id": id, "iscrowd": 0, "segmentation": [polygon]}),
        );
    }
    let categories: Vec<Value> =
        categories.iter().enumerate().map(|(id, name)| json!({"id": id, "name": name})).collect();
    let licenses = json!([{"id": 1, "name": "CC BY 4.0"}]);
    let captions = json!({"images": images, "annotations": captions});
    let instances =
        json!({"images": images, "annotations": outlines, "categories": categories, "licenses": licenses});
    fs::write(folder.join("captions.json"), captions.to_string()).expect("a file");
    fs::write(folder.join("instances.json"), instances.to_string()).expect("a file");
}

/// What a trainer with diffusion models says of a name that is none, and one without.
const NO_GENERATOR: &str = if cfg!(feature = "diffusion") { "not a folder" } else { "--features diffusion" };

const INPAINT: [&str; 7] =
    ["inpaint", "--captions", "captions.json", "--images", "images", "--instances", "instances.json"];

fn inpaint(folder: &Path, more: &[&str]) -> String {
    trainer_ok(folder, &[&INPAINT[..], more].concat())
}

fn read(path: &Path) -> (Vec<Row>, Vec<Case>) {
    let reader = Reader::new(fs::File::open(path).expect("a file")).expect("a set");
    let groups = 0..reader.n_groups();
    let rows = groups.clone().flat_map(|group| reader.rows(group).expect("rows")).collect();
    (rows, groups.flat_map(|group| reader.cases(group).expect("cases")).collect())
}

fn pixels(file: &[u8]) -> Image {
    decode(file).expect("an image").image
}

#[test]
fn from_captions_and_outlines_to_a_verified_set_and_its_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    drawn_set(folder);
    fs::write(folder.join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let said = inpaint(folder, &["--out", "candidates.parquet", "--seed", "3", "--rank", "tiny.safetensors"]);
    for concept in ["color     2 pairs", "size      2 pairs"] {
        assert!(said.contains(concept), "{said}");
    }
    let (rows, cases) = read(&folder.join("candidates.parquet"));
    let mut of_concept: BTreeMap<Concept, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        of_concept.entry(case.concept).or_default().push(case);
        let [before, after] = [0, 1].map(|nth| pixels(&case.images[nth]));
        let mask = pixels(&case.mask);
        for at in 0..mask.pixels().len() {
            assert!(
                mask.pixels()[at][0] > 0 || before.pixels()[at] == after.pixels()[at],
                "outside the mask"
            );
        }
        assert_ne!(before, after);
        let of = case.provenance.as_ref().expect("a provenance");
        assert_eq!((&*of.image.image_license, &*of.worker), ("CC BY 4.0", ""));
        assert!(of.image.coco_url.ends_with(of.image.file_name.trim_end_matches(".png")));
        assert!(of.generator.generator.starts_with("exact: ") && of.generator.margin.is_finite());
    }
    // The green car is red, and nobody knows what sings.
    let captions = |concept| -> Vec<&str> {
        let mut captions: Vec<&str> = of_concept[&concept].iter().map(|case| &*case.captions[0]).collect();
        captions.dedup();
        captions
    };
    assert_eq!(captions(Concept::Color), ["A red car on a road.", "A blue bus on a road."]);
    assert_eq!(captions(Concept::Size), ["A small truck on a road.", "A large boat on the water."]);
    let boat = of_concept[&Concept::Size][of_concept[&Concept::Size].len() - 1];
    let smaller = ["A small boat on the water.", "A little boat on the water."];
    assert!(smaller.contains(&&*boat.captions[1]), "{:?}", boat.captions);
    // A thing is exchanged for one that another image shows, and the new caption says so. The red car does not become the blue
    // bus, which no caption would call red.
    for case in of_concept.get(&Concept::Object).into_iter().flatten() {
        assert!(
            !case.captions[0].contains("red") || !case.captions[1].contains("bus"),
            "{:?}",
            case.captions
        );
        let shown = DRAWN.iter().any(|(_, category, ..)| case.captions[1].contains(category));
        assert!(shown && case.captions[0] != case.captions[1], "{:?}", case.captions);
    }
    let margins: Vec<(u64, f64)> = cases
        .iter()
        .filter_map(|case| case.provenance.as_ref())
        .map(|of| (of.item, of.generator.margin))
        .collect();
    assert!(margins.is_sorted_by(|a, b| a.0 < b.0 || a.0 == b.0 && a.1 >= b.1), "{margins:?}");

    // Two people check it. One takes every first candidate, the other none of objects; both put captions right.
    let items: BTreeMap<u64, Concept> =
        rows.iter().map(|row| (row.provenance.as_ref().expect("a provenance").item, row.concept)).collect();
    let accept =
        |caption: Option<&str>| Verdict::Accept { candidate: 0, caption: caption.map(str::to_owned) };
    let reviews = ["Ann", "Ben"].map(|annotator| {
        let verdict = |(item, concept): (&u64, &Concept)| {
            let verdict = match (annotator, concept) {
                ("Ben", Concept::Object) => Verdict::Reject { reason: Reason::Artifacts },
                (_, Concept::Size) => accept(Some("A boat of another size.")),
                _ => accept(None),
            };
            (*item, verdict)
        };
        let verdicts = items.iter().map(verdict).collect();
        Review { set: fingerprint(&rows), annotator: annotator.to_owned(), verdicts }
    });
    for review in &reviews {
        let json = serde_json::to_string(review).expect("JSON");
        fs::write(folder.join(format!("{}.json", review.annotator)), json).expect("a file");
    }
    let verify = ["verify", "--candidates", "candidates.parquet", "--out", "verified.parquet", "--reviews"];
    let said = trainer_ok(folder, &[&verify[..], &["Ann.json", "Ben.json"]].concat());
    assert!(said.contains("Cohen's kappa of Ann and Ben") && said.contains("disputed"), "{said}");
    let (_, verified) = read(&folder.join("verified.parquet"));
    assert_eq!(verified.len(), 4, "two colors and two sizes");
    assert!(verified.iter().all(|case| case.provenance.as_ref().expect("a provenance").worker == "Ann, Ben"));
    assert!(verified.iter().any(|case| case.captions[1] == "A boat of another size."));

    // The verified set is a benchmark.
    let evaluate = ["evaluate", "--bundle", "tiny.safetensors", "--device", "cpu", "--json", "table.json"];
    trainer_ok(
        folder,
        &[&evaluate[..], &["--benchmark", "inpaintcoco", "--data", "verified.parquet"]].concat(),
    );
    let table: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("table.json")).expect("a table")).expect("JSON");
    let rows = table["models"][0]["rows"].as_array().expect("rows").clone();
    let group = rows.iter().filter(|row| row["measure"] == "group");
    let found: Vec<_> = group.map(|row| (row["subset"].as_str().unwrap_or(""), row["n"].as_u64())).collect();
    assert_eq!(found, [("color", Some(2)), ("size", Some(2)), ("all", Some(4))]);

    let (_, said) = trainer_err(
        folder,
        &["verify", "--candidates", "verified.parquet", "--reviews", "Ann.json", "--out", "x.parquet"],
    );
    assert!(said.contains("the review of Ann is of another set"), "{said}");
}

/// The shipped example: its review is of the very candidates that are made again here.
#[test]
fn the_example_is_made_again_from_its_photographs_and_its_review() {
    let folder = tempfile::tempdir().expect("a folder");
    let example = root().join("docs/challenge-set");
    let file = |name: &str| example.join(name).to_str().expect("a path").to_owned();
    let [captions, images, masks, licenses, review] =
        ["captions.csv", "images", "masks", "licenses.csv", "review.json"].map(file);
    let walk_through = fs::read_to_string(root().join("docs/challenge-sets.md")).expect("the walk-through");
    let more = "--size 384 --pairs 8 --candidates 3";
    assert!(walk_through.contains(more), "the walk-through says how");
    let data =
        ["inpaint", "--captions", &captions, "--images", &images, "--masks", &masks, "--license", &licenses];
    let more: Vec<&str> = more.split(' ').collect();
    trainer_ok(folder.path(), &[&data[..], &more, &["--out", "candidates.parquet"]].concat());
    let verify =
        ["verify", "--candidates", "candidates.parquet", "--reviews", &review, "--out", "verified.parquet"];
    trainer_ok(folder.path(), &verify);
    let (_, cases) = read(&folder.path().join("verified.parquet"));
    assert_eq!(cases.len(), 42);
    let licenses = cases.iter().filter_map(|case| case.provenance.as_ref()).map(|of| &of.image.image_license);
    assert!(licenses.into_iter().all(|license| !license.is_empty()));
}

#[test]
fn a_set_is_the_same_however_often_its_making_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    drawn_set(folder);
    let begun = Instant::now();
    inpaint(folder, &["--out", "whole.parquet"]);
    let took = begun.elapsed();
    let whole = fs::read(folder.join("whole.parquet")).expect("a set");
    inpaint(folder, &["--out", "again.parquet"]);
    assert_eq!(fs::read(folder.join("again.parquet")).expect("a set"), whole);

    let out = folder.join("killed.parquet");
    let mut n_killed = 0;
    for nth in 1..=24 {
        let mut running = Command::new(trainer_path())
            .args([&INPAINT[..], &["--out", "killed.parquet"]].concat())
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the trainer runs");
        std::thread::sleep(took * nth / 24 + Duration::from_millis(1));
        n_killed += usize::from(running.try_wait().expect("a child").is_none());
        running.kill().expect("a child that may have ended");
        running.wait().expect("a child");
        if out.exists() {
            break;
        }
    }
    assert!(n_killed > 2, "it was killed {n_killed} times");
    if !out.exists() {
        inpaint(folder, &["--out", "killed.parquet"]);
    }
    assert_eq!(fs::read(&out).expect("a set"), whole);

    // The last kill may have come between the file and the end of its parts.
    fs::create_dir_all(folder.join("killed.parquet.parts")).expect("a folder");
    let (_, said) = trainer_err(folder, &[&INPAINT[..], &["--out", "killed.parquet"]].concat());
    assert!(said.contains("already there"), "{said}");
    assert!(!folder.join("killed.parquet.parts").exists());

    // Another seed does not go on with parts of this one.
    fs::create_dir(folder.join("other.parquet.parts")).expect("a folder");
    fs::write(folder.join("other.parquet.parts/settings.json"), "{}").expect("a file");
    let (_, said) = trainer_err(folder, &[&INPAINT[..], &["--out", "other.parquet"]].concat());
    assert!(said.contains("begun with other options"), "{said}");
}

#[cfg(feature = "diffusion")]
#[test]
fn a_diffusion_model_paints_candidates_and_goes_on_where_it_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    drawn_set(folder);
    let model = crate::inpainting_model::saved("sd2", |_| ());
    let model = model.path().to_str().expect("a path");
    let generator = ["--generator", model, "--steps", "2", "--candidates", "2", "--concepts", "color"];
    inpaint(folder, &[&generator[..], &["--out", "whole.parquet"]].concat());
    let (rows, cases) = read(&folder.join("whole.parquet"));
    assert_eq!(
        rows.len(),
        6,
        "two candidates of three cars and buses: a model paints whatever color they have"
    );
    for case in &cases {
        let of = case.provenance.as_ref().expect("a provenance");
        let expected = (model, 64, "ddim", 2, 7.5);
        let made = &of.generator;
        let found = (
            &*made.generator,
            made.sha256.len(),
            &*made.scheduler,
            made.num_inference_steps,
            made.guidance_scale,
        );
        assert_eq!(found, expected);
        assert!(
            case.captions[1].to_lowercase().contains(&made.prompt),
            "{:?}: {}",
            case.captions,
            made.prompt
        );
        assert_eq!((of.mask.width_factor, of.mask.feather), (25.0, 8));
        let [before, after, mask] = [&case.images[0], &case.images[1], &case.mask].map(|file| pixels(file));
        let pixels = before.pixels().iter().zip(after.pixels()).zip(mask.pixels());
        assert!(pixels.into_iter().all(|((before, after), mask)| mask[0] > 0 || before == after));
    }

    // Checked and scored like any other set.
    fs::write(folder.join("tiny.safetensors"), tiny_bundle()).expect("a file");
    let verdicts = (0..3).map(|item| (item, Verdict::Accept { candidate: 1, caption: None })).collect();
    let review = Review { set: fingerprint(&rows), annotator: "Ann".to_owned(), verdicts };
    fs::write(folder.join("ann.json"), serde_json::to_string(&review).expect("JSON")).expect("a file");
    let verify =
        ["verify", "--candidates", "whole.parquet", "--reviews", "ann.json", "--out", "verified.parquet"];
    trainer_ok(folder, &verify);
    let evaluate =
        ["evaluate", "--bundle", "tiny.safetensors", "--device", "cpu", "--benchmark", "inpaintcoco"];
    let table = trainer_ok(folder, &[&evaluate[..], &["--data", "verified.parquet"]].concat());
    let group = table.lines().find(|line| line.starts_with("color") && line.contains("group"));
    let n: Vec<&str> = group.expect("a row").split_whitespace().collect();
    assert_eq!(n[2], "3", "{table}");

    let args = [&INPAINT[..], &generator, &["--out", "killed.parquet"]].concat();
    let mut running = Command::new(trainer_path())
        .args(&args)
        .current_dir(folder)
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let first = folder.join("killed.parquet.parts/00000000.parquet");
    while !first.exists() && running.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().expect("a child that may have ended");
    running.wait().expect("a child");
    if !folder.join("killed.parquet").exists() {
        trainer_ok(folder, &args);
    }
    let [whole, killed] =
        ["whole", "killed"].map(|name| fs::read(folder.join(name).with_extension("parquet")));
    assert_eq!(whole.expect("a set"), killed.expect("a set"));
}

#[test]
fn masks_beside_the_images_do_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    drawn_set(folder);
    fs::create_dir(folder.join("masks")).expect("a folder");
    for (id, name) in [(0, "0.png"), (1, "1.bus.png")] {
        let (.., [left, top, right, bottom]) = DRAWN[id];
        let [width, height] = SIDES;
        let is_in = |at: u32| (left..right).contains(&(at % width)) && (top..bottom).contains(&(at / width));
        let mask = (0..width * height).flat_map(|at| [if is_in(at) { 255 } else { 0 }; 3]).collect();
        let file = encode::image(&Image::new(width, height, mask)).expect("a file");
        fs::write(folder.join("masks").join(name), file).expect("a file");
    }
    let common = ["inpaint", "--captions", "captions.json", "--images", "images", "--masks", "masks"];
    let more = ["--concepts", "color", "--license", "CC0", "--limit", "1", "--out", "a.parquet"];
    let said = trainer_ok(folder, &[&common[..], &more].concat());
    assert!(said.contains("color     1 pairs"), "{said}");
    let (_, cases) = read(&folder.join("a.parquet"));
    let of = cases[0].provenance.as_ref().expect("a provenance");
    // A road has no mask, and a mask without a name is of the only thing that a caption names.
    assert!(["0.png", "1.png"].contains(&&*of.image.file_name) && of.image.image_license == "CC0", "{of:?}");
}

#[test]
fn what_cannot_be_edited_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    drawn_set(folder);
    for (more, status, why) in [
        (&["--concepts", "location", "--out", "a.parquet"][..], 1, "mirrors images"),
        (&["--generator", "no such", "--out", "a.parquet"], 1, NO_GENERATOR),
        (&["--width-factor", "500", "--out", "a.parquet"], 1, "percentage"),
        (&["--candidates", "0", "--out", "a.parquet"], 2, "1..=64"),
        (&["--out", "captions.json/a.parquet"], 1, "captions.json"),
    ] {
        let (found, said) = trainer_err(folder, &[&INPAINT[..], more].concat());
        assert!(found == Some(status) && said.contains(why), "{more:?}: {said}");
    }
    let (status, said) = trainer_err(
        folder,
        &["inpaint", "--captions", "captions.json", "--images", "images", "--out", "a.parquet"],
    );
    assert!(status == Some(2) && said.contains("--instances"), "{said}");
    fs::create_dir(folder.join("empty")).expect("a folder");
    let elsewhere =
        ["inpaint", "--captions", "captions.json", "--images", "empty", "--instances", "instances.json"];
    let (_, said) = trainer_err(folder, &[&elsewhere[..], &["--out", "a.parquet"]].concat());
    assert!(said.contains("no image was found in empty"), "{said}");
    fs::write(
        folder.join("captions.json"),
        r#"{"images": [], "annotations": [{"image_id": 0, "caption": "a song"}]}"#,
    )
    .expect("a file");
    let (_, said) = trainer_err(folder, &[&INPAINT[..], &["--out", "b.parquet"]].concat());
    assert!(said.contains("error: "), "{said}");
}
