//! Files of captions, with the image that each belongs to where the file says so.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::caption::Caption;
use shared::concept::Concept;
use shared::negative::{self, Guard, HardNegative, Proposal, Recipe, Strategy};
use shared::seed;

use super::caption_file;
use super::corpus::Corpus;
use super::image_names::image_key;
use super::record::{Annotation, Record};
use super::split::Split;
use crate::system::files::{file_name, open};

/// Captions in the order of their file.
#[derive(Debug, Default)]
pub struct Captions {
    captions: Vec<Caption>,
    /// What the image of each caption is called; nothing where the file names no images.
    images: Vec<String>,
    siblings: HashMap<String, Vec<usize>>,
}

impl Captions {
    /// Reads captions: those of images in any form that [`caption_file`] knows, or the lines of a text file (`-` is
    /// standard input); gzipped or not.
    ///
    /// # Errors
    /// If the file cannot be read, is not of the form its name promises, lacks the split that was named, or holds no
    /// captions.
    pub fn read(path: &Path, split: Split) -> Result<Self> {
        let mut captions = Captions::default();
        if caption_file::has_images(&file_name(path)) {
            let records = caption_file::read(path, split)?;
            let of_record = |record: Record| {
                let name = record.name;
                record.captions.into_iter().map(move |caption| (caption, name.clone()))
            };
            let mut annotations: Vec<(Annotation, String)> =
                records.into_iter().flat_map(of_record).collect();
            annotations.sort_by_key(|(annotation, _)| annotation.position);
            for (annotation, image) in annotations {
                captions.push(annotation.caption, image);
            }
        } else {
            captions.captions =
                lines(path, split).with_context(|| format!("cannot read {} as captions", path.display()))?;
        }
        if captions.captions.is_empty() {
            let of_split = split.name().map_or_else(String::new, |name| format!(" of a split {name:?}"));
            bail!("there are no captions{of_split} in {}", path.display());
        }
        Ok(captions)
    }

    fn push(&mut self, caption: Caption, image: String) {
        let siblings = self.siblings.entry(image.clone()).or_default();
        siblings.push(self.captions.len());
        self.captions.push(caption);
        self.images.push(image);
    }

    /// All captions.
    pub fn all(&self) -> &[Caption] {
        &self.captions
    }

    /// What the image of a caption is called in the file.
    pub fn image_name(&self, idx: usize) -> Option<&str> {
        self.images.get(idx).map(String::as_str)
    }

    /// One name for the image of a caption in different files.
    pub fn image_key(&self, idx: usize) -> Option<String> {
        self.image_name(idx).map(image_key)
    }

    /// The other captions of the same image.
    pub fn siblings(&self, idx: usize) -> impl Iterator<Item = &Caption> {
        let all = self.image_name(idx).and_then(|image| self.siblings.get(image));
        all.into_iter().flatten().filter(move |other| **other != idx).map(|other| &self.captions[*other])
    }

    /// One negative of a caption, as training draws it; none where the concept is not named or nothing else fits.
    pub fn negative(
        &self,
        idx: usize,
        concept: Concept,
        strategy: Strategy,
        proposal: Proposal,
        seed: u64,
    ) -> Option<HardNegative> {
        let guard = self.guard(idx);
        let concepts = [concept];
        let recipe = Recipe { strategy, guard: Some(&guard), proposal, ..Recipe::replace(&concepts) };
        let rng = &mut seed::rng(&[seed, concept as u64, idx as u64]);
        negative::draw(&self.captions[idx], &recipe, 1, rng).pop()
    }

    /// How many captions are in another language, and so have no terms.
    pub fn not_english(&self) -> usize {
        self.captions.iter().filter(|caption| !caption.is_english()).count()
    }
}

/// Lines of a text file this near each other are taken for captions of one image.
pub const NEAR: usize = 50;

/// A number that captions of one image share: by its key, or where it has none by the caption's place in the file.
pub fn image_number(image: Option<&str>, idx: usize) -> u64 {
    image.map_or((idx / NEAR) as u64, seed::of_text)
}

impl Corpus for Captions {
    fn len(&self) -> usize {
        self.captions.len()
    }

    fn caption(&self, idx: usize) -> &Caption {
        &self.captions[idx]
    }

    fn guard(&self, idx: usize) -> Guard {
        Guard::new(self.siblings(idx), [])
    }

    fn image(&self, idx: usize) -> u64 {
        image_number(self.image_key(idx).as_deref(), idx)
    }
}

fn lines(path: &Path, split: Split) -> Result<Vec<Caption>> {
    split.refuse_if_named()?;
    open(path)?.lines().map(|line| Ok(Caption::new(line?))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(name: &str, bytes: &[u8], split: Option<&str>) -> Result<Captions> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Captions::read(&path, split.into())
    }

    fn texts(captions: &Captions) -> Vec<&str> {
        captions.all().iter().map(Caption::text).collect()
    }

    #[test]
    fn every_format_gives_captions_and_their_images() -> Result<()> {
        let lines = read("a.txt", "\u{feff}a dog\r\na cat\n".as_bytes(), None)?;
        assert_eq!(texts(&lines), ["a dog", "a cat"]);
        assert_eq!((lines.image_name(0), lines.siblings(0).count()), (None, 0));

        let coco = br#"{"images":[],"annotations":[{"id":1,"image_id":7,"caption":"a dog\n"},{"id":2,"image_id":7,"caption":"a pup"}]}"#;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(coco)?;
        let coco = read("captions_val.json.gz", &gzip.finish()?, None)?;
        assert_eq!((texts(&coco), coco.image_name(0)), (vec!["a dog", "a pup"], Some("000000000007.jpg")));
        assert_eq!(coco.siblings(0).map(Caption::text).collect::<Vec<_>>(), ["a pup"]);

        let csv = b"image,split,caption\n1_a.jpg,dev,\"a dog, wet\"\n2_b.jpg,train,a cat\n";
        let csv = read("c.csv", csv, Some("dev"))?;
        assert_eq!((texts(&csv), csv.image_name(0)), (vec!["a dog, wet"], Some("1_a.jpg")));
        Ok(())
    }

    #[test]
    fn captions_without_splits_have_none_to_name() {
        for (name, bytes) in [
            ("a.txt", &b"a dog\n"[..]),
            ("captions_a.json", br#"{"images":[],"annotations":[{"image_id":7,"caption":"a dog"}]}"#),
            ("mine.json", br#"{"annotations":[{"image_id":7,"caption":"a dog"}]}"#),
            ("a.csv", b"image,caption\n1.jpg,a dog\n"),
        ] {
            assert_eq!(texts(&read(name, bytes, None).expect(name)), ["a dog"]);
            let error = format!("{:#}", read(name, bytes, Some("dev")).expect_err(name));
            assert!(error.contains("leave --split out"), "{error}");
        }
        let error =
            read("a.csv", b"image,split,caption\n1.jpg,dev,a dog\n", Some("test")).expect_err("no test");
        assert!(error.to_string().contains("no captions of a split \"test\" in"), "{error}");
    }

    #[test]
    fn what_is_no_file_of_captions_is_refused() {
        for (name, bytes) in
            [("a.json", &b"[1]"[..]), ("a.csv", b"x,y\n1,2\n"), ("a.txt", b""), ("a.csv", b"image,caption\n")]
        {
            assert!(read(name, bytes, None).is_err(), "{name}");
        }
    }
}
