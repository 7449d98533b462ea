//! What is known to be true of an image besides its caption, so that no negative says it.

use crate::caption::Caption;
use crate::lexicon::{Class, lexicon};

/// Keeps negatives false: nothing is written that a sibling caption or a label of the same image says.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    classes: Vec<Class>,
    texts: Vec<String>,
}

impl Guard {
    /// A guard that knows the other captions of the same image, and the names of what was found in it (such as
    /// COCO's categories).
    pub fn new<'a>(
        siblings: impl IntoIterator<Item = &'a Caption>,
        labels: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut guard = Guard::default();
        for sibling in siblings {
            let senses = sibling.terms().iter().flat_map(|term| term.senses());
            guard.classes.extend(senses.map(|sense| sense.class()));
            guard.texts.push(sibling.text().to_owned());
        }
        for label in labels {
            guard.classes.extend(lexicon().classes(&label.to_ascii_lowercase()));
        }
        guard
    }

    /// Whether a word that belongs to these classes may be written.
    pub fn allows(&self, classes: &[Class]) -> bool {
        !classes.iter().any(|class| self.classes.contains(class))
    }

    /// Whether a caption may be written: it is none of the siblings.
    pub fn allows_text(&self, text: &str) -> bool {
        !self.texts.iter().any(|sibling| sibling == text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Recipe, draw};
    use super::*;
    use crate::concept::Concept;
    use crate::seed;

    fn drawn(caption: &str, guard: &Guard) -> Vec<String> {
        let recipe = Recipe { guard: Some(guard), ..Recipe::replace(&[Concept::Object]) };
        let negatives = draw(&Caption::new(caption), &recipe, 1000, &mut seed::rng(&[1]));
        negatives.into_iter().map(|negative| negative.to).collect()
    }

    #[test]
    fn what_a_sibling_or_a_label_names_is_not_written() {
        let free = drawn("a dog", &Guard::default());
        let names = |drawn: &[String], word: &str| drawn.iter().any(|to| to == word);
        assert!(["cat", "horse", "cow"].iter().all(|word| names(&free, word)), "{free:?}");
        let sibling = Caption::new("a kitten plays");
        let guarded = drawn("a dog", &Guard::new([&sibling], ["horse"]));
        assert!(!["cat", "kitten", "horse"].iter().any(|word| names(&guarded, word)), "{guarded:?}");
        assert!(names(&guarded, "cow") && guarded.iter().all(|to| names(&free, to)), "{guarded:?}");
    }

    #[test]
    fn a_sibling_is_not_written() {
        let guard = Guard::new([&Caption::new("a cat")], []);
        assert!(!guard.allows_text("a cat") && guard.allows_text("a cow"));
    }
}
