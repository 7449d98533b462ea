//! What the page holds. What happens to it stands beside the part of the page that it concerns.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use shared::edit::Edit;
use web_sys::{Blob, MediaStream, Url, Worker};

use super::dom::query;
use super::scorecard::Scorecard;
use crate::camera::Choice;
use crate::checking::Checking;
use crate::protocol::{Answer, Backend, Challenge, Grid, ImageId, Kept, Model, Region, Relevance, Set};
use crate::sample::PreparedEdit;
use crate::survey::{Item, Miss};

/// The state of the page.
pub struct App {
    pub(super) worker: Option<Worker>,
    /// Whether the engine listens; what is asked before that waits.
    pub(super) engine_listens: bool,
    pub(super) backend: Option<Backend>,
    pub(super) ready: bool,
    /// The models of the page that answer.
    pub(super) set: Set,
    pub(super) models: Vec<Model>,
    pub(super) bundles: Vec<OwnBundle>,
    /// What the browser keeps for the next visit.
    pub(super) kept: Vec<Kept>,
    pub(super) images: Vec<Image>,
    pub(super) gallery: Vec<Offered>,
    pub(super) challenges: Vec<Challenge>,
    pub(super) current: Option<ImageId>,
    /// The image that the engine is reading.
    pub(super) reading: Option<ImageId>,
    /// A change to a sample that a link asks for, until the engine can make it.
    pub(super) awaited: Option<Pending>,
    /// The picture that the page began with, until the visitor opens one.
    pub(super) example: Option<ImageId>,
    /// How many pictures were opened together last.
    pub(super) opened: usize,
    pub(super) next_id: ImageId,
    pub(super) editor: Editor,
    pub(super) look: Look,
    pub(super) matrix: Matrix,
    pub(super) survey: Survey,
    pub(super) camera: Camera,
    pub(super) scorecard: Scorecard,
    /// The candidates that the visitor checks.
    pub(super) review: Option<Candidates>,
    /// What the models answered last, of the image on show.
    pub(super) answers: Vec<Answer>,
    /// How many foils are not in them, because the visitor called them true.
    pub(super) left_out: usize,
    /// Whether they were computed when the page was built, and the models are still on their way.
    pub(super) shows_saved: bool,
    /// Image, caption and foil that they are of, or will be.
    pub(super) question: Option<(ImageId, String, String)>,
    pub(super) asking: Asking,
    /// Whether the visitor has typed since they last asked firmly.
    pub(super) typed: bool,
    /// What ends the wait for the visitor to stop typing.
    pub(super) pause: Option<i32>,
    pub(super) job: u32,
    pub(super) begun: f64,
}

impl App {
    /// A page that has done nothing yet.
    pub fn new() -> Self {
        App {
            worker: None,
            engine_listens: false,
            backend: query("backend").and_then(|name| Backend::from_name(&name)),
            ready: false,
            set: Set::Photographs,
            models: Vec::new(),
            bundles: Vec::new(),
            kept: Vec::new(),
            images: Vec::new(),
            gallery: Vec::new(),
            challenges: Vec::new(),
            current: None,
            reading: None,
            awaited: None,
            example: None,
            opened: 0,
            next_id: 1,
            editor: Editor::default(),
            look: Look::default(),
            matrix: Matrix::default(),
            survey: Survey::default(),
            camera: Camera::default(),
            scorecard: Scorecard::default(),
            review: None,
            answers: Vec::new(),
            left_out: 0,
            shows_saved: false,
            question: None,
            asking: Asking::default(),
            typed: false,
            pause: None,
            job: 0,
            begun: js_sys::Date::now(),
        }
    }

    pub(super) fn edit(&mut self, id: ImageId, change: impl FnOnce(&mut Image)) {
        if let Some(image) = self.images.iter_mut().find(|image| image.id == id) {
            change(image);
        }
    }

    /// The image on show and what the models answered, if they have.
    pub(super) fn answered(&self) -> Option<(&Image, &[Answer])> {
        Some((self.current()?, self.answers.as_slice())).filter(|(_, answers)| !answers.is_empty())
    }

    /// The models of the page that answer.
    pub(super) fn set(&self) -> Set {
        self.set
    }

    pub(super) fn current(&self) -> Option<&Image> {
        self.images.iter().find(|image| Some(image.id) == self.current)
    }

    /// The image that the one on show is compared with.
    pub(super) fn counterpart(&self) -> Option<&Image> {
        let id = self.current()?.counterpart?;
        self.images.iter().find(|image| image.id == id)
    }
}

/// How a question came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Asking {
    /// The visitor wants to know.
    #[default]
    Firmly,
    /// The visitor is still typing: the answer is shown and not counted.
    WhileTyping,
}

/// A bundle that the visitor opened; held so that a new engine can be given it again.
pub(super) struct OwnBundle {
    pub(super) name: String,
    pub(super) file: Blob,
}

/// A file of candidates that the visitor checks.
pub(super) struct Candidates {
    pub(super) file: Blob,
    pub(super) name: String,
    /// What is decided of them, once the engine has read them.
    pub(super) checking: Option<Checking>,
    /// The row whose images are on show; nothing while they are on their way.
    pub(super) shown: Option<usize>,
    /// Where the browser finds the image and the edited one of the candidate on show.
    pub(super) urls: Option<[String; 2]>,
}

/// What is on the table.
#[derive(Default)]
pub(super) struct Editor {
    pub(super) region: Region,
    /// Whether a stroke is under way.
    pub(super) painting: bool,
    /// Where the brush of the keyboard is.
    pub(super) brush: [f32; 2],
    /// The change that the engine is making.
    pub(super) pending: Option<Pending>,
}

/// A change under way.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) source: ImageId,
    pub(super) edit: Edit,
    /// The change to a sample that this is, if it is one.
    pub(super) prepared: Option<&'static PreparedEdit>,
    /// Caption and foil that a link asks of the edited image, in place of the caption that fits.
    pub(super) asked: Option<[String; 2]>,
}

/// What was asked and how far the answer has come.
#[derive(Default)]
pub(super) struct Look {
    /// Counts the questions; answers to earlier ones come too late.
    pub(super) job: u32,
    pub(super) captions: [String; 2],
    /// One row after the other.
    pub(super) rows: Vec<Relevance>,
    /// The cell whose numbers are read out.
    pub(super) cell: usize,
}

/// What was asked, and what came of it.
#[derive(Default)]
pub(super) struct Matrix {
    /// Counts the questions; answers to earlier ones come too late.
    pub(super) job: u32,
    pub(super) images: Vec<ImageId>,
    pub(super) captions: Vec<String>,
    pub(super) grids: Vec<Grid>,
    /// The caption by which images are sorted.
    pub(super) sorted_by: Option<usize>,
}

/// The camera and what is asked of it.
#[derive(Default)]
pub(super) struct Camera {
    pub(super) stream: Option<MediaStream>,
    /// Counts the frames; the next one is taken when the last one is answered.
    pub(super) job: u32,
    pub(super) choices: Vec<Choice>,
    /// Whether the models are looking at a frame.
    pub(super) is_asked: bool,
}

/// What was asked about many pictures, and how far the answers have come.
#[derive(Default)]
pub(super) struct Survey {
    /// Counts the surveys; answers to earlier ones come too late.
    pub(super) job: u32,
    /// What is left to ask. One picture is asked about at a time, so that other questions come in between.
    pub(super) waiting: VecDeque<(ImageId, String)>,
    /// How many there were to ask.
    pub(super) asked: usize,
    pub(super) items: Vec<Item>,
    /// How many misses are listed.
    pub(super) listed: usize,
    /// When they were drawn, and all that there were.
    pub(super) drawn: f64,
    pub(super) misses: Vec<Miss>,
}

impl Survey {
    /// Whether there is something left to ask.
    pub(super) fn is_running(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// An image in the list.
pub(super) struct Image {
    pub(super) id: ImageId,
    pub(super) name: String,
    pub(super) file: Blob,
    /// Where the browser finds the file, to show it.
    pub(super) url: String,
    /// Where it finds a thumbnail, and a smaller version of a large image, once the engine has made them.
    pub(super) thumbnail: Option<String>,
    pub(super) preview: Option<String>,
    /// The caption it was last compared with.
    pub(super) caption: String,
    /// The foil that was asked about; empty for none.
    pub(super) foil: String,
    /// Foils of it that the visitor says are true, too.
    pub(super) true_foils: BTreeSet<String>,
    /// The image that it was made of by an edit.
    pub(super) source: Option<ImageId>,
    /// The change to a sample that made it, which a link can name.
    pub(super) prepared: Option<&'static PreparedEdit>,
    /// The copy of it that a link holds.
    pub(super) linked: Option<Linked>,
    /// The image that it is compared with crosswise.
    pub(super) counterpart: Option<ImageId>,
    /// Whether everybody has it in the gallery.
    pub(super) is_sample: bool,
    /// Whether the engine has read it.
    pub(super) read: bool,
    pub(super) notes: Vec<String>,
    pub(super) problem: Option<String>,
}

impl Image {
    /// An image that the engine has not read yet.
    pub(super) fn new(id: ImageId, name: &str, caption: &str, file: &Blob) -> Self {
        Image {
            id,
            name: name.to_owned(),
            file: file.clone(),
            url: Url::create_object_url_with_blob(file).unwrap_or_default(),
            thumbnail: None,
            preview: None,
            caption: caption.to_owned(),
            foil: String::new(),
            true_foils: BTreeSet::new(),
            source: None,
            prepared: None,
            linked: None,
            counterpart: None,
            is_sample: false,
            read: false,
            notes: Vec::new(),
            problem: None,
        }
    }

    /// Whether it came by a link, which holds all there is of it.
    pub(super) fn is_link_copy(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| linked.is_all)
    }

    /// Where the browser finds the smallest version there is.
    pub(super) fn thumbnail(&self) -> &str {
        self.thumbnail.as_deref().unwrap_or(&self.url)
    }

    /// Where it finds what to show of the image; nothing while that may be too large.
    pub(super) fn shown(&self) -> Option<&str> {
        /// A larger file may hold more pixels than are well drawn.
        const SURELY_SMALL: f64 = 1e6;
        let is_known = self.thumbnail.is_some() || self.file.size() < SURELY_SMALL;
        self.preview.as_deref().or_else(|| is_known.then_some(self.url.as_str()))
    }
}

/// A small copy of an image in the address.
pub(super) struct Linked {
    /// A JPEG file as base64 for addresses.
    pub(super) data: String,
    /// Whether this is all there is of the image, because it came by a link.
    pub(super) is_all: bool,
}

/// An image that the page brings along, and a caption to begin with.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) caption: String,
    pub(super) file: Blob,
}

/// Samples of the gallery that are opened together, and the models that know their kind.
#[derive(Clone)]
pub(super) struct Offered {
    pub(super) set: Set,
    pub(super) samples: Rc<Vec<Sample>>,
}

impl Offered {
    /// What they are called after.
    pub(super) fn name(&self) -> Option<String> {
        self.samples.first().map(|sample| sample.name.clone())
    }
}
