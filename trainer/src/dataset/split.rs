//! The parts into which files of captions are divided.

use anyhow::{Result, bail};

/// Which part of a file that is divided into splits is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Split<'a> {
    /// This one, or these with commas between them. A file that is not divided is refused, because all of it was not asked for.
    Named(&'a str),
    /// This one, or all of a file that is not divided.
    Usual(&'a str),
    /// All of it; of Karpathy's, `test`.
    Unnamed,
}

impl<'a> From<Option<&'a str>> for Split<'a> {
    fn from(named: Option<&'a str>) -> Self {
        named.map_or(Split::Unnamed, Split::Named)
    }
}

impl Split<'_> {
    /// What the wanted part is called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Split::Named(name) | Split::Usual(name) => Some(name),
            Split::Unnamed => None,
        }
    }

    /// Whether a part of a file, by its name, is wanted. Several parts are named with commas between them.
    pub fn includes(&self, part: &str) -> bool {
        self.name().is_none_or(|names| names.split(',').any(|name| name.trim() == part))
    }

    /// What is said to a file that is not divided.
    ///
    /// # Errors
    /// If a split was named.
    pub fn refuse_if_named(&self) -> Result<()> {
        match self {
            Split::Named(name) => {
                bail!("it is not divided into splits, so it has no {name:?}; leave --split out")
            }
            _ => Ok(()),
        }
    }
}
