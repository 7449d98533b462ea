//! Symmetric test examples on disk: two pictures and two captions, in InpaintCOCO's columns (arXiv 2403.02875).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::{Field, Row};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

/// The columns of InpaintCOCO that a test needs, pictures as the `{bytes, path}` of Hugging Face datasets.
const SCHEMA: &str = "message schema {
    required binary concept (STRING);
    required binary coco_caption (STRING);
    required group coco_image { required binary bytes; required binary path (STRING); }
    required binary inpaint_caption (STRING);
    required group inpaint_image { required binary bytes; required binary path (STRING); }
    required group mask { required binary bytes; required binary path (STRING); }
}";

/// Rows a row group: few enough that one is no burden in memory.
const ROWS: usize = 250;

/// One example: a picture and its caption, the edited picture and the edited caption.
pub struct PairRow {
    /// What was edited.
    pub concept: String,
    /// The caption of the first picture.
    pub caption: String,
    /// The file of the first picture.
    pub image: Bytes,
    /// The caption of the edited picture.
    pub foil_caption: String,
    /// The file of the edited picture.
    pub foil_image: Bytes,
}

/// An example as it is written, with the picture file of its mask.
pub struct MaskedRow {
    /// The example.
    pub row: PairRow,
    /// The mask: white where the pictures may differ.
    pub mask: Bytes,
}

/// Writes examples to a parquet file; pictures are named by number.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, rows: impl Iterator<Item = Result<MaskedRow>>) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let schema = Arc::new(parse_message_type(SCHEMA).context("the schema of the challenge set")?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let file = File::create(path).with_context(failed)?;
    let mut writer = SerializedFileWriter::new(file, schema, properties).with_context(failed)?;
    let mut rows = rows.enumerate().peekable();
    while rows.peek().is_some() {
        let mut columns: [Vec<ByteArray>; 9] = Default::default();
        for (number, row) in rows.by_ref().take(ROWS) {
            let MaskedRow { row, mask } = row?;
            let name = |what: &str| ByteArray::from(format!("{number:06}_{what}.png").as_str());
            let values: [ByteArray; 9] = [
                row.concept.as_str().into(),
                row.caption.as_str().into(),
                row.image.into(),
                name("scene"),
                row.foil_caption.as_str().into(),
                row.foil_image.into(),
                name("counterfactual"),
                mask.into(),
                name("mask"),
            ];
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        let mut group = writer.next_row_group().with_context(failed)?;
        for column in &columns {
            let mut target = group.next_column().with_context(failed)?.context("a column of the schema")?;
            target.typed::<ByteArrayType>().write_batch(column, None, None).with_context(failed)?;
            target.close().with_context(failed)?;
        }
        group.close().with_context(failed)?;
    }
    writer.close().with_context(failed)?;
    Ok(())
}

/// Reads the examples of a parquet file, or of all in a folder, one at a time.
///
/// # Errors
/// If there is no such file, or a row lacks a column.
pub fn read(path: &Path) -> Result<Box<dyn Iterator<Item = Result<PairRow>>>> {
    let mut rows: Box<dyn Iterator<Item = Result<PairRow>>> = Box::new(std::iter::empty());
    for file in files(path)? {
        let opened = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let reader = SerializedFileReader::new(opened)
            .with_context(|| format!("{} is not a parquet file", file.display()))?;
        let projection = projection(reader.metadata().file_metadata().schema())
            .with_context(|| format!("{} is not a challenge set", file.display()))?;
        let iterator = parquet::record::reader::RowIter::from_file_into(Box::new(reader))
            .project(Some(projection))
            .with_context(|| format!("cannot read {}", file.display()))?;
        let next = iterator.map(move |row| {
            let row = row.with_context(|| format!("cannot read {}", file.display()))?;
            parse(&row).with_context(|| format!("in {}", file.display()))
        });
        rows = Box::new(rows.chain(next));
    }
    Ok(rows)
}

const COLUMNS: [&str; 5] = ["concept", "coco_caption", "coco_image", "inpaint_caption", "inpaint_image"];

/// The schema cut down to the columns that are read, so that masks stay on disk.
fn projection(schema: &Type) -> Result<Type> {
    let column = |name: &&str| {
        let found = schema.get_fields().iter().find(|field| field.name() == *name);
        found.cloned().with_context(|| format!("it has no column {name:?}"))
    };
    let fields = COLUMNS.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(Type::group_type_builder(schema.name()).with_fields(fields).build()?)
}

fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("cannot read {}", path.display()))?.path();
        if file.extension().is_some_and(|extension| extension == "parquet") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{} holds no .parquet file", path.display());
    }
    Ok(files)
}

fn parse(row: &Row) -> Result<PairRow> {
    Ok(PairRow {
        concept: text(row, "concept")?,
        caption: text(row, "coco_caption")?,
        image: image(row, "coco_image")?,
        foil_caption: text(row, "inpaint_caption")?,
        foil_image: image(row, "inpaint_image")?,
    })
}

fn field<'a>(row: &'a Row, name: &str) -> Result<&'a Field> {
    let found = row.get_column_iter().find(|(column, _)| *column == name);
    found.map(|(_, field)| field).with_context(|| format!("a row has no {name:?}"))
}

fn text(row: &Row, name: &str) -> Result<String> {
    match field(row, name)? {
        Field::Str(text) => Ok(text.clone()),
        other => bail!("{name} is not text: {other}"),
    }
}

fn image(row: &Row, name: &str) -> Result<Bytes> {
    let Field::Group(image) = field(row, name)? else { bail!("{name} is not a picture") };
    match field(image, "bytes")? {
        Field::Bytes(bytes) => Ok(Bytes::copy_from_slice(bytes.data())),
        _ => bail!("{name} has no bytes"),
    }
}
