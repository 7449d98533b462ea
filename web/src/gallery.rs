//! The samples that the page offers, and the page that stands for each where a link to it is shown with a picture.

use serde::{Deserialize, Serialize};
use shared::concept::Concept;

use crate::sample::{PREPARED, PreparedEdit, scene_name};

/// Seeds whose scenes show each concept well.
pub const SCENES: [(Concept, u64); 6] = [
    (Concept::Color, 1),
    (Concept::Location, 2),
    (Concept::Size, 3),
    (Concept::Object, 4),
    (Concept::Location, 5),
    (Concept::Color, 6),
];

/// Files in `assets/samples`, what they show, and a caption to begin with.
pub const PHOTOGRAPHS: [(&str, &str); 7] = [
    ("cat", "a small brown cat"),
    ("astronaut", "an orange suit in front of a flag"),
    ("coffee", "a cup on a brown table"),
    ("rocket", "a white rocket next to a tower"),
    ("flower", "an orange flower in front of green leaves"),
    ("hopper", "a black hat on a person in front of a flag"),
    ("pagoda", "a red tower behind green trees"),
];

/// A page that shows a picture to sites that show links, and leads on to the question. `web/finish.mjs` writes them from
/// `assets/previews.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// What the page is called, without its ending.
    pub name: String,
    /// Its picture, relative to the main page.
    pub image: String,
    /// What it is about.
    pub title: String,
    /// What the main page is asked, unless the link says more.
    pub hash: String,
}

/// The name of the preview of a sample, or of a change to it; nothing for a scene that is not in the gallery.
pub fn preview_of(sample: &str, edit: Option<&PreparedEdit>) -> Option<String> {
    if let Some(edit) = edit {
        return Some(edit.name.to_owned());
    }
    let photographs = PHOTOGRAPHS.iter().find(|(name, _)| sample.strip_suffix(".jpg") == Some(name));
    let scenes = SCENES.iter().map(|(concept, seed)| scene_name(*concept, *seed));
    photographs
        .map(|(name, _)| (*name).to_owned())
        .or_else(|| scenes.into_iter().find(|name| name == sample).map(|name| name.replace(' ', "-")))
}

/// All previews.
pub fn previews() -> Vec<Preview> {
    let photographs = PHOTOGRAPHS.iter().map(|(name, caption)| Preview {
        name: (*name).to_owned(),
        image: format!("samples/{name}.jpg"),
        title: format!("“{caption}”, or not quite?"),
        hash: format!("#sample={name}.jpg"),
    });
    let scenes = SCENES.iter().map(|(concept, seed)| {
        let name = scene_name(*concept, *seed);
        Preview {
            name: name.replace(' ', "-"),
            image: format!("samples/scenes/{}.jpg", name.replace(' ', "-")),
            title: format!("Does a model see the {concept}?"),
            hash: format!("#sample={}&models=scenes", name.replace(' ', "+")),
        }
    });
    let edits = PREPARED.iter().map(|prepared| Preview {
        name: prepared.name.to_owned(),
        image: prepared.file(),
        title: format!("“{}”: still true of this picture?", prepared.caption),
        hash: format!("#sample={}&edit={}", prepared.sample, prepared.name),
    });
    photographs.chain(scenes).chain(edits).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sample_has_a_preview_of_its_own() {
        let names: BTreeSet<String> = previews().into_iter().map(|preview| preview.name).collect();
        assert_eq!(names.len(), previews().len());
        let found = [
            preview_of("coffee.jpg", None),
            preview_of("scene color 1", None),
            preview_of("coffee.jpg", PreparedEdit::named("green-cup")),
        ];
        assert!(found.iter().flatten().all(|name| names.contains(name)), "{found:?}");
        assert_eq!(found.map(|name| name.is_some()), [true; 3]);
        assert_eq!(
            ["scene color 99", "mine.jpg", "coffee"].map(|name| preview_of(name, None)),
            [const { None }; 3]
        );
    }
}
