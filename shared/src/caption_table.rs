//! Tables with an image and a caption per row, separated by commas, tabs, semicolons or, as in Flickr30k's `results.csv`, by
//! pipes.

use thiserror::Error;

const IMAGE: [&str; 6] = ["image", "image_name", "filename", "file_name", "filepath", "path"];
const CAPTION: [&str; 5] = ["caption", "comment", "raw", "text", "title"];

/// A table as it was written.
#[derive(Debug, PartialEq, Eq)]
pub struct CaptionTable {
    /// Whether rows say which split they belong to.
    pub has_splits: bool,
    /// Its rows, in order.
    pub rows: Vec<CaptionRow>,
}

/// A row, with empty texts for cells that are not there.
#[derive(Debug, PartialEq, Eq)]
pub struct CaptionRow {
    /// The line of the file, from 1.
    pub line: u64,
    /// The image's file.
    pub image: String,
    /// Its caption.
    pub caption: String,
    /// The split.
    pub split: String,
    /// NegCLIP's column of negatives, a list as Python writes it.
    pub negatives: String,
}

/// Why a text is no such table.
#[derive(Debug, Error)]
pub enum TableError {
    /// The header lacks a column.
    #[error("expected a header line with `image` and `caption`, not {0:?}")]
    Header(Vec<String>),
    /// A row has too many cells.
    #[error("line {line} has {cells} cells, the header {expected}")]
    Cells {
        /// Which one.
        line: u64,
        /// Its cells.
        cells: usize,
        /// Those of the header.
        expected: usize,
    },
    /// A quotation goes on to the end of the file.
    #[error("the quotation that begins in line {0} does not end")]
    Unclosed(u64),
    /// It is no table at all.
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

impl CaptionTable {
    /// Reads a table.
    ///
    /// # Errors
    /// If its header lacks a column, a row has too many cells, or a quotation does not end.
    pub fn read(text: &str) -> Result<Self, TableError> {
        // However lines end, and whether a mark of the byte order and Excel's line about the delimiter come first.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let text = if text.contains('\n') { text } else { text.replace('\r', "\n") };
        let (delimiter, body, skipped) =
            match text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
                Some((told, body)) => (told.bytes().next(), body, 1),
                None => (None, text.as_str(), 0),
            };
        let delimiter = delimiter.unwrap_or_else(|| delimiter_of(body));
        let (headers, rows) = rows(body, delimiter)?;
        let column = |names: &[&str]| {
            let is_called = |header: &str, name: &str| header.trim().eq_ignore_ascii_case(name);
            names.iter().find_map(|name| headers.iter().position(|header| is_called(header, name)))
        };
        let (Some(image), Some(caption)) = (column(&IMAGE), column(&CAPTION)) else {
            return Err(TableError::Header(headers.iter().map(str::to_owned).collect()));
        };
        let [split, negatives] = ["split", "neg_caption"].map(|name| column(&[name]));
        let row = |row: &csv::StringRecord| {
            let line = row.position().map_or(0, csv::Position::line) + skipped;
            let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
            if cells.len() > headers.len() {
                // Flickr8k's captions have commas without quotes around them, and nothing behind them.
                if headers.len() != 2 || caption != 1 {
                    return Err(TableError::Cells { line, cells: cells.len(), expected: headers.len() });
                }
                cells = vec![cells[0].clone(), cells[1..].join(&char::from(delimiter).to_string())];
            }
            // What is not there is an empty text: one row of Flickr30k lacks its last delimiter.
            let cell = |column: usize| cells.get(column).map_or("", |cell| cell.trim()).to_owned();
            let optional = |column: Option<usize>| column.map_or_else(String::new, cell);
            Ok(CaptionRow {
                line,
                image: cell(image),
                caption: cell(caption),
                split: optional(split),
                negatives: optional(negatives),
            })
        };
        let rows = rows.iter().map(row).collect::<Result<_, _>>()?;
        Ok(CaptionTable { has_splits: split.is_some(), rows })
    }
}

/// What stands between the cells of a header that has the columns.
fn delimiter_of(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default().to_lowercase();
    let has_columns = |delimiter: &u8| {
        let cells: Vec<&str> =
            header.split(char::from(*delimiter)).map(|cell| cell.trim().trim_matches('"')).collect();
        [&IMAGE[..], &CAPTION].iter().all(|names| names.iter().any(|name| cells.contains(name)))
    };
    [b'\t', b'|', b';', b','].into_iter().find(has_columns).unwrap_or(b',')
}

/// The header and the rows. Tables with tabs are not quoted as a rule: where a quotation would go over cells, marks are letters.
fn rows(text: &str, delimiter: u8) -> Result<(csv::StringRecord, Vec<csv::StringRecord>), TableError> {
    let read = |quoting: bool| {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader =
            builder.flexible(true).delimiter(delimiter).quoting(quoting).from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
        Ok::<_, TableError>((headers, rows))
    };
    let has_tabs = delimiter == b'\t';
    match unclosed_quotation(text, char::from(delimiter)) {
        Some(_) if has_tabs => read(false),
        Some(line) => Err(TableError::Unclosed(line)),
        None => {
            let quoted = read(true)?;
            let goes_over_cells = || quoted.1.iter().flatten().any(|cell| cell.contains('\t'));
            if has_tabs && goes_over_cells() { read(false) } else { Ok(quoted) }
        }
    }
}

/// The line in which a quotation begins that does not end.
fn unclosed_quotation(text: &str, delimiter: char) -> Option<u64> {
    let (mut line, mut opened, mut is_start) = (1, None, true);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '"' && opened.is_some() {
            // Two marks are one that belongs to the text.
            if letters.next_if_eq(&'"').is_none() {
                opened = None;
            }
        } else if letter == '"' && is_start {
            opened = Some(line);
        }
        is_start = opened.is_none() && (letter == delimiter || letter == '\n');
        line += u64::from(letter == '\n');
    }
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_cells_that_its_header_names() {
        let table =
            CaptionTable::read("split\tpath\ttitle\ntrain\ta.jpg\ta dog\n\tb.jpg\n").expect("a table");
        let row = |line, image: &str, caption: &str, split: &str| CaptionRow {
            line,
            image: image.into(),
            caption: caption.into(),
            split: split.into(),
            negatives: String::new(),
        };
        let rows = vec![row(2, "a.jpg", "a dog", "train"), row(3, "b.jpg", "", "")];
        assert_eq!(table, CaptionTable { has_splits: true, rows });
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let error = CaptionTable::read("a.jpg,a dog\n").expect_err("no header").to_string();
        assert!(error.contains("expected a header line"), "{error}");
    }
}
