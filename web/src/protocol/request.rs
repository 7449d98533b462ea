//! What the page asks of the engine.

use serde::{Deserialize, Serialize};
use shared::bundle::Precision;
use shared::concept::Concept;
use shared::edit::Edit;
use shared::review::Review;

use super::{Backend, ImageId, Set};
use crate::select::Stroke;

/// What the page asks of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Find a device and load a set. The first message, sent once.
    Start {
        /// Which one.
        set: Set,
        /// Use this backend whatever is detected.
        backend: Option<Backend>,
        /// The page's address, which bundles are relative to.
        base: String,
        /// One more bundle to load, relative to the page.
        bundle: Option<String>,
    },
    /// Load a set, then let go of the other one.
    Choose {
        /// Which one.
        set: Set,
    },
    /// Load a bundle from the file beside the message.
    AddBundle {
        /// What to call the model.
        name: String,
    },
    /// Make a bundle of a published model, whose files are beside the message, and load it.
    Import {
        /// What to call the model.
        name: String,
        /// What each file is called, without folders.
        files: Vec<String>,
        /// How its weights are kept.
        precision: Precision,
    },
    /// Load a bundle that the browser keeps.
    OpenKept {
        /// What to call the model.
        name: String,
        /// The hash of its content.
        sha256: String,
    },
    /// Open the image in the file beside the message. It is read when nothing else is asked, or when something is asked about it.
    AddImage {
        /// What to call the image.
        id: ImageId,
    },
    /// Forget an image.
    RemoveImage {
        /// Which one.
        id: ImageId,
    },
    /// Throw away a bundle that the browser keeps.
    Forget {
        /// The hash of its content.
        sha256: String,
    },
    /// Stop the download that is under way. Heard at once, whatever else is waiting.
    Cancel,
    /// Say what strokes on an image select. A later request replaces one that has not begun.
    Select {
        /// Which image.
        image: ImageId,
        /// What was painted on it.
        region: Region,
    },
    /// Make another image of a region of one.
    Edit {
        /// Which image.
        image: ImageId,
        /// What to call the new one.
        id: ImageId,
        /// What is edited.
        region: Region,
        /// What is done to it.
        edit: Edit,
    },
    /// Take one row of cells of an image away, one after the other, and have a model score two captions each time.
    Explain {
        /// Comes back with the answer.
        job: u32,
        /// Which model.
        model: String,
        /// Which image.
        image: ImageId,
        /// The caption and a foil of it.
        captions: [String; 2],
        /// Which row, from the top. The first one also says what each word of the caption is worth.
        row: usize,
    },
    /// Score every image with every caption.
    Matrix {
        /// Comes back with the answer.
        job: u32,
        /// The images.
        images: Vec<ImageId>,
        /// The captions.
        captions: Vec<String>,
    },
    /// Score a caption of an image and its negatives, as one of many.
    Survey {
        /// Comes back with the answer.
        job: u32,
        /// Which image.
        image: ImageId,
        /// Its caption.
        caption: String,
    },
    /// Score captions of the frame of a camera that is beside the message. A later request replaces one that has not begun.
    Glance {
        /// Comes back with the answer.
        job: u32,
        /// The captions.
        captions: Vec<String>,
    },
    /// Put two images with their captions into the visitor's challenge set.
    Keep {
        /// What the two differ in.
        concept: Concept,
        /// The images.
        images: [ImageId; 2],
        /// The caption of each.
        captions: [String; 2],
    },
    /// Read the candidates of a challenge set in the file beside the message.
    OpenCandidates,
    /// Show the images of a candidate. A later request replaces one that has not begun.
    ShowCandidate {
        /// The row in the file.
        row: usize,
    },
    /// Write the candidates that reviews agree on as a file.
    Verify {
        /// One of each annotator.
        reviews: Vec<Review>,
    },
    /// Hand over the challenge set as a file.
    HandOver,
    /// Throw the challenge set away.
    Discard,
    /// Score a caption and its negatives. A later request replaces one that has not begun.
    Compare {
        /// Comes back with the answer.
        job: u32,
        /// Which image.
        image: ImageId,
        /// The caption under test.
        caption: String,
        /// A foil that the visitor asks about before all others; empty for none.
        foil: String,
        /// Another image with its own caption, to be compared crosswise.
        other: Option<(ImageId, String)>,
    },
}

/// What was painted on an image, and how far it reaches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// The strokes, in order.
    pub strokes: Vec<Stroke>,
    /// How far a stroke grows, from 0 to 1.
    pub reach: f32,
}
