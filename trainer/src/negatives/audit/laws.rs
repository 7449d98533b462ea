//! The laws of hard negatives, checked by rules that are not the generator's own.

use serde::Serialize;
use shared::caption::Caption;
use shared::lexicon::lexicon;
use shared::negative::{HardNegative, Rule};

/// Negatives that break a law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// The same text as the positive.
    pub equal: usize,
    /// More articles that do not fit ("a orange") than the positive has.
    pub article: usize,
    /// What only a record of the edit can show.
    pub edit: Option<EditViolations>,
}

/// Edits that break a law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EditViolations {
    /// The same text as another caption of the image.
    pub sibling: usize,
    /// A part of a word exchanged, or more than the one stretch.
    pub stretch: usize,
    /// Exchanged for a word of the same look, or one that the caption or a sibling uses.
    pub look_alike: usize,
}

impl Violations {
    /// The number of faults.
    pub fn total(&self) -> usize {
        let edit = self.edit.unwrap_or_default();
        self.equal + self.article + edit.sibling + edit.stretch + edit.look_alike
    }

    pub(super) fn add_texts(&mut self, positive: &str, negative: &str) {
        self.equal += usize::from(positive.trim() == negative.trim());
        self.article += usize::from(wrong_articles(negative) > wrong_articles(positive));
    }

    pub(super) fn add_edit(&mut self, positive: &Caption, siblings: &[&Caption], negative: &HardNegative) {
        self.add_texts(positive.text(), &negative.caption);
        let HardNegative { caption, start, end, from, to, rule, .. } = negative;
        let (before, behind) = (&positive.text()[..*start], &positive.text()[*end..]);
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let whole = !letter(before.chars().next_back()) && !letter(behind.chars().next());
        let exact = positive.text()[*start..*end] == **from && *caption == format!("{before}{to}{behind}");
        let bare = |text: &str| {
            let text = text.to_ascii_lowercase().replace('-', " ");
            text.trim_start_matches("an ").trim_start_matches("a ").to_owned()
        };
        let used = |caption: &Caption| {
            let terms = caption.terms().iter().map(|term| caption.lower(term.span.clone()));
            terms.filter(|term| *term != bare(from)).any(|term| bare(term) == bare(to))
        };
        let alike = lexicon().look_alike(&bare(from), &bare(to))
            || used(positive)
            || siblings.iter().any(|s| used(s));
        let edit = self.edit.get_or_insert_default();
        edit.sibling += usize::from(siblings.iter().any(|sibling| sibling.text() == caption));
        edit.stretch += usize::from(!(whole && exact));
        edit.look_alike += usize::from(*rule == Rule::Replace && alike);
    }

    pub(super) fn merge(&mut self, other: &Violations) {
        self.equal += other.equal;
        self.article += other.article;
        if let Some(other) = other.edit {
            let edit = self.edit.get_or_insert_default();
            edit.sibling += other.sibling;
            edit.stretch += other.stretch;
            edit.look_alike += other.look_alike;
        }
    }
}

/// How many articles do not fit the word behind them, as far as spelling tells. Not the generator's own rule: an audit
/// must not repeat its faults, and reads other people's words.
fn wrong_articles(text: &str) -> usize {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let wrong = |pair: &[&str]| {
        let word = pair[1].trim_start_matches(|c: char| !c.is_alphanumeric());
        let silent = ["hour", "honest", "heir"].iter().any(|start| word.starts_with(start));
        let spoken_as_y = ["uni", "use", "eu", "one", "once"].iter().any(|start| word.starts_with(start));
        let vowel = silent || (word.starts_with(['a', 'e', 'i', 'o', 'u']) && !spoken_as_y);
        (pair[0] == "a" && vowel) || (pair[0] == "an" && !vowel)
    };
    words.windows(2).filter(|pair| wrong(pair)).count()
}

#[cfg(test)]
mod tests {
    use shared::concept::Concept;

    use super::*;

    fn violations(positive: &str, sibling: &str, negative: HardNegative) -> Violations {
        let mut violations = Violations::default();
        violations.add_edit(&Caption::new(positive), &[&Caption::new(sibling)], &negative);
        violations
    }

    fn edit(positive: &str, [start, end]: [usize; 2], to: &str) -> HardNegative {
        HardNegative {
            caption: format!("{}{to}{}", &positive[..start], &positive[end..]),
            concept: Concept::Color,
            rule: Rule::Replace,
            start,
            end,
            from: positive[start..end].to_owned(),
            to: to.to_owned(),
            weight: 1.0,
        }
    }

    #[test]
    fn every_law_that_is_broken_is_counted() {
        let positive = "a red car";
        let found = |span, to| {
            let violations = violations(positive, "a blue car", edit(positive, span, to));
            let EditViolations { sibling, stretch, look_alike } = violations.edit.unwrap_or_default();
            [violations.equal, violations.article, sibling, stretch, look_alike]
        };
        assert_eq!(found([2, 5], "green"), [0, 0, 0, 0, 0]);
        assert_eq!(found([2, 5], "red"), [1, 0, 0, 0, 1]);
        assert_eq!(found([2, 5], "orange"), [0, 1, 0, 0, 0]);
        assert_eq!(found([2, 5], "blue"), [0, 0, 1, 0, 1]);
        assert_eq!(found([3, 5], "ound"), [0, 0, 0, 1, 0]);
        assert_eq!(found([2, 5], "crimson"), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn articles_are_judged_by_sound() {
        assert_eq!(wrong_articles("a dog, an apple, a uniform, an hour and a European"), 0);
        assert_eq!(wrong_articles("an dog, a apple"), 2);
    }
}
