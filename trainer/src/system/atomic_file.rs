//! Files that appear whole or not at all, and what was written so.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// Writes a file under another name, and renames it when its content has reached the disk: who reads it meanwhile, or
/// after the process was killed, finds what was there before. Two processes that write the same file do not meet.
///
/// # Errors
/// If the folder is not there or cannot be written to.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    write_with(path, |mut file| Ok(file.write_all(content.as_ref())?))
}

/// The same of content that comes piece by piece.
///
/// # Errors
/// If `fill` fails, or as [`write`].
pub fn write_with(path: &Path, fill: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".partial-{}", std::process::id()));
    let written = || -> Result<()> {
        let file = File::create(&partial)?;
        fill(&file)?;
        file.sync_all()?;
        Ok(fs::rename(&partial, path)?)
    };
    let written = written();
    if written.is_err() {
        // What is left of it is of no use, and why it failed is said already.
        _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a file of JSON.
///
/// # Errors
/// If it cannot be read, or is something else than is wanted.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let json = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&json).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        write(&path, "one").expect("a file");
        write(&path, "two").expect("a file");
        assert_eq!(fs::read_to_string(&path).expect("the file"), "two");
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
        let error = write(&folder.path().join("gone/a.json"), "x").expect_err("no folder");
        assert!(format!("{error:#}").contains("a.json"), "{error:#}");
    }
}
