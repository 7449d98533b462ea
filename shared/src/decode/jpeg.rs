//! JPEG files to images, by libjpeg-turbo's arithmetic: the pixels are those of Pillow, torchvision and browsers.

mod planes;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use libjpeg_turbo_rs::PixelFormat;

use super::{DecodeError, check_size};

const TOO_FEW: &str = "it has fewer pixels than it says";

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
        true => planes::decode(bytes, &layout).and_then(|rgb| {
            let image = RgbImage::from_raw(frame.width.into(), frame.height.into(), rgb);
            image.map(DynamicImage::ImageRgb8).ok_or_else(|| TOO_FEW.to_owned())
        }),
        false => decode(&decoder),
    };
    Ok((image.map_err(damaged)?, orientation))
}

/// How a file is laid out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Layout {
    /// Whether an end marker follows the first scan.
    has_end: bool,
    is_progressive: bool,
    components: Vec<Component>,
    /// Whether libjpeg-turbo-rs 0.9 reads it plane by plane only: a baseline file with two of three components in a scan, or sampling
    /// factors that do not divide those of the first component, such as chroma finer than luma.
    is_odd: bool,
}

/// A component of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Component {
    name: u8,
    /// Its sampling factor across.
    wide: usize,
    /// Its sampling factor down.
    high: usize,
    table: u8,
}

/// A marker and its segment, and after the header of a scan the scan.
struct Segment<'b> {
    marker: u8,
    /// From the marker on.
    bytes: &'b [u8],
    /// What follows until the next segment, if this is the header of a scan.
    scan: &'b [u8],
}

impl Component {
    fn read(bytes: &[u8; 3]) -> Self {
        let [name, sampling, table] = *bytes;
        Component { name, wide: usize::from(sampling >> 4), high: usize::from(sampling & 15), table }
    }

    fn bytes(&self) -> [u8; 3] {
        [self.name, (self.wide as u8) << 4 | self.high as u8, self.table]
    }
}

impl Segment<'_> {
    /// What its length counts, after the length itself.
    fn content(&self) -> &[u8] {
        self.bytes.get(4..).unwrap_or_default()
    }

    fn is_frame(&self) -> bool {
        matches!(self.marker, 0xc0..=0xcf) && !matches!(self.marker, 0xc4 | 0xc8 | 0xcc)
    }

    fn is_scan(&self) -> bool {
        self.marker == 0xda
    }
}

/// The segments of a file. They are skipped by length, since they may hold thumbnails with markers of their own; stray bytes between
/// them mean nothing.
fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let (mut at, mut has_scan) = (2, false);
    std::iter::from_fn(move || {
        loop {
            let &[first, marker, high, low] = bytes.get(at..at + 4)? else { return None };
            if has_scan && [first, marker] == [0xff, 0xd9] {
                // Another image may follow.
                return None;
            }
            if first != 0xff || !matches!(marker, 0x02..=0xcf | 0xda..=0xfe) {
                // Fill bytes before a marker, and what is none.
                at += 1;
                continue;
            }
            let begin = at;
            let end = (begin + 2 + usize::from(u16::from_be_bytes([high, low]))).min(bytes.len());
            at = end;
            if marker == 0xda {
                // Zeros and restarts belong to the scan.
                has_scan = true;
                let is_next = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
                at += bytes[end..].windows(2).position(is_next).unwrap_or(bytes.len() - end);
            }
            return Some(Segment { marker, bytes: &bytes[begin..end], scan: &bytes[end..at] });
        }
    })
}

/// Reads the layout, as far as the first scans tell it.
fn layout(bytes: &[u8]) -> Layout {
    let mut layout = Layout::default();
    for segment in segments(bytes) {
        if segment.is_frame() {
            layout.is_progressive = matches!(segment.marker, 0xc2 | 0xc6 | 0xca | 0xce);
            let components = segment.content().get(6..).unwrap_or_default().as_chunks().0;
            layout.components = components.iter().map(Component::read).collect();
            layout.is_odd = !is_regular(&layout.components);
        } else if segment.is_scan() {
            let n = segment.content().first().copied().map_or(0, usize::from);
            layout.is_odd |= !layout.is_progressive && n > 1 && n < layout.components.len();
            let rest = segment.bytes.as_ptr() as usize - bytes.as_ptr() as usize;
            layout.has_end |= bytes[rest..].windows(2).any(|pair| pair == [0xff, 0xd9]);
            if layout.is_progressive || n == layout.components.len() {
                // Scans like this one follow, or none.
                break;
            }
        }
    }
    layout
}

/// Whether each component is as fine as the first or an integer coarser, and black as fine as the first.
fn is_regular(components: &[Component]) -> bool {
    let Some(first) = components.first() else { return true };
    let divides = |component: &Component| {
        component.wide > 0
            && component.high > 0
            && first.wide.is_multiple_of(component.wide)
            && first.high.is_multiple_of(component.high)
    };
    let is_as_fine = |black: &Component| (black.wide, black.high) == (first.wide, first.high);
    components.iter().all(divides) && components.get(3).is_none_or(is_as_fine)
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
    image.ok_or_else(|| TOO_FEW.to_owned())
}

/// Cyan, magenta, yellow and black as files keep them, 255 for no ink, to RGB.
fn of_inks(cmyk: &[u8]) -> Vec<u8> {
    let shine = |ink: u8, black: u8| ((u32::from(ink) * u32::from(black) + 127) / 255) as u8;
    cmyk.as_chunks().0.iter().flat_map(|&[c, m, y, k]| [c, m, y].map(|ink| shine(ink, k))).collect()
}

#[cfg(test)]
pub mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;
    use crate::image::Image;

    /// A JPEG with one scan for all components, or with one for each.
    pub fn file(sampling: SamplingFactor, is_scan_each: bool) -> Vec<u8> {
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

    pub fn image(bytes: &[u8]) -> Image {
        crate::decode::decode(bytes).expect("an image").image
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
