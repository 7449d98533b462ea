//! Winoground (arXiv 2204.03162): two images and two captions of the same words, as `examples.jsonl` and images
//! called `ex_0_img_0.png`.

use anyhow::Result;
use serde::Deserialize;

use super::{Benchmark, Item};
use crate::dataset::Folder;
use crate::system::files::json_lines;

#[derive(Deserialize)]
struct Example {
    id: u64,
    image_0: String,
    image_1: String,
    caption_0: String,
    caption_1: String,
    /// What is swapped: objects, relations or both.
    collapsed_tag: Option<String>,
    tag: Option<String>,
}

/// Reads `examples.jsonl`.
///
/// # Errors
/// If it is not there or has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("examples.jsonl", |name| name == "examples.jsonl")? {
        let expected = "an example with `id`, `image_0`, `image_1`, `caption_0` and `caption_1`";
        for example in json_lines::<Example>(path, expected)? {
            let subset = example.collapsed_tag.or(example.tag).unwrap_or_else(|| "winoground".to_owned());
            let images = [&example.image_0, &example.image_1].map(|name| folder.image(name));
            let captions = [example.caption_0.as_str(), &example.caption_1];
            benchmark.add_square(Item::new(&subset, example.id), images, captions);
        }
    }
    Ok(benchmark)
}
