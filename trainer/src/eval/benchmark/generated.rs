//! Our own negatives of somebody's captions: each caption of an image against one almost-right caption a concept, drawn
//! as training draws them and guarded by what the other captions of the image say.

use anyhow::Result;
use shared::concept::Concept;
use shared::negative::Strategy;

use super::{Benchmark, Item};
use crate::dataset::Folder;
use crate::dataset::captions::Captions;
use crate::negatives::calibration::{Drawing, For};
use crate::system::switch::Switch;

/// Reads `captions.csv`, or COCO's `captions_*.json`, and draws negatives.
///
/// # Errors
/// If neither is there or one has another form.
pub fn read(folder: &Folder, split: Option<&str>, balanced: Switch, seed: u64) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("captions.csv or captions_….json", is_captions)? {
        let captions = Captions::read(path, split.into())?;
        let drawing = match balanced {
            Switch::On => Drawing::balanced(&captions, &Concept::ALL, For::Own, seed)?,
            Switch::Off => Drawing::Fluent,
        };
        for (idx, positive) in captions.all().iter().enumerate() {
            for concept in Concept::ALL {
                let Some(negative) =
                    captions.negative(idx, concept, Strategy::Replace, drawing.proposal(), seed)
                else {
                    continue;
                };
                let image = captions.image_name(idx).and_then(|name| folder.image(name));
                let item = Item::new(concept.name(), idx);
                benchmark.add_contest(item, image, &[positive.text()], &[&negative.caption]);
            }
        }
    }
    Ok(benchmark)
}

/// Whether a file of captions of images is understood here, by its name in lower case.
pub fn is_captions(name: &str) -> bool {
    let name = name.trim_end_matches(".gz");
    name == "captions.csv" || (name.starts_with("captions_") && name.ends_with(".json"))
}
