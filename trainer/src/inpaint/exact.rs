//! Edits by rule: a thing gets another color in Oklab, another size, or makes way for another thing that is cut out of another
//! image. Nothing is learned and nothing downloaded, and what is changed is known.

use std::collections::BTreeMap;

use anyhow::Result;
use rand::seq::SliceRandom;
use shared::challenge_set::{GeneratorDetails, difference};
use shared::concept::Concept;
use shared::edit::{Edit, Placement, color_named, color_of, grows};
use shared::image::Image;
use shared::lexicon::lexicon;
use shared::mask::Mask;
use shared::scene::ColorName;
use shared::seed;

use super::generator::{Candidate, Generator, Made, MaskOptions, Task};
use super::proposal::{Proposal, bare, share};
use super::things::{Thing, Things};
use crate::dataset::{Folder, Record};

/// By how much a thing becomes larger, and smaller. The first is as much as people call another size.
const LARGER: [f32; 4] = [1.7, 2.0, 1.5, 2.4];
const SMALLER: [f32; 4] = [0.55, 0.45, 0.65, 0.35];
/// A thing that is cut out is enlarged by this at most: more would be blurred.
const MOST_ENLARGED: f32 = 1.5;
/// How many other things are tried for one change.
const TRIED: usize = 8;
/// How many changes of each term are tried.
const CHANGES: usize = 32;
/// A thing cut out takes at least this share of its image, or it has too few pixels.
const LEAST_CUTOUT: f64 = 0.02;

/// The exact rules, and where other things can be cut out.
pub struct Exact<'a> {
    folder: &'a Folder,
    things: &'a Things,
    /// The images that have a thing of each name.
    images_of: BTreeMap<String, Vec<&'a str>>,
    mask: MaskOptions,
}

impl<'a> Exact<'a> {
    /// The rules, with the things of all images to cut out.
    pub fn new(folder: &'a Folder, things: &'a Things, records: &'a [Record], mask: MaskOptions) -> Self {
        let mut images_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for record in records {
            let mut names = things.names(&record.name);
            names.sort();
            names.dedup();
            for name in names {
                images_of.entry(name).or_default().push(&record.name);
            }
        }
        Exact { folder, things, images_of, mask }
    }

    fn edits(&self, task: &Task<'_>, proposal: &Proposal) -> Result<Vec<(String, Image)>> {
        let mask = self.mask.apply(&proposal.mask);
        match proposal.negative.concept {
            Concept::Color => Ok(recolored(task.image, &mask, proposal).into_iter().collect()),
            Concept::Size => Ok(resized(task, &mask, proposal)),
            Concept::Object => self.exchanged(task, &mask, proposal),
            // A side is changed by mirroring, and needs no mask.
            Concept::Location => Ok(Vec::new()),
        }
    }

    /// The image with another thing in the place of the masked one.
    fn exchanged(&self, task: &Task<'_>, mask: &Mask, proposal: &Proposal) -> Result<Vec<(String, Image)>> {
        if proposal.is_plural {
            return Ok(Vec::new());
        }
        // "A red bus" is a bus that is red; whether a cutout is large nobody knows.
        let colors: Option<Vec<ColorName>> = proposal.kept.iter().map(|words| color_named(words)).collect();
        let Some(colors) = colors else { return Ok(Vec::new()) };
        let thing = bare(&proposal.negative.to);
        let wanted = lexicon().classes(&thing).collect::<Vec<_>>();
        let is_wanted =
            |name: &str| name == thing || lexicon().classes(name).any(|class| wanted.contains(&class));
        let mut sources: Vec<(&str, &str)> = self
            .images_of
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(name, images)| images.iter().map(move |image| (name.as_str(), *image)))
            .filter(|(_, image)| *image != task.name)
            .collect();
        sources.shuffle(&mut seed::rng(&[task.seed, seed::of_text(&thing)]));
        let mut edits = Vec::new();
        for (name, image) in sources.into_iter().take(TRIED) {
            if edits.len() == task.n_candidates {
                break;
            }
            let Some((picture, cutout)) = self.cutout(image, name, mask) else { continue };
            if !colors.iter().all(|color| color_of(&picture, &cutout.mask) == Some(*color)) {
                continue;
            }
            if let Ok(edited) = Edit::exchange(task.image, mask, &picture, &cutout.mask, &mut |_| ()) {
                edits.push((format!("exchanged for the {name} of {image}"), edited));
            }
        }
        Ok(edits)
    }

    /// A whole thing of a name in another image, large enough to take the place of a mask.
    fn cutout(&self, image: &str, name: &str, place: &Mask) -> Option<(Image, Thing)> {
        let image_file = self.folder.image(image)?;
        let picture = image_file.image().ok()?;
        let (width, height) = (picture.width(), picture.height());
        let things = self.things.of(image, width, height).ok()?;
        let fits = |thing: &Thing| {
            let Some(bounds @ [left, top, right, bottom]) = thing.mask.bounds() else { return false };
            let is_whole = left > 0 && top > 0 && right < width && bottom < height;
            let Some(place) = place.bounds() else { return false };
            let size = |[left, top, right, bottom]: [u32; 4]| [(right - left) as f32, (bottom - top) as f32];
            let ([place_width, place_height], [own_width, own_height]) = (size(place), size(bounds));
            let scale = (place_width / own_width).min(place_height / own_height);
            thing.name.as_deref() == Some(name)
                && !thing.is_crowd
                && is_whole
                && scale <= MOST_ENLARGED
                && share(&thing.mask) >= LEAST_CUTOUT
        };
        let largest =
            things.into_iter().filter(fits).max_by(|a, b| share(&a.mask).total_cmp(&share(&b.mask)))?;
        Some((picture, largest))
    }
}

/// The image with the masked thing in another color, if it has the color that the caption says, and gets the other one.
fn recolored(image: &Image, mask: &Mask, proposal: &Proposal) -> Option<(String, Image)> {
    let [from, to] = [&proposal.negative.from, &proposal.negative.to].map(|words| color_named(words));
    let (from, to) = (from?, to?);
    if color_of(image, mask) != Some(from) {
        return None;
    }
    let edited = Edit::Recolor { to }.apply(image, mask, &mut |_| ()).ok()?;
    (color_of(&edited, mask) == Some(to))
        .then(|| (format!("recolored from {} to {}", from.name(), to.name()), edited))
}

/// The image with the masked thing in other sizes, as far as it stays inside.
fn resized(task: &Task<'_>, mask: &Mask, proposal: &Proposal) -> Vec<(String, Image)> {
    // Half as large is not tiny yet.
    let is_tiny = proposal.negative.to.to_lowercase().contains("tiny");
    let Some(grows) = grows(&proposal.negative).filter(|_| !proposal.is_plural && !is_tiny) else {
        return Vec::new();
    };
    let Some([left, top, right, bottom]) = mask.bounds() else { return Vec::new() };
    let fits = |scale: f32| {
        let reach = (right - left) as f32 * scale / 2.0;
        let foot = (left + right) as f32 / 2.0;
        let top = bottom as f32 - (bottom - top) as f32 * scale;
        foot - reach >= 0.0 && foot + reach <= mask.width() as f32 && top >= 0.0
    };
    // What the image's edge cuts has no foot to stand on, and would show the cut.
    let is_whole = left > 0 && top > 0 && right < mask.width() && bottom < mask.height();
    let scales = if grows { LARGER } else { SMALLER };
    let scales = scales.into_iter().filter(|scale| is_whole && fits(*scale)).take(task.n_candidates);
    let edit = |scale: f32| {
        let edit = Edit::Place(Placement { scale, ..Placement::UNCHANGED });
        let edited = edit.apply(task.image, mask, &mut |_| ()).ok()?;
        Some((format!("resized by {scale}"), edited))
    };
    scales.filter_map(edit).collect()
}

impl Generator for Exact<'_> {
    fn step(&self) -> u32 {
        1
    }

    fn is_parallel(&self) -> bool {
        true
    }

    fn fingerprint(&self) -> &str {
        "exact"
    }

    fn make(&self, task: &Task) -> Result<Option<Made>> {
        let mut tried: BTreeMap<usize, usize> = BTreeMap::new();
        for (place, proposal) in task.proposals.iter().enumerate() {
            let tried = tried.entry(proposal.negative.start).or_default();
            *tried += 1;
            if *tried > CHANGES {
                continue;
            }
            let edits = self.edits(task, proposal)?;
            if edits.is_empty() {
                continue;
            }
            let candidate = |(what, image): (String, Image)| Candidate {
                mask: difference([task.image, &image]),
                image,
                mask_details: self.mask.details(proposal),
                details: GeneratorDetails {
                    generator: format!("exact: {what}"),
                    seed: task.seed,
                    prompt: proposal.prompt.clone(),
                    margin: f64::NAN,
                    ..GeneratorDetails::default()
                },
            };
            let candidates = edits.into_iter().map(candidate).collect();
            return Ok(Some(Made { place, proposal: proposal.clone(), candidates }));
        }
        Ok(None)
    }
}
