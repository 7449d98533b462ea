//! Tables with an image and a caption per row, separated by commas, tabs or, as in Flickr30k's `results.csv`, by pipes.

use std::io::BufRead;

use anyhow::{Context, Result, bail};

use super::python_strings::python_strings;
use super::record::Records;
use super::split::Split;

/// Reads a table, or the split of it that is wanted.
///
/// # Errors
/// If its header lacks a column, a row has another number of cells, or there is no split.
pub fn read(mut text: impl BufRead, split: Split, records: &mut Records) -> Result<()> {
    let start = text.fill_buf()?;
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
    let delimiter = *[b'\t', b'|'].iter().find(|delimiter| header.contains(delimiter)).unwrap_or(&b',');
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text);
    let headers = reader.headers()?.clone();
    let column = |names: &[&str]| {
        names.iter().find_map(|name| headers.iter().position(|header| header.trim() == *name))
    };
    let image = column(&["image", "image_name", "filename", "file_name", "filepath", "path"]);
    let caption = column(&["caption", "comment", "raw", "text", "title"]);
    let (Some(image), Some(caption)) = (image, caption) else {
        let found: Vec<&str> = headers.iter().collect();
        bail!("expected a header line with `image` and `caption`, not {found:?}");
    };
    let negatives = column(&["neg_caption"]);
    let of_split = split.name().zip(column(&["split"]));
    if of_split.is_none() {
        split.refuse_if_named()?;
    }
    for row in reader.records() {
        let row = row?;
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        if cells.len() > headers.len() {
            // Flickr8k's captions have commas without quotes around them, and nothing behind them.
            if headers.len() != 2 || caption != 1 {
                let line = row.position().map_or(0, csv::Position::line);
                bail!("line {line} has {} cells, the header {}", cells.len(), headers.len());
            }
            cells = vec![cells[0].clone(), cells[1..].join(&char::from(delimiter).to_string())];
        }
        // What is not there is an empty caption, for the reader to count: one row of Flickr30k lacks its last delimiter.
        let cell = |column: usize| cells.get(column).map_or("", |cell| cell.trim());
        if of_split.is_none_or(|(split, column)| cell(column) == split) {
            let negatives = strings(negatives.map_or("", cell), &row)?;
            records.add_caption(cell(image).to_owned(), cell(caption), &negatives);
        }
    }
    Ok(())
}

/// The captions of a cell of NegCLIP's column.
fn strings(cell: &str, row: &csv::StringRecord) -> Result<Vec<String>> {
    if cell.is_empty() {
        return Ok(Vec::new());
    }
    let line = row.position().map_or(0, csv::Position::line);
    python_strings(cell).with_context(|| format!("line {line}: not a list of strings: {cell}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every caption with its image and its negatives, in the order of the file.
    fn rows(text: &str, split: Split) -> Result<Vec<(String, String, Vec<String>)>> {
        let mut records = Records::default();
        read(text.as_bytes(), split, &mut records)?;
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
}
