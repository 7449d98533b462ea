//! The pictures that stand for samples where no engine makes them: edited samples in the game, all of them where links are shown.
//!
//! `UPDATE_EXPECT=1` writes them anew, and the list of previews.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder};
use shared::image::Image;
use shared::scene::Pair;
use web::gallery::{Preview, SCENES, previews};
use web::sample::{PREPARED, SCENE_SIDE, scene_name};

use crate::support::{decoded, root};

fn is_update() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// A file shows an image as well as JPEG does.
fn shows(path: &Path, image: &Image) {
    let [width, height] = [image.width(), image.height()];
    if is_update() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        let encoder = Encoder::new_file(path, 82).expect("a file");
        encoder.encode(image.rgb(), width as u16, height as u16, ColorType::Rgb).expect("a JPEG file");
    }
    let shown = decoded(path);
    assert_eq!([shown.width(), shown.height()], [width, height]);
    let distance: u64 = shown.rgb().iter().zip(image.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let levels = distance as f64 / image.rgb().len() as f64;
    assert!(levels < 6.0, "{} is {levels:.1} levels from what it should show", path.display());
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

#[test]
fn edited_samples_look_as_the_page_makes_them() {
    let assets = root().join("assets");
    let mut expected = BTreeSet::new();
    for prepared in PREPARED {
        let edited = prepared
            .apply(&decoded(&assets.join("samples").join(prepared.sample)))
            .unwrap_or_else(|error| panic!("{}: {error}", prepared.name));
        shows(&assets.join(prepared.file()), &edited);
        expected.insert(format!("{}.jpg", prepared.name));
    }
    assert_eq!(files(&assets.join("samples/edited")), expected);
}

#[test]
fn scenes_of_the_gallery_look_as_the_page_draws_them() {
    let folder = root().join("assets/samples/scenes");
    let mut expected = BTreeSet::new();
    for (concept, seed) in SCENES {
        let drawn = Pair::from_seed(concept, seed).scene().render(SCENE_SIDE);
        let name = format!("{}.jpg", scene_name(concept, seed).replace(' ', "-"));
        shows(&folder.join(&name), &drawn);
        expected.insert(name);
    }
    assert_eq!(files(&folder), expected);
}

#[test]
fn previews_are_listed_and_have_their_pictures() {
    let path = root().join("assets/previews.json");
    if is_update() {
        let lines: Vec<String> =
            previews().iter().map(|preview| serde_json::to_string(preview).expect("JSON")).collect();
        fs::write(&path, format!("[{}]\n", lines.join(",\n"))).expect("the list is written");
    }
    let listed: Vec<Preview> =
        serde_json::from_str(&fs::read_to_string(&path).expect("the list")).expect("its JSON");
    assert_eq!(listed, previews());
    for preview in listed {
        assert!(root().join("assets").join(&preview.image).is_file(), "{preview:?}");
    }
}
