//! Challenge sets in files.

use std::fs::File;
use std::io::{BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use shared::challenge_set::{self, Case, Reader, Row};

use crate::system::atomic_file;
use crate::system::catch_panic::catch_panic;

/// A set that is read a row group at a time.
pub struct ChallengeSetFile {
    path: PathBuf,
    reader: Reader,
}

impl ChallengeSetFile {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no challenge set.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let reader = sound(path, || Ok(Reader::new(file)?))?;
        Ok(ChallengeSetFile { path: path.to_owned(), reader })
    }

    /// All rows without their images.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let groups = 0..self.reader.n_groups();
        let rows = groups.map(|group| sound(&self.path, || Ok(self.reader.rows(group)?)));
        Ok(rows.collect::<Result<Vec<_>>>()?.concat())
    }

    /// All cases in order.
    pub fn cases(&self) -> impl Iterator<Item = Result<Case>> {
        (0..self.reader.n_groups()).flat_map(|group| {
            match sound(&self.path, || Ok(self.reader.cases(group)?)) {
                Ok(cases) => cases.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })
    }
}

/// What the parquet crate returns, which panics at some damaged files.
fn sound<T>(path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
    let returned = catch_panic(call).context("it is damaged").flatten();
    returned.with_context(|| format!("cannot use {}", path.display()))
}

/// Writes a set that appears whole or not at all.
///
/// # Errors
/// If a case does not come, or the file cannot be written.
pub fn write(path: &Path, cases: impl Iterator<Item = Result<Case>>) -> Result<()> {
    atomic_file::write_with(path, |file| {
        let file = challenge_set::write(BufWriter::new(file), cases)?;
        file.into_inner().map_err(IntoInnerError::into_error)?;
        Ok(())
    })
}
