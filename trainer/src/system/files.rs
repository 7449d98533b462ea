//! Single files that others made: opened, gzipped or not, and read as JSON, as lines of it, or as a table.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;

/// The name of a file without folders.
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The name of a file without folders and ending.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Opens a text file, gzipped or not; `-` is standard input.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let mut file = BufReader::new(File::open(path)?);
    let is_gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn Read> = if is_gzip { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = BufReader::new(inner);
    // A byte-order mark is no part of the text.
    if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok(Box::new(reader))
}

/// Reads a JSON file. `expected` completes "expected …".
///
/// # Errors
/// If it cannot be read or has another form.
pub fn json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    let failed = || format!("cannot read {}", path.display());
    let text = std::io::read_to_string(open(path).with_context(failed)?).with_context(failed)?;
    serde_json::from_str(&text).with_context(|| format!("{}: expected {expected}", path.display()))
}

/// Reads a file of one JSON value a line, empty lines aside.
///
/// # Errors
/// If it cannot be read or a line has another form.
pub fn json_lines<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Vec<T>> {
    let failed = || format!("cannot read {}", path.display());
    let text = std::io::read_to_string(open(path).with_context(failed)?).with_context(failed)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(idx, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}: expected {expected}", path.display(), idx + 1))
        })
        .collect()
}

/// Reads a table with a header line, separated by commas or, in a `.tsv` file, by tabs.
///
/// # Errors
/// If it cannot be read or a row has another form.
pub fn table<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<Vec<T>> {
    let delimiter = if path.extension().is_some_and(|ending| ending == "tsv") { b'\t' } else { b',' };
    let reader = open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(reader);
    let rows = reader.deserialize().collect::<Result<Vec<T>, _>>();
    rows.with_context(|| format!("{}: expected {expected}", path.display()))
}
