//! Rows of parquet files, as Hugging Face publishes data sets: text, and pictures as `{bytes, path}`.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

/// Reads some columns of a file, one row at a time; others stay on disk.
///
/// # Errors
/// If the file cannot be read or lacks a column.
pub fn read(path: &Path, columns: &[&str]) -> Result<impl Iterator<Item = Result<Row>>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let reader = SerializedFileReader::new(file).with_context(|| format!("{name} is not a parquet file"))?;
    let projection = projection(reader.metadata().file_metadata().schema(), columns)
        .with_context(|| format!("{name} is another table"))?;
    let rows = RowIter::from_file_into(Box::new(reader))
        .project(Some(projection))
        .with_context(|| format!("cannot read {name}"))?;
    Ok(rows.map(move |row| row.with_context(|| format!("cannot read {name}"))))
}

/// The schema cut down to some columns.
fn projection(schema: &Type, columns: &[&str]) -> Result<Type> {
    let column = |name: &&str| {
        let found = schema.get_fields().iter().find(|field| field.name() == *name);
        found.cloned().with_context(|| format!("it has no column {name:?}"))
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(Type::group_type_builder(schema.name()).with_fields(fields).build()?)
}

fn field<'a>(row: &'a Row, name: &str) -> Result<&'a Field> {
    let found = row.get_column_iter().find(|(column, _)| *column == name);
    found.map(|(_, field)| field).with_context(|| format!("a row has no {name:?}"))
}

/// The text of a cell; none in an empty one.
///
/// # Errors
/// If the cell holds something else.
pub fn text(row: &Row, name: &str) -> Result<String> {
    match field(row, name)? {
        Field::Str(text) => Ok(text.clone()),
        Field::Null => Ok(String::new()),
        other => bail!("{name} is not text: {other}"),
    }
}

/// The picture file of a cell.
///
/// # Errors
/// If the cell holds something else.
pub fn image(row: &Row, name: &str) -> Result<Bytes> {
    let Field::Group(image) = field(row, name)? else { bail!("{name} is not a picture") };
    match field(image, "bytes")? {
        Field::Bytes(bytes) => Ok(Bytes::copy_from_slice(bytes.data())),
        _ => bail!("{name} has no bytes"),
    }
}
