//! Symmetric test cases as one parquet file: two images and two captions, in InpaintCOCO's columns (arXiv 2403.02875),
//! which `trainer evaluate --benchmark inpaint-coco` reads like the original.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use image::ImageError;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::concept::Concept;
use crate::encode;
use crate::image::Image;
use crate::mask::Mask;

/// The columns of InpaintCOCO that a test needs, images as the `{bytes, path}` of Hugging Face datasets.
const SCHEMA: &str = "message schema {
    required binary concept (STRING);
    required binary coco_caption (STRING);
    required group coco_image { required binary bytes; required binary path (STRING); }
    required binary inpaint_caption (STRING);
    required group inpaint_image { required binary bytes; required binary path (STRING); }
    required group mask { required binary bytes; required binary path (STRING); }
}";

/// Cases of a row group: few enough that one is no burden in memory.
const CASES: usize = 250;

/// One case, its images as PNG files.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What the two captions differ in.
    pub concept: Concept,
    /// The caption of each image.
    pub captions: [String; 2],
    /// The image and the edited one.
    pub images: [Bytes; 2],
    /// White where the images may differ.
    pub mask: Bytes,
}

/// Why there is no challenge set.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeSetError {
    /// An image cannot be encoded.
    #[error("an image cannot be encoded: {0}")]
    Image(#[from] ImageError),
    /// The file cannot be written.
    #[error("the table cannot be written: {0}")]
    Table(#[from] ParquetError),
}

impl Case {
    /// An image and the edited one, each with the caption that is true of it. `mask` is where they may differ.
    ///
    /// # Errors
    /// If an image cannot be encoded.
    pub fn new(
        concept: Concept,
        images: [&Image; 2],
        captions: [&str; 2],
        mask: &Mask,
    ) -> Result<Self, ChallengeSetError> {
        let [first, second] = images;
        Ok(Case {
            concept,
            captions: captions.map(str::to_owned),
            images: [encode::image(first)?.into(), encode::image(second)?.into()],
            mask: encode::mask(mask)?.into(),
        })
    }
}

/// Where two images differ; everywhere if they are not of one size.
pub fn difference([first, second]: [&Image; 2]) -> Mask {
    let (width, height) = (first.width(), first.height());
    if [width, height] != [second.width(), second.height()] {
        return Mask::new(width, height, vec![u8::MAX; width as usize * height as usize]);
    }
    let pixels = first.pixels().iter().zip(second.pixels());
    let differs = pixels.map(|(a, b)| if a == b { 0 } else { u8::MAX });
    Mask::new(width, height, differs.collect())
}

/// Writes cases, and returns what they were written to. Images are named by number.
///
/// # Errors
/// If a case does not come, or cannot be written.
pub fn write<W, E>(to: W, cases: impl Iterator<Item = Result<Case, E>>) -> Result<W, E>
where
    W: Write + Send,
    E: From<ChallengeSetError>,
{
    let failed = |error: ParquetError| ChallengeSetError::Table(error);
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(to, schema, properties).map_err(failed)?;
    let mut cases = cases.enumerate().peekable();
    while cases.peek().is_some() {
        let mut columns: [Vec<ByteArray>; 9] = Default::default();
        for (number, case) in cases.by_ref().take(CASES) {
            let Case { concept, captions: [caption, edited_caption], images: [image, edited], mask } = case?;
            let name = |what: &str| ByteArray::from(format!("{number:06}_{what}.png").as_str());
            let values: [ByteArray; 9] = [
                concept.name().into(),
                caption.as_str().into(),
                image.into(),
                name("picture"),
                edited_caption.as_str().into(),
                edited.into(),
                name("counterfactual"),
                mask.into(),
                name("mask"),
            ];
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        write_group(&mut writer, &columns).map_err(failed)?;
    }
    Ok(writer.into_inner().map_err(failed)?)
}

fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    columns: &[Vec<ByteArray>],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        if let Some(mut target) = group.next_column()? {
            target.typed::<ByteArrayType>().write_batch(column, None, None)?;
            target.close()?;
        }
    }
    group.close()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_differ_where_a_pixel_does() {
        let [a, b] = [[9u8, 9, 9, 1, 2, 3], [9, 9, 9, 1, 2, 4]].map(|rgb| Image::new(2, 1, rgb.to_vec()));
        assert_eq!(difference([&a, &b]), Mask::new(2, 1, vec![0, 255]));
        assert_eq!(difference([&a, &Image::new(1, 1, vec![0; 3])]), Mask::new(2, 1, vec![255; 2]));
    }

    #[test]
    fn a_file_is_a_parquet_file_even_without_cases() {
        let image = Image::new(2, 1, vec![7; 6]);
        let case = Case::new(Concept::Color, [&image; 2], ["a", "b"], &difference([&image; 2]));
        for cases in [vec![], vec![case]] {
            let file = write(Vec::new(), cases.into_iter()).expect("a file");
            assert_eq!((&file[..4], &file[file.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
        }
    }
}
