//! BiVLC (arXiv 2406.09952): SugarCrepe's captions and negatives, each with an image.

use anyhow::{Context, Result};

use super::{Benchmark, Item};
use crate::dataset::parquet_rows::{self, image, text};
use crate::dataset::{Folder, ImageSource};

const COLUMNS: [&str; 6] = ["image", "caption", "negative_caption", "negative_image", "type", "subtype"];

/// Reads every `.parquet` file, in order of their names.
///
/// # Errors
/// If there is none, or one has other columns.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let mut number = 0;
    for path in folder.need(".parquet file", |name| name.ends_with(".parquet"))? {
        for row in parquet_rows::read(path, &COLUMNS)? {
            let row = row?;
            let parts = || {
                Ok::<_, anyhow::Error>((
                    format!("{}, {}", text(&row, "type")?, text(&row, "subtype")?),
                    [text(&row, "caption")?, text(&row, "negative_caption")?],
                    [image(&row, "image")?, image(&row, "negative_image")?],
                ))
            };
            let (subset, [first, second], images) =
                parts().with_context(|| format!("in row {number} of {}", path.display()))?;
            let images = images.map(|bytes| Some(ImageSource::bytes(bytes)));
            benchmark.add_square(Item::new(&subset, number), images, [&first, &second]);
            number += 1;
        }
    }
    Ok(benchmark)
}
