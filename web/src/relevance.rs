//! Which parts of an image and which words of a caption a similarity rests on, found by taking each away in turn: occlusion
//! (arXiv 1311.2901, section 4.2), which needs no gradients and asks every model the same.

use std::ops::Range;

use shared::image::Image;

/// Cells along a side of the image.
pub const GRID: usize = 7;

/// The square that a model sees, with each cell of one row of the grid taken away in turn: [`GRID`] images, from left to
/// right, in which the cell has the square's mean color.
///
/// # Panics
/// If there is no such row.
pub fn without_each_cell(square: &Image, row: usize) -> Vec<Image> {
    assert!(row < GRID, "row {row} of {GRID}");
    let (width, height) = (square.width() as usize, square.height() as usize);
    let pixels = square.pixels();
    let mean = [0, 1, 2].map(|channel| {
        let sum: u64 = pixels.iter().map(|pixel| u64::from(pixel[channel])).sum();
        (sum / pixels.len() as u64) as u8
    });
    let part = |nth: usize, side: usize| nth * side / GRID..(nth + 1) * side / GRID;
    let rows = part(row, height);
    (0..GRID)
        .map(|column| {
            let columns = part(column, width);
            let covered = pixels.iter().enumerate().flat_map(|(at, pixel)| {
                let is_away = rows.contains(&(at / width)) && columns.contains(&(at % width));
                if is_away { mean } else { *pixel }
            });
            Image::new(square.width(), square.height(), covered.collect())
        })
        .collect()
}

/// Each word of a caption, by its bytes, and the caption without it. A caption of one word has none that could go.
pub fn without_each_word(caption: &str) -> Vec<(Range<usize>, String)> {
    let words: Vec<&str> = caption.split_whitespace().collect();
    if words.len() < 2 {
        return Vec::new();
    }
    let start_of = |word: &str| word.as_ptr() as usize - caption.as_ptr() as usize;
    words
        .iter()
        .enumerate()
        .map(|(nth, word)| {
            let rest: Vec<&str> =
                words.iter().enumerate().filter(|(other, _)| *other != nth).map(|(_, word)| *word).collect();
            (start_of(word)..start_of(word) + word.len(), rest.join(" "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_taken_away_in_exactly_one_cell() {
        for side in [7u32, 16, 64] {
            // Black but for one row above, so that no other pixel has the mean color.
            let rgb = (0..3 * side * side).map(|at| if at < 3 * side { 255 } else { 0 }).collect();
            let square = Image::new(side, side, rgb);
            let mut gone = vec![0; (side * side) as usize];
            for row in 0..GRID {
                for image in without_each_cell(&square, row) {
                    for (at, count) in gone.iter_mut().enumerate() {
                        let (x, y) = (at as u32 % side, at as u32 / side);
                        *count += usize::from(image.pixel(x, y) != square.pixel(x, y));
                    }
                }
            }
            assert!(gone.iter().all(|count| *count == 1), "side {side}");
        }
    }

    #[test]
    fn each_word_goes_once_and_the_rest_stays_in_order() {
        let without = without_each_word("a  red car");
        let rest: Vec<&str> = without.iter().map(|(_, rest)| rest.as_str()).collect();
        assert_eq!(rest, ["red car", "a car", "a red"]);
        assert_eq!(without[1].0, 3..6);
        assert_eq!(without_each_word("car"), []);
        assert_eq!(without_each_word("  "), []);
    }
}
