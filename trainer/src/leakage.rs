//! Whether a model has been trained on what it is scored on.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use image::imageops::FilterType;
use image_hasher::{HashAlg, HasherConfig};
use rayon::prelude::*;
use shared::bundle::Training;
use shared::picture::Picture;
use shared::seed;

use crate::benchmark::{Benchmark, Source};
use crate::picture_names::picture_key;

/// A picture as training facts remember it: the lower half of a hash of its key, the same for all names of a picture of
/// COCO. Two of a million pictures share one by chance, which a warning can bear.
pub fn fingerprint(name: &str) -> u32 {
    seed::of_text(&picture_key(name)) as u32
}

/// Looks that differ in at most so many of their 64 bits are taken for one picture: the most at which no two of Flickr8k's
/// training and dev photographs are (NOTEBOOK, "Are copies recognized by their looks?").
const SAME_LOOK: u32 = 3;

/// How a picture looks, whatever its name, size and file format: for each of 64 places whether it gets brighter to the right
/// (difference hash). Copies differ in a few bits.
pub fn look(picture: &Picture) -> u64 {
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_alg(HashAlg::Gradient)
        .hash_size(8, 8)
        .resize_filter(FilterType::Triangle)
        .to_hasher();
    let pixels = image::RgbImage::from_raw(picture.width(), picture.height(), picture.rgb().to_vec());
    let bytes = pixels.map(|pixels| hasher.hash_image(&pixels)).expect("three bytes a pixel");
    u64::from_le_bytes(bytes.as_bytes().try_into().expect("64 bits"))
}

/// What is known of a bundle and the pictures of a benchmark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leakage {
    /// The names of those that it was trained on, or that look like one that it was trained on.
    pub known: Vec<String>,
    /// How many cannot be recognized: they have no names of their own, as cells of tables, and the bundle does not know how
    /// those that it was trained on look.
    pub nameless: usize,
}

impl Leakage {
    /// Tells of pictures that `who` was trained on, or is about to be.
    ///
    /// # Errors
    /// If there are any, unless that is `allowed`.
    pub fn check(&self, who: &str, benchmark: &Benchmark, allowed: bool) -> Result<()> {
        let Some(first) = self.known.first() else { return Ok(()) };
        let (n_known, n_pictures) = (self.known.len(), benchmark.pictures.len());
        let told = format!(
            "{who} was trained on {n_known} of the {n_pictures} pictures of this benchmark, such as {first}"
        );
        if !allowed {
            bail!("{told}; --allow-leakage scores it all the same");
        }
        eprintln!("WARNING: {told}; its scores say little");
        Ok(())
    }
}

/// Looks for the pictures of a benchmark among those that a bundle was trained on: by their names, and by how they look if
/// the bundle knows that.
pub fn trained_on(training: &Training, benchmark: &Benchmark) -> Leakage {
    of(training.pictures.iter().copied().collect(), &training.looks, benchmark)
}

/// The same of pictures with these names, before anything is trained on them.
pub fn named<'a>(names: impl Iterator<Item = &'a str>, benchmark: &Benchmark) -> Leakage {
    of(names.map(fingerprint).collect(), &[], benchmark)
}

fn of(seen: BTreeSet<u32>, looks: &[u64], benchmark: &Benchmark) -> Leakage {
    if seen.is_empty() {
        return Leakage::default();
    }
    let is_seen = |source: &Source| {
        // Scenes are nobody's photographs, and what cannot be read is left out of the evaluation, which says so.
        let is_asked = !looks.is_empty() && !matches!(source, Source::Scene(..));
        is_asked
            && source.picture().is_ok_and(|picture| {
                let look = look(&picture);
                looks.iter().any(|seen| (seen ^ look).count_ones() <= SAME_LOOK)
            })
    };
    let by_look: Vec<bool> = benchmark.pictures.par_iter().map(is_seen).collect();
    let mut leakage = Leakage::default();
    let mut files = BTreeSet::new();
    for (source, by_look) in benchmark.pictures.iter().zip(by_look) {
        let name = source.name();
        match (source, source.path()) {
            (_, Some(path)) if (by_look || seen.contains(&fingerprint(&name))) && files.insert(path) => {
                leakage.known.push(name);
            }
            (Source::Bytes(..), _) if by_look => leakage.known.push(name),
            (Source::Bytes(..), _) if looks.is_empty() => leakage.nameless += 1,
            _ => {}
        }
    }
    leakage
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::imageops;

    #[test]
    fn a_photograph_is_recognized_in_another_size_and_no_other_is_taken_for_it() {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/samples");
        let files =
            std::fs::read_dir(samples).expect("the samples").map(|entry| entry.expect("a file").path());
        let mut looks = Vec::new();
        for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "jpg")) {
            let picture =
                shared::decode::decode(&std::fs::read(&path).expect("a file")).expect("a picture").picture;
            let (width, height) = (picture.width(), picture.height());
            let pixels = image::RgbImage::from_raw(width, height, picture.rgb().to_vec()).expect("pixels");
            let smaller = imageops::resize(&pixels, width / 3, height / 3, FilterType::CatmullRom);
            let smaller = Picture::new(width / 3, height / 3, smaller.into_raw());
            looks.push([look(&picture), look(&smaller), look(&picture.mirrored())]);
        }
        assert!(looks.len() > 3);
        for (nth, [of, smaller, mirrored]) in looks.iter().enumerate() {
            assert!((of ^ smaller).count_ones() <= SAME_LOOK, "sample {nth}");
            let others = looks.iter().enumerate().filter(|(other, _)| *other != nth).map(|(_, [of, ..])| of);
            assert!(
                others.chain([mirrored]).all(|other| (of ^ other).count_ones() > SAME_LOOK),
                "sample {nth}"
            );
        }
    }
}
