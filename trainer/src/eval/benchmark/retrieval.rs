//! Retrieval: every caption among all, every image among all, on COCO and Flickr. Of each image the first five
//! captions count.

use anyhow::{Result, bail};

use super::{Benchmark, Ranking, Recall, Skip, is_empty};
use crate::dataset::Folder;
use crate::dataset::{Record, caption_file};
use crate::system::files::stem;

/// Captions an image, as the published protocols have it.
const CAPTIONS: usize = 5;

/// Reads the captions; `pool` images compete with each other, all of them without it.
///
/// # Errors
/// If there is no file of captions, it has another form, or a pool needs more images than there are.
pub fn read(folder: &Folder, split: Option<&str>, pool: Option<usize>) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    let paths = folder.need("file of captions (.json, .csv, .token.txt)", caption_file::is_known)?;
    for path in paths {
        let subset = stem(path);

        let mut found = Vec::new();
        for Record { name, captions, .. } in caption_file::read(path, split.into())? {
            let captions: Vec<String> = captions
                .into_iter()
                .map(|caption| caption.text().to_owned())
                .filter(|text| !is_empty(text))
                .take(CAPTIONS)
                .collect();
            match folder.image(&name) {
                None => benchmark.skip(&subset, Skip::MissingImage),
                Some(_) if captions.is_empty() => benchmark.skip(&subset, Skip::EmptyCaption),
                Some(image) => found.push((image, captions)),
            }
        }
        // Said once, when no file has any.
        if found.is_empty() && pool.is_none() {
            continue;
        }
        let pool = pool.unwrap_or(found.len()).max(1);
        if pool > found.len() {
            bail!(
                "{} has {} images that were found, a pool of {pool} needs more",
                path.display(),
                found.len()
            );
        }
        // What is left over when the last pool is full competes with nobody.
        for images in found.chunks_exact(pool) {
            let mut ranking = Ranking {
                subset: subset.clone(),
                images: Vec::new(),
                texts: Vec::new(),
                true_of: Vec::new(),
                measure: Recall::Retrieval,
            };
            for (place, (image, captions)) in images.iter().enumerate() {
                ranking.images.push(benchmark.image(image.clone()));
                for caption in captions {
                    ranking.texts.push(vec![benchmark.caption(caption.trim())]);
                    ranking.true_of.push(vec![place]);
                }
            }
            benchmark.rankings.push(ranking);
        }
    }
    Ok(benchmark)
}
