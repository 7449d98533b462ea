//! What people outlined in COCO's images (`instances_*.json`): things that a negative must not name, because they are
//! there although no caption says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::dataset::image_names::image_key;
use crate::system::files::json;

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: u64,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// The kinds of things in images, by the images' keys.
pub type Instances = BTreeMap<String, BTreeSet<String>>;

/// Reads a file and adds what it says.
///
/// # Errors
/// If it cannot be read, has another form, or names an image or category that it does not have.
pub fn read(path: &Path, instances: &mut Instances) -> Result<()> {
    let file: File = json(path, "COCO's form with `images`, `annotations` and `categories`")?;
    let names: HashMap<u64, String> = file.categories.into_iter().map(|one| (one.id, one.name)).collect();
    let images: HashMap<u64, String> =
        file.images.into_iter().map(|image| (image.id, image_key(&image.file_name))).collect();
    for annotation in file.annotations {
        let Annotation { image_id, category_id } = annotation;
        let unknown = || format!("{}: unknown image {image_id} or category {category_id}", path.display());
        let image = images.get(&image_id).with_context(unknown)?;
        let name = names.get(&category_id).with_context(unknown)?;
        instances.entry(image.clone()).or_default().insert(name.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_its_kinds_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("instances_val2017.json");
        let text = |category: u64| {
            format!(
                r#"{{"images": [{{"id": 9, "file_name": "000000000139.jpg"}}],
                "annotations": [{{"image_id": 9, "category_id": 18}}, {{"image_id": 9, "category_id": {category}}}],
                "categories": [{{"id": 18, "name": "dog"}}, {{"id": 64, "name": "potted plant"}}]}}"#
            )
        };
        let read_text = |text: String| {
            std::fs::write(&path, text).expect("a file");
            let mut instances = Instances::new();
            read(&path, &mut instances).map(|()| instances)
        };
        let found = read_text(text(64)).expect("instances");
        let kinds: Vec<&str> = found["coco 139"].iter().map(String::as_str).collect();
        assert_eq!(kinds, ["dog", "potted plant"]);
        assert_eq!(read_text(text(18)).expect("instances")["coco 139"].len(), 1);
        let error = read_text(text(7)).expect_err("no such category");
        assert!(error.to_string().contains("unknown image 9 or category 7"), "{error}");
    }
}
