//! Captions by number, each with what must not be said of its image.

use shared::caption::Caption;
use shared::negative::Guard;

/// Captions to draw negatives of, or to calibrate on.
pub trait Corpus: Sync {
    /// The number of captions.
    fn len(&self) -> usize;
    /// A caption.
    fn caption(&self, idx: usize) -> &Caption;
    /// What its negatives must not say.
    fn guard(&self, idx: usize) -> Guard;
    /// A number that captions of one image share.
    fn image(&self, idx: usize) -> u64;
}

/// Captions of which nothing else is known: each of an image of its own.
impl Corpus for Vec<Caption> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn caption(&self, idx: usize) -> &Caption {
        &self[idx]
    }

    fn guard(&self, _: usize) -> Guard {
        Guard::default()
    }

    fn image(&self, idx: usize) -> u64 {
        idx as u64
    }
}
