//! What one image is called in different files.

use std::path::Path;

use crate::system::files::stem;

/// Endings of image files.
const ENDINGS: [&str; 7] = ["jpg", "jpeg", "png", "gif", "webp", "bmp", "jpe"];

/// Whether a file is an image by its name.
pub fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// One name for an image in different files: COCO's number without its zeros, or else the file name's stem.
pub fn image_key(name: &str) -> String {
    let stem = stem(Path::new(name));
    without_coco(&stem).parse::<u64>().map_or(stem.clone(), |number| number.to_string())
}

/// What stands behind the prefix that COCO's images of 2014 have; a stem without it is returned whole.
fn without_coco(stem: &str) -> &str {
    if stem.starts_with("COCO_") { stem.rsplit('_').next().unwrap_or(stem) } else { stem }
}

/// The number of an image by one of COCO's names: `000000000139.jpg`, `COCO_val2014_000000000139.jpg`.
pub fn coco_number(name: &str) -> Option<u64> {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let digits = without_coco(stem);
    if digits.len() == 12 { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_coco_has_one_name_in_all_its_files() {
        for name in ["000000085329.jpg", "85329", "coco/val2014/COCO_val2014_000000085329.jpg"] {
            assert_eq!(image_key(name), "85329");
        }
        assert_eq!(image_key("1000268201_693b08cb0e.jpg"), "1000268201_693b08cb0e");
    }
}
