//! The words that name visual concepts, read from `shared/lexicon/*.txt` at build time.
//!
//! A *class* holds words for the same look (`gray`, `grey`), so one of them is never offered against another.
//! A *group* holds classes that may replace each other (`gray`, `red`); words of different groups never do.
//! A term may have several *forms* (`dog`/`dogs`), and a replacement keeps the form.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::concept::Concept;

const FILES: [(Concept, &str); 4] = [
    (Concept::Color, include_str!("../lexicon/color.txt")),
    (Concept::Object, include_str!("../lexicon/object.txt")),
    (Concept::Location, include_str!("../lexicon/location.txt")),
    (Concept::Size, include_str!("../lexicon/size.txt")),
];

/// Lines under this heading are phrases that contain a term and name no concept.
const NEVER: &str = "never";

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(&FILES));

/// The lexicon that ships with Foil.
pub fn lexicon() -> &'static Lexicon {
    &LEXICON
}

/// What one surface form can mean: its place in the tables of a [`Lexicon`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    concept: Concept,
    group: usize,
    class: usize,
    form: usize,
}

impl Sense {
    /// The concept that the term names.
    pub fn concept(self) -> Concept {
        self.concept
    }
}

/// All terms, by surface form and by group.
#[derive(Debug)]
pub struct Lexicon {
    /// Lower-case words joined by single spaces → meanings; empty for a phrase that only hides a term.
    senses: BTreeMap<String, Vec<Sense>>,
    groups: Vec<Group>,
    longest_words: usize,
}

#[derive(Debug)]
struct Group {
    concept: Concept,
    classes: Vec<Vec<Forms>>,
}

/// The forms of one term, such as singular and plural.
type Forms = Vec<String>;

impl Lexicon {
    fn parse(files: &[(Concept, &str)]) -> Self {
        let mut lexicon = Lexicon { senses: BTreeMap::new(), groups: Vec::new(), longest_words: 0 };
        for &(concept, text) in files {
            let mut hides_terms = false;
            let lines = text.lines().map(str::trim);
            for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
                if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                    hides_terms = name == NEVER;
                    if !hides_terms {
                        lexicon.groups.push(Group { concept, classes: Vec::new() });
                    }
                } else if hides_terms {
                    lexicon.entry(line);
                } else {
                    lexicon.add_class(concept, line);
                }
            }
        }
        lexicon
    }

    fn add_class(&mut self, concept: Concept, line: &str) {
        let class: Vec<Forms> = line
            .split('|')
            .map(|term| term.split('/').map(|form| form.trim().to_owned()).collect())
            .collect();
        let group_idx = self.groups.len() - 1;
        let class_idx = self.groups[group_idx].classes.len();
        for forms in &class {
            for (form, surface) in forms.iter().enumerate() {
                let sense = Sense { concept, group: group_idx, class: class_idx, form };
                let senses = self.entry(surface);
                // *sheep* is its own plural: the singular reading is enough.
                if !senses.iter().any(|known| (known.group, known.class) == (group_idx, class_idx)) {
                    senses.push(sense);
                }
            }
        }
        self.groups[group_idx].classes.push(class);
    }

    fn entry(&mut self, surface: &str) -> &mut Vec<Sense> {
        self.longest_words = self.longest_words.max(surface.split(' ').count());
        self.senses.entry(surface.to_owned()).or_default()
    }

    /// The meanings of a surface form, lower case, words joined by single spaces.
    /// `Some` of nothing is a phrase that hides the terms inside it.
    pub fn senses(&self, surface: &str) -> Option<&[Sense]> {
        self.senses.get(surface).map(Vec::as_slice)
    }

    /// The number of words in the longest surface form.
    pub fn longest_words(&self) -> usize {
        self.longest_words
    }

    /// The words that may stand in place of a term: one for each other class of its group, in the same form.
    pub fn replacements(&self, sense: Sense) -> impl Iterator<Item = &str> {
        self.groups[sense.group]
            .classes
            .iter()
            .enumerate()
            .filter(move |(class, _)| *class != sense.class)
            .filter_map(move |(_, terms)| terms[0].get(sense.form))
            .map(String::as_str)
    }

    /// Whether two surface forms belong to one class, and so can both be true of the same thing.
    pub fn look_alike(&self, a: &str, b: &str) -> bool {
        let classes = |surface| self.senses(surface).unwrap_or_default().iter().map(|s| (s.group, s.class));
        classes(a).any(|of_a| classes(b).any(|of_b| of_a == of_b))
    }

    /// A few words of a concept to offer to someone whose caption has none, the first of each class.
    pub fn examples(&self, concept: Concept) -> impl Iterator<Item = &str> {
        self.groups
            .iter()
            .filter(move |group| group.concept == concept)
            .flat_map(|group| group.classes.iter().map(|terms| terms[0][0].as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replacements(surface: &str) -> Vec<&'static str> {
        let senses = lexicon().senses(surface).unwrap_or_default();
        senses.iter().flat_map(|&sense| lexicon().replacements(sense)).collect()
    }

    #[test]
    fn every_line_is_lower_case_single_spaced_words() {
        for surface in lexicon().senses.keys() {
            let plain = surface
                .split(' ')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()));
            assert!(plain, "{surface:?}");
        }
    }

    #[test]
    fn look_alikes_never_replace_each_other() {
        for (surface, senses) in &lexicon().senses {
            for &sense in senses {
                for other in lexicon().replacements(sense) {
                    let same_sense = lexicon()
                        .senses(other)
                        .unwrap_or_default()
                        .iter()
                        .any(|s| (s.group, s.class) == (sense.group, sense.class));
                    assert!(!same_sense, "{other} for {surface}");
                }
            }
        }
        assert!(lexicon().look_alike("gray", "silver") && !lexicon().look_alike("gray", "red"));
    }

    #[test]
    fn a_replacement_keeps_the_form() {
        assert!(replacements("dogs").contains(&"cats") && !replacements("dogs").contains(&"cat"));
        assert_eq!(replacements("bigger"), ["smaller"]);
        assert_eq!(replacements("short"), ["tall", "long"]);
        assert_eq!(replacements("snow"), ["grass", "sand", "water"]);
    }

    #[test]
    fn hiding_phrases_have_no_meaning_of_their_own() {
        assert_eq!(lexicon().senses("white wine"), Some(&[][..]));
        assert_eq!(lexicon().senses("sausage"), None);
    }
}
