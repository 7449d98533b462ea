//! Structural promises of ARCHITECTURE.md and CONTRIBUTING.md, so that they cannot rot.

use std::path::PathBuf;

use crate::imports::{Crate, sources};
use crate::support::root;

fn rooms(names: &[&str]) -> Vec<(PathBuf, String)> {
    names
        .iter()
        .flat_map(|name| sources(&root().join(name).join("src")))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source file");
            (path, text)
        })
        .collect()
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    const MOST_LINES: usize = 400;
    const USUAL_LINES: usize = 150;
    let rooms = rooms(&["shared", "trainer", "web"]);
    let mut lengths: Vec<usize> = rooms.iter().map(|(_, text)| text.lines().count()).collect();
    for ((path, _), lines) in rooms.iter().zip(&lengths) {
        assert!(*lines <= MOST_LINES, "{} has {lines} lines: is there a second idea inside?", path.display());
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= USUAL_LINES, "half of the files have more than {median} lines");
}

/// Clocks, files, threads and ambient randomness are forbidden by `shared/clippy.toml`.
#[test]
fn shared_is_the_same_on_every_target() {
    for (path, text) in rooms(&["shared"]) {
        for word in ["cfg(target", "web_sys"] {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
    }
}

#[test]
fn a_backend_is_named_in_one_file_of_each_program() {
    let names = ["Device::cuda", "Device::wgpu", "DeviceType::"];
    for (path, text) in rooms(&["trainer", "web", "shared"]) {
        let owns =
            path.ends_with("trainer/src/system/device.rs") || path.ends_with("web/src/engine/device.rs");
        let named = names.iter().any(|name| text.contains(name));
        assert!(owns || !named, "{} names a backend", path.display());
    }
}

#[test]
fn imports_run_in_no_circle() {
    for name in ["shared", "trainer", "web"] {
        let circles = Crate::read(name).circles();
        assert!(circles.is_empty(), "files of {name} that import each other: {circles:#?}");
    }
}

/// The trainer's rooms, each of which imports only those before it.
#[test]
fn the_rooms_of_the_trainer_know_only_those_below_them() {
    const FLOORS: [&[&str]; 9] = [
        &["system", "statistics"],
        &["dataset"],
        &["negatives"],
        &["models"],
        &["train", "eval", "inpaint"],
        &["commands"],
        &["cli", "fuzzing"],
        &["lib"],
        &["main"],
    ];
    let floor = |room: &str| {
        let place = FLOORS.iter().position(|rooms| rooms.contains(&room));
        place.unwrap_or_else(|| panic!("the room {room} is on no floor"))
    };
    for (from, to) in Crate::read("trainer").imports() {
        let [from_room, to_room] = [&from, &to].map(|file| file.split(['/', '.']).next().expect("a room"));
        let is_below = from_room == to_room || floor(to_room) < floor(from_room);
        assert!(is_below, "{from} imports {to}");
    }
}

#[test]
fn the_licenses_that_are_listed_are_those_that_are_allowed() {
    let list = |file: &str, key: &str| {
        let text = std::fs::read_to_string(root().join(file)).expect(file);
        let list = text.split_once(&format!("{key} = [")).expect(key).1;
        list[..list.find(']').expect("its end")].to_owned()
    };
    let allowed = list("deny.toml", "allow");
    assert!(allowed.contains("\"MIT\""), "{allowed}");
    assert_eq!(list(".ci/about.toml", "accepted"), allowed);
}

/// As far as the workflows say it themselves: `upload-pages-artifact` goes on to an action of the same owner by its tag.
#[test]
fn workflows_name_what_they_use_by_commit() {
    for entry in std::fs::read_dir(root().join(".github/workflows")).expect("the workflows") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a workflow");
        let used: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("uses: ")?.1)).collect();
        assert!(!used.is_empty(), "{} uses nothing", path.display());
        for action in used {
            let commit = action.split(['@', ' ']).nth(1).unwrap_or_default();
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit, "a tag can be moved: {action}");
        }
    }
}

#[test]
fn the_page_offers_the_colors_of_scenes() {
    let page = std::fs::read_to_string(root().join("index.html")).expect("the page");
    let select = page.split("id=\"edit-color\"").nth(1).expect("the editor's colors");
    let select = &select[..select.find("</select>").expect("its end")];
    // Not the words between the tags, which a browser may translate.
    let offered: Vec<&str> =
        select.split("value=\"").skip(1).filter_map(|option| option.split('"').next()).collect();
    let named: Vec<&str> = shared::scene::ColorName::ALL.iter().map(|color| color.name()).collect();
    assert_eq!(offered, named);
}

#[test]
fn no_test_is_ignored() {
    let own = sources(&root().join("tests"));
    let rooms = rooms(&["shared", "trainer", "web"]).into_iter().map(|(path, _)| path);
    for path in rooms.chain(own).filter(|path| !path.ends_with("tests/tidy.rs")) {
        let text = std::fs::read_to_string(&path).expect("a source file");
        assert!(!text.contains("#[ignore"), "{}", path.display());
    }
}

#[test]
fn every_fault_has_its_test() {
    let text = std::fs::read_to_string(root().join("tests/FAULTS.md")).expect("FAULTS.md");
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let mut count = 0;
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().expect("a last cell");
        let named: Vec<&str> =
            tests.split('`').skip(1).step_by(2).filter(|name| *name != "tests/fuzz").collect();
        assert!(!named.is_empty(), "{row}");
        for name in named {
            let (source, test) = if name.ends_with(".mjs") {
                let title = tests.split_once(": ").expect("a title").1.trim();
                (read(root().join("tests/browser").join(name)), title.to_owned())
            } else {
                let (file, test) = name.rsplit_once("::").expect("a file and its test");
                let file = if file.ends_with(".rs") { file.to_owned() } else { format!("tests/{file}.rs") };
                (read(root().join(file)), format!("fn {test}("))
            };
            assert!(source.contains(&test), "there is no {test:?} in {name}");
            count += 1;
        }
    }
    assert!(count > 25, "{count} tests were found");
}

#[test]
fn every_file_named_in_the_architecture_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let named = text.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs"));
    let mut count = 0;
    for file in named {
        assert!(root().join(file).exists(), "ARCHITECTURE.md names {file}");
        count += 1;
    }
    assert!(count >= 10, "ARCHITECTURE.md should name files by their paths, and names {count}");
}
