//! What decoding and resizing make of real files.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, Rgba, RgbaImage};
use shared::decode::{DecodeError, Note, decode};
use shared::image::Image;
use shared::preprocess::{Fit, Preprocess, Resample};

use crate::support::root;

/// The image of `golden/make_resize.py`.
fn formula() -> Image {
    let (width, height) = (53u32, 37u32);
    let rgb = (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| (x, y, c))))
        .map(|(x, y, c)| ((x * x * 7 + y * 13 * (c + 1) + x * y * 5 + c * 91) % 256) as u8);
    Image::new(width, height, rgb.collect())
}

#[test]
fn resizing_is_pillows_to_the_last_bit() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("golden/resize.json")).expect("the golden file");
    for (fit, resample, name) in [
        (Fit::Squash, Resample::Bicubic, "squash"),
        (Fit::CenterCrop, Resample::Bicubic, "center-crop"),
        (Fit::Squash, Resample::Bilinear, "bilinear"),
    ] {
        let preprocess = Preprocess { side: 16, fit, resample, mean: [0.0; 3], std: [1.0; 3] };
        let expected: Vec<u8> =
            serde_json::from_value(golden[name].clone()).expect("a list of bytes in the golden file");
        assert_eq!(preprocess.square(&formula()).rgb(), expected, "{name}");
    }
}

#[test]
fn the_sample_photographs_are_read() {
    for name in ["astronaut", "cat", "coffee", "rocket"] {
        let bytes = std::fs::read(root().join(format!("assets/samples/{name}.jpg"))).expect("a sample");
        let decoded = decode(&bytes).expect("an image");
        assert_eq!(decoded.image.width().max(decoded.image.height()), 400, "{name}");
        assert!(matches!(decode(&bytes[..bytes.len() - 2000]), Err(DecodeError::Truncated)), "{name}");
    }
}

#[test]
fn odd_files_of_other_programs_are_read_or_refused_by_name() {
    let file = |name: &str| std::fs::read(root().join("tests/golden").join(name)).expect("a golden file");
    // Cyan, magenta and yellow ink at half strength, as Pillow writes it.
    let cmyk = decode(&file("cmyk.jpg")).expect("a CMYK JPEG").image;
    let [r, g, b] = cmyk.pixel(8, 8);
    assert!(r > 180 && g < 80 && b < 80, "red ink came out as {:?}", [r, g, b]);
    // Stored on its side: its red half is on the left once it is upright.
    let turned = decode(&file("rotated.jpg")).expect("a turned JPEG");
    assert_eq!((turned.image.width(), turned.image.height()), (16, 32));
    assert_eq!(turned.notes, [Note::Turned]);
    let [r, _, b] = turned.image.pixel(8, 4);
    assert!(r > 200 && b < 80, "the top is {r}, {b}");
}

#[test]
fn a_jpeg_gives_pillows_pixels() {
    let image = |name: &str| {
        let file = std::fs::read(root().join("tests/golden").join(name)).expect("a golden file");
        decode(&file).expect("an image").image
    };
    assert_eq!(image("gradient.jpg"), image("gradient.png"));
    // Pillow rounds the product of ink and black in another way.
    let (ours, pillows) = (image("cmyk-gradient.jpg"), image("cmyk-gradient.png"));
    let apart = ours.rgb().iter().zip(pillows.rgb()).map(|(ours, pillows)| ours.abs_diff(*pillows)).max();
    assert!(apart <= Some(1), "{apart:?}");
}

#[test]
fn an_animation_gives_its_first_frame() {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = GifEncoder::new(&mut bytes);
    for color in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        let frame = RgbaImage::from_pixel(4, 4, Rgba(color));
        encoder
            .encode_frame(Frame::from_parts(frame, 0, 0, Delay::from_numer_denom_ms(100, 1)))
            .expect("a frame");
    }
    drop(encoder);
    let decoded = decode(&bytes.into_inner()).expect("a GIF");
    assert_eq!(decoded.image.pixel(0, 0), [255, 0, 0]);
    assert_eq!(decoded.notes, [Note::FirstFrame]);
}
