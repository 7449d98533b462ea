//! Tables with an image and a caption per row, as records.

use anyhow::{Context, Result};
use shared::caption_table::CaptionTable;

use super::python_strings::python_strings;
use super::record::Records;
use super::split::Split;

/// Reads a table, or the split of it that is wanted.
///
/// # Errors
/// If it is no table ([`CaptionTable::read`]), its negatives are no lists, or there is no split.
pub fn read(text: &str, split: Split, records: &mut Records) -> Result<()> {
    let table = CaptionTable::read(text)?;
    let is_divided = table.has_splits && split.name().is_some();
    if !is_divided {
        split.refuse_if_named()?;
    }
    for row in table.rows.into_iter().filter(|row| !is_divided || split.includes(&row.split)) {
        let negatives = strings(&row.negatives, row.line)?;
        records.add_caption(row.image, &row.caption, &negatives);
    }
    Ok(())
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
