//! Tables with an image and a caption per row, separated by commas, tabs or, as in Flickr30k's `results.csv`, by pipes.

use anyhow::{Context, Result, bail};

use super::python_strings::python_strings;
use super::record::Records;
use super::split::Split;
use crate::system::files::without_mark;

const IMAGE: [&str; 6] = ["image", "image_name", "filename", "file_name", "filepath", "path"];
const CAPTION: [&str; 5] = ["caption", "comment", "raw", "text", "title"];

/// Reads a table, or the split of it that is wanted.
///
/// # Errors
/// If its header lacks a column, a row has another number of cells, a quotation does not end, or there is no split.
pub fn read(text: &str, split: Split, records: &mut Records) -> Result<()> {
    // However lines end, and whether Excel's line about the delimiter comes first.
    let text = without_mark(text).replace("\r\n", "\n");
    let text = if text.contains('\n') { text } else { text.replace('\r', "\n") };
    let (delimiter, body, skipped) = match text.strip_prefix("sep=").and_then(|rest| rest.split_once('\n')) {
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
        let found: Vec<&str> = headers.iter().collect();
        bail!("expected a header line with `image` and `caption`, not {found:?}");
    };
    let negatives = column(&["neg_caption"]);
    let of_split = split.name().and(column(&["split"]));
    if of_split.is_none() {
        split.refuse_if_named()?;
    }
    for row in rows {
        let line = row.position().map_or(0, csv::Position::line) + skipped;
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        if cells.len() > headers.len() {
            // Flickr8k's captions have commas without quotes around them, and nothing behind them.
            if headers.len() != 2 || caption != 1 {
                bail!("line {line} has {} cells, the header {}", cells.len(), headers.len());
            }
            cells = vec![cells[0].clone(), cells[1..].join(&char::from(delimiter).to_string())];
        }
        // What is not there is an empty caption, for the reader to count: one row of Flickr30k lacks its last delimiter.
        let cell = |column: usize| cells.get(column).map_or("", |cell| cell.trim());
        if of_split.is_none_or(|column| split.includes(cell(column))) {
            let negatives = strings(negatives.map_or("", cell), line)?;
            records.add_caption(cell(image).to_owned(), cell(caption), &negatives);
        }
    }
    Ok(())
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
fn rows(text: &str, delimiter: u8) -> Result<(csv::StringRecord, Vec<csv::StringRecord>)> {
    let read = |quoting: bool| {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader =
            builder.flexible(true).delimiter(delimiter).quoting(quoting).from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
        anyhow::Ok((headers, rows))
    };
    let has_tabs = delimiter == b'\t';
    match unclosed_quotation(text, char::from(delimiter)) {
        Some(_) if has_tabs => read(false),
        Some(line) => bail!("the quotation that begins in line {line} does not end"),
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

/// The captions of a cell of NegCLIP's column.
fn strings(cell: &str, line: u64) -> Result<Vec<String>> {
    if cell.is_empty() {
        return Ok(Vec::new());
    }
    python_strings(cell).with_context(|| format!("line {line}: not a list of strings: {cell}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every caption with its image and its negatives, in the order of the file.
    fn rows(text: &str, split: Split) -> Result<Vec<(String, String, Vec<String>)>> {
        let mut records = Records::default();
        read(text, split, &mut records)?;
        let mut rows: Vec<_> = records
            .into_records()
            .into_iter()
            .flat_map(|record| record.captions.into_iter().map(move |caption| (record.name.clone(), caption)))
            .collect();
        rows.sort_by_key(|(_, caption)| caption.position);
        Ok(rows
            .into_iter()
            .map(|(name, caption)| (name, caption.text().to_owned(), caption.negatives))
            .collect())
    }

    fn pairs(text: &str, split: Option<&str>) -> Result<Vec<(String, String)>> {
        Ok(rows(text, split.into())?.into_iter().map(|(name, text, _)| (name, text)).collect())
    }

    #[test]
    fn tables_are_read_as_they_are_published() {
        let pair = |name: &str, caption: &str| (name.to_owned(), caption.to_owned());
        let flickr8k = pairs("image,caption\na.jpg,A dog , wet , runs .\n", None).expect("Flickr8k's");
        assert_eq!(flickr8k, [pair("a.jpg", "A dog , wet , runs .")]);
        let flickr30k = "image_name| comment_number| comment\na.jpg| 0| A dog, wet.\na.jpg| 4   A dog .\n";
        let flickr30k = pairs(flickr30k, None).expect("Flickr30k's");
        assert_eq!(flickr30k, [pair("a.jpg", "A dog, wet."), pair("a.jpg", "")]);
        let own = "split,filepath,title\r\ntrain,a.jpg,\"A dog, wet\"\r\ntest,b.jpg,A cat\r\n";
        assert_eq!(pairs(own, Some("train")).expect("a table"), [pair("a.jpg", "A dog, wet")]);
        assert_eq!(pairs("caption\timage\na cat\tb.jpg\n", None).expect("tabs"), [pair("b.jpg", "a cat")]);
        let titled =
            pairs("title,path,caption,image\nIMG,x/1,a cat,b.jpg\n", None).expect("more than is needed");
        assert_eq!(titled, [pair("b.jpg", "a cat")]);
    }

    #[test]
    fn a_split_that_is_named_must_be_there() {
        let undivided = "image,caption\na.jpg,A dog\n";
        let error = pairs(undivided, Some("dev")).expect_err("no splits").to_string();
        assert!(error.contains("has no \"dev\"; leave --split out"), "{error}");
        assert_eq!(rows(undivided, Split::Usual("train")).expect("all of it").len(), 1);
    }

    #[test]
    fn a_table_may_say_what_is_wrong() {
        let text = "\ttitle\tfilepath\tneg_caption\tneg_image\n\
            0\ta dog runs\tval2014/a.jpg\t\"['a cat runs', \"\"it's a dog\"\"]\"\t[1, 2]\n1\ta cat\tb.jpg\t[]\t[]\n";
        let found = rows(text, Split::Unnamed).expect("NegCLIP's");
        let negatives = vec!["a cat runs".to_owned(), "it's a dog".to_owned()];
        assert_eq!(found[0], ("val2014/a.jpg".to_owned(), "a dog runs".to_owned(), negatives));
        assert_eq!(found[1], ("b.jpg".to_owned(), "a cat".to_owned(), Vec::new()));
        let error = pairs("image\tcaption\tneg_caption\na.jpg\ta dog\ta cat\n", None).expect_err("no list");
        assert!(error.to_string().contains("line 2: not a list of strings: a cat"), "{error}");
    }

    #[test]
    fn a_table_without_a_header_or_with_wandering_cells_is_refused() {
        for (text, words) in [
            ("a.jpg,a dog\nb.jpg,a cat\n", "expected a header line"),
            ("image,split,caption\na.jpg,train,a dog, wet\n", "line 2 has 4 cells, the header 3"),
        ] {
            let error = pairs(text, None).expect_err("no table");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_quotation_mark_may_be_a_letter_in_a_table_with_tabs_and_must_end_elsewhere() {
        let tabs = "image\tcaption\na.jpg\t\"Welcome home\nb.jpg\ta 12\" pizza\nc.jpg\t\"whole\"\n";
        let found = pairs(tabs, None).expect("three rows");
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["\"Welcome home", "a 12\" pizza", "\"whole\""]);
        let commas = "image,caption\na.jpg,a dog\nb.jpg,\"a cat\nc.jpg,a cow\n";
        let error = pairs(commas, None).expect_err("no end").to_string();
        assert!(error.contains("the quotation that begins in line 3 does not end"), "{error}");
        assert_eq!(pairs("image,caption\na.jpg,\"a dog\nruns\"\n", None).expect("a row")[0].1, "a dog runs");
    }

    #[test]
    fn tables_of_spreadsheets_are_read_and_lines_counted_however_they_end() {
        let pair = |name: &str, caption: &str| (name.to_owned(), caption.to_owned());
        for text in [
            "Image,Caption\r\na.jpg,A dog\r\n",
            "image;caption\na.jpg;A dog\n",
            "sep=;\nimage;caption\na.jpg;A dog\n",
            "\u{feff}\"image\",\"caption\"\ra.jpg,A dog\r",
        ] {
            assert_eq!(pairs(text, None).expect(text), [pair("a.jpg", "A dog")]);
        }
        let error = pairs("image,split,caption\r\na.jpg,train,a\r\nb.jpg,train,a,b\r\n", None);
        assert!(error.expect_err("too many cells").to_string().contains("line 3 has 4 cells"));
        let both = "image,split,caption\na.jpg,train,a\nb.jpg,restval,b\nc.jpg,test,c\n";
        assert_eq!(pairs(both, Some("train,restval")).expect("two splits").len(), 2);
    }
}
