//! What one image is called in different files.

use std::path::Path;

use unicode_normalization::UnicodeNormalization;

use crate::system::files::stem;

/// Endings of image files.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "gif", "webp", "bmp", "jpe", "jfif"];

/// Whether a file is an image by its name.
pub fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Whether a file or folder, by its name, is none of the data: what macOS, editors and notebooks leave behind.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// One name for an image in different files: COCO's number where the name is one of COCO's, or else the file name's stem.
pub fn image_key(name: &str) -> String {
    let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
    coco_number(bare).map_or_else(|| stem(Path::new(bare)), |number| format!("coco {number}"))
}

/// The name that an image of COCO has in 2017's files, by its number.
pub fn coco_name(number: &str) -> String {
    format!("{number:0>12}.jpg")
}

/// A file name as names are compared: letters with their accents composed, which macOS takes apart, and the ending in lower case.
pub fn comparable(name: &str) -> String {
    let name: String = name.nfc().collect();
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{}", ending.to_lowercase()),
        None => name,
    }
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
    fn an_image_of_coco_has_one_name_in_all_its_files_and_numbers_of_others_are_not_cocos() {
        for name in ["000000085329.jpg", "coco/val2014/COCO_val2014_000000085329.jpg", &coco_name("85329")] {
            assert_eq!(image_key(name), "coco 85329", "{name}");
        }
        // Visual Genome's numbers, and those of img2dataset's shards and rows.
        for (name, key) in [("VG_100K/85329.jpg", "85329"), ("000085329.jpg", "000085329")] {
            assert_eq!(image_key(name), key);
        }
        assert_eq!(image_key("1000268201_693b08cb0e.jpg"), "1000268201_693b08cb0e");
    }

    #[test]
    fn names_are_compared_whatever_system_wrote_them() {
        assert_eq!(comparable("cafe\u{301}.JPG"), comparable("caf\u{e9}.jpg"));
        assert_ne!(comparable("A.jpg"), comparable("a.jpg"));
        assert!(is_image(Path::new("image0.JFIF")) && !is_image(Path::new("jfif")));
    }
}
