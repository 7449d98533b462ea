//! What a benchmark asks, whatever its files look like: one small module a format below, one scorer for all.
//!
//! Images and captions are numbered and stand in the benchmark once, however many cases use them, so that no model
//! embeds one twice.

mod aro;
mod bivlc;
mod edits;
mod generated;
mod hard_positives;
mod inpaint_coco;
mod name;
mod neg_clip;
mod retrieval;
mod scenes;
mod sugar_crepe;
mod svo_probes;
mod valse;
mod vl_checklist;
mod vsr;
mod winoground;
mod zero_shot;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Result, bail};

use super::Options;
use crate::dataset::{Folder, ImageSource};
pub use name::Name;

/// The number of an image of a benchmark.
pub type ImageId = usize;
/// The number of a caption of a benchmark.
pub type CaptionId = usize;

/// Everything that is asked, and what could not be.
#[derive(Debug, Default)]
pub struct Benchmark {
    /// Every image once.
    pub images: Vec<ImageSource>,
    /// Every caption once.
    pub captions: Vec<String>,
    /// Captions and images that compete with each other.
    pub cases: Vec<Case>,
    /// Images and captions that all compete with all.
    pub rankings: Vec<Ranking>,
    /// How many items of a subset were left out, by the reason.
    pub skipped: BTreeMap<(String, Skip), usize>,
    known_images: HashMap<ImageSource, ImageId>,
    known_captions: HashMap<String, CaptionId>,
}

/// Why an item of a benchmark was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// Its image is not among the files.
    MissingImage,
    /// A caption without text.
    EmptyCaption,
    /// A caption and its negative are the same.
    EqualCaptions,
    /// The people who made the benchmark count it only where their judges agreed.
    Unconfirmed,
    /// Its image is there and cannot be read.
    UnreadableImage,
    /// What it asks has no answer: a class that is named but has no image, a statement without its opposite.
    Unpaired,
    /// Its class was to be left out.
    UnwantedClass,
}

impl Skip {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Skip::MissingImage => "image missing",
            Skip::UnreadableImage => "image unreadable",
            Skip::EmptyCaption => "empty caption",
            Skip::EqualCaptions => "caption and negative are equal",
            Skip::Unconfirmed => "not confirmed by its judges",
            Skip::Unpaired => "nothing to compare with",
            Skip::UnwantedClass => "of a class that is left out",
        }
    }
}

/// One item: what competes for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Names the item within its benchmark.
    pub id: String,
    /// The part of the benchmark that it counts for.
    pub subset: String,
    /// Within the subset, what a macro average gives the same weight however many items it has.
    pub class: Option<String>,
    /// Whether it counts in its subset only, because the same item counts elsewhere already.
    pub extra: bool,
    /// The images.
    pub images: Vec<ImageId>,
    /// The captions.
    pub captions: Vec<CaptionId>,
    /// What is right.
    pub ask: Ask,
}

/// What is right in a [`Case`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Of one image the first `n_true` captions are true, the others false: each true one must beat every false one.
    Captions {
        /// How many are true.
        n_true: usize,
    },
    /// One caption is true of the first image and false of the others.
    Images,
    /// Two images and two captions belong together crosswise (Winoground, arXiv 2204.03162).
    Square,
}

/// Images and captions that all compete with all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// The part of the benchmark that it counts for.
    pub subset: String,
    /// The images.
    pub images: Vec<ImageId>,
    /// What is ranked for each image. A text of more than one caption is the mean of their embeddings.
    pub texts: Vec<Vec<CaptionId>>,
    /// For each text the place in `images` of the ones that it is true of.
    pub true_of: Vec<Vec<usize>>,
    /// What is counted.
    pub measure: Recall,
}

/// What is counted of a [`Ranking`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// Whether one of the right answers is among the first 1, 5 and 10, in both directions.
    Retrieval,
    /// Whether the right class is among the first 1 and 5.
    Classification,
}

impl Benchmark {
    /// The number of an image.
    pub fn image(&mut self, source: ImageSource) -> ImageId {
        *self.known_images.entry(source).or_insert_with_key(|source| {
            self.images.push(source.clone());
            self.images.len() - 1
        })
    }

    /// The number of a caption.
    pub fn caption(&mut self, text: &str) -> CaptionId {
        if let Some(known) = self.known_captions.get(text) {
            return *known;
        }
        self.captions.push(text.to_owned());
        self.known_captions.insert(text.to_owned(), self.captions.len() - 1);
        self.captions.len() - 1
    }

    /// Counts an item that is left out.
    pub fn skip(&mut self, subset: &str, why: Skip) {
        *self.skipped.entry((subset.to_owned(), why)).or_default() += 1;
    }

    /// Adds an item with one image, captions that are true of it and captions that are false; or counts why not.
    pub fn add_contest(&mut self, item: Item, image: Option<ImageSource>, truths: &[&str], foils: &[&str]) {
        let Some(image) = image else { return self.skip(&item.subset, Skip::MissingImage) };
        if truths.iter().chain(foils).any(|text| is_empty(text)) {
            return self.skip(&item.subset, Skip::EmptyCaption);
        }
        if truths.iter().any(|truth| foils.iter().any(|foil| truth.trim() == foil.trim())) {
            return self.skip(&item.subset, Skip::EqualCaptions);
        }
        let images = vec![self.image(image)];
        let captions = truths.iter().chain(foils).map(|text| self.caption(text.trim())).collect();
        self.push(item, images, captions, Ask::Captions { n_true: truths.len() });
    }

    /// Adds an item with two images and two captions that belong together crosswise; or counts why not.
    pub fn add_square(&mut self, item: Item, images: [Option<ImageSource>; 2], captions: [&str; 2]) {
        let [Some(first), Some(second)] = images else {
            return self.skip(&item.subset, Skip::MissingImage);
        };
        if captions.iter().any(|text| is_empty(text)) {
            return self.skip(&item.subset, Skip::EmptyCaption);
        }
        if captions[0].trim() == captions[1].trim() {
            return self.skip(&item.subset, Skip::EqualCaptions);
        }
        let images = [first, second].map(|image| self.image(image)).to_vec();
        let captions = captions.map(|text| self.caption(text.trim())).to_vec();
        self.push(item, images, captions, Ask::Square);
    }

    fn push(&mut self, item: Item, images: Vec<ImageId>, captions: Vec<CaptionId>, ask: Ask) {
        let Item { id, subset, class, extra } = item;
        self.cases.push(Case { id, subset, class, extra, images, captions, ask });
    }

    /// Leaves out the items of some classes, and counts them.
    pub fn leave_out_classes(&mut self, unwanted: &BTreeSet<&str>) {
        self.skip_cases(Skip::UnwantedClass, |case| {
            case.class.as_deref().is_some_and(|class| unwanted.contains(class))
        });
    }

    fn skip_cases(&mut self, why: Skip, unwanted: impl Fn(&Case) -> bool) {
        for case in std::mem::take(&mut self.cases) {
            if unwanted(&case) {
                self.skip(&case.subset, why);
            } else {
                self.cases.push(case);
            }
        }
    }

    /// For every image the first one of the same file: parts of one photograph are not independent.
    pub fn photographs(&self) -> Vec<ImageId> {
        let mut first: HashMap<&Path, ImageId> = HashMap::new();
        let images = self.images.iter().enumerate();
        images.map(|(id, source)| source.path().map_or(id, |path| *first.entry(path).or_insert(id))).collect()
    }

    /// Leaves out what needs one of these images, and counts it.
    pub fn leave_out(&mut self, unreadable: &[ImageId]) {
        let broken = |image: &ImageId| unreadable.contains(image);
        self.skip_cases(Skip::UnreadableImage, |case| case.images.iter().any(broken));
        for mut ranking in std::mem::take(&mut self.rankings) {
            let mut places = vec![None; ranking.images.len()];
            let mut kept = Vec::new();
            for (place, image) in ranking.images.iter().enumerate() {
                if broken(image) {
                    self.skip(&ranking.subset, Skip::UnreadableImage);
                } else {
                    places[place] = Some(kept.len());
                    kept.push(*image);
                }
            }
            ranking.images = kept;
            for true_of in &mut ranking.true_of {
                *true_of = true_of.iter().filter_map(|place| places[*place]).collect();
            }
            // A class without images still competes; a caption without its image does not.
            if ranking.measure == Recall::Retrieval {
                let mut is_left = ranking.true_of.iter().map(|true_of| !true_of.is_empty());
                ranking.texts.retain(|_| is_left.next().unwrap_or(false));
                ranking.true_of.retain(|true_of| !true_of.is_empty());
            }
            self.rankings.push(ranking);
        }
    }

    /// Items whose image is not there.
    pub fn missing_images(&self) -> usize {
        let missing = self.skipped.iter().filter(|((_, why), _)| *why == Skip::MissingImage);
        missing.map(|(_, count)| count).sum()
    }
}

/// What an item is called and counts for.
#[derive(Clone, Debug)]
pub struct Item {
    /// See [`Case::id`].
    pub id: String,
    /// See [`Case::subset`].
    pub subset: String,
    /// See [`Case::class`].
    pub class: Option<String>,
    /// See [`Case::extra`].
    pub extra: bool,
}

impl Item {
    /// An item of a subset that has no classes.
    pub fn new(subset: &str, id: impl std::fmt::Display) -> Self {
        Item { id: format!("{subset}/{id}"), subset: subset.to_owned(), class: None, extra: false }
    }
}

/// Nothing a tower could read.
fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

/// Reads a benchmark.
///
/// # Errors
/// If its files are not there or of another form, or not one item is left.
pub fn load(options: &Options, folder: Option<&Folder>) -> Result<Benchmark> {
    let benchmark = match (options.benchmark, folder) {
        (Name::Scenes, None) => scenes::drawn(options.count, options.seed),
        (_, None) => bail!("this benchmark needs the folder of its files; name it by --data"),
        (Name::Scenes | Name::InpaintCoco, Some(folder)) => inpaint_coco::read(folder)?,
        (Name::SugarCrepe, Some(folder)) => sugar_crepe::read(folder)?,
        (Name::SugarCrepePp, Some(folder)) => sugar_crepe::read_pp(folder)?,
        (Name::Valse, Some(folder)) => valse::read(folder)?,
        (Name::AroRelation, Some(folder)) => aro::read_relation(folder)?,
        (Name::AroAttribution, Some(folder)) => aro::read_attribution(folder)?,
        (Name::AroOrder, Some(folder)) => aro::read_order(folder, options.seed)?,
        (Name::VlChecklist, Some(folder)) => vl_checklist::read(folder)?,
        (Name::Winoground, Some(folder)) => winoground::read(folder)?,
        (Name::Bivlc, Some(folder)) => bivlc::read(folder)?,
        (Name::SvoProbes, Some(folder)) => svo_probes::read(folder)?,
        (Name::HardPositives, Some(folder)) => hard_positives::read(folder)?,
        (Name::NegClip, Some(folder)) => neg_clip::read(folder)?,
        (Name::Vsr, Some(folder)) => vsr::read(folder)?,
        (Name::Negatives, Some(folder)) => {
            generated::read(folder, options.split.as_deref(), options.balanced, options.seed)?
        }
        (Name::Edits, Some(folder)) => edits::read(folder, options.split.as_deref(), options.seed)?,
        (Name::Retrieval, Some(folder)) => {
            retrieval::read(folder, options.split.as_deref(), options.pool.map(|n| n as usize))?
        }
        (Name::ZeroShot, Some(folder)) => zero_shot::read(folder, &options.template)?,
    };
    if benchmark.cases.is_empty() && benchmark.rankings.is_empty() {
        for ((subset, why), count) in &benchmark.skipped {
            eprintln!("{subset}: {count} items left out, {}", why.words());
        }
        match benchmark.missing_images() {
            0 => bail!("there is nothing to score"),
            missing => bail!(
                "none of the images was found ({missing} items need one); put them anywhere under --data, or name their folder by --images"
            ),
        }
    }
    Ok(benchmark)
}
