//! Zero-shot classification (arXiv 2103.00020, section 3.1): a folder of folders, each called after its class.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::{Benchmark, Ranking, Recall};
use crate::dataset::{Folder, ImageSource};
use crate::system::files::file_name;

/// The name of the only subset.
const SUBSET: &str = "zero-shot";

/// Reads the folder. Each template holds `{}`, where the class goes; a class is the mean of its templates.
///
/// # Errors
/// If there are fewer than two classes, or a template has no `{}`.
pub fn read(folder: &Folder, templates: &[String]) -> Result<Benchmark> {
    if let Some(wrong) = templates.iter().find(|template| !template.contains("{}")) {
        bail!("the template {wrong:?} has no {{}} for the class");
    }
    let mut benchmark = Benchmark::default();
    let mut classes: BTreeMap<String, Vec<ImageSource>> = BTreeMap::new();
    for path in folder.images() {
        if let Some(class) = path.parent() {
            classes.entry(file_name(class)).or_default().push(ImageSource::File(path.to_owned()));
        }
    }
    if classes.len() < 2 {
        bail!("{} needs a folder of images for each class, at least two", folder.root().display());
    }
    let mut ranking = Ranking {
        subset: SUBSET.to_owned(),
        images: Vec::new(),
        texts: Vec::new(),
        true_of: Vec::new(),
        measure: Recall::Classification,
    };
    for (class, images) in classes {
        let name = class.replace(['_', '-'], " ");
        let texts = templates.iter().map(|template| benchmark.caption(&template.replace("{}", &name)));
        ranking.texts.push(texts.collect());
        let first = ranking.images.len();
        for image in images {
            ranking.images.push(benchmark.image(image));
        }
        ranking.true_of.push((first..ranking.images.len()).collect());
    }
    benchmark.rankings.push(ranking);
    Ok(benchmark)
}
