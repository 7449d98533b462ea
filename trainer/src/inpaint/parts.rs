//! The candidates of each image in a file of its own until all are there: a run that is killed goes on where it was.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use shared::challenge_set::{self, Case, Provenance};

use crate::dataset::challenge_set_file::{self, ChallengeSetFile};
use crate::system::atomic_file;

const SETTINGS: &str = "settings.json";

/// A folder of parts beside the file that they will become.
pub struct Parts {
    folder: PathBuf,
    out: PathBuf,
}

impl Parts {
    /// Makes the folder, or opens that of a run with the same settings.
    ///
    /// # Errors
    /// If the file is already there, the run had other settings, or the folder cannot be written to.
    pub fn open(out: &Path, settings: &str) -> Result<Self> {
        let mut folder = out.as_os_str().to_owned();
        folder.push(".parts");
        let parts = Parts { folder: folder.into(), out: out.to_owned() };
        if out.exists() {
            // A run that was killed right after it had written the file leaves them behind.
            if parts.folder.exists() {
                parts.delete()?;
            }
            bail!("{} is already there; people may have checked it", out.display());
        }
        fs::create_dir_all(&parts.folder)
            .with_context(|| format!("cannot make {}", parts.folder.display()))?;
        let path = parts.folder.join(SETTINGS);
        match fs::read_to_string(&path) {
            Ok(found) if found == settings => {}
            Ok(_) => bail!(
                "{} was begun with other options or data: delete it, or write to another file",
                parts.folder.display()
            ),
            Err(_) => atomic_file::write(&path, settings)?,
        }
        Ok(parts)
    }

    fn path(&self, image: usize) -> PathBuf {
        self.folder.join(format!("{image:08}.parquet"))
    }

    /// How many pairs of captions the part of an image has; nothing if there is no part yet.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn items(&self, image: usize) -> Result<Option<usize>> {
        let path = self.path(image);
        if !path.exists() {
            return Ok(None);
        }
        let rows = ChallengeSetFile::open(&path).and_then(|part| part.rows()).with_context(again)?;
        let last = rows.iter().filter_map(|row| row.provenance.as_ref()).map(|of| of.item + 1).max();
        Ok(Some(last.unwrap_or(0) as usize))
    }

    /// Keeps the candidates of an image, whose items are numbered from 0.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep(&self, image: usize, cases: Vec<Case>) -> Result<()> {
        let bytes = challenge_set::write(Vec::new(), cases.into_iter().map(Ok::<_, anyhow::Error>))?;
        atomic_file::write(&self.path(image), bytes)
    }

    /// Joins the parts of the first images to one file, at most `limit` items, numbers items anew, and deletes the parts.
    ///
    /// # Errors
    /// If a part is damaged, or the file cannot be written.
    pub fn join(&self, n_images: usize, limit: usize, mut seen: impl FnMut(&Case)) -> Result<()> {
        let mut before = 0;
        // An image without a part was not there.
        let parts = (0..n_images).filter(|image| self.path(*image).exists());
        let cases = parts.flat_map(|image| match ChallengeSetFile::open(&self.path(image)) {
            Ok(part) => part.cases().collect(),
            Err(error) => vec![Err(error)],
        });
        let mut last = None;
        let numbered = cases.map(|case: Result<Case>| {
            let mut case = case.with_context(again)?;
            let of = case.provenance.get_or_insert_with(Provenance::default);
            let key = (of.image.file_name.clone(), of.item);
            before += u64::from(last.as_ref().is_some_and(|last| *last != key));
            last = Some(key);
            of.item = before;
            Ok(case)
        });
        let within = |case: &Result<Case>| match case {
            Ok(Case { provenance: Some(of), .. }) => (of.item as usize) < limit,
            _ => true,
        };
        let cases = numbered.take_while(within).inspect(|case| case.iter().for_each(&mut seen));
        challenge_set_file::write(&self.out, cases)?;
        self.delete()
    }

    fn delete(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot delete {}", self.folder.display()))
    }
}

fn again() -> &'static str {
    "a part is damaged; delete it, and its image is edited anew"
}
