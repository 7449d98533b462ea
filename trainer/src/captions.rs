//! Files of captions, with the picture that each belongs to where the file says so.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use serde::Deserialize;
use shared::caption::Caption;

/// Captions in the order of their file.
#[derive(Debug, Default)]
pub struct Captions {
    captions: Vec<Caption>,
    /// What the picture of each caption is called; nothing where the file names no pictures.
    pictures: Vec<String>,
    siblings: HashMap<String, Vec<usize>>,
}

impl Captions {
    /// Reads captions: a text file with one a line (`-` is standard input), COCO's `captions_*.json`, or a CSV file
    /// with the columns `image` and `caption`; any of them may be gzipped. Of a CSV file with a column `split` only
    /// the rows of `split` are kept, if one is named.
    ///
    /// # Errors
    /// If the file cannot be read, is not of the form its name promises, or holds no captions.
    pub fn read(path: &Path, split: Option<&str>) -> Result<Self> {
        let failed = || format!("cannot read {} as captions", path.display());
        let captions = Captions::parse(path, split).with_context(failed)?;
        if captions.captions.is_empty() {
            bail!("there are no captions in {}", path.display());
        }
        Ok(captions)
    }

    fn parse(path: &Path, split: Option<&str>) -> Result<Self> {
        let mut captions = Captions::default();
        match extension(path).as_str() {
            "json" => {
                let file: CocoFile = serde_json::from_reader(open(path)?)
                    .context("expected an object with `annotations`, as in COCO's captions_val2017.json")?;
                for annotation in file.annotations {
                    captions.push(&annotation.caption, picture_key(&annotation.image_id.to_string()));
                }
            }
            "csv" => {
                let mut reader = csv::Reader::from_reader(open(path)?);
                let rows = reader.deserialize().collect::<Result<Vec<CsvRow>, _>>();
                for row in rows.context("expected the columns `image` and `caption`")? {
                    if split.is_none_or(|split| row.split.as_deref() == Some(split)) {
                        captions.push(&row.caption, picture_key(&row.image));
                    }
                }
            }
            _ => {
                for line in open(path)?.lines() {
                    captions.captions.push(Caption::new(line?));
                }
            }
        }
        Ok(captions)
    }

    fn push(&mut self, caption: &str, picture: String) {
        let siblings = self.siblings.entry(picture.clone()).or_default();
        siblings.push(self.captions.len());
        // Line breaks inside a caption are white space to a reader, and would break a file of one caption a line.
        self.captions.push(Caption::new(caption.trim().replace(['\r', '\n'], " ")));
        self.pictures.push(picture);
    }

    /// All captions.
    pub fn all(&self) -> &[Caption] {
        &self.captions
    }

    /// What the picture of a caption is called, the same in all files of one data set.
    pub fn picture(&self, idx: usize) -> Option<&str> {
        self.pictures.get(idx).map(String::as_str)
    }

    /// The other captions of the same picture.
    pub fn siblings(&self, idx: usize) -> impl Iterator<Item = &Caption> {
        let all = self.picture(idx).and_then(|picture| self.siblings.get(picture));
        all.into_iter().flatten().filter(move |other| **other != idx).map(|other| &self.captions[*other])
    }
}

/// One name for a picture in different files: COCO's number without its zeros, or else the file name's stem.
pub fn picture_key(name: &str) -> String {
    let stem = Path::new(name)
        .file_stem()
        .map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    without_coco(&stem).parse::<u64>().map_or(stem.clone(), |number| number.to_string())
}

/// What stands behind the prefix that COCO's pictures of 2014 have; a stem without it is returned whole.
pub fn without_coco(stem: &str) -> &str {
    if stem.starts_with("COCO_") { stem.rsplit('_').next().unwrap_or(stem) } else { stem }
}

#[derive(Deserialize)]
struct CocoFile {
    annotations: Vec<CocoAnnotation>,
}

#[derive(Deserialize)]
struct CocoAnnotation {
    image_id: u64,
    caption: String,
}

#[derive(Deserialize)]
struct CsvRow {
    image: String,
    caption: String,
    split: Option<String>,
}

/// The last extension of a file name, without the `gz` behind it, in lower case.
fn extension(path: &Path) -> String {
    let lower = |path: &Path| path.extension().map(|extension| extension.to_ascii_lowercase());
    let inner = match lower(path) {
        Some(extension) if extension == "gz" => path.file_stem().and_then(|stem| lower(Path::new(stem))),
        extension => extension,
    };
    inner.map_or_else(String::new, |extension| extension.to_string_lossy().into_owned())
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(name: &str, bytes: &[u8], split: Option<&str>) -> Result<Captions> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Captions::read(&path, split)
    }

    fn texts(captions: &Captions) -> Vec<&str> {
        captions.all().iter().map(Caption::text).collect()
    }

    #[test]
    fn every_format_gives_captions_and_their_pictures() -> Result<()> {
        let lines = read("a.txt", "\u{feff}a dog\r\na cat\n".as_bytes(), None)?;
        assert_eq!(texts(&lines), ["a dog", "a cat"]);
        assert_eq!((lines.picture(0), lines.siblings(0).count()), (None, 0));

        let coco = br#"{"images":[],"annotations":[{"id":1,"image_id":7,"caption":"a dog\n"},{"id":2,"image_id":7,"caption":"a pup"}]}"#;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(coco)?;
        let coco = read("captions_val.json.gz", &gzip.finish()?, None)?;
        assert_eq!((texts(&coco), coco.picture(0)), (vec!["a dog", "a pup"], Some("7")));
        assert_eq!(coco.siblings(0).map(Caption::text).collect::<Vec<_>>(), ["a pup"]);

        let csv = b"image,split,caption\n1_a.jpg,dev,\"a dog, wet\"\n2_b.jpg,train,a cat\n";
        let csv = read("c.csv", csv, Some("dev"))?;
        assert_eq!((texts(&csv), csv.picture(0)), (vec!["a dog, wet"], Some("1_a")));
        Ok(())
    }

    #[test]
    fn what_is_no_file_of_captions_is_refused() {
        for (name, bytes) in
            [("a.json", &b"[1]"[..]), ("a.csv", b"x,y\n1,2\n"), ("a.txt", b""), ("a.csv", b"image,caption\n")]
        {
            assert!(read(name, bytes, None).is_err(), "{name}");
        }
    }

    #[test]
    fn a_picture_of_coco_has_one_name_in_all_its_files() {
        for name in ["000000085329.jpg", "85329", "coco/val2014/COCO_val2014_000000085329.jpg"] {
            assert_eq!(picture_key(name), "85329");
        }
        assert_eq!(picture_key("1000268201_693b08cb0e.jpg"), "1000268201_693b08cb0e");
    }
}
