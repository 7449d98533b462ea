//! JPEG files to images, by libjpeg-turbo's arithmetic: the pixels are those of Pillow, torchvision and browsers.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use libjpeg_turbo_rs::PixelFormat;

use super::{DecodeError, check_size};

/// Reads an image and the way it is to be turned.
///
/// # Errors
/// If the file is cut off, damaged, too large, or of a kind that is not read: more than eight bits, lossless.
pub fn read(bytes: &[u8]) -> Result<(DynamicImage, Orientation), DecodeError> {
    let layout = layout(bytes);
    // Names what is missing: decoders fill it with gray, or call it damage.
    let damaged = |reason: String| match layout.has_end {
        true => DecodeError::Damaged { format: "JPEG", reason },
        false => DecodeError::Truncated,
    };
    let decoder = libjpeg_turbo_rs::Decoder::new(bytes).map_err(|error| damaged(error.to_string()))?;
    let frame = decoder.header();
    check_size(frame.width.into(), frame.height.into())?;
    if !layout.has_end {
        return Err(DecodeError::Truncated);
    }
    // Orientation is advice: an image with broken EXIF data is still an image.
    let orientation =
        decoder.exif_data().and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let image = match layout.is_odd {
        true => decode_odd(bytes),
        false => decode(&decoder),
    };
    Ok((image.map_err(damaged)?, orientation))
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Layout {
    /// Whether an end marker follows the first scan.
    has_end: bool,
    /// Whether libjpeg-turbo-rs 0.9 does not read it: a baseline file with two of three components in a scan, or sampling
    /// factors that do not divide those of the first component, such as chroma finer than luma.
    is_odd: bool,
}

/// Reads the layout from the segments before the first scan. They are skipped by length, since they may hold thumbnails with markers of
/// their own; stray bytes between them mean nothing.
fn layout(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    let (mut at, mut is_baseline, mut components) = (2, false, 0);
    while let Some(&[first, second]) = bytes.get(at..at + 2) {
        if first != 0xff || !matches!(second, 0x02..=0xcf | 0xda..=0xfe) {
            // Fill bytes before a marker, and what is none.
            at += 1;
            continue;
        }
        let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { break };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
        match second {
            // The first scan begins.
            0xda => {
                let of_scan = segment.first().copied().map_or(0, usize::from);
                layout.is_odd |= is_baseline && of_scan > 1 && of_scan < components;
                layout.has_end = bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]);
                break;
            }
            // The frame: precision, height, width, and three bytes per component.
            0xc0..=0xcf if !matches!(second, 0xc4 | 0xc8 | 0xcc) => {
                is_baseline = !matches!(second, 0xc2 | 0xc6 | 0xca | 0xce);
                let sampling: Vec<(u8, u8)> = segment
                    .get(6..)
                    .unwrap_or_default()
                    .chunks_exact(3)
                    .map(|component| (component[1] >> 4, component[1] & 15))
                    .collect();
                components = sampling.len();
                layout.is_odd = !is_regular(&sampling);
            }
            _ => {}
        }
        at += 2 + length;
    }
    layout
}

/// Whether each component is as fine as the first or an integer coarser, and black as fine as the first.
fn is_regular(sampling: &[(u8, u8)]) -> bool {
    let Some(&(wide, high)) = sampling.first() else { return true };
    let divides = |&(across, down): &(u8, u8)| {
        across > 0 && down > 0 && wide.is_multiple_of(across) && high.is_multiple_of(down)
    };
    sampling.iter().all(divides) && sampling.get(3).is_none_or(|&black| black == (wide, high))
}

/// Decodes what libjpeg-turbo-rs reads.
fn decode(decoder: &libjpeg_turbo_rs::Decoder) -> Result<DynamicImage, String> {
    let image = decoder.decode_image().map_err(|error| error.to_string())?;
    let (width, height) = (image.width as u32, image.height as u32);
    let image = match image.pixel_format {
        PixelFormat::Rgb => RgbImage::from_raw(width, height, image.data).map(DynamicImage::ImageRgb8),
        PixelFormat::Grayscale => {
            GrayImage::from_raw(width, height, image.data).map(DynamicImage::ImageLuma8)
        }
        PixelFormat::Cmyk => {
            RgbImage::from_raw(width, height, of_inks(&image.data)).map(DynamicImage::ImageRgb8)
        }
        other => return Err(format!("it has pixels of the kind {other:?}")),
    };
    image.ok_or_else(|| "it has fewer pixels than it says".to_owned())
}

/// Cyan, magenta, yellow and black as files keep them, 255 for no ink, to RGB.
fn of_inks(cmyk: &[u8]) -> Vec<u8> {
    let shine = |ink: u8, black: u8| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8;
    cmyk.as_chunks().0.iter().flat_map(|&[c, m, y, k]| [c, m, y].map(|ink| shine(ink, k))).collect()
}

/// Decodes an odd file by another decoder, whose levels may differ by three.
fn decode_odd(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("it has no header")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let image = match info.pixel_format {
        jpeg_decoder::PixelFormat::RGB24 => {
            RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
        }
        jpeg_decoder::PixelFormat::L8 => {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        }
        other => return Err(format!("it has pixels of the kind {other:?} in an odd layout")),
    };
    image.ok_or_else(|| "it has fewer pixels than it says".to_owned())
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::image::Image;

    /// A JPEG with one scan for all components, or with one for each.
    fn file(sampling: SamplingFactor, is_scan_each: bool) -> Vec<u8> {
        let (width, height) = (41, 35);
        let pixels: Vec<u8> = (0..width * height)
            .flat_map(|idx| {
                [(idx % 41 * 6) as u8, (idx / 41 * 7) as u8, if idx % 41 < 20 { 200 } else { 60 }]
            })
            .collect();
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 90);
        encoder.set_sampling_factor(sampling);
        // With tables of its own this encoder writes one component after another.
        encoder.set_optimized_huffman_tables(is_scan_each);
        encoder.encode(&pixels, width as u16, height as u16, ColorType::Rgb).expect("a JPEG");
        bytes
    }

    fn image(bytes: &[u8]) -> Image {
        crate::decode::decode(bytes).expect("an image").image
    }

    /// The largest difference between the levels of two images.
    fn apart(one: &Image, other: &Image) -> u8 {
        one.rgb().iter().zip(other.rgb()).map(|(one, other)| one.abs_diff(*other)).max().expect("pixels")
    }

    #[test]
    fn a_scan_for_each_component_gives_the_pixels_of_one_for_all() {
        for sampling in
            [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2]
        {
            assert_eq!(image(&file(sampling, false)), image(&file(sampling, true)), "{sampling:?}");
        }
    }

    #[test]
    fn the_other_decoder_gives_nearly_the_same_pixels() {
        for is_scan_each in [false, true] {
            let bytes = file(SamplingFactor::F_2_2, is_scan_each);
            let other = decode_odd(&bytes).expect("an image").into_rgb8();
            let other = Image::new(other.width(), other.height(), other.into_raw());
            assert!(apart(&image(&bytes), &other) <= 3);
        }
        let (mut odd, frame) = (file(SamplingFactor::F_1_1, false), [0xff, 0xc0]);
        let frame = odd.windows(2).position(|pair| pair == frame).expect("a frame");
        // Cb twice as fine as luma, which the second byte of a component tells.
        odd[frame + 14] = 0x22;
        assert!(layout(&odd).is_odd && !layout(&file(SamplingFactor::F_2_2, false)).is_odd);
    }

    #[test]
    fn arithmetic_and_progressive_coding_change_no_pixel() {
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(|idx| (idx * idx / 97 % 256) as u8).collect();
        let encoder = || libjpeg_turbo_rs::Encoder::new(&pixels, 64, 48, PixelFormat::Rgb);
        let plain = image(&encoder().encode().expect("a JPEG"));
        for other in [encoder().arithmetic(true), encoder().progressive(true), encoder().restart_rows(1)] {
            assert_eq!(image(&other.encode().expect("a JPEG")), plain);
        }
    }

    #[test]
    fn stray_bytes_between_the_segments_are_no_end() {
        let whole = file(SamplingFactor::F_2_2, false);
        let first = 4 + usize::from(u16::from_be_bytes([whole[4], whole[5]]));
        let with = [&whole[..first], &[0, 7, 0], &whole[first..]].concat();
        assert!(layout(&with).has_end && !layout(&with[..with.len() / 2]).has_end);
        assert_eq!(image(&with), image(&whole));
    }

    #[test]
    fn what_is_cut_off_is_said_to_be() {
        let whole = file(SamplingFactor::F_2_2, false);
        assert!(read(&whole).is_ok());
        assert!(matches!(read(&whole[..whole.len() / 2]), Err(DecodeError::Truncated)));
    }
}
