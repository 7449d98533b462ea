//! InpaintCOCO (arXiv 2403.02875): a photograph and its caption, the photograph edited in one place and its caption.
//! The same columns hold the challenge sets that `trainer scenes` and the page write.
//!
//! A later annotation (ufal/multi-inpaint-coco) kept 953 of the 1,260 rows. If its list of ids, `keep.singleshot.ids.txt`,
//! lies in the folder, those rows are counted once more on their own.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Benchmark, Item};
use crate::dataset::parquet_rows::{self, image, text};
use crate::dataset::{Folder, ImageSource};
use crate::system::files::table;

const COLUMNS: [&str; 5] = ["concept", "coco_caption", "coco_image", "inpaint_caption", "inpaint_image"];

/// Reads every `.parquet` file, in order of their names; or, where there is none, a CSV file of the captions alone,
/// whose images are files called `1-coco.png`, `1-inpaint.png` and so on.
///
/// # Errors
/// If there is neither, or one has other columns.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let tables = folder.files(|name| name.ends_with(".parquet"));
    let captions = folder.files(|name| name.starts_with("inpaintcoco") && name.ends_with(".csv"));
    if let (true, Some(captions)) = (tables.is_empty(), captions.first()) {
        return read_captions(folder, captions);
    }
    let mut benchmark = Benchmark::default();
    let kept = folder.files(|name| name.starts_with("keep") && name.ends_with(".txt"));
    let kept = kept.first().map(|path| ids(path)).transpose()?.unwrap_or_default();
    let mut number = 0;
    for path in folder.need(".parquet file", |name| name.ends_with(".parquet"))? {
        for row in parquet_rows::read(path, &COLUMNS)? {
            let row = row?;
            // Its ids count rows from 1.
            number += 1;
            let parts = || {
                let images = ["coco_image", "inpaint_image"].map(|name| image(&row, name));
                let [first, second] = images;
                Ok::<_, anyhow::Error>((
                    text(&row, "concept")?,
                    [text(&row, "coco_caption")?, caption(&text(&row, "inpaint_caption")?)],
                    [Some(ImageSource::bytes(first?)), Some(ImageSource::bytes(second?))],
                ))
            };
            let (concept, [first, second], images) =
                parts().with_context(|| format!("in row {number} of {}", path.display()))?;
            if kept.contains(&number) {
                let item = Item { extra: true, ..Item::new(&format!("{concept}, verified"), number) };
                benchmark.add_square(item, images.clone(), [&first, &second]);
            }
            benchmark.add_square(Item::new(&concept, number), images, [&first, &second]);
        }
    }
    Ok(benchmark)
}

#[derive(Deserialize)]
struct Captions {
    row: u64,
    concept: String,
    coco_caption: String,
    inpaint_caption: String,
}

fn read_captions(folder: &Folder, path: &Path) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let expected = "the columns `row`, `concept`, `coco_caption` and `inpaint_caption`";
    for row in table::<Captions>(path, expected)? {
        let images = ["coco", "inpaint"].map(|which| folder.image(&format!("{}-{which}.png", row.row)));
        let item = Item::new(&row.concept, row.row);
        benchmark.add_square(item, images, [&row.coco_caption, &caption(&row.inpaint_caption)]);
    }
    Ok(benchmark)
}

/// The letter s alone stands where a caption got lost.
fn caption(text: &str) -> String {
    if text.trim() == "s" { String::new() } else { text.to_owned() }
}

fn ids(path: &Path) -> Result<BTreeSet<u64>> {
    let failed = || format!("cannot read {} as one number a line", path.display());
    let text = std::fs::read_to_string(path).with_context(failed)?;
    text.split_whitespace().map(|id| id.parse().with_context(failed)).collect()
}
