//! What must be known of a JPEG file before it is decoded, and the decoder of odd ones.

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

use super::DecodeError;

/// How a file is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Whether an end marker follows the first scan.
    pub has_end: bool,
    /// Whether it is coded arithmetically, which hardly any decoder reads.
    pub is_arithmetic: bool,
    /// Whether the decoder of the image crate reads it wrongly (zune-jpeg 0.5.15, mended in 0.5.16): a baseline file with a scan per
    /// component, or with chroma finer than luma.
    pub is_odd: bool,
}

/// Reads the layout from the segments before the first scan. They are skipped by length, since they may hold thumbnails with markers of
/// their own; stray bytes between them mean nothing.
pub fn layout(bytes: &[u8]) -> Layout {
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
                layout.is_odd |= is_baseline && of_scan < components;
                layout.has_end = bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]);
                break;
            }
            // The frame: precision, height, width, and three bytes per component.
            0xc0..=0xcf if !matches!(second, 0xc4 | 0xc8 | 0xcc) => {
                layout.is_arithmetic = second > 0xc8;
                is_baseline = second < 0xc2;
                let sampling: Vec<(u8, u8)> = segment
                    .get(6..)
                    .unwrap_or_default()
                    .chunks_exact(3)
                    .map(|component| (component[1] >> 4, component[1] & 15))
                    .collect();
                components = sampling.len();
                let luma = sampling.first().copied().unwrap_or_default();
                layout.is_odd = sampling.iter().any(|chroma| chroma.0 > luma.0 || chroma.1 > luma.1);
            }
            _ => {}
        }
        at += 2 + length;
    }
    layout
}

/// Decodes an odd file by another decoder, whose levels may differ by three from the usual one's.
///
/// # Errors
/// If it is damaged, or has four components.
pub fn decode_odd(bytes: &[u8]) -> Result<DynamicImage, DecodeError> {
    let damaged = |reason: String| DecodeError::Damaged { format: "JPEG", reason };
    let mut decoder = Decoder::new(bytes);
    let pixels = decoder.decode().map_err(|error| damaged(error.to_string()))?;
    let info = decoder.info().ok_or_else(|| damaged("it has no header".to_owned()))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let image = match info.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        PixelFormat::L16 | PixelFormat::CMYK32 => return Err(DecodeError::Unsupported("odd CMYK JPEG")),
    };
    image.ok_or(DecodeError::Truncated)
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::decode::decode;
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
        decode(bytes).expect("an image").image
    }

    #[test]
    fn a_scan_for_each_component_gives_the_pixels_of_one_for_all() {
        for sampling in
            [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_1_2, SamplingFactor::F_2_2]
        {
            let (one, each) = (file(sampling, false), file(sampling, true));
            assert_eq!([layout(&one).is_odd, layout(&each).is_odd], [false, true], "{sampling:?}");
            let (one, each) = (image(&one), image(&each));
            let apart = one.rgb().iter().zip(each.rgb()).map(|(one, each)| one.abs_diff(*each)).max();
            assert!(apart <= Some(4), "{sampling:?}: {apart:?}");
        }
    }

    #[test]
    fn arithmetic_coding_is_named() {
        let mut bytes = file(SamplingFactor::F_2_2, false);
        let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
        bytes[frame + 1] = 0xc9;
        let error = decode(&bytes).expect_err("a refusal").to_string();
        assert!(error.contains("arithmetically coded"), "{error}");
    }

    #[test]
    fn stray_bytes_between_the_segments_are_no_end() {
        let whole = file(SamplingFactor::F_2_2, false);
        let first = 4 + usize::from(u16::from_be_bytes([whole[4], whole[5]]));
        let with = [&whole[..first], &[0, 7, 0], &whole[first..]].concat();
        assert!(layout(&with).has_end && !layout(&with[..with.len() / 2]).has_end);
        assert_eq!(image::guess_format(&with).expect("a format"), ImageFormat::Jpeg);
        assert!(!matches!(decode(&with), Err(DecodeError::Truncated)));
    }

    #[test]
    fn what_is_cut_off_is_said_to_be() {
        let whole = file(SamplingFactor::F_2_2, false);
        assert!(decode(&whole).is_ok());
        assert!(matches!(decode(&whole[..whole.len() / 2]), Err(DecodeError::Truncated)));
    }
}
