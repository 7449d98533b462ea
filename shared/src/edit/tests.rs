//! What must hold of edits, and what they make of images with known answers.

use crate::resize::resize;
use crate::seed;
use proptest::prelude::*;

use super::*;

fn quiet(_: f32) {}

fn apply(edit: Edit, image: &Image, mask: &Mask) -> Image {
    edit.apply(image, mask, &mut quiet).expect("an edit that can be made")
}

/// A checked floor of two greens that repeats, with a red disc on it and the mask of the disc.
fn planted(side: u32) -> (Image, Mask) {
    let (mut rgb, mut coverage) = (Vec::new(), Vec::new());
    let radius = side as f32 / 6.0;
    for y in 0..side {
        for x in 0..side {
            let [dx, dy] = [x, y].map(|place| place as f32 + 0.5 - side as f32 * 0.45);
            let is_disc = dx * dx + dy * dy < radius * radius;
            let shade = (dx * 20.0 / radius) as i32;
            rgb.extend(match (is_disc, (x / (side / 16) + y / (side / 16)) % 2) {
                (true, _) => [(200 + shade) as u8, 30, 30],
                (false, 0) => [60, 140, 60],
                (false, _) => [90, 170, 90],
            });
            coverage.push(if is_disc { 255 } else { 0 });
        }
    }
    (Image::new(side, side, rgb), Mask::new(side, side, coverage))
}

fn is_red([r, g, _]: [u8; 3]) -> bool {
    r > g
}

#[test]
fn removal_leaves_no_pixel_of_the_removed_color_and_goes_on_with_the_pattern() {
    for side in [64, 320, 800] {
        let (image, mask) = planted(side);
        let removed = apply(Edit::Remove, &image, &mask);
        assert!(!removed.pixels().iter().any(|pixel| is_red(*pixel)), "side {side}");
        // Of the pixels that were hidden, most have the very color that the floor has there.
        let period = side / 16;
        let (mut right, mut all) = (0, 0);
        for at in (0..mask.coverage().len()).filter(|&at| mask.coverage()[at] > 0) {
            let (x, y) = (at as u32 % side, at as u32 / side);
            let floor =
                if (x / period + y / period).is_multiple_of(2) { [60, 140, 60] } else { [90, 170, 90] };
            let near = (0..3).all(|channel| removed.pixels()[at][channel].abs_diff(floor[channel]) < 12);
            right += usize::from(near);
            all += 1;
        }
        assert!(right * 10 > all * 8, "{right} of {all} at side {side}");
    }
}

#[test]
fn a_thin_thing_before_two_grounds_leaves_no_pixel_of_a_color_of_its_own() {
    let (side, mut rgb, mut coverage) = (96u32, Vec::new(), Vec::new());
    for y in 0..side {
        for x in 0..side {
            let is_pole = (46..49).contains(&x);
            let pattern =
                [40 + ((x * 7 + y * 13) % 11) as u8 * 18, 90, 60 + ((x * 5 + y * 3) % 7) as u8 * 25];
            rgb.extend(if is_pole {
                [0; 3]
            } else if y > 70 {
                pattern
            } else {
                [200, 200, 205]
            });
            coverage.push(if is_pole { 255 } else { 0 });
        }
    }
    let removed = apply(Edit::Remove, &Image::new(side, side, rgb), &Mask::new(side, side, coverage));
    assert!(!removed.pixels().iter().any(|pixel| pixel.iter().all(|level| *level < 30)));
}

#[test]
fn what_is_moved_stands_there_and_no_longer_here() {
    let (image, mask) = planted(160);
    let placement = Placement { right: 0.3, down: 0.2, scale: 1.0 };
    let moved = apply(Edit::Place(placement), &image, &mask);
    let [dx, dy] = [48, 32];
    for (at, _) in mask.coverage().iter().enumerate().filter(|(_, coverage)| **coverage > 0) {
        let (x, y) = (at as u32 % 160, at as u32 / 160);
        assert_eq!(moved.pixel(x + dx, y + dy), image.pixel(x, y));
    }
    let red = |image: &Image| image.pixels().iter().filter(|pixel| is_red(**pixel)).count();
    assert_eq!(red(&moved), red(&image));
    let twice = Edit::Place(Placement { scale: 1.5, ..Placement::UNCHANGED });
    let larger = red(&apply(twice, &image, &mask)) as f64 / red(&image) as f64;
    assert!((larger - 2.25).abs() < 0.1, "1.5 times as wide and high, {larger} times the area");
    let away = apply(Edit::Place(Placement { right: 5.0, ..placement }), &image, &mask);
    assert_eq!(red(&away), 0, "out of the picture");
}

#[test]
fn a_thing_is_recolored_to_what_people_call_so() {
    let (image, mask) = planted(64);
    let middle = |to| apply(Edit::Recolor { to }, &image, &mask).pixel(28, 28);
    let [r, g, b] = middle(ColorName::Blue);
    assert!(b > 140 && r < 90 && g < 120, "blue {r} {g} {b}");
    let [r, g, b] = middle(ColorName::Yellow);
    assert!(r > 150 && g > 120 && b < 80, "yellow {r} {g} {b}");
    assert!(middle(ColorName::Black).iter().all(|level| *level < 70));
    assert!(middle(ColorName::White).iter().all(|level| *level > 215));
    let [r, g, b] = middle(ColorName::Gray);
    assert!(r.abs_diff(g) < 12 && g.abs_diff(b) < 12 && (100..160).contains(&g), "gray {r} {g} {b}");
}

#[test]
fn a_region_is_called_by_the_color_it_was_given() {
    let (image, mask) = planted(64);
    assert_eq!(color_of(&image, &mask), Some(ColorName::Red));
    for to in ColorName::ALL {
        assert_eq!(color_of(&apply(Edit::Recolor { to }, &image, &mask), &mask), Some(to));
    }
    assert_eq!(color_of(&image, &Mask::new(64, 64, vec![0; 64 * 64])), None);
}

#[test]
fn edits_without_a_region_or_without_a_rest_say_so() {
    let (image, mask) = planted(64);
    let nothing = Mask::new(4, 4, vec![0; 16]);
    let everything = Mask::new(1, 1, vec![255]);
    for edit in [Edit::Remove, Edit::Recolor { to: ColorName::Red }, Edit::Place(Placement::UNCHANGED)] {
        assert_eq!(edit.apply(&image, &nothing, &mut quiet), Err(EditError::NothingSelected));
    }
    assert_eq!(Edit::Remove.apply(&image, &everything, &mut quiet), Err(EditError::NothingLeft));
    let tiny = Image::new(3, 2, vec![7; 18]);
    assert_eq!(
        Edit::Remove.apply(&tiny, &Mask::new(3, 2, vec![255, 0, 0, 0, 0, 0]), &mut quiet),
        Err(EditError::NothingLeft)
    );
    assert_eq!(apply(Edit::Mirror, &apply(Edit::Mirror, &image, &nothing), &mask), image);
}

#[test]
fn progress_rises_and_the_same_edit_gives_the_same_bytes_on_every_target() {
    let (image, mask) = planted(96);
    let mut shares = Vec::new();
    let removed = Edit::Remove.apply(&image, &mask, &mut |share| shares.push(share)).expect("a filled hole");
    assert!(shares.is_sorted() && shares.iter().all(|share| (0.0..1.0).contains(share)) && shares.len() > 1);
    let moved = apply(Edit::Place(Placement { right: 0.25, down: -0.1, scale: 0.8 }), &image, &mask);
    let purple = apply(Edit::Recolor { to: ColorName::Purple }, &image, &mask.scaled(24, 24));
    let hash =
        |image: &Image| seed::mix(&image.rgb().iter().map(|byte| u64::from(*byte)).collect::<Vec<_>>());
    // `web/` computes the same; a hash that changes here changes what visitors see.
    expect_test::expect![[r#"
        remove 87b0d709585d7456
        place c31dec2b490804de
        recolor d4ecd090b9d9fd7d
    "#]]
    .assert_eq(&format!(
        "remove {:016x}\nplace {:016x}\nrecolor {:016x}\n",
        hash(&removed),
        hash(&moved),
        hash(&purple)
    ));
}

/// An image of blotches and a mask of a rectangle.
fn arbitrary() -> impl Strategy<Value = (Image, Mask)> {
    (12u32..40, 12u32..40, any::<u64>(), 0.0f32..0.7, 0.0f32..0.7).prop_map(
        |(width, height, seed, left, top)| {
            let rng = &mut seed::rng(&[seed]);
            let coarse: Vec<u8> = (0..48).map(|_| rand::RngExt::random_range(rng, 0..=255u8)).collect();
            let image = resize(&Image::new(4, 4, coarse), width, height);
            let inside = |at: u32, start: f32, side: u32| {
                let from = (start * side as f32) as u32;
                (from..from + side / 4 + 1).contains(&at)
            };
            let coverage = (0..width * height)
                .map(|at| match (inside(at % width, left, width), inside(at / width, top, height)) {
                    (true, true) => 255 - (at % 3) as u8 * 60,
                    _ => 0,
                })
                .collect();
            (image, Mask::new(width, height, coverage))
        },
    )
}

#[test]
fn another_thing_stands_where_the_first_one_stood() {
    let (image, mask) = planted(96);
    let cell = |x: u32, y: u32| x.abs_diff(8) < 4 && (2..14).contains(&y);
    let cells = || (0..16 * 16).map(|at| cell(at % 16, at / 16));
    let thing =
        Image::new(16, 16, cells().flat_map(|is| if is { [20, 20, 220] } else { [9, 9, 9] }).collect());
    let its_mask = Mask::new(16, 16, cells().map(|is| if is { 255 } else { 0 }).collect());
    let exchanged = Edit::exchange(&image, &mask, &thing, &its_mask, &mut quiet).expect("an edit");
    let is_blue = |pixel: &[u8; 3]| pixel[2] > 150;
    let blue = exchanged.pixels().iter().map(|pixel| if is_blue(pixel) { 255 } else { 0 }).collect();
    let [old, new] = [mask, Mask::new(96, 96, blue)].map(|mask| mask.bounds().expect("something"));
    assert_eq!((new[1], new[3]), (old[1], old[3]), "as tall, on the same ground");
    assert_eq!(new[0] + new[2], old[0] + old[2], "in the middle");
    assert!(new[2] - new[0] < old[2] - old[0], "as slim as it is");
    assert!(!exchanged.pixels().iter().any(|pixel| is_red(*pixel) && !is_blue(pixel)));
    let nothing = Mask::new(16, 16, vec![0; 256]);
    let error = Edit::exchange(&image, &nothing, &thing, &its_mask, &mut quiet);
    assert_eq!(error, Err(EditError::NothingSelected));
}

fn colors() -> impl Strategy<Value = ColorName> {
    prop::sample::select(ColorName::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_composite_is_the_one_where_nothing_is_covered_and_the_other_where_all_is((below, mask) in arbitrary()) {
        let above = below.mirrored();
        let mixed = composite(&below, &above, &mask);
        for (at, coverage) in mask.coverage().iter().enumerate() {
            match coverage {
                0 => prop_assert_eq!(mixed.pixels()[at], below.pixels()[at]),
                255 => prop_assert_eq!(mixed.pixels()[at], above.pixels()[at]),
                _ => {}
            }
        }
    }

    #[test]
    fn outside_the_mask_nothing_changes((image, mask) in arbitrary(), to in colors()) {
        let recolored = apply(Edit::Recolor { to }, &image, &mask);
        let gap = Edit::gap(&mask);
        let removed = Edit::Remove.apply(&image, &mask, &mut quiet);
        for at in 0..mask.coverage().len() {
            if mask.coverage()[at] == 0 {
                prop_assert_eq!(recolored.pixels()[at], image.pixels()[at]);
            }
            if gap.coverage()[at] == 0 && let Ok(removed) = &removed {
                prop_assert_eq!(removed.pixels()[at], image.pixels()[at]);
            }
        }
    }

    #[test]
    fn a_hue_keeps_lightness_within_the_bound((image, mask) in arbitrary(), hue in 0usize..6) {
        let to = ColorName::ALL[hue];
        let recolored = apply(Edit::Recolor { to }, &image, &mask);
        for (before, after) in image.pixels().iter().zip(recolored.pixels()) {
            let [before, after] = [before, after].map(|rgb| crate::oklab::from_srgb(*rgb)[0]);
            // Two hundredths for rounding to bytes, which is coarse where it is dark.
            prop_assert!((before - after).abs() <= MOST_LIGHTNESS_SHIFT + 0.02, "{} became {}", before, after);
        }
    }
}
