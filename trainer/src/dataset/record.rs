//! The one form that all captions of images take, whatever file they come from.

use std::collections::HashMap;

use shared::caption::Caption;
use shared::negative::Guard;

use super::image_source::ImageSource;

/// An image and its captions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The name of the image in the data; folders may stand before it.
    pub name: String,
    /// Where the image is; nothing if it was not found, or nobody looked.
    pub image: Option<ImageSource>,
    /// Its captions, in the order of the file.
    pub captions: Vec<Annotation>,
    /// Objects that are known to be in the image.
    pub objects: Vec<String>,
}

/// A caption of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The caption, without line breaks or surrounding white space.
    pub caption: Caption,
    /// Wrong captions that the data provides with it, as NegCLIP's tables do.
    pub negatives: Vec<String>,
    /// Its place among all captions of its file.
    pub position: usize,
}

impl Record {
    /// An image without captions yet.
    pub fn new(name: String) -> Self {
        Record { name, image: None, captions: Vec::new(), objects: Vec::new() }
    }

    /// What a negative of one of the captions must not say: what the other captions say, and what is in the image.
    pub fn guard(&self, caption: usize) -> Guard {
        let siblings = self.captions.iter().enumerate().filter(|(other, _)| *other != caption);
        Guard::new(siblings.map(|(_, sibling)| &sibling.caption), self.objects.iter().map(String::as_str))
    }
}

impl Annotation {
    /// A caption without provided negatives.
    pub fn new(text: &str, position: usize) -> Self {
        Annotation { caption: Caption::new(one_line(text)), negatives: Vec::new(), position }
    }

    /// The same with wrong captions; empty ones are left out.
    pub fn with_negatives(self, negatives: &[String]) -> Self {
        let negatives = negatives.iter().map(|text| one_line(text)).filter(|text| !text.is_empty());
        Annotation { negatives: negatives.collect(), ..self }
    }

    /// The text of the caption.
    pub fn text(&self) -> &str {
        self.caption.text()
    }
}

/// The records of a file while it is read.
#[derive(Default)]
pub struct Records {
    records: Vec<Record>,
    /// Where each image is, by its name or number in the file.
    places: HashMap<String, usize>,
    n_captions: usize,
}

impl Records {
    /// Whether there is no image yet.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What was read.
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Adds an image with its captions.
    pub fn add_image<'a>(&mut self, name: String, captions: impl IntoIterator<Item = &'a str>) {
        self.records.push(Record::new(name));
        for caption in captions {
            self.add_to(self.records.len() - 1, caption, &[]);
        }
    }

    /// Adds a caption to the image of a name, which may be a new one.
    pub fn add_caption(&mut self, image: String, caption: &str, negatives: &[String]) {
        let place = self.place_of(image.clone(), image);
        self.add_to(place, caption, negatives);
    }

    /// Where the image with this key is; a new one has this name.
    pub fn place_of(&mut self, key: String, name: String) -> usize {
        *self.places.entry(key).or_insert_with(|| {
            self.records.push(Record::new(name));
            self.records.len() - 1
        })
    }

    /// Adds a caption to the image at a place.
    pub fn add_to(&mut self, place: usize, caption: &str, negatives: &[String]) {
        let caption = Annotation::new(caption, self.n_captions).with_negatives(negatives);
        self.records[place].captions.push(caption);
        self.n_captions += 1;
    }
}

/// Line breaks inside a caption are white space to a reader, and would break a file of one caption per line.
fn one_line(text: &str) -> String {
    text.trim().replace(['\r', '\n'], " ")
}
