//! Symmetric test cases as one parquet file: two images and two captions, in InpaintCOCO's columns (arXiv 2403.02875),
//! which `trainer evaluate --benchmark inpaint-coco` reads like the original.
//!
//! Candidates of a set that people still have to check are such cases, too, and say besides how they were made
//! ([`Provenance`]).

mod pieces;
mod read;
mod write;

use bytes::Bytes;
use image::ImageError;
use parquet::errors::ParquetError;

use crate::concept::Concept;
use crate::encode;
use crate::image::Image;
use crate::mask::Mask;

pub use pieces::Pieces;
pub use read::{Reader, Row};
pub use write::write;

/// One case, its images as PNG files.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What the two captions differ in.
    pub concept: Concept,
    /// The caption of each image.
    pub captions: [String; 2],
    /// The image and the edited one.
    pub images: [Bytes; 2],
    /// White where the images may differ.
    pub mask: Bytes,
    /// How the edited image was made, where that is written down.
    pub provenance: Option<Provenance>,
}

/// How an image was edited, and who checked it. InpaintCOCO's columns `worker`, `coco_details`, `mask_details` and
/// `inpaint_details`, and two that number candidates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Candidates of one item compete: they edit one image for one pair of captions.
    pub item: u64,
    /// The rank among the candidates of the item, from 0.
    pub candidate: u64,
    /// Who accepted the case; nobody yet where it is empty.
    pub worker: String,
    /// The image: file, address and license, as far as they are known.
    pub image: Source,
    /// The mask: what it is of, and how it was widened and softened.
    pub mask: MaskDetails,
    /// The generator and its settings.
    pub generator: GeneratorDetails,
}

/// `coco_details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The name of the image's file.
    pub file_name: String,
    /// Its address in COCO.
    pub coco_url: String,
    /// Its license.
    pub image_license: String,
}

/// `mask_details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaskDetails {
    /// What is masked, in the caption's words.
    pub prompt: String,
    /// By how many percent of its width the thing's mask was widened to either side.
    pub width_factor: f64,
    /// The same of its height.
    pub height_factor: f64,
    /// The width of the soft edge in pixels.
    pub feather: u64,
}

/// `inpaint_details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratorDetails {
    /// `exact` and what was done, or the name of a diffusion model.
    pub generator: String,
    /// SHA-256 of the generator's weights in hexadecimal; empty where it has none.
    pub sha256: String,
    /// The sampler.
    pub scheduler: String,
    /// The seed of the noise.
    pub seed: u64,
    /// What the generator was told to paint.
    pub prompt: String,
    /// Denoising steps.
    pub num_inference_steps: u64,
    /// Classifier-free guidance (arXiv 2207.12598).
    pub guidance_scale: f64,
    /// SHA-256 of the edited image's file in hexadecimal.
    pub edited: String,
    /// The least of the four margins of a model that ranked the candidates, in cosines; NaN where none did.
    pub margin: f64,
}

/// Why a challenge set cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ChallengeSetError {
    /// An image cannot be encoded.
    #[error("an image cannot be encoded: {0}")]
    Image(#[from] ImageError),
    /// It is not a parquet file.
    #[error("it is not a parquet file")]
    NoParquet,
    /// The file cannot be written or read.
    #[error("it cannot be used: {0}")]
    Table(#[from] ParquetError),
    /// A column is missing or of another type.
    #[error("it has no column {0:?} of a challenge set")]
    Column(&'static str),
    /// A concept is none of the four.
    #[error("it names a concept {0:?}, which is none of color, object, location and size")]
    Concept(String),
}

impl Case {
    /// An image and the edited one, each with the caption that is true of it. `mask` is where they may differ.
    ///
    /// # Errors
    /// If an image cannot be encoded.
    pub fn new(
        concept: Concept,
        images: [&Image; 2],
        captions: [&str; 2],
        mask: &Mask,
    ) -> Result<Self, ChallengeSetError> {
        let [first, second] = images;
        Ok(Case {
            concept,
            captions: captions.map(str::to_owned),
            images: [encode::image(first)?.into(), encode::image(second)?.into()],
            mask: encode::mask(mask)?.into(),
            provenance: None,
        })
    }
}

/// Where two images differ; everywhere if they are not of one size.
pub fn difference([first, second]: [&Image; 2]) -> Mask {
    let (width, height) = (first.width(), first.height());
    if [width, height] != [second.width(), second.height()] {
        return Mask::new(width, height, vec![u8::MAX; width as usize * height as usize]);
    }
    let pixels = first.pixels().iter().zip(second.pixels());
    let differs = pixels.map(|(a, b)| if a == b { 0 } else { u8::MAX });
    Mask::new(width, height, differs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_differ_where_a_pixel_does() {
        let [a, b] = [[9u8, 9, 9, 1, 2, 3], [9, 9, 9, 1, 2, 4]].map(|rgb| Image::new(2, 1, rgb.to_vec()));
        assert_eq!(difference([&a, &b]), Mask::new(2, 1, vec![0, 255]));
        assert_eq!(difference([&a, &Image::new(1, 1, vec![0; 3])]), Mask::new(2, 1, vec![255; 2]));
    }

    fn cases(provenance: Option<&Provenance>) -> Vec<Case> {
        let image = Image::new(64, 48, (0..64 * 48 * 3).map(|at| (at * 7 % 251) as u8).collect());
        let case = |number: u64| {
            let made =
                Case::new(Concept::Color, [&image; 2], ["a red car", "a blue car"], &difference([&image; 2]));
            let provenance = provenance.map(|of| Provenance { item: number, ..of.clone() });
            Case { provenance, ..made.expect("a case") }
        };
        (0..5).map(case).collect()
    }

    fn written(cases: &[Case]) -> Bytes {
        let cases = cases.iter().cloned().map(Ok::<_, ChallengeSetError>);
        write(Vec::new(), cases).expect("a file").into()
    }

    #[test]
    fn cases_come_back() {
        let provenance = Provenance {
            candidate: 2,
            worker: "Ann".into(),
            image: Source { file_name: "a.jpg".into(), ..Source::default() },
            mask: MaskDetails { prompt: "car".into(), width_factor: 25.0, height_factor: 12.5, feather: 3 },
            generator: GeneratorDetails {
                seed: u64::MAX,
                margin: 0.25,
                prompt: "blue car".into(),
                ..GeneratorDetails::default()
            },
            ..Provenance::default()
        };
        for provenance in [None, Some(&provenance)] {
            let cases = cases(provenance);
            for few in [0, 1, 5] {
                let reader = Reader::new(Pieces::from(written(&cases[..few]))).expect("a set");
                let read: Vec<Case> =
                    (0..reader.n_groups()).flat_map(|group| reader.cases(group).expect("cases")).collect();
                assert_eq!(read, cases[..few]);
            }
        }
    }

    #[test]
    fn a_set_is_read_piece_by_piece() {
        let cases = cases(Some(&Provenance::default()));
        let file = written(&cases);
        let length = file.len() as u64;
        let piece = |range: std::ops::Range<u64>| file.slice(range.start as usize..range.end as usize);
        let last: [u8; 8] = piece(length - 8..length).as_ref().try_into().expect("8 bytes");
        let tail = length - Reader::tail(&last).expect("a tail");
        let pieces = Pieces::new(length, tail, piece(tail..length));
        let reader = Reader::new(pieces.clone()).expect("a set");
        let [texts, all] = [false, true].map(|images| reader.bytes(0, images));
        assert!(texts.end - texts.start < (all.end - all.start) / 2, "the images are not among them");
        assert!(reader.rows(0).is_err(), "these bytes are not here");
        pieces.hold(texts.start, piece(texts));
        let rows = reader.rows(0).expect("rows");
        assert_eq!((rows.len(), &rows[4].captions), (5, &cases[4].captions));
        assert!(reader.cases(0).is_err());
        pieces.hold(all.start, piece(all));
        assert_eq!(reader.cases(0).expect("cases"), cases);
    }

    #[test]
    fn what_is_no_challenge_set_is_refused() {
        assert!(matches!(Reader::tail(b"........"), Err(ChallengeSetError::NoParquet)));
        assert!(Reader::new(Pieces::from(Bytes::from_static(b"PAR1"))).is_err());
        let other = include_bytes!("../../tests/golden/bivlc.parquet");
        let error = Reader::new(Pieces::from(Bytes::from_static(other))).err().expect("other columns");
        assert!(error.to_string().contains("no column \"concept\""), "{error}");
    }
}
