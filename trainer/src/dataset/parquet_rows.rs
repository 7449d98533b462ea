//! Rows of parquet files, as Hugging Face publishes data sets: text, and images as `{bytes, path}`.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use crate::system::catch_panic::catch_panic;

/// Reads some columns of a file, one row at a time; others stay on disk.
///
/// # Errors
/// If the file cannot be read, is damaged or lacks a column.
pub fn read(path: &Path, columns: &[&str]) -> Result<impl Iterator<Item = Result<Row>>> {
    let failure = format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| failure.clone())?;
    let mut rows = sound(|| open(file, columns)).flatten().with_context(|| failure.clone())?;
    let mut is_sound = true;
    Ok(std::iter::from_fn(move || {
        let row = is_sound.then(|| sound(|| rows.next()).transpose())??;
        is_sound = row.is_ok();
        Some(row.and_then(|row| Ok(row?)).with_context(|| failure.clone()))
    }))
}

/// What the parquet crate returns, which panics at some damaged files.
fn sound<T>(call: impl FnOnce() -> T) -> Result<T> {
    catch_panic(call).context("it is damaged")
}

fn open(file: File, columns: &[&str]) -> Result<RowIter<'static>> {
    let reader = SerializedFileReader::new(file).context("it is not a parquet file")?;
    let projection = projection(reader.metadata().file_metadata().schema(), columns)?;
    Ok(RowIter::from_file_into(Box::new(reader)).project(Some(projection))?)
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

/// The image file of a cell.
///
/// # Errors
/// If the cell holds something else.
pub fn image(row: &Row, name: &str) -> Result<Bytes> {
    let Field::Group(image) = field(row, name)? else { bail!("{name} is not an image") };
    match field(image, "bytes")? {
        Field::Bytes(bytes) => Ok(Bytes::copy_from_slice(bytes.data())),
        _ => bail!("{name} has no bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_read_or_refused_whatever_the_parquet_crate_thinks_of_it() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/bivlc.parquet");
        let columns = ["caption", "image"];
        let whole = std::fs::read(&golden).expect("a table");
        let rows: Vec<Row> = read(&golden, &columns).expect("columns").collect::<Result<_>>().expect("rows");
        assert!(text(&rows[0], "caption").is_ok() && image(&rows[0], "image").is_ok());
        let folder = tempfile::tempdir().expect("a folder");
        let damaged = folder.path().join("damaged.parquet");
        let mut refused = 0;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            std::fs::write(&damaged, bytes).expect("a file");
            let read: Result<Vec<Row>> = read(&damaged, &columns).and_then(Iterator::collect);
            refused += usize::from(read.is_err());
        }
        assert!(refused > 100, "{refused} were refused");
    }
}
