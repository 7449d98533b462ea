//! Where people outlined things in COCO's images: the `segmentation` of `instances_*.json`, as polygons, as runs, or at least a
//! box.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use shared::decode::MAX_PIXELS;
use shared::mask::Mask;
use tiny_skia::{FillRule, PathBuilder, Transform};

use super::image_names::image_key;
use crate::system::files::json;

/// An image, what is outlined in it, and what the file says of its origin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlined {
    /// Its address in COCO; empty where the file has none.
    pub url: String,
    /// The name of its license; empty where the file has none.
    pub license: String,
    /// The things in it, in the order of the file.
    pub things: Vec<Outline>,
}

/// A thing and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its category.
    pub name: String,
    /// Whether it is a crowd of things that nobody outlined one by one.
    pub is_crowd: bool,
    /// Width and height of the image that was annotated.
    size: [u32; 2],
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// Corners: x and y by turns.
    Polygons(Vec<Vec<f32>>),
    /// How many pixels are out, in, out, in, … from the top left down each column.
    Runs(Vec<u32>),
}

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
    #[serde(default)]
    licenses: Vec<License>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    #[serde(default)]
    coco_url: String,
    license: Option<u64>,
}

#[derive(Deserialize)]
struct License {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    id: Option<u64>,
    image_id: u64,
    category_id: u64,
    #[serde(default)]
    iscrowd: u8,
    segmentation: Option<Segmentation>,
    /// Left, top, width and height.
    bbox: Option<[f32; 4]>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Polygons(Vec<Vec<f32>>),
    Runs { counts: Counts, size: [u32; 2] },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Plain(Vec<u32>),
    Compressed(String),
}

/// Reads a file: what is outlined in each image, by the image's key.
///
/// # Errors
/// If it cannot be read, has another form, or an outline is none.
pub fn read(path: &Path, outlines: &mut BTreeMap<String, Outlined>) -> Result<()> {
    let file: File =
        json(path, "COCO's form with `images` (their sizes too), `annotations` and `categories`")?;
    let names: HashMap<u64, String> = file.categories.into_iter().map(|one| (one.id, one.name)).collect();
    let licenses: HashMap<u64, String> = file.licenses.into_iter().map(|one| (one.id, one.name)).collect();
    let mut images = HashMap::new();
    for image in file.images {
        let size = [image.width, image.height];
        let pixels = u64::from(image.width) * u64::from(image.height);
        ensure!(
            (1..=MAX_PIXELS).contains(&pixels),
            "{}: {} has {} x {} pixels",
            path.display(),
            image.file_name,
            image.width,
            image.height
        );
        let key = image_key(&image.file_name);
        let license = image.license.and_then(|id| licenses.get(&id)).cloned().unwrap_or_default();
        outlines.entry(key.clone()).or_insert(Outlined { url: image.coco_url, license, things: Vec::new() });
        images.insert(image.id, (key, size));
    }
    for annotation in file.annotations {
        let Annotation { image_id, category_id, .. } = annotation;
        let unknown = || format!("{}: unknown image {image_id} or category {category_id}", path.display());
        let (key, size) = images.get(&image_id).with_context(unknown)?;
        let name = names.get(&category_id).with_context(unknown)?.clone();
        let of = annotation.id.map_or_else(|| format!("of image {image_id}"), |id| id.to_string());
        let is_crowd = annotation.iscrowd != 0;
        let shape = shape(annotation.segmentation, annotation.bbox, *size)
            .with_context(|| format!("{}: annotation {of} outlines nothing", path.display()))?;
        let things = &mut outlines.entry(key.clone()).or_default().things;
        things.push(Outline { name, is_crowd, size: *size, shape });
    }
    Ok(())
}

fn shape(segmentation: Option<Segmentation>, bbox: Option<[f32; 4]>, size: [u32; 2]) -> Result<Shape> {
    match segmentation {
        Some(Segmentation::Polygons(polygons)) if !polygons.is_empty() => {
            let is_sound = |polygon: &Vec<f32>| {
                polygon.len() >= 6
                    && polygon.len().is_multiple_of(2)
                    && polygon.iter().all(|at| at.is_finite())
            };
            ensure!(polygons.iter().all(is_sound), "a polygon needs three corners, each with x and y");
            Ok(Shape::Polygons(polygons))
        }
        Some(Segmentation::Runs { counts, size: [height, width] }) => {
            ensure!([width, height] == size, "its runs are for an image of {width} x {height} pixels");
            let runs = match counts {
                Counts::Plain(runs) => runs,
                Counts::Compressed(text) => decompressed(&text)?,
            };
            let total: u64 = runs.iter().map(|run| u64::from(*run)).sum();
            ensure!(total == u64::from(width) * u64::from(height), "its runs cover {total} pixels");
            Ok(Shape::Runs(runs))
        }
        _ => {
            let [left, top, width, height] = bbox.context("it has neither `segmentation` nor `bbox`")?;
            ensure!(width > 0.0 && height > 0.0, "its box has no area");
            let (right, bottom) = (left + width, top + height);
            Ok(Shape::Polygons(vec![vec![left, top, right, top, right, bottom, left, bottom]]))
        }
    }
}

/// The runs of COCO's compressed strings: five bits a character, least significant first, each run but the first three as its
/// difference to the one before the last.
fn decompressed(text: &str) -> Result<Vec<u32>> {
    let mut runs: Vec<i64> = Vec::new();
    let (mut value, mut shift) = (0i64, 0);
    for byte in text.bytes() {
        ensure!((48..112).contains(&byte) && shift < 35, "its runs have characters that mean nothing");
        let bits = i64::from(byte - 48);
        value |= (bits & 0x1f) << shift;
        shift += 5;
        if bits & 0x20 != 0 {
            continue;
        }
        if bits & 0x10 != 0 {
            value |= -1 << shift;
        }
        if runs.len() > 2 {
            value += runs[runs.len() - 2];
        }
        runs.push(value);
        (value, shift) = (0, 0);
    }
    ensure!(shift == 0, "its runs break off");
    runs.into_iter().map(|run| u32::try_from(run).context("a run has no length")).collect()
}

impl Outline {
    /// The mask of the thing, for the image at this size. The edges of polygons are soft.
    ///
    /// `width` and `height` are not 0.
    pub fn mask(&self, width: u32, height: u32) -> Mask {
        let [own_width, own_height] = self.size;
        match &self.shape {
            Shape::Runs(runs) => {
                let mut coverage = vec![0; own_width as usize * own_height as usize];
                let mut at = 0;
                for (nth, run) in runs.iter().enumerate() {
                    let end = at + *run as usize;
                    if nth % 2 == 1 {
                        for place in at..end {
                            let (x, y) = (place / own_height as usize, place % own_height as usize);
                            coverage[y * own_width as usize + x] = u8::MAX;
                        }
                    }
                    at = end;
                }
                Mask::new(own_width, own_height, coverage).scaled(width, height)
            }
            Shape::Polygons(polygons) => {
                let [across, down] = [width as f32 / own_width as f32, height as f32 / own_height as f32];
                let mut path = PathBuilder::new();
                for polygon in polygons {
                    for (nth, corner) in polygon.chunks_exact(2).enumerate() {
                        let (x, y) = (corner[0] * across, corner[1] * down);
                        if nth == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
                    }
                    path.close();
                }
                let empty = || Mask::new(width, height, vec![0; width as usize * height as usize]);
                let (Some(path), Some(mut mask)) = (path.finish(), tiny_skia::Mask::new(width, height))
                else {
                    return empty();
                };
                mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
                Mask::new(width, height, mask.take())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one annotation of a dog in an image of 4 x 3 pixels.
    fn read_one(annotation: &str) -> Result<Outlined> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("instances.json");
        let text = format!(
            r#"{{"licenses": [{{"id": 4, "name": "CC BY 2.0"}}],
            "images": [{{"id": 9, "file_name": "000000000139.jpg", "width": 4, "height": 3, "coco_url": "http://coco/139", "license": 4}}],
            "annotations": [{{"id": 5, "image_id": 9, "category_id": 18, {annotation}}}],
            "categories": [{{"id": 18, "name": "dog"}}]}}"#
        );
        std::fs::write(&path, text)?;
        let mut outlines = BTreeMap::new();
        read(&path, &mut outlines)?;
        outlines.remove("coco 139").context("the image")
    }

    fn mask(annotation: &str, width: u32, height: u32) -> Vec<u8> {
        read_one(annotation).expect("an outline").things[0].mask(width, height).coverage().to_vec()
    }

    /// From pycocotools: `encode(np.asfortranarray([[0,0,0,0],[0,1,1,0],[0,1,1,0]], dtype=np.uint8))`.
    const COMPRESSED: &str = r#""segmentation": {"size": [3, 4], "counts": "42102"}"#;

    #[test]
    fn polygons_runs_and_boxes_cover_the_same() {
        let square = [0, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255, 0];
        for annotation in [
            r#""segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]]"#,
            r#""segmentation": [[1, 1, 2, 1, 2, 3, 1, 3], [2, 1, 3, 1, 3, 3, 2, 3]]"#,
            r#""segmentation": {"size": [3, 4], "counts": [4, 2, 1, 2, 3]}, "iscrowd": 1"#,
            r#""segmentation": [], "bbox": [1, 1, 2, 2]"#,
            r#""bbox": [1, 1, 2, 2]"#,
        ] {
            assert_eq!(mask(annotation, 4, 3), square, "{annotation}");
            let large = mask(annotation, 8, 6);
            assert!(large[0] == 0 && large[3 * 8 + 3] == 255 && large[3 * 8 + 5] > 127, "{annotation}");
        }
        assert_eq!(mask(COMPRESSED, 4, 3), square);
        let outlined = read_one(r#""bbox": [1, 1, 2, 2]"#).expect("an outline");
        assert_eq!((&*outlined.url, &*outlined.license), ("http://coco/139", "CC BY 2.0"));
        assert_eq!((&*outlined.things[0].name, outlined.things[0].is_crowd), ("dog", false));
    }

    /// From pycocotools, as above: rows 5 to 29 of columns 4 to 19, but rows 10 and 11 of columns 6 to 8.
    #[test]
    fn long_runs_are_decompressed() {
        let runs = decompressed("U5i0?00\\OC==CC==CC==700000000000000000000[<").expect("runs");
        let mut expected = vec![165, 25, 15, 25, 15];
        for _ in 0..3 {
            expected.extend([5, 2, 18, 15]);
        }
        expected.extend([25, 15].repeat(10));
        expected.extend([25, 410]);
        assert_eq!(runs, expected);
    }

    #[test]
    fn what_outlines_nothing_is_refused() {
        for (annotation, why) in [
            (r#""segmentation": [[1, 1, 3, 1]]"#, "three corners"),
            (r#""segmentation": []"#, "neither `segmentation` nor `bbox`"),
            (r#""bbox": [1, 1, 0, 2]"#, "no area"),
            (r#""segmentation": {"size": [3, 4], "counts": [4, 2]}"#, "cover 6 pixels"),
            (r#""segmentation": {"size": [4, 4], "counts": [16]}"#, "for an image of 4 x 4"),
            (r#""segmentation": {"size": [3, 4], "counts": "42 3"}"#, "mean nothing"),
            (r#""segmentation": {"size": [3, 4], "counts": "oooooooooooo"}"#, "mean nothing"),
            (r#""segmentation": {"size": [3, 4], "counts": "42o"}"#, "break off"),
        ] {
            let error = format!("{:#}", read_one(annotation).expect_err(annotation));
            assert!(error.contains("annotation 5") && error.contains(why), "{error}");
        }
    }
}
