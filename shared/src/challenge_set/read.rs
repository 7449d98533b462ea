//! Cases from a file: what is small of all rows, images a row group at a time.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as Record};
use parquet::schema::types::Type;

use super::{Case, ChallengeSetError, GeneratorDetails, MaskDetails, Provenance, Source};
use crate::concept::Concept;

const TEXTS: [&str; 3] = ["concept", "coco_caption", "inpaint_caption"];
const DETAILS: [&str; 6] = ["item", "candidate", "worker", "coco_details", "mask_details", "inpaint_details"];
const IMAGES: [&str; 3] = ["coco_image", "inpaint_image", "mask"];

/// A case without its images.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the two captions differ in.
    pub concept: Concept,
    /// The caption of each image.
    pub captions: [String; 2],
    /// How the edited image was made, where that is written down.
    pub provenance: Option<Provenance>,
}

/// A challenge set in a file, or in pieces of one.
pub struct Reader {
    file: Box<dyn FileReader>,
    has_provenance: bool,
}

impl Reader {
    /// Opens a file. Its end, which [`Reader::tail`] measures, must be at hand.
    ///
    /// # Errors
    /// If it is no parquet file, or lacks a column.
    pub fn new<R: ChunkReader + 'static>(file: R) -> Result<Self, ChallengeSetError> {
        let file: Box<dyn FileReader> = Box::new(SerializedFileReader::new(file)?);
        let fields = file.metadata().file_metadata().schema().get_fields();
        let has = |name: &str| fields.iter().any(|field| field.name() == name);
        if let Some(missing) = TEXTS.into_iter().chain(IMAGES).find(|name| !has(name)) {
            return Err(ChallengeSetError::Column(missing));
        }
        let has_provenance = DETAILS.into_iter().all(has);
        Ok(Reader { file, has_provenance })
    }

    /// How many bytes at the end of a file say where the rest is, by its last 8 bytes.
    ///
    /// # Errors
    /// If these are not the end of a parquet file.
    pub fn tail(last: &[u8; 8]) -> Result<u64, ChallengeSetError> {
        let [a, b, c, d, magic @ ..] = last;
        if magic != b"PAR1" {
            return Err(ChallengeSetError::NoParquet);
        }
        Ok(u64::from(u32::from_le_bytes([*a, *b, *c, *d])) + last.len() as u64)
    }

    /// The number of row groups.
    pub fn n_groups(&self) -> usize {
        self.file.metadata().num_row_groups()
    }

    /// Where in the file the rows of a group lie without their images; with `images`, all of the group.
    pub fn bytes(&self, group: usize, images: bool) -> Range<u64> {
        let group = self.file.metadata().row_group(group);
        let ranges = || {
            let wanted = group
                .columns()
                .iter()
                .filter(|column| images || !IMAGES.contains(&column.column_path().parts()[0].as_str()));
            wanted.map(|column| {
                let (start, length) = column.byte_range();
                start..start + length
            })
        };
        let start = ranges().map(|range| range.start).min().unwrap_or_default();
        start..ranges().map(|range| range.end).max().unwrap_or_default()
    }

    /// The rows of a group.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn rows(&self, group: usize) -> Result<Vec<Row>, ChallengeSetError> {
        self.records(group, &[])?.iter().map(|record| self.row(record)).collect()
    }

    /// The cases of a group, with their images.
    ///
    /// # Errors
    /// If they are damaged.
    pub fn cases(&self, group: usize) -> Result<Vec<Case>, ChallengeSetError> {
        let case = |record: &Record| {
            let Row { concept, captions, provenance } = self.row(record)?;
            let image = |name| image(record, name);
            let images = [image("coco_image")?, image("inpaint_image")?];
            Ok(Case { concept, captions, images, mask: image("mask")?, provenance })
        };
        self.records(group, &IMAGES)?.iter().map(case).collect()
    }

    fn records(&self, group: usize, images: &[&str]) -> Result<Vec<Record>, ChallengeSetError> {
        let details: &[&str] = if self.has_provenance { &DETAILS } else { &[] };
        let wanted: Vec<&str> = TEXTS.iter().chain(details).chain(images).copied().collect();
        let schema = self.file.metadata().file_metadata().schema();
        let fields = schema.get_fields().iter().filter(|field| wanted.contains(&field.name()));
        let fields: Vec<Arc<Type>> = fields.cloned().collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(fields).build()?;
        let group = self.file.get_row_group(group)?;
        Ok(RowIter::from_row_group(Some(projection), group.as_ref())?.collect::<Result<_, _>>()?)
    }

    fn row(&self, record: &Record) -> Result<Row, ChallengeSetError> {
        let [concept, first, second] = TEXTS.map(|name| text(record, name));
        let concept = concept?;
        Ok(Row {
            concept: concept.parse().map_err(|_| ChallengeSetError::Concept(concept))?,
            captions: [first?, second?],
            provenance: self.has_provenance.then(|| provenance(record)).transpose()?,
        })
    }
}

fn provenance(record: &Record) -> Result<Provenance, ChallengeSetError> {
    let integer = |record: &Record, name| match field(record, name)? {
        Field::Long(value) => Ok(value.cast_unsigned()),
        _ => Err(ChallengeSetError::Column(name)),
    };
    let float = |record: &Record, name| match field(record, name)? {
        Field::Double(value) => Ok(*value),
        _ => Err(ChallengeSetError::Column(name)),
    };
    let [image, mask, generator] =
        ["coco_details", "mask_details", "inpaint_details"].map(|name| group(record, name));
    let (image, mask, generator) = (image?, mask?, generator?);
    Ok(Provenance {
        item: integer(record, "item")?,
        candidate: integer(record, "candidate")?,
        worker: text(record, "worker")?,
        image: Source {
            file_name: text(image, "file_name")?,
            coco_url: text(image, "coco_url")?,
            image_license: text(image, "image_license")?,
        },
        mask: MaskDetails {
            prompt: text(mask, "prompt")?,
            width_factor: float(mask, "width_factor")?,
            height_factor: float(mask, "height_factor")?,
            feather: integer(mask, "feather")?,
        },
        generator: GeneratorDetails {
            generator: text(generator, "generator")?,
            sha256: text(generator, "sha256")?,
            edited: text(generator, "edited_sha256")?,
            scheduler: text(generator, "scheduler")?,
            seed: integer(generator, "seed")?,
            prompt: text(generator, "prompt")?,
            num_inference_steps: integer(generator, "num_inference_steps")?,
            guidance_scale: float(generator, "guidance_scale")?,
            margin: float(generator, "margin")?,
        },
    })
}

fn field<'a>(record: &'a Record, name: &'static str) -> Result<&'a Field, ChallengeSetError> {
    let found = record.get_column_iter().find(|(column, _)| *column == name);
    found.map(|(_, field)| field).ok_or(ChallengeSetError::Column(name))
}

fn group<'a>(record: &'a Record, name: &'static str) -> Result<&'a Record, ChallengeSetError> {
    match field(record, name)? {
        Field::Group(group) => Ok(group),
        _ => Err(ChallengeSetError::Column(name)),
    }
}

/// The text of a cell; none in an empty one.
fn text(record: &Record, name: &'static str) -> Result<String, ChallengeSetError> {
    match field(record, name)? {
        Field::Str(text) => Ok(text.clone()),
        Field::Null => Ok(String::new()),
        _ => Err(ChallengeSetError::Column(name)),
    }
}

/// The image file of a cell.
fn image(record: &Record, name: &'static str) -> Result<Bytes, ChallengeSetError> {
    match field(group(record, name)?, "bytes").map_err(|_| ChallengeSetError::Column(name))? {
        Field::Bytes(bytes) => Ok(Bytes::copy_from_slice(bytes.data())),
        _ => Err(ChallengeSetError::Column(name)),
    }
}
