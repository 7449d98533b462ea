//! Answers about candidates of a challenge set.

use shared::review::Review;
use web_sys::Blob;

use super::{Work, progress};
use crate::engine::candidates::{Candidates, CandidatesError};
use crate::engine::{tell, tell_with};
use crate::protocol::Event;

impl Work {
    pub(super) async fn open_candidates(&mut self, file: Blob) {
        progress("Reading the candidates.".into(), None);
        self.candidates = None;
        match Candidates::open(file).await {
            Ok(open) => {
                tell(&Event::Candidates { set: open.fingerprint(), rows: open.listed() });
                self.candidates = Some(open);
            }
            Err(error) => refuse(&error),
        }
    }

    pub(super) async fn show_candidate(&mut self, row: usize) {
        let Some(open) = &mut self.candidates else { return refuse(&CandidatesError::NotOpen) };
        match open.images(row).await {
            Ok(Some(images)) => tell_with(&Event::CandidateShown { row }, &images),
            // The page asks for no other rows.
            Ok(None) => {}
            Err(error) => refuse(&error),
        }
    }

    pub(super) async fn verify(&mut self, reviews: &[Review]) {
        let Some(open) = &self.candidates else { return refuse(&CandidatesError::NotOpen) };
        match open.verified(reviews).await {
            Ok((cases, file)) => tell_with(&Event::Verified { cases }, Some(&file)),
            Err(error) => refuse(&error),
        }
    }
}

fn refuse(error: &CandidatesError) {
    tell(&Event::CandidatesRefused { reason: error.to_string() });
}
