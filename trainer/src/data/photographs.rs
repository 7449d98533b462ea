//! Pictures with captions as training data, from files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;
use shared::caption::Caption;
use shared::decode::decode;
use shared::fluency::fluency;
use shared::negative::{self, Guard, Recipe};
use shared::picture::Picture;
use shared::seed;

use super::eye::{Eye, Kept};
use super::instances::{self, Instances};
use super::view::{View, Views};
use super::{Example, Files, Foil, Stream};
use crate::benchmark::files::Folder;
use crate::captioned::{self, Captioned};
use crate::captions::picture_key;
use crate::objective::Kind;
use crate::run_config::RunConfig;

/// Pictures that can be read and have captions, in the order of their file.
#[derive(Debug)]
pub struct Photographs {
    photographs: Vec<Photograph>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What a locked stem makes of them in each view; nothing where the stem is not locked.
    seen: Vec<(View, Kept)>,
}

#[derive(Debug)]
struct Photograph {
    /// The number of its first caption among those of all pictures.
    first_caption: usize,
    name: String,
    path: PathBuf,
    captions: Vec<Caption>,
    /// What is known to be in it.
    kinds: Vec<String>,
}

/// A picture that was left out, as `skipped.jsonl` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name in the file of captions.
    pub picture: String,
    /// The reason.
    pub why: String,
}

impl Photographs {
    /// Reads a file of captions, or the one in a folder, and looks at every picture once. Pictures are found by their
    /// names in the file's own folder and in further ones. A folder without such a file has a text file beside each picture.
    ///
    /// # Errors
    /// If there is no file of captions, it has another form, or no picture is left.
    pub fn open(path: &Path, files: &Files) -> Result<Self> {
        let root = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let folder = Folder::open(root, files.images)?;
        let mut instances = Instances::new();
        for path in files.instances {
            instances::read(path, &mut instances)?;
        }
        // Who names no part of a divided set means the one that is for training.
        let of_file = |file| captioned::read(file, files.split.or(Some("train")));
        let all = match (path.is_dir(), &folder.files(captioned::is_known)[..]) {
            (false, _) => of_file(path)?,
            (true, [one]) => of_file(one)?,
            (true, []) => captioned::beside(&folder)?,
            (true, _) => bail!("{} holds several files of captions; name one of them", path.display()),
        };
        let mut skipped = Vec::new();
        let mut found: Vec<Photograph> = Vec::new();
        for Captioned { name, captions } in all {
            let mut skip = |why: &str| skipped.push(Skipped { picture: name.clone(), why: why.to_owned() });
            let told = captions.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
            let told: Vec<Caption> = told.map(|text| Caption::new(text.replace(['\r', '\n'], " "))).collect();
            if told.len() < captions.len() {
                skip("an empty caption");
            }
            match folder.picture_path(&name) {
                None => skip("the picture is not there"),
                Some(_) if told.is_empty() => skip("it has no caption"),
                Some(path) => {
                    let kinds = instances.get(&picture_key(&name)).into_iter().flatten().cloned().collect();
                    found.push(Photograph {
                        first_caption: 0,
                        path: path.to_owned(),
                        captions: told,
                        kinds,
                        name,
                    });
                }
            }
        }
        let broken: Vec<Option<String>> = found
            .par_iter()
            .map(|photograph| photograph.picture().err().map(|error| format!("{error:#}")))
            .collect();
        let mut photographs = Vec::new();
        for (photograph, why) in found.into_iter().zip(broken) {
            match why {
                Some(why) => skipped.push(Skipped { picture: photograph.name, why }),
                None => photographs.push(photograph),
            }
        }
        if photographs.is_empty() {
            let first = skipped
                .first()
                .map_or_else(String::new, |first| format!(": {}, {}", first.picture, first.why));
            bail!("no picture of {} can be used{first}", path.display());
        }
        let mut n_captions = 0;
        for photograph in &mut photographs {
            photograph.first_caption = n_captions;
            n_captions += photograph.captions.len();
        }
        Ok(Photographs { photographs, skipped, seen: Vec::new() })
    }

    /// Pictures an epoch: each is shown once, with one of its captions.
    pub fn pictures(&self) -> u64 {
        self.photographs.len() as u64
    }

    /// The names of the pictures, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.photographs.iter().map(|photograph| photograph.name.as_str())
    }

    /// Every caption.
    pub fn captions(&self) -> Vec<String> {
        self.listed().map(|(_, text)| text.to_owned()).collect()
    }

    /// Every caption in order, with the place of its picture.
    pub fn listed(&self) -> impl Iterator<Item = (usize, &str)> {
        let of_each = self.photographs.iter().enumerate();
        of_each.flat_map(|(place, photograph)| {
            photograph.captions.iter().map(move |caption| (place, caption.text()))
        })
    }

    /// The caption of a number, in the order of [`Photographs::listed`].
    fn caption(&self, number: usize) -> &Caption {
        let behind = self.photographs.partition_point(|photograph| photograph.first_caption <= number);
        let photograph = &self.photographs[behind - 1];
        &photograph.captions[number - photograph.first_caption]
    }

    /// A number that changes with any name, caption or kind.
    pub fn fingerprint(&self) -> u64 {
        let texts = self.photographs.iter().flat_map(|photograph| {
            let captions = photograph.captions.iter().map(Caption::text);
            let kinds = photograph.kinds.iter().map(String::as_str);
            std::iter::once(photograph.name.as_str()).chain(captions).chain(kinds)
        });
        seed::mix(&texts.map(seed::of_text).collect::<Vec<_>>())
    }

    /// The order in which an epoch shows the pictures.
    pub fn order(&self, run_seed: u64, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.photographs.len()).collect();
        order.shuffle(&mut seed::rng(&[run_seed, Stream::Order as u64, epoch]));
        order
    }

    /// Looks at every picture through a locked stem, and keeps what it makes of it.
    ///
    /// # Errors
    /// If a picture cannot be read any more, the device fails, or the folder cannot be written to.
    pub fn look_once(&mut self, config: &RunConfig, eye: &Eye) -> Result<()> {
        let folder = config.features.as_deref();
        let n_pictures = self.photographs.len();
        let preprocess = &config.model.preprocess;
        let keep = |view: View| {
            let fingerprint = seed::mix(&[self.fingerprint(), view.fingerprint()]);
            let read = |place: usize| self.photographs[place].shown(view);
            Ok((view, eye.keep(preprocess, n_pictures, fingerprint, folder, read)?))
        };
        self.seen = Views::of(config).all().map(keep).collect::<Result<_>>()?;
        Ok(())
    }

    /// A picture with one of its captions and negatives of it, drawn anew for every `number`. What the other captions
    /// say of the picture is no negative, nor is what is known to be in it. `mined` are the captions nearest to each one,
    /// which join the negatives.
    ///
    /// # Errors
    /// If the picture cannot be read any more.
    pub fn example(
        &self,
        config: &RunConfig,
        eye: &Eye,
        mined: Option<&[Vec<u32>]>,
        place: usize,
        number: u64,
    ) -> Result<Example> {
        let photograph = &self.photographs[place];
        let rng = &mut seed::rng(&[config.seed, Stream::Caption as u64, number]);
        let nth = rng.random_range(0..photograph.captions.len() as u32) as usize;
        let caption = &photograph.captions[nth];
        let siblings = photograph.captions.iter().enumerate().filter(|(other, _)| *other != nth);
        let guard =
            Guard::new(siblings.map(|(_, sibling)| sibling), photograph.kinds.iter().map(String::as_str));
        let recipe = Recipe { guard: Some(&guard), fluency: Some(fluency()), ..super::recipe(config) };
        let rng = &mut seed::rng(&[config.seed, Stream::Negative as u64, number]);
        let drawn = negative::draw(caption, &recipe, config.per_caption, rng);
        let near = mined.map_or(&[][..], |mined| &mined[photograph.first_caption + nth]);
        let mined = near.iter().map(|number| Foil {
            caption: self.caption(*number as usize).text().to_owned(),
            kind: Kind::Mined,
        });
        let negatives = drawn.into_iter().map(Foil::from).chain(mined).collect();
        let rng = &mut seed::rng(&[config.seed, Stream::View as u64, number]);
        let view = Views::of(config).draw(caption, rng);
        let image = match self.seen.iter().find(|(of, _)| *of == view) {
            Some((_, kept)) => kept.seen(place),
            None => eye.look(&photograph.shown(view)?, &config.model.preprocess)?,
        };
        Ok(Example { image, caption: caption.text().to_owned(), negatives })
    }
}

impl Photograph {
    fn shown(&self, view: View) -> Result<Picture> {
        Ok(view.show(self.picture()?, &self.name))
    }

    fn picture(&self) -> Result<Picture> {
        let bytes =
            std::fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(decode(&bytes).with_context(|| format!("cannot use {}", self.path.display()))?.picture)
    }
}
