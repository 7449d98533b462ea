//! Candidates of a challenge set in a file of the visitor's, which may be larger than the engine's memory: what is small is read
//! at once, images when they are looked at.

use std::ops::Range;

use shared::challenge_set::{self, Case, ChallengeSetError, Pieces, Reader, Row};
use shared::review::{Review, ReviewError, agree, fingerprint, number};
use web_sys::Blob;

use super::blob::slice;
use crate::png;
use crate::protocol::Candidate;

/// A verified set beyond this is left to the trainer: it is put together in memory.
const MOST_BYTES: u64 = 600_000_000;

/// Why candidates cannot be shown, or the verified ones not be saved.
#[derive(Debug, thiserror::Error)]
pub enum CandidatesError {
    #[error(transparent)]
    Set(#[from] ChallengeSetError),
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error("{0}")]
    Browser(String),
    #[error("no file of candidates is open")]
    NotOpen,
    #[error("the set is too large for the browser; `trainer verify` writes it from the same reviews")]
    TooLarge,
}

/// An open file.
pub struct Candidates {
    file: Blob,
    /// The end of the file, which says where the rest is, and what is read of that.
    pieces: Pieces,
    reader: Reader,
    rows: Vec<Row>,
    /// The rows of each row group.
    groups: Vec<Range<usize>>,
    /// The group whose images were read last.
    read: Option<(usize, Vec<Case>)>,
}

impl Candidates {
    /// Reads what is small.
    ///
    /// # Errors
    /// If the file is no challenge set, or the browser cannot read it.
    pub async fn open(file: Blob) -> Result<Self, CandidatesError> {
        let length = file.size() as u64;
        let last = bytes(&file, length.saturating_sub(8)..length).await?;
        let last = last.try_into().unwrap_or([0; 8]);
        let start = length.saturating_sub(Reader::tail(&last)?);
        let pieces = Pieces::new(length, start, bytes(&file, start..length).await?);
        let reader = Reader::new(pieces.clone())?;
        let (mut rows, mut groups) = (Vec::new(), Vec::new());
        for group in 0..reader.n_groups() {
            let range = reader.bytes(group, false);
            pieces.hold(range.start, bytes(&file, range).await?);
            let first = rows.len();
            rows.extend(reader.rows(group)?);
            groups.push(first..rows.len());
        }
        Ok(Candidates { file, pieces, reader, rows, groups, read: None })
    }

    /// What a review names the set by.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.rows)
    }

    /// Every row as the page wants it.
    pub fn listed(&self) -> Vec<Candidate> {
        let listed = |(at, row): (usize, &Row)| {
            let of = row.provenance.as_ref();
            let (item, candidate) = number(at, of);
            let made = of.map_or_else(String::new, |of| of.generator.generator.clone());
            let source = of.map_or_else(String::new, |of| match of.image.image_license.as_str() {
                "" => of.image.file_name.clone(),
                license => format!("{}, {license}", of.image.file_name),
            });
            Candidate { item, candidate, concept: row.concept, captions: row.captions.clone(), made, source }
        };
        self.rows.iter().enumerate().map(listed).collect()
    }

    /// The image of a row and the edited one; nothing if there is no such row.
    ///
    /// # Errors
    /// If the file is damaged, or the browser cannot read it.
    pub async fn images(&mut self, row: usize) -> Result<Option<[Blob; 2]>, CandidatesError> {
        let Some(group) = self.groups.iter().position(|rows| rows.contains(&row)) else { return Ok(None) };
        if self.read.as_ref().is_none_or(|(read, _)| *read != group) {
            // Let go of one before the next comes.
            self.read = None;
            self.read = Some((group, self.cases(group).await?));
        }
        let case = self.read.as_ref().and_then(|(_, cases)| cases.get(row - self.groups[group].start));
        let Some(case) = case else { return Ok(None) };
        let [before, after] =
            case.images.each_ref().map(|file| png::blob(file).map_err(CandidatesError::Browser));
        Ok(Some([before?, after?]))
    }

    /// The verified set as a file, and its number of cases.
    ///
    /// # Errors
    /// If reviews do not go together, the set is too large, or the file is damaged.
    pub async fn verified(&self, reviews: &[Review]) -> Result<(usize, Blob), CandidatesError> {
        let agreement = agree(&self.fingerprint(), reviews)?;
        let (mut verified, mut bytes) = (Vec::new(), 0);
        for (group, rows) in self.groups.iter().enumerate() {
            let is_kept = |row: usize| agreement.accepts(row, self.rows[row].provenance.as_ref());
            if !rows.clone().any(is_kept) {
                continue;
            }
            let range = self.reader.bytes(group, true);
            bytes += range.end - range.start;
            if bytes > MOST_BYTES {
                return Err(CandidatesError::TooLarge);
            }
            let cases = (rows.start..).zip(self.cases(group).await?);
            verified.extend(cases.filter_map(|(row, case)| agreement.verified(row, case)));
        }
        let n_cases = verified.len();
        let file = challenge_set::write(Vec::new(), verified.into_iter().map(Ok::<_, ChallengeSetError>))?;
        Ok((n_cases, png::blob(&file).map_err(CandidatesError::Browser)?))
    }

    async fn cases(&self, group: usize) -> Result<Vec<Case>, CandidatesError> {
        let range = self.reader.bytes(group, true);
        self.pieces.hold(range.start, bytes(&self.file, range).await?);
        Ok(self.reader.cases(group)?)
    }
}

async fn bytes(file: &Blob, range: Range<u64>) -> Result<Vec<u8>, CandidatesError> {
    slice(file, range.start as usize..range.end as usize).await.map_err(CandidatesError::Browser)
}
