//! Copies of an image, recognized whatever their names, sizes and file formats.

use image::imageops::FilterType;
use image_hasher::{HashAlg, HasherConfig};
use shared::image::Image;

/// Hashes that differ in at most so many of their 64 bits are taken for copies: the most at which no two of Flickr8k's
/// training and dev photographs are (NOTEBOOK, "Are copies recognized by their looks?").
const MOST_DIFFERENT_BITS: u32 = 3;

/// The difference hash of an image: for each of 64 places whether it gets brighter to the right. Copies differ in a few bits.
pub fn perceptual_hash(image: &Image) -> u64 {
    let hasher = HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_alg(HashAlg::Gradient)
        .hash_size(8, 8)
        .resize_filter(FilterType::Triangle)
        .to_hasher();
    let pixels = image::RgbImage::from_raw(image.width(), image.height(), image.rgb().to_vec());
    let bytes = pixels.map(|pixels| hasher.hash_image(&pixels)).expect("three bytes a pixel");
    u64::from_le_bytes(bytes.as_bytes().try_into().expect("64 bits"))
}

/// Whether two hashes are of copies of one image.
pub fn are_copies(a: u64, b: u64) -> bool {
    (a ^ b).count_ones() <= MOST_DIFFERENT_BITS
}

#[cfg(test)]
mod tests {
    use image::imageops;

    use super::*;

    #[test]
    fn a_photograph_is_recognized_in_another_size_and_no_other_is_taken_for_it() {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/samples");
        let files =
            std::fs::read_dir(samples).expect("the samples").map(|entry| entry.expect("a file").path());
        let mut looks = Vec::new();
        for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "jpg")) {
            let image =
                shared::decode::decode(&std::fs::read(&path).expect("a file")).expect("an image").image;
            let (width, height) = (image.width(), image.height());
            let pixels = image::RgbImage::from_raw(width, height, image.rgb().to_vec()).expect("pixels");
            let smaller = imageops::resize(&pixels, width / 3, height / 3, FilterType::CatmullRom);
            let smaller = Image::new(width / 3, height / 3, smaller.into_raw());
            looks.push([
                perceptual_hash(&image),
                perceptual_hash(&smaller),
                perceptual_hash(&image.mirrored()),
            ]);
        }
        assert!(looks.len() > 3);
        for (nth, [of, smaller, mirrored]) in looks.iter().enumerate() {
            assert!(are_copies(*of, *smaller), "sample {nth}");
            let others = looks.iter().enumerate().filter(|(other, _)| *other != nth).map(|(_, [of, ..])| of);
            assert!(others.chain([mirrored]).all(|other| !are_copies(*of, *other)), "sample {nth}");
        }
    }
}
