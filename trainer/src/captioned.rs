//! Pictures and their captions, in the files in which they are published: COCO's `captions_*.json`, Karpathy's
//! `dataset_*.json` and ARO's `*_karpathy_*.json`, Flickr's `*.token.txt`, and tables with a
//! picture and a caption a row, separated by commas, tabs or, as Flickr30k's `results.csv`, by strokes.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::benchmark::Folder;
use crate::files::{file_name, json, open};
use crate::python_strings::python_strings;

/// A picture and what people said of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Captioned {
    /// The name of its file; folders may stand before it.
    pub name: String,
    /// Its captions, in the order of the file.
    pub captions: Vec<Said>,
}

/// A caption, and what the file itself says is wrong in its place, as NegCLIP's tables do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The caption.
    pub text: String,
    /// What is not true of the picture.
    pub wrong: Vec<String>,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Said { text, wrong: Vec::new() }
    }
}

/// Which part of a file that is divided into splits is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Split<'a> {
    /// This one. A file that is not divided is refused, because all of it was not asked for.
    Named(&'a str),
    /// This one, or all of a file that is not divided.
    Usual(&'a str),
    /// All of it; of Karpathy's, `test`.
    Unnamed,
}

impl<'a> From<Option<&'a str>> for Split<'a> {
    fn from(named: Option<&'a str>) -> Self {
        named.map_or(Split::Unnamed, Split::Named)
    }
}

impl Split<'_> {
    /// What the wanted part is called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Split::Named(name) | Split::Usual(name) => Some(name),
            Split::Unnamed => None,
        }
    }

    /// What is said to a file that is not divided.
    ///
    /// # Errors
    /// If a split was named.
    pub fn refuse_if_named(&self) -> Result<()> {
        match self {
            Split::Named(name) => {
                bail!("it is not divided into splits, so it has no {name:?}; leave --split out")
            }
            _ => Ok(()),
        }
    }
}

/// A file as it is: pictures, and captions in their order, each with the index of its picture.
#[derive(Debug, Default)]
pub struct CaptionFile {
    /// The names of the pictures' files.
    pub pictures: Vec<String>,
    /// Indices into `pictures`, and what is said of them.
    pub captions: Vec<(usize, Said)>,
}

impl CaptionFile {
    /// Reads a file, or the part of it that is wanted.
    ///
    /// # Errors
    /// If it cannot be read, has another form than its name promises, or lacks the split that was named.
    pub fn read(path: &Path, split: Split) -> Result<Self> {
        parse(path, split).with_context(|| format!("cannot read {} as captions of pictures", path.display()))
    }

    fn add(&mut self, name: String, captions: impl IntoIterator<Item = String>) {
        let picture = self.pictures.len();
        self.pictures.push(name);
        self.captions.extend(captions.into_iter().map(|caption| (picture, caption.into())));
    }
}

/// Reads a file, or the part of it that is wanted, picture by picture.
///
/// # Errors
/// As [`CaptionFile::read`].
pub fn read(path: &Path, split: Split) -> Result<Vec<Captioned>> {
    let CaptionFile { pictures, captions } = CaptionFile::read(path, split)?;
    let without = |name| Captioned { name, captions: Vec::new() };
    let mut captioned: Vec<Captioned> = pictures.into_iter().map(without).collect();
    for (picture, said) in captions {
        captioned[picture].captions.push(said);
    }
    Ok(captioned)
}

/// The pictures of a folder that have a text file of the same name beside them, one caption a line.
///
/// # Errors
/// If there is none, or a text file cannot be read.
pub fn beside(folder: &Folder) -> Result<Vec<Captioned>> {
    let mut found = Vec::new();
    for picture in folder.pictures() {
        let path = picture.with_extension("txt");
        if path.exists() {
            let text = std::io::read_to_string(open(&path)?)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let name = picture.strip_prefix(folder.root()).unwrap_or(picture);
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let captions = lines.map(|line| Said::from(line.to_owned())).collect();
            found.push(Captioned { name: name.to_string_lossy().into_owned(), captions });
        }
    }
    if found.is_empty() {
        let root = folder.root().display();
        bail!(
            "{root} has neither a file of captions (.json, .csv, .tsv, .token.txt), nor shards (.tar), nor pictures with a .txt file beside them"
        );
    }
    Ok(found)
}

/// Whether a file that lies among others is one of captions, by its name in lower case.
pub fn is_known(name: &str) -> bool {
    let published = ["captions_", "dataset_", "flickr30k_test"];
    match form(name) {
        Some(Form::Json) => {
            published.iter().any(|start| name.starts_with(start)) || name.contains("karpathy")
        }
        form => form.is_some(),
    }
}

/// Whether a file of captions says which pictures they belong to, by its name.
pub fn has_pictures(name: &str) -> bool {
    form(&name.to_lowercase()).is_some()
}

/// The form of a file by its name.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Table,
    Token,
}

fn form(name: &str) -> Option<Form> {
    let name = name.trim_end_matches(".gz");
    match name.rsplit_once('.')?.1 {
        "json" => Some(Form::Json),
        "csv" | "tsv" => Some(Form::Table),
        "txt" if name.ends_with(".token.txt") => Some(Form::Token),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "it has neither `annotations` with `image_id` and `caption`, nor `images` with `filename`, `split` and \
                 `sentences`, nor is it a list with `image` and `caption`"
)]
enum Json {
    Coco {
        #[serde(default)]
        images: Vec<CocoImage>,
        annotations: Vec<CocoCaption>,
    },
    Karpathy {
        images: Vec<KarpathyImage>,
    },
    Listed(Vec<Listed>),
}

#[derive(Deserialize)]
struct CocoImage {
    id: u64,
    file_name: String,
}

#[derive(Deserialize)]
struct CocoCaption {
    image_id: u64,
    caption: String,
}

#[derive(Deserialize)]
struct KarpathyImage {
    filename: String,
    split: String,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    raw: String,
}

#[derive(Deserialize)]
struct Listed {
    image: String,
    caption: Vec<String>,
}

fn parse(path: &Path, split: Split) -> Result<CaptionFile> {
    match form(&file_name(path).to_lowercase()) {
        Some(Form::Json) => listed(json(path, "COCO's, Karpathy's or ARO's form")?, split),
        Some(Form::Token) => {
            split.refuse_if_named()?;
            let text = std::io::read_to_string(open(path)?)?;
            let pairs = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
                let (name, caption) = line.split_once('\t').context("expected a tab after the picture")?;
                Ok((name.split('#').next().unwrap_or(name).to_owned(), caption.to_owned().into()))
            });
            Ok(grouped(pairs.collect::<Result<Vec<_>>>()?))
        }
        Some(Form::Table) | None => Ok(grouped(table(open(path)?, split)?)),
    }
}

fn listed(json: Json, split: Split) -> Result<CaptionFile> {
    let mut file = CaptionFile::default();
    match json {
        Json::Coco { images, annotations } => {
            split.refuse_if_named()?;
            let mut places: HashMap<u64, usize> = HashMap::new();
            for image in images {
                places.insert(image.id, file.pictures.len());
                file.pictures.push(image.file_name);
            }
            for CocoCaption { image_id, caption } in annotations {
                // A file of captions alone may leave its pictures out.
                let place = *places.entry(image_id).or_insert_with(|| {
                    file.pictures.push(image_id.to_string());
                    file.pictures.len() - 1
                });
                file.captions.push((place, caption.into()));
            }
        }
        Json::Karpathy { images } => {
            let wanted = split.name().unwrap_or("test");
            for image in images.into_iter().filter(|image| image.split == wanted) {
                file.add(image.filename, image.sentences.into_iter().map(|sentence| sentence.raw));
            }
        }
        Json::Listed(items) => {
            split.refuse_if_named()?;
            for item in items {
                file.add(item.image, item.caption);
            }
        }
    }
    Ok(file)
}

/// The pairs of picture and caption of a table.
fn table(mut text: impl BufRead, split: Split) -> Result<Vec<(String, Said)>> {
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
    let wrong = column(&["neg_caption"]);
    let of_split = split.name().zip(column(&["split"]));
    if of_split.is_none() {
        split.refuse_if_named()?;
    }
    let mut pairs = Vec::new();
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
        // What is not there is an empty caption, for the reader to count: one row of Flickr30k lacks its last stroke.
        let cell = |column: usize| cells.get(column).map_or("", |cell| cell.trim());
        if of_split.is_none_or(|(split, column)| cell(column) == split) {
            let said = Said { text: cell(caption).to_owned(), wrong: strings(wrong.map_or("", cell), &row)? };
            pairs.push((cell(image).to_owned(), said));
        }
    }
    Ok(pairs)
}

/// The captions of a cell of NegCLIP's column.
fn strings(cell: &str, row: &csv::StringRecord) -> Result<Vec<String>> {
    if cell.is_empty() {
        return Ok(Vec::new());
    }
    let line = row.position().map_or(0, csv::Position::line);
    python_strings(cell).with_context(|| format!("line {line}: not a list of strings: {cell}"))
}

/// A table's pictures, in the order in which they first come.
fn grouped(pairs: Vec<(String, Said)>) -> CaptionFile {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut file = CaptionFile::default();
    for (name, said) in pairs {
        let place = *places.entry(name.clone()).or_insert_with(|| {
            file.pictures.push(name);
            file.pictures.len() - 1
        });
        file.captions.push((place, said));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str, split: Option<&str>) -> Result<Vec<(String, Said)>> {
        table(text.as_bytes(), split.into())
    }

    #[test]
    fn tables_are_read_as_they_are_published() {
        let pair = |name: &str, caption: &str| (name.to_owned(), Said::from(caption.to_owned()));
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
    fn json_may_have_any_name_when_it_is_named_and_a_published_one_when_it_is_found() {
        for known in
            ["captions_val.json.gz", "dataset_coco.json", "coco_karpathy_test.json", "a.csv", "a.token.txt"]
        {
            assert!(is_known(known) && has_pictures(known), "{known}");
        }
        assert!(has_pictures("Mine.JSON") && !is_known("mine.json"));
        for lines in ["a.txt", "a.jsonl", "-", ""] {
            assert!(!has_pictures(lines) && !is_known(lines), "{lines}");
        }
    }

    #[test]
    fn a_split_that_is_named_must_be_there() {
        let undivided = "image,caption\na.jpg,A dog\n";
        let error = pairs(undivided, Some("dev")).expect_err("no splits").to_string();
        assert!(error.contains("has no \"dev\"; leave --split out"), "{error}");
        assert_eq!(table(undivided.as_bytes(), Split::Usual("train")).expect("all of it").len(), 1);
    }

    #[test]
    fn a_table_may_say_what_is_wrong() {
        let text = "\ttitle\tfilepath\tneg_caption\tneg_image\n\
            0\ta dog runs\tval2014/a.jpg\t\"['a cat runs', \"\"it's a dog\"\"]\"\t[1, 2]\n1\ta cat\tb.jpg\t[]\t[]\n";
        let found = pairs(text, None).expect("NegCLIP's");
        let wrong = vec!["a cat runs".to_owned(), "it's a dog".to_owned()];
        assert_eq!(found[0], ("val2014/a.jpg".to_owned(), Said { text: "a dog runs".to_owned(), wrong }));
        assert_eq!(found[1], ("b.jpg".to_owned(), Said::from("a cat".to_owned())));
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
