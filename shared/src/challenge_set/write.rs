//! Cases to a file.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{Case, ChallengeSetError, Provenance};

/// The columns of InpaintCOCO that a test needs, images as the `{bytes, path}` of Hugging Face datasets. What is small comes
/// first, so that a reader has it without the images.
const CASE: &str = "
    required binary concept (STRING);
    required binary coco_caption (STRING);
    required binary inpaint_caption (STRING);";
const PROVENANCE: &str = "
    required int64 item;
    required int64 candidate;
    required binary worker (STRING);
    required group coco_details {
        required binary file_name (STRING); required binary coco_url (STRING); required binary image_license (STRING);
    }
    required group mask_details {
        required binary prompt (STRING); required double width_factor; required double height_factor; required int64 feather;
    }
    required group inpaint_details {
        required binary generator (STRING); required binary sha256 (STRING); required binary edited_sha256 (STRING); required binary scheduler (STRING);
        required int64 seed; required binary prompt (STRING); required int64 num_inference_steps;
        required double guidance_scale; required double margin;
    }";
const IMAGES: &str = "
    required group coco_image { required binary bytes; required binary path (STRING); }
    required group inpaint_image { required binary bytes; required binary path (STRING); }
    required group mask { required binary bytes; required binary path (STRING); }";

/// A row group ends with the case that brings its images to this many bytes: one is no burden in memory.
const GROUP_BYTES: usize = 4 << 20;

/// A value of a row.
enum Value {
    Bytes(ByteArray),
    Integer(i64),
    Float(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Bytes(text.into())
    }
}

/// Writes cases, and returns what they were written to. Images are named by number. Where the first case has a provenance, all of
/// them are written with one.
///
/// # Errors
/// If a case does not come, or cannot be written.
pub fn write<W, E>(to: W, cases: impl Iterator<Item = Result<Case, E>>) -> Result<W, E>
where
    W: Write + Send,
    E: From<ChallengeSetError>,
{
    let failed = |error: ParquetError| ChallengeSetError::Table(error);
    let mut cases = cases.enumerate().peekable();
    let with_provenance = matches!(cases.peek(), Some((_, Ok(Case { provenance: Some(_), .. }))));
    let provenance = if with_provenance { PROVENANCE } else { "" };
    let schema = format!("message schema {{ {CASE}{provenance}{IMAGES} }}");
    let schema = Arc::new(parse_message_type(&schema).map_err(failed)?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(to, schema, properties).map_err(failed)?;
    while cases.peek().is_some() {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < GROUP_BYTES
            && let Some((number, case)) = cases.next()
        {
            let case = case?;
            bytes += case.images.iter().map(|image| image.len()).sum::<usize>();
            rows.push(row(number, case, with_provenance));
        }
        write_group(&mut writer, &rows).map_err(failed)?;
    }
    Ok(writer.into_inner().map_err(failed)?)
}

/// The values of a case, in the order of the schema.
fn row(number: usize, case: Case, with_provenance: bool) -> Vec<Value> {
    let Case { concept, captions: [caption, edited_caption], images: [image, edited], mask, provenance } =
        case;
    let mut row: Vec<Value> =
        vec![concept.name().into(), caption.as_str().into(), edited_caption.as_str().into()];
    if with_provenance {
        row.extend(details(&provenance.unwrap_or_default()));
    }
    for (file, what) in [(image, "picture"), (edited, "counterfactual"), (mask, "mask")] {
        row.push(Value::Bytes(file.into()));
        row.push(format!("{number:06}_{what}.png").as_str().into());
    }
    row
}

fn details(provenance: &Provenance) -> [Value; 19] {
    let Provenance { item, candidate, worker, image, mask, generator } = provenance;
    // Parquet's integers have a sign; the bits are kept.
    let integer = |value: u64| Value::Integer(value.cast_signed());
    [
        integer(*item),
        integer(*candidate),
        worker.as_str().into(),
        image.file_name.as_str().into(),
        image.coco_url.as_str().into(),
        image.image_license.as_str().into(),
        mask.prompt.as_str().into(),
        Value::Float(mask.width_factor),
        Value::Float(mask.height_factor),
        integer(mask.feather),
        generator.generator.as_str().into(),
        generator.sha256.as_str().into(),
        generator.edited.as_str().into(),
        generator.scheduler.as_str().into(),
        integer(generator.seed),
        generator.prompt.as_str().into(),
        integer(generator.num_inference_steps),
        Value::Float(generator.guidance_scale),
        Value::Float(generator.margin),
    ]
}

fn write_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    rows: &[Vec<Value>],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut nth = 0;
    while let Some(mut column) = group.next_column()? {
        let values = || rows.iter().map(|row| &row[nth]);
        match column.untyped() {
            ColumnWriter::Int64ColumnWriter(to) => {
                let integers: Vec<i64> = values()
                    .filter_map(|value| if let Value::Integer(value) = value { Some(*value) } else { None })
                    .collect();
                to.write_batch(&integers, None, None)?;
            }
            ColumnWriter::DoubleColumnWriter(to) => {
                let floats: Vec<f64> = values()
                    .filter_map(|value| if let Value::Float(value) = value { Some(*value) } else { None })
                    .collect();
                to.write_batch(&floats, None, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(to) => {
                let bytes: Vec<ByteArray> = values()
                    .filter_map(
                        |value| if let Value::Bytes(value) = value { Some(value.clone()) } else { None },
                    )
                    .collect();
                to.write_batch(&bytes, None, None)?;
            }
            _ => return Err(ParquetError::General("the schema has a type that no value has".to_owned())),
        }
        column.close()?;
        nth += 1;
    }
    group.close()?;
    Ok(())
}
