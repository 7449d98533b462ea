//! Captions, images and masks in, candidates of a challenge set out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::bundle::hexadecimal;
use shared::challenge_set::{Case, GeneratorDetails, Provenance};
use shared::concept::Concept;
use shared::encode;
use shared::image::Image;
use shared::resize::resize;
use shared::seed;

use super::exact::Exact;
use super::generator::{Candidate, Generator, Made, MaskOptions, Task};
use super::parts::Parts;
use super::proposal::Proposal;
use super::rank::Ranker;
use super::things::{Thing, Things};
use super::{Options, diffusion};
use crate::dataset::image_names::image_key;
use crate::dataset::{Annotation, Folder, Record, caption_file};
use crate::system::files::{sha256, stem, table};
use crate::system::progress::bar;

/// How many images are edited between two looks at how many pairs there are.
const CHUNK: usize = 16;

/// Makes candidates, or goes on with those of a run that was interrupted.
///
/// # Errors
/// If the data or the generator cannot be used, nothing can be changed, or the file cannot be written.
pub fn run(options: &Options) -> Result<()> {
    check(options)?;
    let things = Things::open(&options.instances, options.masks.as_deref())?;
    let folder = Folder::open(&options.images, &[])?;
    let records = records(options, &things)?;
    let generator: Box<dyn Generator> = match options.generator.as_str() {
        "exact" => Box::new(Exact::new(&folder, &things, &records, MaskOptions::of(options, 0.0, 0))),
        _ => diffusion::open(options)?,
    };
    let ranker = match options.rank.as_str() {
        "none" => None,
        bundle => Some(Ranker::open(Path::new(bundle))?),
    };
    let licenses = Licenses::read(&options.license)?;
    let settings = json!({
        "options": options,
        "generator": generator.fingerprint(),
        "captions": fingerprint(&records),
        "data": digests(options)?,
    });
    let parts = Parts::open(&options.out, &format!("{settings:#}"))?;
    let studio =
        Studio { options, things: &things, folder: &folder, generator: &*generator, ranker, licenses };
    let n_images = studio.edit_all(&records, &parts)?;

    let mut counts: BTreeMap<Concept, [usize; 2]> = BTreeMap::new();
    let mut last = None;
    parts.join(n_images, options.limit.map_or(usize::MAX, |limit| limit as usize), |case| {
        let [items, candidates] = counts.entry(case.concept).or_default();
        let item = case.provenance.as_ref().map(|of| of.item);
        *items += usize::from(last != Some(item));
        *candidates += 1;
        last = Some(item);
    })?;
    if counts.is_empty() {
        std::fs::remove_file(&options.out)?;
        bail!(
            "none of the {n_images} images has a caption whose color, size or object belongs to a masked thing that can be edited"
        );
    }
    for (concept, [items, candidates]) in &counts {
        println!("{concept:<9} {items} pairs of captions, {candidates} candidates");
    }
    println!("{}: open it on the page to check the candidates", options.out.display());
    Ok(())
}

fn check(options: &Options) -> Result<()> {
    ensure!(
        !options.concepts.contains(&Concept::Location),
        "location cannot be inpainted; `evaluate --benchmark edits` mirrors images for left and right"
    );
    ensure!(!options.concepts.is_empty(), "--concepts needs at least one concept");
    for (name, factor) in
        [("--width-factor", options.width_factor), ("--height-factor", options.height_factor)]
    {
        ensure!(
            factor.is_none_or(|factor| (0.0..=400.0).contains(&factor)),
            "{name} is a percentage from 0 to 400"
        );
    }
    ensure!((0.0..=50.0).contains(&options.guidance), "--guidance is a number from 0 to 50");
    Ok(())
}

/// The images with captions, and what else is known to be in them.
fn records(options: &Options, things: &Things) -> Result<Vec<Record>> {
    let mut records = caption_file::read(&options.captions, options.split.as_deref().into())?;
    let mut stems: BTreeMap<String, &str> = BTreeMap::new();
    for record in records.iter().filter(|_| options.masks.is_some()) {
        if let Some(other) = stems.insert(stem(Path::new(&record.name)), &record.name) {
            bail!("{other} and {} have one name, by which masks are found", record.name);
        }
    }
    for record in &mut records {
        record.objects.extend(things.names(&record.name));
    }
    Ok(records)
}

/// One number for all captions of all images, and what is known to be in them.
fn fingerprint(records: &[Record]) -> u64 {
    let texts = records.iter().flat_map(|record| {
        let captions = record.captions.iter().map(|caption| caption.text());
        std::iter::once(record.name.as_str()).chain(captions).chain(record.objects.iter().map(String::as_str))
    });
    seed::mix(&texts.map(seed::of_text).collect::<Vec<_>>())
}

/// The hashes of the files besides captions and images that decide what is made.
fn digests(options: &Options) -> Result<Vec<String>> {
    let mut files: Vec<PathBuf> = options.instances.clone();
    if let Some(masks) = &options.masks {
        files.extend(Folder::open(masks, &[])?.files(|_| true).into_iter().map(Path::to_owned));
    }
    let named = [&options.license, &options.rank].into_iter().map(PathBuf::from);
    files.extend(named.filter(|path| path.is_file()));
    files.iter().map(|path| sha256(path)).collect()
}

/// All that is needed to edit an image.
struct Studio<'a> {
    options: &'a Options,
    things: &'a Things,
    folder: &'a Folder,
    generator: &'a dyn Generator,
    ranker: Option<Ranker>,
    licenses: Licenses,
}

/// The licenses of images that no file of instances names.
enum Licenses {
    /// One for all.
    All(String),
    /// By the image's key.
    Each(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct ImageLicense {
    image: String,
    license: String,
}

impl Licenses {
    fn read(said: &str) -> Result<Self> {
        if !said.to_lowercase().ends_with(".csv") {
            return Ok(Licenses::All(said.to_owned()));
        }
        let rows = table::<ImageLicense>(Path::new(said), "the columns `image` and `license`")?;
        Ok(Licenses::Each(rows.into_iter().map(|row| (image_key(&row.image), row.license)).collect()))
    }

    fn of(&self, image: &str) -> String {
        match self {
            Licenses::All(license) => license.clone(),
            Licenses::Each(licenses) => licenses.get(&image_key(image)).cloned().unwrap_or_default(),
        }
    }
}

impl Studio<'_> {
    /// Edits images until there are enough pairs, and returns how many it looked at.
    fn edit_all(&self, records: &[Record], parts: &Parts) -> Result<usize> {
        let bar = bar(records.len(), "images")?;
        let (mut items, mut done) = (0, 0);
        let limit = self.options.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut missing = 0;
        let chunk = if self.generator.is_parallel() { CHUNK } else { 1 };
        for chunk in records.chunks(chunk) {
            if items >= limit {
                break;
            }
            let first = done;
            let edit = |(nth, record): (usize, &Record)| -> Result<(usize, bool)> {
                let number = first + nth;
                let found = match parts.items(number)? {
                    Some(items) => (items, true),
                    None => {
                        let cases = self.edit(record)?;
                        let items = cases.iter().flatten().filter_map(|case| case.provenance.as_ref());
                        let items = items.map(|of| of.item as usize + 1).max().unwrap_or(0);
                        // An image that is not there now may be there when the run goes on.
                        let is_there = cases.is_some();
                        if let Some(cases) = cases {
                            parts.keep(number, cases)?;
                        }
                        (items, is_there)
                    }
                };
                bar.inc(1);
                Ok(found)
            };
            let found: Vec<(usize, bool)> = if self.generator.is_parallel() {
                chunk.par_iter().enumerate().map(edit).collect::<Result<_>>()?
            } else {
                chunk.iter().enumerate().map(edit).collect::<Result<_>>()?
            };
            items += found.iter().map(|(items, _)| items).sum::<usize>();
            missing += found.iter().filter(|(_, is_there)| !is_there).count();
            done += chunk.len();
        }
        bar.finish_and_clear();
        ensure!(missing < done, "no image was found in {}", self.options.images.display());
        if missing > 0 {
            eprintln!(
                "{missing} images were not found in {}, or cannot be read",
                self.options.images.display()
            );
        }
        Ok(done)
    }

    /// The candidates of an image for each concept; nothing if the image is not there.
    fn edit(&self, record: &Record) -> Result<Option<Vec<Case>>> {
        let Some(image) = self.folder.image(&record.name).and_then(|source| source.image().ok()) else {
            return Ok(None);
        };
        let image = self.shrunk(image);
        let things = self.things.of(&record.name, image.width(), image.height())?;
        let (mut cases, mut item) = (Vec::new(), 0);
        for concept in &self.options.concepts {
            for made in self.made_of(record, &image, *concept, &things)? {
                cases.extend(self.cases(record, &image, item, made)?);
                item += 1;
            }
        }
        Ok(Some(cases))
    }

    /// What is made of an image for a concept: of each caption in turn, and again with other words while there are any.
    fn made_of<'r>(
        &self,
        record: &'r Record,
        image: &Image,
        concept: Concept,
        things: &[Thing],
    ) -> Result<Vec<(&'r Annotation, Made)>> {
        let mut of_captions: Vec<(&Annotation, u64, Vec<Proposal>)> = Vec::new();
        for (nth, caption) in record.captions.iter().enumerate() {
            let parts = [self.options.seed, seed::of_text(&record.name), concept as u64, nth as u64];
            let seed = seed::mix(&parts);
            let guard = record.guard(nth);
            let rng = &mut seed::rng(&[seed]);
            of_captions.push((caption, seed, Proposal::all(&caption.caption, concept, things, &guard, rng)));
        }
        let mut all = Vec::new();
        loop {
            let before = all.len();
            for (caption, seed, proposals) in &mut of_captions {
                if all.len() as u64 == self.options.pairs {
                    return Ok(all);
                }
                let n_candidates = self.options.candidates as usize;
                let task = Task { name: &record.name, image, proposals, n_candidates, seed: *seed };
                let made =
                    self.generator.make(&task).with_context(|| format!("cannot edit {}", record.name))?;
                let Some(made) = made else {
                    proposals.clear();
                    continue;
                };
                // Whatever could not be made before this one cannot be made the next time, either.
                proposals.drain(..=made.place);
                proposals.retain(|other| !other.looks_like(&made.proposal));
                all.push((*caption, made));
            }
            if all.len() == before {
                return Ok(all);
            }
        }
    }

    /// The candidates of an item as cases, the best first.
    fn cases(
        &self,
        record: &Record,
        image: &Image,
        item: u64,
        (caption, mut made): (&Annotation, Made),
    ) -> Result<Vec<Case>> {
        let negative = &made.proposal.negative;
        let captions = [caption.text(), &negative.caption];
        if let Some(ranker) = &self.ranker {
            ranker.rank(image, captions, &mut made.candidates)?;
        }
        let mut source = self.things.source(&record.name);
        if source.image_license.is_empty() {
            source.image_license = self.licenses.of(&record.name);
        }
        let original = Bytes::from(encode::image(image)?);
        let case = |(rank, candidate): (u64, Candidate)| -> Result<Case> {
            let edited = encode::image(&candidate.image)?;
            let generator =
                GeneratorDetails { edited: hexadecimal(&Sha256::digest(&edited)), ..candidate.details };
            Ok(Case {
                concept: negative.concept,
                captions: captions.map(str::to_owned),
                images: [original.clone(), edited.into()],
                mask: encode::mask(&candidate.mask)?.into(),
                provenance: Some(Provenance {
                    item,
                    candidate: rank,
                    worker: String::new(),
                    image: source.clone(),
                    mask: candidate.mask_details,
                    generator,
                }),
            })
        };
        (0..).zip(made.candidates).map(case).collect()
    }

    /// The image with its shorter side shrunk to what was asked for, and both sides as the generator needs them.
    fn shrunk(&self, image: Image) -> Image {
        let step = self.generator.step();
        let scale = (f64::from(self.options.size) / f64::from(image.width().min(image.height()))).min(1.0);
        let side = |side: u32| ((f64::from(side) * scale / f64::from(step)).round() as u32).max(1) * step;
        let (width, height) = (side(image.width()), side(image.height()));
        if [width, height] == [image.width(), image.height()] { image } else { resize(&image, width, height) }
    }
}
