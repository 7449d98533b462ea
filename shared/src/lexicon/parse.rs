//! Reading the lexicon files. Their notation is explained at the top of `shared/lexicon/color.txt`.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::{BOUNDARY, Class, Clause, Closed, Condition, Group, Lexicon, Sense, Side, Term, Word, Written};
use crate::concept::Concept;

/// The heading over phrases that contain a term and name no concept.
const NEVER: &str = "never";

/// The heading that gives all terms of a file a condition.
const EVERY: &str = "every";

/// # Panics
/// If a file is not well-formed; the message names the line. The files are part of the program, and a test reads them.
pub(super) fn lexicon(word_classes: &'static str, files: &[(Concept, &'static str)]) -> Lexicon {
    let mut lexicon = Lexicon {
        entries: HashMap::default(),
        words: HashMap::from_iter([(BOUNDARY, Word::BOUNDARY)]),
        longest: vec![0; 2],
        closed: Vec::new(),
        groups: Vec::new(),
        written: Vec::new(),
        written_numbers: HashMap::default(),
    };
    let classes = WordClasses::parse(word_classes);
    for &(concept, text) in files {
        let mut hides_terms = false;
        let (mut every, mut group) = (Condition::default(), Condition::default());
        for line in lines(text) {
            if let Some(heading) = line.strip_prefix('[') {
                let (name, rest) = heading.split_once(']').unwrap_or_else(|| panic!("no `]` in {line:?}"));
                hides_terms = name == NEVER;
                group = classes.split_condition(rest, &mut lexicon).1;
                if name == EVERY {
                    every = group.clone();
                } else if !hides_terms {
                    lexicon.groups.push(Group { concept, classes: Vec::new(), written: Vec::new() });
                }
            } else if hides_terms {
                let (surface, condition) = classes.split_condition(line, &mut lexicon);
                lexicon.entry(surface).nothing.push((concept, condition));
            } else {
                lexicon.add_class(concept, line, [&every, &group], &classes);
            }
        }
    }
    lexicon.note_all_looks_of_a_word();
    lexicon.note_closed_classes(&classes);
    lexicon.number_what_may_be_written();
    let numbers = &lexicon.written_numbers;
    lexicon.groups.iter_mut().for_each(|group| group.note_what_may_be_written(numbers));
    lexicon
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Lexicon {
    fn add_class(
        &mut self,
        concept: Concept,
        line: &'static str,
        common: [&Condition; 2],
        classes: &WordClasses,
    ) {
        let group = self.groups.len() - 1;
        let class = Class { group: small(group), idx: small(self.groups[group].classes.len()) };
        let mut terms = Vec::new();
        for term in line.split('|') {
            let (forms, mut condition) = classes.split_condition(term, self);
            for common in common {
                condition.clauses.extend_from_slice(&common.clauses);
            }
            let (written, understood, forms) = match forms.split_at(forms.len().min(1)) {
                ("~", forms) => (false, true, forms),
                ("^", forms) => (true, false, forms),
                _ => (true, true, forms),
            };
            let forms: Vec<_> =
                forms.split('/').map(str::trim).map(|form| (form != "-").then_some(form)).collect();
            for (form, surface) in (0..).zip(&forms) {
                if let (true, Some(surface)) = (understood, surface) {
                    self.entry(surface).senses.push((Sense { concept, class, form }, condition.clone()));
                }
            }
            terms.push(Term { forms, written, classes: vec![class] });
        }
        self.groups[group].classes.push(terms);
    }

    /// The name of a word, a new one if it has none yet.
    fn named(&mut self, word: &'static str) -> Word {
        *self.words.entry(word).or_insert_with(|| {
            self.longest.push(0);
            Word(small(self.longest.len() - 1))
        })
    }

    fn note_all_looks_of_a_word(&mut self) {
        for group in &mut self.groups {
            for term in group.classes.iter_mut().flatten() {
                let own = term.classes[0];
                let surfaces = term.forms.iter().flatten().filter_map(|surface| self.entries.get(surface));
                let classes = surfaces.flat_map(|entry| entry.senses.iter().map(|(sense, _)| sense.class));
                term.classes.extend(classes.filter(|class| *class != own));
                term.classes.dedup();
            }
        }
    }

    fn note_closed_classes(&mut self, classes: &WordClasses) {
        let mut note = |class: &str, set: fn(&mut Closed)| {
            for word in classes.0.get(class).into_iter().flatten() {
                let word = usize::from(self.named(word).0);
                self.closed.resize(self.closed.len().max(word + 1), Closed::default());
                set(&mut self.closed[word]);
            }
        };
        note("@negator", |closed| closed.negates = true);
        note("@foreign", |closed| closed.foreign = true);
        note("@english", |closed| closed.english = true);
    }

    fn number_what_may_be_written(&mut self) {
        let terms = self.groups.iter().flat_map(|group| group.classes.iter().flatten());
        for surface in terms.filter(|term| term.written).flat_map(|term| term.forms.iter().flatten()) {
            self.written_numbers.entry(surface).or_insert_with(|| {
                self.written.push(surface);
                small(self.written.len() - 1)
            });
        }
    }

    fn entry(&mut self, surface: &'static str) -> &mut super::Entry {
        let mut words = surface.split(' ').map(|word| self.named(word)).collect::<Vec<_>>().into_iter();
        if let Some(first) = words.next() {
            let longest = &mut self.longest[usize::from(first.0)];
            *longest = (*longest).max(1 + words.len() as u8);
        }
        self.entries.entry(surface).or_default()
    }
}

impl Group {
    fn note_what_may_be_written(&mut self, numbers: &HashMap<&'static str, u16, FxBuildHasher>) {
        let terms = || self.classes.iter().flatten();
        let forms = terms().map(|term| term.forms.len()).max().unwrap_or(0);
        let differs =
            |own: &[Term], term: &Term| !own.iter().any(|own| term.classes.contains(&own.classes[0]));
        let written = |own: &[Term], form: usize| {
            let others = terms().filter(|term| term.written && differs(own, term));
            let surface = |term: &Term| Some((term.forms.get(form).copied()??, term.classes.clone()));
            let written = |(surface, classes)| Written { surface, number: numbers[surface], classes };
            others.filter_map(surface).map(written).collect()
        };
        self.written =
            self.classes.iter().map(|own| (0..forms).map(|form| written(own, form)).collect()).collect();
    }
}

fn small(number: usize) -> u16 {
    u16::try_from(number).expect("a lexicon has fewer than 65,536 groups, and a group fewer classes")
}

/// The named lists of words that conditions may refer to.
struct WordClasses(HashMap<&'static str, Vec<&'static str>>);

impl WordClasses {
    fn parse(text: &'static str) -> Self {
        let mut classes = WordClasses(HashMap::new());
        for line in lines(text) {
            let (name, words) = line.split_once(' ').unwrap_or_else(|| panic!("no words in {line:?}"));
            let words = classes.expand(words);
            classes.0.insert(name, words);
        }
        classes
    }

    fn expand(&self, words: &'static str) -> Vec<&'static str> {
        let mut expanded = Vec::new();
        for word in words.split_whitespace() {
            if word.starts_with('@') {
                let class =
                    self.0.get(word).unwrap_or_else(|| panic!("{word} is not defined above {words:?}"));
                expanded.extend_from_slice(class);
            } else {
                assert!(
                    word == BOUNDARY || word.chars().all(|c| c.is_ascii_lowercase()),
                    "{word:?} in {words:?}"
                );
                expanded.push(word);
            }
        }
        expanded
    }

    /// Splits `words {not after a b; then c}` into its words and its condition.
    fn split_condition(&self, text: &'static str, lexicon: &mut Lexicon) -> (&'static str, Condition) {
        let Some((words, rest)) = text.split_once('{') else {
            return (text.trim(), Condition::default());
        };
        let inner =
            rest.trim_end().strip_suffix('}').unwrap_or_else(|| panic!("no `}}` at the end of {text:?}"));
        let clauses = inner.split(';').map(|clause| self.clause(clause.trim(), lexicon)).collect();
        (words.trim(), Condition { clauses })
    }

    fn clause(&self, text: &'static str, lexicon: &mut Lexicon) -> Clause {
        let (negated, positive) = match text.strip_prefix("not ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (side, words) = match positive.split_once(' ') {
            Some(("after", words)) => (Side::After, words),
            Some(("then", words)) => (Side::Then, words),
            Some(("with", words)) => (Side::With, words),
            _ => {
                panic!("a condition begins with `after`, `then` or `with`, after an optional `not`: {text:?}")
            }
        };
        let mut words: Vec<Word> = self.expand(words).into_iter().map(|word| lexicon.named(word)).collect();
        words.sort_unstable();
        words.dedup();
        Clause { side, negated, words: words.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Reading};
    use super::*;

    const WORDS: &str = "@one a an\n@determiner @one the";

    fn parsed(text: &'static str) -> Lexicon {
        lexicon(WORDS, &[(Concept::Color, text)])
    }

    fn read(lexicon: &Lexicon, surface: &str, before: &str, behind: &str) -> Option<Reading> {
        let [before, behind] = [before, behind].map(|word| lexicon.word(word));
        lexicon.read(surface, Context { before, behind, caption: &[before, behind] })
    }

    #[test]
    fn a_line_becomes_a_class_with_forms_and_conditions() {
        let lexicon =
            parsed("# Comment.\n[hue]\nred/dark red | ~scarlet {not then tanager}\nblue/dark blue\n");
        assert!(lexicon.look_alike("red", "scarlet") && !lexicon.look_alike("red", "blue"));
        assert_eq!(lexicon.longest_from(lexicon.word("dark")), 2);
        assert!(matches!(read(&lexicon, "scarlet", "a", "coat"), Some(Reading::Term(_))));
        assert_eq!(read(&lexicon, "scarlet", "a", "tanager"), None);
    }

    #[test]
    fn conditions_refer_to_classes_of_words() {
        let lexicon = parsed(
            "[every] {not then wine}\n[hue] {not with wall}\nred\nrose {not after @determiner; then .}\n",
        );
        assert!(read(&lexicon, "rose", "in", ".").is_some());
        assert!(
            read(&lexicon, "rose", "the", ".").is_none() && read(&lexicon, "rose", "in", "bush").is_none()
        );
        assert!(read(&lexicon, "red", "a", "wine").is_none() && read(&lexicon, "red", "a", "wall").is_none());
    }

    #[test]
    #[should_panic(expected = "no `}`")]
    fn a_broken_condition_is_named() {
        parsed("[hue]\nred {then a\n");
    }

    #[test]
    #[should_panic(expected = "@nobody is not defined")]
    fn an_unknown_class_is_named() {
        parsed("[hue]\nred {then @nobody}\n");
    }
}
