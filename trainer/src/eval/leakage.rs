//! Whether a model has been trained on what it is scored on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{Result, bail};
use rayon::prelude::*;
use shared::bundle::Training;
use shared::seed;

use crate::dataset::ImageSource;
use crate::dataset::image_names::image_key;
use crate::dataset::perceptual_hash::{are_copies, perceptual_hash};
use crate::eval::benchmark::Benchmark;

/// An image as training facts remember it: the lower half of a hash of its key, the same for all names of an image of
/// COCO. Two of a million images share one by chance, which a warning can bear.
pub fn fingerprint(name: &str) -> u32 {
    seed::of_text(&image_key(name)) as u32
}

/// What is known of a bundle and the images of a benchmark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leakage {
    /// The names of those that it was trained on.
    pub known: Vec<String>,
    /// Whether that was decided by what the images show, or by their names.
    pub by_content: bool,
    /// How many cannot be recognized: they have no names of their own, as cells of tables, and the bundle does not know how
    /// those that it was trained on look.
    pub nameless: usize,
}

impl Leakage {
    /// Tells of images that `who` was trained on, or is about to be.
    ///
    /// # Errors
    /// If there are any, unless that is `allowed`.
    pub fn check(&self, who: &str, benchmark: &Benchmark, allowed: bool) -> Result<()> {
        let Some(first) = self.known.first() else { return Ok(()) };
        let (n_known, n_images) = (self.known.len(), benchmark.images.len());
        let told = format!(
            "{who} was trained on {n_known} of the {n_images} images of this benchmark, such as {first}, judged by their {}",
            if self.by_content { "content" } else { "names alone" }
        );
        if !allowed {
            bail!("{told}; --allow-leakage scores it all the same");
        }
        eprintln!("WARNING: {told}; its scores say little");
        Ok(())
    }
}

/// The perceptual hashes of a benchmark's images; none of scenes, which are nobody's photographs, nor of what cannot be read and
/// is left out of the evaluation, which says so.
pub fn hashes(benchmark: &Benchmark) -> Vec<Option<u64>> {
    // Of a part or an edit what counts is the whole image, which others may be of, too.
    let files: HashSet<&Path> = benchmark.images.iter().filter_map(ImageSource::path).collect();
    let of_file = |path: &Path| hash_of(&ImageSource::File(path.to_owned()));
    let of_files: HashMap<&Path, Option<u64>> =
        files.into_par_iter().map(|path| (path, of_file(path))).collect();
    let hash = |source: &ImageSource| match (source, source.path()) {
        (_, Some(path)) => of_files[path],
        (ImageSource::Scene(..), _) => None,
        (source, None) => hash_of(source),
    };
    benchmark.images.par_iter().map(hash).collect()
}

fn hash_of(source: &ImageSource) -> Option<u64> {
    source.image().ok().map(|image| perceptual_hash(&image))
}

/// Looks for the images of a benchmark among those that a bundle was trained on: by their hashes if the bundle knows any, and
/// else by their names, which others may have given to other images.
pub fn trained_on(training: &Training, benchmark: &Benchmark, hashes: Option<&[Option<u64>]>) -> Leakage {
    of(training.images.iter().copied().collect(), &training.looks, benchmark, hashes)
}

/// The same of images with these names, before anything is trained on them.
pub fn named<'a>(names: impl Iterator<Item = &'a str>, benchmark: &Benchmark) -> Leakage {
    of(names.map(fingerprint).collect(), &[], benchmark, None)
}

fn of(seen: BTreeSet<u32>, looks: &[u64], benchmark: &Benchmark, hashes: Option<&[Option<u64>]>) -> Leakage {
    if seen.is_empty() {
        return Leakage::default();
    }
    let by_content = !looks.is_empty();
    let mut leakage = Leakage { by_content, ..Leakage::default() };
    let mut files = BTreeSet::new();
    for (idx, source) in benchmark.images.iter().enumerate() {
        let hash = hashes.and_then(|hashes| hashes[idx]);
        let is_copy = hash.is_some_and(|hash| looks.iter().any(|seen| are_copies(*seen, hash)));
        let name = source.name();
        let is_known = if by_content { is_copy } else { seen.contains(&fingerprint(&name)) };
        match (source, source.path()) {
            (_, Some(path)) if is_known && files.insert(path) => {
                leakage.known.push(name);
            }
            (ImageSource::Bytes(..), _) if is_copy => leakage.known.push(name),
            (ImageSource::Bytes(..), _) if !by_content => leakage.nameless += 1,
            _ => {}
        }
    }
    leakage
}
