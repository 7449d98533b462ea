//! The words that name visual concepts, read from `shared/lexicon/*.txt`.
//!
//! A *class* holds words for the same look (`gray`, `grey`), so one of them is never offered against another.
//! A *group* holds classes that may replace each other (`gray`, `red`); words of different groups never do.
//! A term may have several *forms* (`dog`/`dogs`), and a replacement keeps the form.
//! A reading may have a *condition* on the words beside it (`orange` is a fruit in "an orange on a plate").

mod parse;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use rustc_hash::FxBuildHasher;

use crate::concept::Concept;

const FILES: [(Concept, &str); 4] = [
    (Concept::Color, include_str!("../lexicon/color.txt")),
    (Concept::Object, include_str!("../lexicon/object.txt")),
    (Concept::Location, include_str!("../lexicon/location.txt")),
    (Concept::Size, include_str!("../lexicon/size.txt")),
];

const WORD_CLASSES: &str = include_str!("../lexicon/words.txt");

/// Stands in a condition for punctuation, or for the beginning or end of the caption.
const BOUNDARY: &str = ".";

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| parse::lexicon(WORD_CLASSES, &FILES));

/// The lexicon that ships with Foil.
///
/// # Panics
/// On first use, if the files in `shared/lexicon` are not well-formed; a test reads them.
pub fn lexicon() -> &'static Lexicon {
    &LEXICON
}

/// A set of words for the same look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    group: u16,
    idx: u16,
}

/// What one surface form can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    concept: Concept,
    class: Class,
    form: u8,
}

impl Sense {
    /// The concept that the term names.
    pub fn concept(self) -> Concept {
        self.concept
    }

    /// The words that look the same.
    pub fn class(self) -> Class {
        self.class
    }

    /// Which of its forms the term has; for a noun 0 is the singular and 1 the plural.
    pub fn form(self) -> usize {
        usize::from(self.form)
    }
}

/// A word that may stand in place of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative<'l> {
    /// The lower-case words, joined by single spaces.
    pub surface: &'static str,
    /// Its number among all that may be written.
    pub number: u16,
    /// What it looks like, in every group that it stands in.
    pub classes: &'l [Class],
}

/// A word as the lexicon knows it: all that it never mentions are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(u16);

impl Word {
    /// Punctuation, or the beginning or end of the caption.
    pub const BOUNDARY: Word = Word(0);
    /// A word that the lexicon does not mention.
    pub const UNKNOWN: Word = Word(1);
}

/// What a word can say of its caption beside what it names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// It denies what follows it, by itself or together with the next word.
    pub negates: bool,
    /// English sentences are held together by it, others are not.
    pub english: bool,
    /// Sentences of other languages are held together by it, English ones hardly ever.
    pub foreign: bool,
}

/// How the words at one place are to be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They name a concept in one or more senses.
    Term(Vec<Sense>),
    /// They contain a term and name no concept.
    Nothing,
}

/// All terms, by surface form and by group.
#[derive(Debug)]
pub struct Lexicon {
    /// By lower-case words joined by single spaces.
    entries: HashMap<&'static str, Entry, FxBuildHasher>,
    words: HashMap<&'static str, Word, FxBuildHasher>,
    /// By word: the number of words in the longest entry that begins with it.
    longest: Vec<u8>,
    /// By word: what it says of its caption.
    closed: Vec<Closed>,
    groups: Vec<Group>,
    /// All that may be written in place of a term, in the order of the files.
    written: Vec<&'static str>,
    written_numbers: HashMap<&'static str, u16, FxBuildHasher>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Under any of these conditions the words name no such concept.
    nothing: Vec<(Concept, Condition)>,
    senses: Vec<(Sense, Condition)>,
}

#[derive(Debug)]
struct Group {
    concept: Concept,
    classes: Vec<Vec<Term>>,
    /// By class and form: what may be written in its place.
    written: Vec<Vec<Vec<Written>>>,
}

/// A term of a group in one of its forms.
#[derive(Clone, Debug)]
struct Written {
    surface: &'static str,
    number: u16,
    classes: Vec<Class>,
}

#[derive(Debug)]
struct Term {
    /// `None` where the term lacks the form.
    forms: Vec<Option<&'static str>>,
    /// Whether it may be written in place of another, or is only understood.
    written: bool,
    /// Every class that holds the word, its own first.
    classes: Vec<Class>,
}

/// What must be true of the words around a term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Condition {
    clauses: Vec<Clause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    side: Side,
    negated: bool,
    /// In order; shared, because every noun has the same long list.
    words: Arc<[Word]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    After,
    Then,
    With,
}

/// What stands around some words of a caption.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The word before.
    pub before: Word,
    /// The word behind.
    pub behind: Word,
    /// All words of the caption.
    pub caption: &'c [Word],
}

impl Condition {
    fn holds(&self, context: Context) -> bool {
        self.clauses.iter().all(|clause| {
            let lists = |word: Word| clause.words.binary_search(&word).is_ok();
            let found = match clause.side {
                Side::After => lists(context.before),
                Side::Then => lists(context.behind),
                Side::With => context.caption.iter().copied().any(lists),
            };
            found != clause.negated
        })
    }

    fn is_selective(&self) -> bool {
        self.clauses.iter().any(|clause| !clause.negated)
    }
}

impl Lexicon {
    /// How the words of `surface` (lower case, joined by single spaces) are to be understood.
    ///
    /// `None` if they are no entry, or none that holds here; shorter runs of the same words may still be one.
    pub fn read(&self, surface: &str, context: Context) -> Option<Reading> {
        let entry = self.entries.get(surface)?;
        let nothing = || entry.nothing.iter().filter(|(_, condition)| condition.holds(context));
        let holding = || {
            let senses = entry.senses.iter().filter(|(_, condition)| condition.holds(context));
            senses.filter(move |(sense, _)| !nothing().any(|(concept, _)| *concept == sense.concept))
        };
        let selective = holding().any(|(_, condition)| condition.is_selective());
        let mut best = holding().filter(|(_, condition)| condition.is_selective() == selective).peekable();
        let Some((first, _)) = best.peek() else {
            return nothing().next().map(|_| Reading::Nothing);
        };
        let concept = first.concept;
        Some(Reading::Term(best.map(|(sense, _)| *sense).filter(|sense| sense.concept == concept).collect()))
    }

    /// The number of words in the longest entry that begins with `word`; 0 if there is none.
    pub fn longest_from(&self, word: Word) -> usize {
        usize::from(self.longest[usize::from(word.0)])
    }

    /// What a word can say of its caption.
    pub fn closed(&self, word: Word) -> Closed {
        self.closed.get(usize::from(word.0)).copied().unwrap_or_default()
    }

    /// The lexicon's name for a word, lower case.
    pub fn word(&self, word: &str) -> Word {
        self.words.get(word).copied().unwrap_or(Word::UNKNOWN)
    }

    /// What may stand in place of a term: the written words of the other classes of its groups, in its form.
    pub fn alternatives(&self, senses: &[Sense]) -> impl Iterator<Item = Alternative<'_>> {
        senses.iter().enumerate().flat_map(move |(nth, sense)| {
            // A word of two classes of one group stands twice in the list; its group is gone through once.
            let repeated = senses[..nth].iter().any(|s| s.class.group == sense.class.group);
            let group = &self.groups[usize::from(sense.class.group)];
            let written = &group.written[usize::from(sense.class.idx)];
            let written = if repeated { &[][..] } else { &written[sense.form()][..] };
            let differs = |class: &Class| !senses.iter().any(|own| own.class == *class);
            written.iter().filter(move |word| senses.len() == 1 || word.classes.iter().all(differs)).map(
                |word| Alternative { surface: word.surface, number: word.number, classes: &word.classes },
            )
        })
    }

    /// All that may be written in place of a term: lower-case words joined by single spaces, in order of their numbers.
    pub fn written(&self) -> &[&'static str] {
        &self.written
    }

    /// The number of what may be written; none of words that are only understood.
    pub fn number_of(&self, surface: &str) -> Option<u16> {
        self.written_numbers.get(surface).copied()
    }

    /// Every class that a surface form belongs to, whatever stands beside it.
    pub fn classes(&self, surface: &str) -> impl Iterator<Item = Class> {
        self.entries
            .get(surface)
            .into_iter()
            .flat_map(|entry| entry.senses.iter().map(|(sense, _)| sense.class))
    }

    /// Whether two surface forms belong to one class, and so can both be true of the same thing.
    pub fn look_alike(&self, a: &str, b: &str) -> bool {
        self.classes(a).any(|of_a| self.classes(b).any(|of_b| of_a == of_b))
    }

    /// Whether the things of a class are counted (*a dog*, *dogs*), unlike *snow*.
    pub fn is_counted(&self, class: Class) -> bool {
        let terms = &self.groups[usize::from(class.group)].classes[usize::from(class.idx)];
        terms.iter().any(|term| term.forms.len() > 1)
    }

    /// A few words of a concept to offer to someone whose caption has none, the first of each class.
    pub fn examples(&self, concept: Concept) -> impl Iterator<Item = &'static str> {
        let groups = self.groups.iter().filter(move |group| group.concept == concept);
        groups.flat_map(|group| group.classes.iter().filter_map(|terms| terms[0].forms[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(surface: &str, before: &str, behind: &str) -> Option<Reading> {
        let [before, behind] = [before, behind].map(|word| lexicon().word(word));
        lexicon().read(surface, Context { before, behind, caption: &[before, behind] })
    }

    fn senses(surface: &str, before: &str, behind: &str) -> Vec<Sense> {
        match read(surface, before, behind) {
            Some(Reading::Term(senses)) => senses,
            Some(Reading::Nothing) | None => Vec::new(),
        }
    }

    fn alternatives(surface: &str, before: &str, behind: &str) -> Vec<&'static str> {
        lexicon().alternatives(&senses(surface, before, behind)).map(|found| found.surface).collect()
    }

    #[test]
    fn every_entry_is_lower_case_single_spaced_words() {
        for surface in lexicon().entries.keys() {
            let plain = surface
                .split(' ')
                .all(|word| word == "&" || !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()));
            assert!(plain, "{surface:?}");
        }
    }

    #[test]
    fn nothing_that_is_written_belongs_to_a_class_of_what_it_replaces() {
        for (surface, entry) in &lexicon().entries {
            for (sense, _) in &entry.senses {
                let group = |other: &Sense| other.class.group == sense.class.group;
                let senses: Vec<Sense> = entry.senses.iter().map(|(sense, _)| *sense).filter(group).collect();
                for alternative in lexicon().alternatives(&senses) {
                    let mut own = lexicon().classes(surface).filter(|class| class.group == sense.class.group);
                    let own = own.any(|class| alternative.classes.contains(&class));
                    assert!(!own, "{} for {surface}", alternative.surface);
                }
            }
        }
    }

    #[test]
    fn terms_have_alternatives_in_their_forms() {
        let never = |surface: &str| alternatives(surface, "a", ".").is_empty();
        for surface in ["dog", "dogs", "red", "dark red", "taller", "skis", "next to", "in midair", "orange"]
        {
            assert!(!never(surface), "{surface}");
        }
    }

    #[test]
    fn a_replacement_keeps_the_form() {
        let dogs = alternatives("dogs", "two", ".");
        assert!(dogs.contains(&"cats") && !dogs.contains(&"cat") && !dogs.contains(&"puppies"), "{dogs:?}");
        assert_eq!(alternatives("bigger", "a", "dog"), ["smaller"]);
        assert_eq!(alternatives("bright blue", "a", "car")[0], "bright red");
    }

    #[test]
    fn a_word_between_two_looks_is_replaced_by_neither() {
        let teal = alternatives("teal", "a", "car");
        assert!(teal.contains(&"red") && !teal.contains(&"green") && !teal.contains(&"blue"), "{teal:?}");
    }

    #[test]
    fn the_neighbors_decide_what_a_word_means() {
        assert_eq!(senses("orange", "an", "cat")[0].concept(), Concept::Color);
        assert_eq!(senses("orange", "an", "on")[0].concept(), Concept::Object);
        assert!(alternatives("short", "a", "man").contains(&"tall"));
        assert_eq!(alternatives("short", "with", "hair"), ["long"]);
        assert_eq!(senses("white wine", "of", ".")[0].concept(), Concept::Object);
        assert_eq!(read("black", "a", "man"), Some(Reading::Nothing));
        assert_eq!(read("sausage", "a", "."), None);
    }

    #[test]
    fn the_things_that_coco_names_are_objects() {
        // All of its categories but "person", "baseball glove" and "potted plant", which the lexicon leaves alone.
        let names = "bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light, \
                     fire hydrant,stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow, \
                     elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee, \
                     skis,snowboard,kite,baseball bat,skateboard,surfboard,tennis racket,bottle, \
                     wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,broccoli,carrot, \
                     hot dog,pizza,donut,cake,chair,couch,bed,dining table,toilet,tv,laptop,mouse, \
                     remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock, \
                     vase,scissors,teddy bear,hair drier,toothbrush";
        for name in names.split(',') {
            let caption = crate::caption::Caption::new(format!("a photo of a {name} outside"));
            assert!(caption.names(Concept::Object), "{name}");
        }
    }
}
