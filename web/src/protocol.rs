//! What page and engine say to each other; `messages.rs` carries it.

mod answers;
mod request;

use serde::{Deserialize, Serialize};
use shared::scene::ColorName;

pub use answers::{Answer, Candidate, Challenge, Grid, Kept, Model, Origin, Relevance, WordWorth};
pub use request::{Region, Request};

/// Names an image for as long as the page is open.
pub type ImageId = u32;

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The GPU.
    WebGpu,
    /// The CPU.
    Cpu,
}

impl Backend {
    /// The name in addresses and attributes.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::WebGpu => "webgpu",
            Backend::Cpu => "cpu",
        }
    }

    /// The backend of a name, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Backend::WebGpu, Backend::Cpu].into_iter().find(|backend| backend.name() == name)
    }
}

/// The models of the page that answer together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// Those that have seen photographs.
    #[default]
    Photographs,
    /// Those that have seen drawn scenes.
    Scenes,
}

impl Set {
    /// The name in the page and in the list of bundles.
    pub const fn name(self) -> &'static str {
        match self {
            Set::Photographs => "photographs",
            Set::Scenes => "scenes",
        }
    }

    /// The set of a name, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Set::Photographs, Set::Scenes].into_iter().find(|set| set.name() == name)
    }
}

/// What the engine tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The device was chosen.
    Backend {
        /// What computes.
        backend: Backend,
        /// Why, in a sentence.
        note: String,
    },
    /// Something takes time.
    Progress {
        /// What is going on.
        words: String,
        /// How far it has come, from 0 to 1, if that is known.
        fraction: Option<f64>,
        /// Whether [`Request::Cancel`] would end it.
        can_cancel: bool,
    },
    /// A model can answer.
    Model(Model),
    /// A model answers no longer.
    ModelGone {
        /// What it was called.
        name: String,
    },
    /// What was asked for is loaded.
    Ready {
        /// The set that answers.
        set: Set,
        /// Why a model of it is missing, if one is.
        missing: Option<String>,
    },
    /// A bundle was made of a published model; it is beside the message.
    Imported {
        /// What the model is called.
        name: String,
        /// Whether the browser keeps it for the next visit.
        is_kept: bool,
    },
    /// None of the models of a set can be had.
    SetRefused {
        /// The set that goes on answering.
        set: Set,
        /// Why, in a sentence.
        reason: String,
    },
    /// The bundles that the browser keeps for the next visit, after it has changed.
    Kept(Vec<Kept>),
    /// A bundle cannot be used.
    BundleRefused {
        /// What it was called.
        name: String,
        /// Why not, in a sentence.
        reason: String,
    },
    /// An image is being read.
    ImageBegun {
        /// Which one.
        id: ImageId,
    },
    /// An image was read for the first time. Beside the message are a thumbnail, and one of a size to show if the image is large.
    ImageRead {
        /// Which one.
        id: ImageId,
        /// What was changed to make it plain RGB.
        notes: Vec<String>,
        /// Whether all of it has one color.
        is_empty: bool,
    },
    /// A file is not an image that can be used.
    ImageRefused {
        /// Which one.
        id: ImageId,
        /// Why not, in a sentence.
        reason: String,
    },
    /// What strokes select; the mask is the file beside the message.
    Selected {
        /// On which image.
        image: ImageId,
        /// The share of the image, from 0 to 1.
        share: f32,
        /// Its color, if anything is selected.
        color: Option<ColorName>,
    },
    /// An edited image; its file is beside the message.
    Edited {
        /// Which one.
        id: ImageId,
        /// The color of the region before the edit, if there was one.
        was: Option<ColorName>,
    },
    /// An edit cannot be made.
    EditRefused {
        /// Why not, in a sentence.
        reason: String,
    },
    /// A row of the map that a model makes of an image.
    Explained {
        /// The job it answers.
        job: u32,
        /// What the model says.
        relevance: Relevance,
    },
    /// What every model makes of every image and every caption.
    Matrix {
        /// The job it answers.
        job: u32,
        /// One grid a model.
        grids: Vec<Grid>,
    },
    /// The answer of every model to one of many captioned images.
    Surveyed {
        /// The job it answers.
        job: u32,
        /// Which image.
        image: ImageId,
        /// The answers; none if the image cannot be read.
        answers: Vec<Answer>,
    },
    /// What every model makes of a frame of a camera.
    Glanced {
        /// The job it answers.
        job: u32,
        /// One grid a model, of one row.
        grids: Vec<Grid>,
    },
    /// How many cases the challenge set has now.
    Collected {
        /// Their number.
        cases: usize,
        /// Whether one was just put in.
        is_new: bool,
    },
    /// The challenge set; its file is beside the message.
    ChallengeSet,
    /// A case cannot be kept, or the set not be written or thrown away.
    CollectionFailed {
        /// Why not, in a sentence.
        reason: String,
    },
    /// The candidates of a file.
    Candidates {
        /// What a review names the set by.
        set: String,
        /// Each of them, in the order of the file.
        rows: Vec<Candidate>,
    },
    /// The image and the edited image of a candidate are beside the message.
    CandidateShown {
        /// The row in the file.
        row: usize,
    },
    /// The verified set is beside the message.
    Verified {
        /// How many cases it has.
        cases: usize,
    },
    /// Candidates cannot be read, or not be verified.
    CandidatesRefused {
        /// Why not, in a sentence.
        reason: String,
    },
    /// The answer of every model.
    Scores {
        /// The job it answers.
        job: u32,
        /// The answers, in the order in which the models were loaded.
        answers: Vec<Answer>,
        /// How long it took, in milliseconds.
        millis: f64,
    },
    /// The engine cannot go on.
    Failed {
        /// Why, in a sentence.
        reason: String,
    },
}

/// How the names of challenge sets end.
pub const CANDIDATES_ENDING: &str = ".parquet";
/// How the names of bundles end.
pub const BUNDLE_ENDING: &str = ".safetensors";

/// What a model is called after its file: the name without folders and ending.
pub fn model_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(BUNDLE_ENDING).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_and_sets_are_known_by_their_names() {
        assert_eq!(Backend::from_name("webgpu"), Some(Backend::WebGpu));
        assert_eq!(Backend::from_name("cpu"), Some(Backend::Cpu));
        assert_eq!(Backend::from_name("cuda"), None);
        for set in [Set::Photographs, Set::Scenes] {
            assert_eq!(Set::from_name(set.name()), Some(set));
            assert_eq!(serde_json::to_value(set).expect("json"), set.name());
        }
        assert_eq!(Set::from_name("paintings"), None);
    }

    #[test]
    fn a_model_is_called_after_its_file() {
        assert_eq!(model_name("models/tiny.safetensors"), "tiny");
        assert_eq!(model_name("v1.2"), "v1.2");
    }

    #[test]
    fn messages_survive_the_journey_as_json() {
        let request = Request::Compare {
            job: 7,
            image: 3,
            caption: "a \"red\" 🚗".into(),
            foil: String::new(),
            other: None,
        };
        let json = serde_json::to_string(&request).expect("json");
        assert_eq!(serde_json::from_str::<Request>(&json).expect("the message"), request);
    }
}
