//! What is in a shard: images, their captions, and where their bytes are.

use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared::decode::decode;

use crate::dataset::image_names::{is_hidden, is_image};
use crate::dataset::perceptual_hash::perceptual_hash;
use crate::system::files::{standard_json, without_mark};
use crate::system::one_or_more::one_or_more;

/// The longest image file and the longest text that are taken from a shard, in bytes.
const MAX_IMAGE: u64 = 256 << 20;
const MAX_TEXT: u64 = 1 << 20;

/// An image of a shard and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its name in the shard.
    pub name: String,
    /// Its captions.
    pub captions: Vec<String>,
    /// Where its bytes are.
    pub range: Range<u64>,
    /// Its perceptual hash, or why it cannot be used.
    pub hash: Result<u64, String>,
}

/// What was found in a shard.
#[derive(Debug, Serialize, Deserialize)]
pub struct Contents {
    /// Its samples.
    pub samples: Vec<Sample>,
    /// Why the rest of it cannot be read.
    pub broken: Option<String>,
}

/// Reads a shard front to back. Files of a sample follow each other and have one name up to its first dot.
/// What was found is what stands before the end, or before the place from which on it cannot be read.
pub fn scan(shard: impl Read) -> Contents {
    let mut archive = tar::Archive::new(shard);
    let mut samples = Vec::new();
    let mut at_hand = Parts::default();
    let mut read = || -> std::io::Result<()> {
        for entry in archive.entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if path.split('/').any(|part| part != "." && is_hidden(part)) {
                continue;
            }
            let (key, ending) = split(&path);
            if key != at_hand.key {
                samples.extend(std::mem::take(&mut at_hand).sample());
                at_hand.key = key.to_owned();
            }
            at_hand.add(&path, &ending.to_lowercase(), &mut entry)?;
        }
        Ok(())
    };
    let broken = read().err().map(|error| error.to_string());
    // The files of the sample at which the shard breaks may not all be there.
    if broken.is_none() {
        samples.extend(at_hand.sample());
    }
    tell_pairs_apart(&mut samples);
    Contents { samples, broken }
}

/// Says of images and texts of one name that do not follow each other why they make no sample.
fn tell_pairs_apart(samples: &mut [Sample]) {
    let keys = |samples: &[Sample], is_wanted: fn(&Sample) -> bool| -> HashSet<String> {
        let wanted = samples.iter().filter(|sample| is_wanted(sample));
        wanted.map(|sample| split(&sample.name).0.to_owned()).collect()
    };
    let is_image = |sample: &Sample| sample.hash.is_ok() && sample.captions.is_empty();
    let is_text = |sample: &Sample| sample.range.is_empty() && !sample.captions.is_empty();
    let (images, texts) = (keys(samples, is_image), keys(samples, is_text));
    for sample in samples.iter_mut().filter(|sample| is_image(sample) || is_text(sample)) {
        let key = split(&sample.name).0;
        if images.contains(key) && texts.contains(key) {
            sample.hash = Err("its image and its text do not follow each other in the shard".to_owned());
        }
    }
}

/// The name of a sample, and what follows its first dot.
fn split(path: &str) -> (&str, &str) {
    let file = path.rfind('/').map_or(0, |slash| slash + 1);
    path[file..].find('.').map_or((path, ""), |dot| (&path[..file + dot], &path[file + dot + 1..]))
}

/// The files of one sample.
#[derive(Default)]
struct Parts {
    key: String,
    image: Option<(String, Range<u64>, Result<u64, String>)>,
    /// Captions in a text file, one a line.
    text: Vec<String>,
    /// Captions in a JSON file, which repeats those of the text file if there is one.
    json: Vec<String>,
    /// Why there is no caption, where one could be expected.
    problem: Option<String>,
}

/// What img2dataset says of an image, as far as it is of use here.
#[derive(Deserialize)]
struct Facts {
    #[serde(default, deserialize_with = "one_or_more")]
    caption: Vec<String>,
}

impl Parts {
    fn add(&mut self, path: &str, ending: &str, entry: &mut tar::Entry<impl Read>) -> std::io::Result<()> {
        let (begin, length) = (entry.raw_file_position(), entry.size());
        let mut bytes = || {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map(|_| bytes)
        };
        if self.image.is_none() && is_image(Path::new(path)) {
            let hash = if length > MAX_IMAGE {
                Err(format!(
                    "the file has {length} bytes, more than the {} million that are read",
                    MAX_IMAGE >> 20
                ))
            } else {
                let bytes = bytes()?;
                decode(&bytes)
                    .map(|decoded| perceptual_hash(&decoded.image))
                    .map_err(|error| error.to_string())
            };
            self.image = Some((path.to_owned(), begin..begin + length, hash));
        } else if length <= MAX_TEXT && matches!(ending, "txt" | "caption") {
            match String::from_utf8(bytes()?) {
                Ok(text) => {
                    let lines = without_mark(&text).lines();
                    self.text.extend(lines.map(str::to_owned).filter(|line| !line.trim().is_empty()));
                }
                Err(_) => self.problem = Some("its text is not in UTF-8".to_owned()),
            }
        } else if length <= MAX_TEXT && ending == "json" {
            // What is no JSON, or says nothing of captions, is a file of another purpose.
            let text = String::from_utf8(bytes()?).unwrap_or_default();
            self.json = serde_json::from_str(&standard_json(&text))
                .map_or_else(|_| Vec::new(), |facts: Facts| facts.caption);
        } else if ending.ends_with(".txt") || ending.ends_with(".caption") {
            self.problem = Some(format!("its name ends at its first dot, so `.{ending}` is no text of it"));
        }
        Ok(())
    }

    fn sample(self) -> Option<Sample> {
        let captions = if self.text.is_empty() { self.json } else { self.text };
        match self.image {
            Some((name, range, hash)) => {
                let problem = self.problem.filter(|_| captions.is_empty());
                Some(Sample { name, captions, range, hash: problem.map_or(hash, Err) })
            }
            None if captions.is_empty() => None,
            None => Some(Sample {
                name: self.key,
                captions,
                range: 0..0,
                hash: Err("the image is not there".to_owned()),
            }),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use shared::image::Image;

    use super::*;

    pub fn image(level: u8) -> Vec<u8> {
        shared::encode::image(&Image::new(4, 4, (0..48).map(|at| level.wrapping_add(at * 5)).collect()))
            .expect("a PNG file")
    }

    /// A tar file of these files.
    pub fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *bytes).expect("an entry");
        }
        tar.into_inner().expect("an archive")
    }

    #[test]
    fn samples_are_what_follows_each_other_under_one_name() {
        let (first, second) = (image(1), image(9));
        let long = format!("{}/c.png", "folder".repeat(30));
        let archive = tar_of(&[
            ("x/a.json", br#"{"caption": "from img2dataset", "url": "https://example.com"}"#),
            ("x/a.png", &first),
            ("x/a.txt", b"a red dog\n\na dog\n"),
            ("b.png", &second),
            ("b.json", br#"{"caption": ["one", "two"]}"#),
            ("b.seg.png", &first),
            (&long, b"not an image"),
            ("d.txt", b"a caption alone"),
            ("e.cls", b"7"),
        ]);
        let Contents { samples, broken } = scan(&archive[..]);
        assert_eq!(broken, None);
        let names: Vec<&str> = samples.iter().map(|sample| sample.name.as_str()).collect();
        assert_eq!(names, ["x/a.png", "b.png", &long, "d"]);
        assert_eq!(samples[0].captions, ["a red dog", "a dog"]);
        assert_eq!(samples[1].captions, ["one", "two"]);
        for (sample, bytes) in samples.iter().zip([&first, &second]) {
            assert!(sample.hash.is_ok());
            assert_eq!(&archive[sample.range.start as usize..sample.range.end as usize], &bytes[..]);
        }
        assert!(
            samples[2].hash.as_ref().is_err_and(|why| why.contains("not an image")),
            "{:?}",
            samples[2].hash
        );
        assert_eq!(samples[3].hash, Err("the image is not there".to_owned()));
    }

    #[test]
    fn of_a_torn_shard_the_whole_samples_are_kept() {
        let archive = tar_of(&[
            ("a.png", &image(1)),
            ("a.txt", b"a dog"),
            ("b.png", &image(2)),
            ("b.txt", &[b'x'; 2000]),
        ]);
        let Contents { samples, broken } = scan(&archive[..archive.len() - 2500]);
        assert_eq!(samples.len(), 1);
        assert!(broken.is_some());
        let Contents { samples, broken } = scan(&[7u8; 4096][..]);
        assert_eq!((samples.len(), broken.is_some()), (0, true), "no archive at all");
    }

    #[test]
    fn what_makes_no_sample_has_the_true_reason_and_what_macos_leaves_is_passed_over() {
        let (first, second) = (image(1), image(2));
        let archive = tar_of(&[
            ("./._a.png", b"Mac OS X"),
            ("__MACOSX/._a.txt", b"Mac OS X"),
            ("./a.PNG", &first),
            ("./a.TXT", "\u{feff}a dog".as_bytes()),
            ("b.png", &second),
            ("b.json", br#"{"caption": "a cat", "similarity": NaN}"#),
            ("c.png", &first),
            ("c.txt", b"caf\xe9"),
            ("scene 0.5 final.png", &second),
            ("scene 0.5 final.txt", b"a cup"),
            ("e.png", &first),
            ("f.png", &second),
            ("e.txt", b"a cow"),
        ]);
        let Contents { samples, broken } = scan(&archive[..]);
        assert_eq!(broken, None);
        let told = |name: &str| {
            let sample = samples.iter().find(|sample| sample.name == name).expect(name);
            (sample.captions.join("|"), sample.hash.clone().err().unwrap_or_default())
        };
        assert_eq!(told("a.PNG"), ("a dog".to_owned(), String::new()));
        assert_eq!(told("b.png"), ("a cat".to_owned(), String::new()));
        assert!(told("c.png").1.contains("not in UTF-8"));
        assert!(told("scene 0.5 final.png").1.contains("first dot"));
        for name in ["e.png", "e"] {
            assert!(told(name).1.contains("do not follow each other"), "{name}");
        }
        assert_eq!(told("f.png"), (String::new(), String::new()));
        assert_eq!(samples.len(), 7);
    }
}
