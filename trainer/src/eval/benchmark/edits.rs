//! Your own photographs, edited by a rule so that the negative becomes true: what InpaintCOCO (arXiv 2403.02875) made by
//! hand, without hands. A caption that names one hue competes with the same caption of another hue, and the photograph
//! with the one in which everything of the first hue has the second; a caption that names a side with its opposite, and the
//! photograph with its mirror image.
//!
//! A model that prefers how true captions read, or how unedited photographs look, answers half of such an item at most.

use std::path::PathBuf;

use anyhow::Result;
use rayon::prelude::*;
use shared::caption::Caption;
use shared::concept::Concept;
use shared::negative::{self, HardNegative, Recipe};
use shared::seed;

use super::generated::is_captions;
use super::{Benchmark, Item, Skip};
use crate::dataset::Corpus;
use crate::dataset::captions::Captions;
use crate::dataset::image_edit::{Edit, Hue};
use crate::dataset::{Folder, ImageSource};

/// What an edit can change.
const CONCEPTS: [Concept; 2] = [Concept::Color, Concept::Location];
/// A hue that a caption names is on at least this share of the photograph's pixels, or who knows what the word is about.
const LEAST: f64 = 0.01;
/// A hue that the negative names is on less than this share of the pixels, or the negative may be true already.
const MOST: f64 = 0.002;

/// Reads captions, and finds those for which there is an edit.
///
/// # Errors
/// If there are none, or their file has another form.
pub fn read(folder: &Folder, split: Option<&str>, run_seed: u64) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("captions.csv or captions_….json", is_captions)? {
        let captions = Captions::read(path, split.into())?;
        let items: Vec<(usize, Found)> = (0..captions.all().len())
            .into_par_iter()
            .filter_map(|idx| Some((idx, find(&captions, idx, folder, run_seed)?)))
            .collect();
        for (idx, found) in items {
            match found {
                Found::Without(subset, why) => benchmark.skip(subset, why),
                Found::Item { subset, photograph, edit, negative } => {
                    let images =
                        [ImageSource::File(photograph.clone()), ImageSource::Edited(photograph, edit)];
                    let texts = [captions.all()[idx].text(), &negative];
                    benchmark.add_square(Item::new(subset, idx), images.map(Some), texts);
                }
            }
        }
    }
    Ok(benchmark)
}

/// What was found for a caption that names one hue or one side.
enum Found {
    /// An item.
    Item { subset: &'static str, photograph: PathBuf, edit: Edit, negative: String },
    /// None, and why.
    Without(&'static str, Skip),
}

fn find(captions: &Captions, idx: usize, folder: &Folder, run_seed: u64) -> Option<Found> {
    let caption = &captions.all()[idx];
    let guard = captions.guard(idx);
    let recipe = Recipe { guard: Some(&guard), ..Recipe::replace(&CONCEPTS) };
    let rng = &mut seed::rng(&[run_seed, idx as u64]);
    let (edit, negative) = negative::draw(caption, &recipe, usize::MAX, rng)
        .into_iter()
        .find_map(|negative| Some((edit_for(caption, &negative)?, negative)))?;
    let subset = match edit {
        Edit::Mirror => "mirrored",
        Edit::Recolor { .. } => "recolored",
    };
    let Some(path) = captions.image_name(idx).and_then(|name| folder.find(name).ok()) else {
        return Some(Found::Without(subset, Skip::MissingImage));
    };
    if let Edit::Recolor { from, to } = edit {
        let Ok(image) = ImageSource::File(path.to_owned()).image() else {
            return Some(Found::Without(subset, Skip::UnreadableImage));
        };
        if from.share(&image) < LEAST || to.share(&image) > MOST {
            return Some(Found::Without(subset, Skip::Unpaired));
        }
    }
    Some(Found::Item { subset, photograph: path.to_owned(), edit, negative: negative.caption })
}

/// The edit that makes a negative true, if a rule can make it.
fn edit_for(caption: &Caption, negative: &HardNegative) -> Option<Edit> {
    let [from, to] = [&negative.from, &negative.to].map(|words| words.to_lowercase());
    if negative.concept == Concept::Color {
        let named = |words: &str| {
            Hue::ALL.into_iter().find(|hue| words.split_whitespace().any(|word| word == hue.name()))
        };
        let edit = Edit::Recolor { from: named(&from)?, to: named(&to)? };
        // Two things of one hue change together, so nothing else may be said of it.
        let hue = named(&from)?.name();
        (caption.words().filter(|word| *word == hue).count() == 1).then_some(edit)
    } else if negative.concept == Concept::Location {
        let side = |word: &str| word == "left" || word == "right";
        let opposite = from.replace("left", "*").replace("right", "left").replace('*', "right");
        (opposite == to && from != to && caption.words().filter(|word| side(word)).count() == 1)
            .then_some(Edit::Mirror)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(text: &str) -> Vec<(Edit, String)> {
        let caption = Caption::new(text);
        let all = negative::all(&caption, &Concept::ALL);
        let edits =
            all.into_iter().filter_map(|negative| Some((edit_for(&caption, &negative)?, negative.to)));
        edits.collect()
    }

    #[test]
    fn only_hues_and_sides_have_an_edit_that_makes_their_negative_true() {
        let red = edits("a dog in a red coat");
        assert_eq!(red.len(), 3, "{red:?}");
        assert!(red.contains(&(Edit::Recolor { from: Hue::Red, to: Hue::Blue }, "blue".to_owned())));
        assert_eq!(edits("a cat to the left of a cup"), [(Edit::Mirror, "to the right of".to_owned())]);
        for without in [
            "a black dog in the snow",
            "a red ball beside a red box",
            "a cat on the left and a cup on the right",
            "a large dog on a sofa",
        ] {
            assert_eq!(edits(without), [], "{without}");
        }
    }
}
