//! Image files to images: the only place where a file format is looked at.
//!
//! The same decoder runs natively and in the browser, so that both see the same pixels.

mod jpeg;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Rgba};

use crate::image::Image;

/// More pixels than this are refused before memory is taken for them: 120 million, enough for any camera.
pub const MAX_PIXELS: u64 = 120_000_000;

/// An image and what was done to make it plain RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The upright, opaque image.
    pub image: Image,
    /// Changes that a viewer should know of.
    pub notes: Vec<Note>,
}

/// Something that was changed on the way from the file to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Turned or mirrored as its EXIF orientation asks.
    Turned,
    /// Transparent parts were put on white.
    OnWhite,
    /// Only the first frame of an animation was taken.
    FirstFrame,
    /// More than eight bits a channel were reduced to eight.
    EightBits,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Note::Turned => "turned upright as its EXIF data asks",
            Note::OnWhite => "transparent parts were put on white",
            Note::FirstFrame => "only the first frame is used",
            Note::EightBits => "reduced to 8 bits a channel",
        })
    }
}

/// Why a file is not an image that can be used.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// A format that this decoder does not read, though a browser may.
    #[error("{0} images cannot be read here; save this one as JPEG or PNG")]
    Unsupported(&'static str),
    /// No known image format.
    #[error("the file is not an image (JPEG, PNG, GIF, WebP and BMP can be read)")]
    NotAnImage,
    /// What Git LFS puts in the place of a file that was not fetched.
    #[error("the file is a Git LFS pointer and not the image itself; run `git lfs pull`")]
    LfsPointer,
    /// The header announces a side of no length.
    #[error("the image is {width}x{height} pixels, so there is nothing in it")]
    NoPixels {
        /// Announced width in pixels.
        width: u32,
        /// Announced height in pixels.
        height: u32,
    },
    /// The header announces more pixels than [`MAX_PIXELS`].
    #[error("the image is {width}x{height} pixels, more than the {} million that can be read", MAX_PIXELS / 1_000_000)]
    TooLarge {
        /// Announced width in pixels.
        width: u32,
        /// Announced height in pixels.
        height: u32,
    },
    /// The decoder refuses the size before it says what it is.
    #[error("the image has more pixels than the {} million that can be read", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// The file ends before the image does.
    #[error("the image is cut off: the file ends too early")]
    Truncated,
    /// The content is damaged or of an odd kind.
    #[error("the {format} image is damaged: {reason}")]
    Damaged {
        /// The format that the file begins like.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
}

/// Decodes a JPEG, PNG, GIF, WebP or BMP file into an upright, opaque 8-bit RGB image.
///
/// # Errors
/// One [`DecodeError`] a sentence: empty, unknown or unsupported, without pixels, too large, cut off, damaged.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| unreadable(bytes))?;
    let name = name(format)?;
    let (mut image, orientation) = match format {
        ImageFormat::Jpeg => jpeg::read(bytes)?,
        _ => read(bytes, format, name)?,
    };
    image.apply_orientation(orientation);

    let mut notes = Vec::new();
    if orientation != Orientation::NoTransforms {
        notes.push(Note::Turned);
    }
    if is_animated(format, bytes) {
        notes.push(Note::FirstFrame);
    }
    if image.color().bytes_per_pixel() > image.color().channel_count() {
        notes.push(Note::EightBits);
    }
    let (width, height) = (image.width(), image.height());
    let rgb = if image.color().has_alpha() {
        let mut rgba = image.into_rgba8();
        // Programs that know no transparency leave zeros where BMP keeps it.
        if format == ImageFormat::Bmp && rgba.pixels().all(|Rgba([_, _, _, alpha])| *alpha == 0) {
            rgba.pixels_mut().for_each(|pixel| pixel.0[3] = u8::MAX);
        }
        if rgba.pixels().any(|Rgba([_, _, _, alpha])| *alpha < u8::MAX) {
            notes.push(Note::OnWhite);
        }
        rgba.pixels().flat_map(|pixel| on_white(pixel.0)).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Ok(Decoded { image: Image::new(width, height, rgb), notes })
}

/// Reads an image and the way it is to be turned, in any format but JPEG.
fn read(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
) -> Result<(DynamicImage, Orientation), DecodeError> {
    // Looked at before the decoder is made: on wasm32 it stumbles over sizes that overflow its addresses.
    if let (ImageFormat::Png, Some((width, height))) = (format, png_size(bytes)) {
        check_size(width, height)?;
    }
    let damaged = |error: ImageError| damaged(name, &error);
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(damaged)?, orientation))
}

fn check_size(width: u32, height: u32) -> Result<(), DecodeError> {
    match u64::from(width) * u64::from(height) {
        0 => Err(DecodeError::NoPixels { width, height }),
        1..=MAX_PIXELS => Ok(()),
        _ => Err(DecodeError::TooLarge { width, height }),
    }
}

/// The size in the header of a PNG, whose first chunk holds nothing before it.
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

fn on_white([r, g, b, alpha]: [u8; 4]) -> [u8; 3] {
    let alpha = u32::from(alpha);
    [r, g, b].map(|channel| ((u32::from(channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

/// The name of a format that can be decoded.
fn name(format: ImageFormat) -> Result<&'static str, DecodeError> {
    match format {
        ImageFormat::Jpeg => Ok("JPEG"),
        ImageFormat::Png => Ok("PNG"),
        ImageFormat::Gif => Ok("GIF"),
        ImageFormat::WebP => Ok("WebP"),
        ImageFormat::Bmp => Ok("BMP"),
        ImageFormat::Tiff => Err(DecodeError::Unsupported("TIFF")),
        ImageFormat::Avif => Err(DecodeError::Unsupported("AVIF")),
        _ => Err(DecodeError::NotAnImage),
    }
}

fn damaged(format: &'static str, error: &ImageError) -> DecodeError {
    match error {
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => DecodeError::Truncated,
        ImageError::Limits(_) => DecodeError::TooManyPixels,
        _ => DecodeError::Damaged { format, reason: error.to_string() },
    }
}

/// The sentence for bytes of no format that the decoder knows.
fn unreadable(bytes: &[u8]) -> DecodeError {
    match bytes.get(4..12) {
        // The brand says only how its items are kept; the codec stands among the compatible ones.
        Some(b"ftypmif1" | b"ftypmsf1")
            if bytes[..bytes.len().min(64)].windows(4).any(|brand| brand == b"avif") =>
        {
            DecodeError::Unsupported("AVIF")
        }
        Some(b"ftypavis") => DecodeError::Unsupported("AVIF"),
        Some(
            b"ftypheic" | b"ftypheix" | b"ftypheim" | b"ftypheis" | b"ftyphevc" | b"ftypmif1" | b"ftypmsf1",
        ) => DecodeError::Unsupported("HEIC"),
        Some(b"JXL \r\n\x87\n") => DecodeError::Unsupported("JPEG XL"),
        Some(b"jP  \r\n\x87\n") => DecodeError::Unsupported("JPEG 2000"),
        _ if bytes.starts_with(b"\xff\x0a") => DecodeError::Unsupported("JPEG XL"),
        _ if bytes.starts_with(b"version https://git-lfs") => DecodeError::LfsPointer,
        _ => DecodeError::NotAnImage,
    }
}

/// Whether a file has more than one frame.
fn is_animated(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        ImageFormat::Gif => {
            use image::AnimationDecoder;
            image::codecs::gif::GifDecoder::new(Cursor::new(bytes))
                .is_ok_and(|decoder| decoder.into_frames().take(2).filter(Result::is_ok).count() > 1)
        }
        // A flag of the extended header.
        ImageFormat::WebP => {
            bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0)
        }
        // A chunk that stands before the pixels.
        ImageFormat::Png => {
            let pixels = bytes.windows(4).position(|kind| kind == b"IDAT").unwrap_or(0);
            bytes[..pixels].windows(4).any(|kind| kind == b"acTL")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgb, RgbImage};

    use super::*;

    fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("an encoded image");
        bytes.into_inner()
    }

    fn gradient() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| Rgb([6 * x as u8, 8 * y as u8, 99]))
    }

    #[test]
    fn lossless_formats_give_the_pixels_back() {
        let image = DynamicImage::ImageRgb8(gradient());
        for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
            let decoded = decode(&file(&image, format)).expect("an image");
            assert_eq!(decoded.image.rgb(), gradient().as_raw(), "{format:?}");
            assert_eq!(decoded.notes, []);
        }
    }

    #[test]
    fn a_header_that_announces_no_pixels_is_refused() {
        let mut gif = file(&DynamicImage::ImageRgb8(gradient()), ImageFormat::Gif);
        gif[8..10].fill(0);
        let error = decode(&gif).expect_err("an image of no height").to_string();
        assert!(error.contains("40x0 pixels"), "{error}");
    }

    #[test]
    fn transparency_is_put_on_white_and_said() {
        let clear = ImageBuffer::from_fn(2, 1, |x, _| Rgba([10, 20, 30, 255 * x as u8]));
        let decoded = decode(&file(&DynamicImage::ImageRgba8(clear), ImageFormat::Png)).expect("an image");
        assert_eq!(decoded.image.rgb(), [255, 255, 255, 10, 20, 30]);
        assert_eq!(decoded.notes, [Note::OnWhite]);
    }

    #[test]
    fn sixteen_bits_and_gray_become_eight_bit_rgb() {
        let deep = ImageBuffer::from_pixel(1, 1, image::Luma([0x8080u16]));
        let decoded = decode(&file(&DynamicImage::ImageLuma16(deep), ImageFormat::Png)).expect("an image");
        assert_eq!(decoded.image.rgb(), [128, 128, 128]);
        assert_eq!(decoded.notes, [Note::EightBits]);
    }

    #[test]
    fn of_what_moves_the_first_frame_is_used_and_that_is_said() {
        let still = file(&DynamicImage::ImageRgb8(gradient()), ImageFormat::Png);
        let pixels = still.windows(4).position(|kind| kind == b"IDAT").expect("pixels") - 4;
        // Two frames, for ever; a reader that knows no animation passes it over.
        let mut control =
            [&8u32.to_be_bytes()[..], b"acTL", &2u32.to_be_bytes(), &0u32.to_be_bytes()].concat();
        control.extend(crc32(&control[4..]).to_be_bytes());
        let moving = [&still[..pixels], &control, &still[pixels..]].concat();
        let decoded = decode(&moving).expect("an image");
        assert_eq!(
            (decoded.image.rgb(), decoded.notes),
            (&gradient().into_raw()[..], vec![Note::FirstFrame])
        );
        let mut webp = file(&DynamicImage::ImageRgb8(gradient()), ImageFormat::WebP);
        assert!(!is_animated(ImageFormat::WebP, &webp));
        webp.splice(12..12, *b"VP8X\x0a\0\0\0\x02\0\0\0\x27\0\0\x1d\0\0");
        assert!(is_animated(ImageFormat::WebP, &webp));
    }

    #[test]
    fn bad_files_are_told_apart() {
        let png = file(&DynamicImage::ImageRgb8(gradient()), ImageFormat::Png);
        assert!(matches!(decode(b""), Err(DecodeError::Empty)));
        assert!(matches!(decode(b"hello, this is text"), Err(DecodeError::NotAnImage)));
        for (bytes, format) in [
            (&b"\0\0\0\x18ftypheic...."[..], "HEIC"),
            (b"\0\0\0\x18ftypavif....", "AVIF"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
            (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "HEIC"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"\xff\x0a............", "JPEG XL"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
            (b"II*\0............", "TIFF"),
            (b"MM\0*............", "TIFF"),
        ] {
            assert!(matches!(decode(bytes), Err(DecodeError::Unsupported(found)) if found == format));
        }
        assert!(decode(&png[..png.len() / 2]).is_err());
    }

    #[test]
    fn a_huge_header_is_refused_before_memory_is_taken() {
        let mut png = file(&DynamicImage::ImageRgb8(gradient()), ImageFormat::Png);
        png[16..20].copy_from_slice(&30_000u32.to_be_bytes());
        png[20..24].copy_from_slice(&30_000u32.to_be_bytes());
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(decode(&png), Err(DecodeError::TooLarge { width: 30_000, height: 30_000 })));
    }

    /// The checksum of PNG chunks (ISO 3309), bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(
                crc ^ u32::from(byte),
                |crc, _| {
                    if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
                },
            )
        })
    }

    #[test]
    fn a_bmp_whose_alpha_is_zero_throughout_is_opaque() {
        let transparent =
            DynamicImage::ImageRgba8(ImageBuffer::from_fn(4, 4, |x, _| Rgba([9 * x as u8, 7, 3, 0])));
        let decoded = decode(&file(&transparent, ImageFormat::Bmp)).expect("an image");
        assert_eq!((decoded.image.pixel(2, 1), decoded.notes), ([18, 7, 3], Vec::new()));
        let decoded = decode(&file(&transparent, ImageFormat::Png)).expect("an image");
        assert_eq!((decoded.image.pixel(2, 1), decoded.notes), ([255; 3], vec![Note::OnWhite]));
    }
}
