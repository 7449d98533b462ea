//! Your own photographs, edited by a rule so that the negative becomes true: what InpaintCOCO (arXiv 2403.02875) made by
//! hand, without hands. A caption that names one hue competes with the same caption of another hue, and the photograph
//! with the one in which everything of the first hue has the second; a caption that names a side with its opposite, and the
//! photograph with its mirror image.
//!
//! A model that prefers how true captions read, or how unedited photographs look, answers half of such an item at most.

use std::path::PathBuf;

use anyhow::Result;
use rayon::prelude::*;
use shared::negative::{self, Recipe};
use shared::seed;

use super::generated::is_captions;
use super::{Benchmark, Item, Skip};
use crate::dataset::Corpus;
use crate::dataset::captions::Captions;
use crate::dataset::image_edit::{CONCEPTS, Edit};
use crate::dataset::{Folder, ImageSource};

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
        .find_map(|negative| Some((Edit::of(caption, &negative)?, negative)))?;
    let subset = match edit {
        Edit::Mirror => "mirrored",
        Edit::Recolor { .. } => "recolored",
    };
    let Some(path) = captions.image_name(idx).and_then(|name| folder.find(name).ok()) else {
        return Some(Found::Without(subset, Skip::MissingImage));
    };
    let Ok(image) = ImageSource::File(path.to_owned()).image() else {
        return Some(Found::Without(subset, Skip::UnreadableImage));
    };
    if !edit.suits(&image) {
        return Some(Found::Without(subset, Skip::Unpaired));
    }
    Some(Found::Item { subset, photograph: path.to_owned(), edit, negative: negative.caption })
}
