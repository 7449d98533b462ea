//! Pictures that the page brings along, by their names, and changes to them that take one press.

use shared::concept::Concept;
use shared::edit::{Edit, EditError};
use shared::image::Image;
use shared::resize::within;
use shared::scene::ColorName;

use crate::protocol::Region;
use crate::select::{Stroke, WORKING_SIDE, select};

/// The side of drawn scenes in pixels.
pub const SCENE_SIDE: u32 = 320;

/// The concept and the seed of a drawn scene called `scene color 17`; nothing for other names.
pub fn scene(name: &str) -> Option<(Concept, u64)> {
    let (concept, seed) = name.strip_prefix("scene ")?.split_once(' ')?;
    let concept = Concept::RENDERED.into_iter().find(|known| known.name() == concept)?;
    Some((concept, seed.parse().ok()?))
}

/// What a drawn scene is called.
pub fn scene_name(concept: Concept, seed: u64) -> String {
    format!("scene {concept} {seed}")
}

/// A change to a sample that somebody has painted beforehand.
#[derive(Debug, PartialEq)]
pub struct PreparedEdit {
    /// What links call it.
    pub name: &'static str,
    /// The sample.
    pub sample: &'static str,
    /// What the button says.
    pub words: &'static str,
    /// The caption of the picture as it is, which the change makes false.
    pub caption: &'static str,
    /// The caption of the picture after it, where the edit does not say.
    pub after: Option<&'static str>,
    /// What is done.
    pub edit: Edit,
    /// Lines over the thing, in shares of the picture's sides.
    strokes: &'static [&'static [[f32; 2]]],
    /// Lines over what is around it.
    outside: &'static [&'static [[f32; 2]]],
    /// The brush, as a share of the longer side.
    radius: f32,
    reach: f32,
}

impl PreparedEdit {
    /// What is changed.
    pub fn region(&self) -> Region {
        let all = |lines: &[&[[f32; 2]]], erases: bool| {
            let stroke =
                |points: &&[[f32; 2]]| Stroke { points: points.to_vec(), radius: self.radius, erases };
            lines.iter().map(stroke).collect::<Vec<_>>()
        };
        let strokes = [all(self.strokes, false), all(self.outside, true)].concat();
        Region { strokes, reach: self.reach }
    }

    /// The sample after the change, as the page makes it of the decoded file.
    ///
    /// # Errors
    /// If the strokes select nothing, or leave nothing to fill a gap with.
    pub fn apply(&self, image: &Image) -> Result<Image, EditError> {
        let Region { strokes, reach } = self.region();
        let mask = select(&within(image, WORKING_SIDE), &strokes, reach);
        self.edit.apply(image, &mask, &mut |_| {})
    }

    /// Where the page lays the sample after the change, to be shown where no engine makes it.
    pub fn file(&self) -> String {
        format!("samples/edited/{}.jpg", self.name)
    }

    /// The change that links call this.
    pub fn named(name: &str) -> Option<&'static PreparedEdit> {
        PREPARED.iter().find(|prepared| prepared.name == name)
    }

    /// The changes to a sample.
    pub fn of(sample: &str) -> impl Iterator<Item = &'static PreparedEdit> {
        PREPARED.iter().filter(move |prepared| prepared.sample == sample)
    }
}

const fn mirrored(name: &'static str, sample: &'static str, caption: &'static str) -> PreparedEdit {
    let (words, edit) = ("Mirror the picture", Edit::Mirror);
    PreparedEdit {
        name,
        sample,
        words,
        caption,
        after: None,
        edit,
        strokes: &[],
        outside: &[],
        radius: 0.0,
        reach: 0.0,
    }
}

/// All of them.
pub const PREPARED: &[PreparedEdit] = &[
    PreparedEdit {
        name: "blue-suit",
        sample: "astronaut.jpg",
        words: "Make the suit blue",
        caption: "an orange suit",
        after: None,
        edit: Edit::Recolor { to: ColorName::Blue },
        strokes: &[
            &[[0.22, 0.42], [0.12, 0.6], [0.1, 0.8], [0.12, 0.95], [0.3, 0.97]],
            &[[0.2, 0.6], [0.3, 0.85], [0.4, 0.9]],
            &[[0.3, 0.62], [0.44, 0.66], [0.43, 0.85]],
            &[[0.66, 0.5], [0.68, 0.62], [0.55, 0.64], [0.52, 0.85]],
        ],
        outside: &[
            &[[0.14, 0.35], [0.03, 0.55], [0.02, 0.75]],
            &[[0.2, 0.3], [0.15, 0.4]],
            &[[0.65, 0.35], [0.73, 0.5]],
            &[[0.7, 0.45], [0.72, 0.6]],
        ],
        radius: 0.015,
        reach: 0.4,
    },
    mirrored("mirrored-flag", "astronaut.jpg", "a flag on the left"),
    PreparedEdit {
        name: "green-cup",
        sample: "coffee.jpg",
        words: "Make cup and plate green",
        caption: "a red cup on a table",
        after: None,
        edit: Edit::Recolor { to: ColorName::Green },
        strokes: &[
            &[
                [0.2, 0.28],
                [0.15, 0.5],
                [0.2, 0.75],
                [0.35, 0.9],
                [0.5, 0.93],
                [0.7, 0.8],
                [0.78, 0.55],
                [0.75, 0.4],
            ],
            &[[0.2, 0.5], [0.3, 0.8], [0.5, 0.85], [0.68, 0.7]],
            &[[0.32, 0.4], [0.4, 0.55], [0.5, 0.6]],
            &[[0.38, 0.68], [0.37, 0.72]],
        ],
        outside: &[
            &[[0.02, 0.9], [0.05, 0.6], [0.08, 0.35], [0.15, 0.15], [0.26, 0.05]],
            &[[0.85, 0.3], [0.9, 0.6], [0.8, 0.9], [0.6, 0.99]],
            &[[0.42, 0.3], [0.55, 0.4]],
            &[[0.31, 0.15], [0.33, 0.3]],
            &[[0.6, 0.7], [0.64, 0.75]],
            &[[0.1, 0.75], [0.25, 0.97]],
        ],
        radius: 0.015,
        reach: 0.35,
    },
    PreparedEdit {
        name: "purple-flower",
        sample: "flower.jpg",
        words: "Make the flower purple",
        caption: "an orange flower",
        after: None,
        edit: Edit::Recolor { to: ColorName::Purple },
        strokes: &[&[[0.32, 0.5], [0.62, 0.5]], &[[0.48, 0.28], [0.48, 0.75]]],
        outside: &[],
        radius: 0.02,
        reach: 0.5,
    },
    PreparedEdit {
        name: "red-wall",
        sample: "hopper.jpg",
        words: "Make the wall red",
        caption: "a person in front of a blue wall",
        after: None,
        edit: Edit::Recolor { to: ColorName::Red },
        strokes: &[&[[0.9, 0.1], [0.85, 0.4]], &[[0.6, 0.02], [0.95, 0.05]]],
        outside: &[],
        radius: 0.015,
        reach: 0.5,
    },
    mirrored("mirrored-tower", "pagoda.jpg", "a building on the left"),
    PreparedEdit {
        name: "blue-eyes",
        sample: "cat.jpg",
        words: "Make the eyes blue",
        caption: "a cat with green eyes",
        after: None,
        edit: Edit::Recolor { to: ColorName::Blue },
        strokes: &[
            &[[0.33, 0.35], [0.34, 0.42], [0.39, 0.45], [0.43, 0.41], [0.42, 0.34], [0.37, 0.31]],
            &[[0.67, 0.43], [0.68, 0.5], [0.72, 0.5], [0.745, 0.45], [0.73, 0.4], [0.69, 0.4]],
        ],
        outside: &[&[[0.62, 0.35], [0.64, 0.45], [0.66, 0.55]], &[[0.66, 0.34], [0.72, 0.34]]],
        radius: 0.01,
        reach: 0.17,
    },
    PreparedEdit {
        name: "green-sky",
        sample: "rocket.jpg",
        words: "Make the sky green",
        caption: "a rocket under a blue sky",
        after: None,
        edit: Edit::Recolor { to: ColorName::Green },
        strokes: &[
            &[[0.2, 0.2], [0.45, 0.3], [0.8, 0.2]],
            &[[0.2, 0.6], [0.4, 0.7]],
            &[[0.6, 0.6], [0.8, 0.7]],
            &[[0.02, 0.1], [0.02, 0.6]],
            &[[0.98, 0.1], [0.98, 0.6]],
            &[[0.1, 0.3], [0.1, 0.75]],
            &[[0.9, 0.3], [0.9, 0.75]],
        ],
        outside: &[],
        radius: 0.015,
        reach: 0.38,
    },
    PreparedEdit {
        name: "one-flower",
        sample: "flower.jpg",
        words: "Take the second flower away",
        caption: "a flower above another flower",
        after: Some("a flower above green leaves"),
        edit: Edit::Remove,
        strokes: &[
            &[
                [0.445, 0.98],
                [0.47, 0.955],
                [0.51, 0.925],
                [0.55, 0.905],
                [0.59, 0.915],
                [0.63, 0.925],
                [0.68, 0.95],
                [0.72, 0.98],
            ],
            &[[0.47, 0.99], [0.7, 0.99]],
            &[[0.5, 0.96], [0.67, 0.96]],
            &[[0.54, 0.94], [0.63, 0.94]],
        ],
        outside: &[],
        radius: 0.02,
        reach: 0.03,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use shared::caption::Caption;
    use shared::decode::decode;
    use shared::edit::{caption_after, color_of};

    use super::*;

    #[test]
    fn scenes_are_known_by_their_names() {
        for concept in Concept::RENDERED {
            assert_eq!(scene(&scene_name(concept, 17)), Some((concept, 17)));
        }
        for other in ["coffee.jpg", "scene 1", "scene mood 3", "scene color x", "scene color -1"] {
            assert_eq!(scene(other), None, "{other}");
        }
    }

    #[test]
    fn prepared_edits_select_their_thing_and_make_their_caption_false() {
        let names: BTreeSet<&str> = PREPARED.iter().map(|prepared| prepared.name).collect();
        assert_eq!(names.len(), PREPARED.len());
        for prepared in PREPARED {
            let path = format!("{}/../assets/samples/{}", env!("CARGO_MANIFEST_DIR"), prepared.sample);
            let image = decode(&fs::read(path).expect("a sample")).expect("an image").image;
            let small = within(&image, WORKING_SIDE);
            let region = prepared.region();
            let mask = select(&small, &region.strokes, region.reach);
            let was = color_of(&small, &mask);
            let after = caption_after(&Caption::new(prepared.caption), prepared.edit, was);
            let after = match prepared.after {
                Some(caption) => caption.to_owned(),
                None => after.expect("a caption of the edited picture").caption,
            };
            let selected = mask.coverage().iter().filter(|coverage| **coverage > 0).count();
            let share = selected as f32 / mask.coverage().len() as f32;
            match prepared.edit {
                Edit::Recolor { to } => {
                    assert!(after.contains(to.name()), "{}: {after}", prepared.name);
                    assert!((0.03..0.95).contains(&share), "{}: {share} is selected", prepared.name);
                }
                Edit::Remove => assert!((0.01..0.2).contains(&share), "{}: {share}", prepared.name),
                edit => assert_eq!((edit, share, after.contains("right")), (Edit::Mirror, 0.0, true)),
            }
        }
    }
}
