//! Symmetric test examples written to disk: two pictures and two captions, in InpaintCOCO's columns
//! (arXiv 2403.02875), which `benchmark/inpaint_coco.rs` reads.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

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
