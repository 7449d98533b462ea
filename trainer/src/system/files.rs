//! Single files that others made: opened, gzipped or not, and read as JSON, as lines of it, or as a table.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use shared::bundle::hexadecimal;

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

/// The lines of a text file, gzipped or not, which are called `what` where there are none or they cannot be read.
///
/// # Errors
/// If there are none, or they cannot be read.
pub fn lines(path: &Path, what: &str) -> Result<Vec<String>> {
    let failed = || format!("cannot read {} as {what}", path.display());
    let lines: Vec<String> =
        open(path).with_context(failed)?.lines().collect::<Result<_, _>>().with_context(failed)?;
    if lines.is_empty() {
        bail!("there are no {what} in {}", path.display());
    }
    Ok(lines)
}

/// Reads a text file, gzipped or not, that some program for tables may have written: UTF-8, UTF-16 with a byte-order mark, or else
/// Windows-1252 (Latin-1), which it says.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Ok(encoding_rs::UTF_16LE.decode(&bytes).0.into_owned());
    }
    String::from_utf8(bytes).or_else(|error| {
        /// Files that this was said of. A file may be looked at several times.
        static SAID: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned()) {
            eprintln!("{} is not in UTF-8; it is read as Windows-1252 (Latin-1)", path.display());
        }
        Ok(encoding_rs::WINDOWS_1252.decode(error.as_bytes()).0.into_owned())
    })
}

/// A text without the byte-order mark that some programs put before it. What [`open`] opens has none.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// JSON as Python writes it: `NaN` and infinities, which JSON does not have, become `null`.
pub fn standard_json(text: &str) -> Cow<'_, str> {
    const NO_JSON: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    let text = without_mark(text);
    if !NO_JSON.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut standard = String::with_capacity(text.len());
    let (mut is_text, mut is_escaped, mut rest) = (false, false, text);
    while let Some(letter) = rest.chars().next() {
        if let Some(word) = NO_JSON.iter().find(|word| !is_text && rest.starts_with(**word)) {
            standard += "null";
            rest = &rest[word.len()..];
            continue;
        }
        is_text ^= letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        standard.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    Cow::Owned(standard)
}

/// The SHA-256 of a file in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    const PIECE: usize = 1 << 20;
    let failed = || format!("cannot read {}", path.display());
    let mut file = BufReader::with_capacity(PIECE, File::open(path).with_context(failed)?);
    let mut hash = Sha256::new();
    loop {
        let piece = file.fill_buf().with_context(failed)?;
        if piece.is_empty() {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(piece);
        let read = piece.len();
        file.consume(read);
    }
}

/// Reads a JSON file. `expected` completes "expected …".
///
/// # Errors
/// If it cannot be read or has another form.
pub fn json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    let failed = || format!("cannot read {}", path.display());
    let text = read_text(path).with_context(failed)?;
    serde_json::from_str(&standard_json(&text))
        .with_context(|| format!("{}: expected {expected}", path.display()))
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
            serde_json::from_str(&standard_json(line))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_of_numbers_that_are_none_is_null() {
        let text = "\u{feff}{\"a\": NaN, \"b\": [-Infinity, Infinity], \"c\": \"NaN \\\" Infinity\"}";
        let read: serde_json::Value = serde_json::from_str(&standard_json(text)).expect("JSON");
        assert_eq!(read, serde_json::json!({"a": null, "b": [null, null], "c": "NaN \" Infinity"}));
    }

    #[test]
    fn text_is_read_in_the_encodings_of_spreadsheets() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        let utf16 =
            |order: fn(u16) -> [u8; 2]| "\u{feff}café".encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let encoded = [
            "café".as_bytes().to_vec(),
            "\u{feff}café".as_bytes().to_vec(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            b"caf\xe9".to_vec(),
        ];
        for bytes in encoded {
            std::fs::write(&path, &bytes).expect("a file");
            assert_eq!(read_text(&path).expect("text"), "café", "{bytes:?}");
        }
    }
}
