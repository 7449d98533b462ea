//! Where hard negatives come from: as `--negatives` asks for them, and as losses and metrics tell them apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::concept::Concept;

/// Where a hard negative comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegativeSource {
    /// The caption with one term of a concept exchanged.
    Concept(Concept),
    /// The caption of another image.
    Mined,
    /// A wrong caption that the data provides.
    Given,
}

impl NegativeSource {
    /// How many there are.
    pub const COUNT: usize = Concept::ALL.len() + 2;

    /// Every source, in the order of [`NegativeSource::number`].
    pub fn all() -> impl Iterator<Item = NegativeSource> {
        let concepts = Concept::ALL.into_iter().map(NegativeSource::Concept);
        concepts.chain([NegativeSource::Mined, NegativeSource::Given])
    }

    /// Its place among all sources.
    pub fn number(self) -> usize {
        match self {
            NegativeSource::Concept(concept) => concept as usize,
            NegativeSource::Mined => Concept::ALL.len(),
            NegativeSource::Given => Concept::ALL.len() + 1,
        }
    }

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            NegativeSource::Concept(concept) => concept.name(),
            NegativeSource::Mined => "mined",
            NegativeSource::Given => "given",
        }
    }
}

/// The sources of a run's hard negatives: `none`, or names with commas between them, `all` for all concepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegativeSources {
    /// The concepts whose terms are replaced, in their own order.
    pub concepts: Vec<Concept>,
    /// Whether the captions of other images are negatives.
    pub mined: bool,
    /// Whether the negatives that the data provides are.
    pub given: bool,
}

impl NegativeSources {
    /// How many ways there are in which a caption gets negatives.
    pub fn n_ways(&self) -> usize {
        usize::from(!self.concepts.is_empty()) + usize::from(self.mined) + usize::from(self.given)
    }
}

/// What is not the name of any source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSource {
    /// Another name.
    #[error("not none, all, mined, given or a concept ({names}): {0}", names = Concept::ALL.map(Concept::name).join(", "))]
    Name(String),
    /// `none` among others.
    #[error("none cannot be combined")]
    NoneAndOthers,
}

impl FromStr for NegativeSources {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        let mut sources = NegativeSources::default();
        for name in text.split(',') {
            match name {
                "none" if text == "none" => {}
                "none" => return Err(UnknownSource::NoneAndOthers),
                "all" => sources.concepts.extend(Concept::ALL),
                "mined" => sources.mined = true,
                "given" => sources.given = true,
                name => {
                    let concept = name.parse().map_err(|_| UnknownSource::Name(name.to_owned()))?;
                    sources.concepts.push(concept);
                }
            }
        }
        sources.concepts.sort_unstable();
        sources.concepts.dedup();
        Ok(sources)
    }
}

impl fmt::Display for NegativeSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = match self.concepts.len() {
            n if n == Concept::ALL.len() => vec!["all"],
            _ => self.concepts.iter().map(|concept| concept.name()).collect(),
        };
        names.extend(self.mined.then_some("mined"));
        names.extend(self.given.then_some("given"));
        if names.is_empty() {
            names.push("none");
        }
        f.write_str(&names.join(","))
    }
}

impl Serialize for NegativeSources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NegativeSources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_read_back_as_they_are_written() {
        for text in ["none", "all", "color", "color,size", "all,mined", "mined,given"] {
            assert_eq!(text.parse::<NegativeSources>().expect(text).to_string(), text);
        }
        let sources: NegativeSources = "given,size,color,size".parse().expect("sources");
        assert_eq!((sources.to_string().as_str(), sources.n_ways()), ("color,size,given", 2));
        for (wrong, why) in [("smell", "smell"), ("none,color", "none cannot"), ("", "not none")] {
            let error = wrong.parse::<NegativeSources>().expect_err(wrong).to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn every_source_has_a_number_of_its_own() {
        let numbers: Vec<usize> = NegativeSource::all().map(NegativeSource::number).collect();
        assert_eq!(numbers, (0..NegativeSource::COUNT).collect::<Vec<_>>());
    }
}
