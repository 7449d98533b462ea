//! The visual concepts that a hard negative can change (arXiv 2403.02875).

use serde::{Deserialize, Serialize};

/// A kind of visual fact that one term of a caption can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Concept {
    /// What color a thing has: *red*, *dark blue*.
    Color,
    /// What kind of thing it is: *dog*, *car*.
    Object,
    /// Where it is, in the image or relative to another thing: *left of*, *at the top*.
    Location,
    /// How large it is: *small*, *tall*.
    Size,
}

impl Concept {
    /// Every concept, in the order in which tables and pages list them.
    pub const ALL: [Concept; 4] = [Concept::Color, Concept::Object, Concept::Location, Concept::Size];

    /// The concepts that rendered scenes can show and change.
    pub const RENDERED: [Concept; 4] = [Concept::Color, Concept::Object, Concept::Location, Concept::Size];

    /// Whether its terms describe the word that follows them, as adjectives do.
    pub const fn is_attribute(self) -> bool {
        matches!(self, Concept::Color | Concept::Size)
    }

    /// Whether a term has an opposite, which is the hardest negative: *left* and *right*, *large* and *small*.
    pub const fn has_opposites(self) -> bool {
        matches!(self, Concept::Location | Concept::Size)
    }

    /// The name used in files, flags and data attributes.
    pub const fn name(self) -> &'static str {
        match self {
            Concept::Color => "color",
            Concept::Object => "object",
            Concept::Location => "location",
            Concept::Size => "size",
        }
    }
}

impl std::fmt::Display for Concept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Concept {
    type Err = UnknownConcept;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Concept::ALL
            .into_iter()
            .find(|concept| concept.name() == name)
            .ok_or_else(|| UnknownConcept(name.to_owned()))
    }
}

/// A name that is no concept's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a concept ({names}): {0}", names = Concept::ALL.map(Concept::name).join(", "))]
pub struct UnknownConcept(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_concept() {
        for concept in Concept::ALL {
            assert_eq!(concept.name().parse(), Ok(concept));
        }
        assert!("colour".parse::<Concept>().is_err());
    }
}
