//! A caption, split into words, with the terms that name a visual concept marked.

mod language;
mod name;
mod negation;

use std::borrow::Cow;
use std::ops::Range;

use crate::concept::Concept;
use crate::lexicon::{Class, Context, Reading, Sense, Word, lexicon};

/// A caption and the terms found in it. Terms are whole words, never overlap, and stand in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caption {
    text: String,
    /// The text with ASCII letters in lower case, byte for byte beside it.
    lower: String,
    words: Vec<Range<usize>>,
    terms: Vec<Term>,
    /// Terms that the caption denies.
    denied: Vec<Term>,
    is_english: bool,
}

/// One term of a caption: a word or phrase of the lexicon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where it stands, in bytes of the caption.
    pub span: Range<usize>,
    /// The concept it names.
    pub concept: Concept,
    /// The words it is made of, counted from the beginning of the caption.
    pub words: Range<usize>,
    senses: Vec<Sense>,
}

impl Term {
    /// What the term can mean; at least one meaning, all of the same concept.
    pub fn senses(&self) -> &[Sense] {
        &self.senses
    }

    /// Whether the term, as understood here, belongs to a class.
    pub fn looks_like(&self, class: Class) -> bool {
        self.senses.iter().any(|sense| sense.class() == class)
    }
}

impl Caption {
    /// Finds the terms of `text`: at each word the longest phrase of the lexicon, in one pass from the left. Neither names
    /// nor captions in another language have any.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let lower = text.to_ascii_lowercase();
        let words = words(&text);
        let known: Vec<Word> = words.iter().map(|word| lexicon().word(&lower[word.clone()])).collect();
        let (terms, denied) = (Vec::new(), Vec::new());
        let mut caption = Caption { text, lower, words, terms, denied, is_english: true };
        let mut at = 0;
        while at < caption.words.len() {
            match caption.longest_phrase(at, &known) {
                Some((length, reading)) => {
                    if let Reading::Term(senses) = reading
                        && !name::is_name(&caption, at, at + length)
                    {
                        caption.add_term(at..at + length, senses);
                    }
                    at += length;
                }
                None => at += 1,
            }
        }
        caption.drop_parts_of_compounds();
        caption.set_denied_apart(&known);
        caption.is_english = language::is_english(&caption, &known);
        if !caption.is_english {
            caption.terms.clear();
        }
        caption
    }

    /// The caption as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A stretch of the caption with ASCII letters in lower case.
    pub fn lower(&self, span: Range<usize>) -> &str {
        &self.lower[span]
    }

    /// The terms that say what is to be seen, from left to right. In "a bench without a dog" the dog is none.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether a word of a class stands in the caption, be it said or denied.
    pub fn mentions(&self, class: Class) -> bool {
        self.terms.iter().chain(&self.denied).any(|term| term.looks_like(class))
    }

    /// Whether the caption can be read: Foil knows no language but English.
    pub fn is_english(&self) -> bool {
        self.is_english
    }

    /// Whether any of its terms names a concept.
    pub fn names(&self, concept: Concept) -> bool {
        self.terms().iter().any(|term| term.concept == concept)
    }

    /// The words in lower case (ASCII letters only), without the punctuation between them.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.words.iter().map(|word| &self.lower[word.clone()])
    }

    /// A word by number, in lower case.
    pub fn word(&self, idx: usize) -> Option<&str> {
        self.words.get(idx).map(|word| &self.lower[word.clone()])
    }

    /// The longest entry of the lexicon that begins at a word and holds there, with its number of words.
    fn longest_phrase(&self, at: usize, known: &[Word]) -> Option<(usize, Reading)> {
        let longest = lexicon().longest_from(known[at]);
        let joined = self.joined_run(at, longest);
        (1..=joined).rev().find_map(|length| {
            let surface = self.surface(at..at + length);
            let before = if at > 0 && self.joined(at - 1) { known[at - 1] } else { Word::BOUNDARY };
            let last = at + length - 1;
            let behind =
                if last + 1 < known.len() && self.joined(last) { known[last + 1] } else { Word::BOUNDARY };
            lexicon()
                .read(&surface, Context { before, behind, caption: known })
                .map(|reading| (length, reading))
        })
    }

    /// How many words from `at` on, at most `longest`, stand together: punctuation ends a phrase, since in
    /// "on top, of course" nothing is on top of anything.
    fn joined_run(&self, at: usize, longest: usize) -> usize {
        let limit = longest.min(self.words.len() - at);
        (1..limit).find(|&length| !self.joined(at + length - 1)).unwrap_or(limit)
    }

    /// Whether only space or hyphens are between a word and the next.
    fn joined(&self, word: usize) -> bool {
        self.gap(word).bytes().all(|byte| byte.is_ascii_whitespace() || byte == b'-')
    }

    /// What stands between a word and the next.
    fn gap(&self, word: usize) -> &str {
        &self.text[self.words[word].end..self.words[word + 1].start]
    }

    /// Some words in lower case, joined by single spaces.
    pub fn surface(&self, words: Range<usize>) -> Cow<'_, str> {
        let single_spaces = words.clone().skip(1).all(|word| self.gap(word - 1) == " ");
        if single_spaces {
            return Cow::Borrowed(&self.lower[self.words[words.start].start..self.words[words.end - 1].end]);
        }
        let words: Vec<&str> = self.words[words].iter().map(|word| &self.lower[word.clone()]).collect();
        Cow::Owned(words.join(" "))
    }

    fn add_term(&mut self, words: Range<usize>, mut senses: Vec<Sense>) {
        // *sheep* is its own plural; what stands before it tells how many there are.
        let is_plural = !self.is_singular(words.start);
        let own_plural =
            |sense: &Sense| senses.iter().any(|s| s.class() == sense.class() && s.form() != sense.form());
        if senses.iter().any(own_plural) {
            senses.retain(|sense| (sense.form() == 1) == is_plural);
        }
        let Some(first) = senses.first() else { return };
        let concept = first.concept();
        let span = self.words[words.start].start..self.words[words.end - 1].end;
        let hyphened = |word: Option<usize>| {
            word.is_some_and(|word| word + 1 < self.words.len() && self.gap(word).contains('-'))
        };
        // A hyphen makes a new word of a noun (cat-like) or a place (on-top); a red-haired girl has red hair.
        let fused = hyphened(words.start.checked_sub(1)) || hyphened(Some(words.end - 1));
        if !(fused && matches!(concept, Concept::Object | Concept::Location)) {
            self.terms.push(Term { span, concept, words, senses });
        }
    }

    /// Whether the noun phrase that holds a word begins with a word for one: "a small sheep".
    fn is_singular(&self, word: usize) -> bool {
        const ONE: [&str; 6] = ["a", "an", "one", "another", "each", "this"];
        const LONGEST_PHRASE: usize = 3;
        let phrase = self.words[word.saturating_sub(LONGEST_PHRASE)..word].iter().rev();
        phrase
            .map(|word| &self.lower[word.clone()])
            .take_while(|word| !matches!(*word, "of" | "and" | "with" | "in" | "on"))
            .any(|word| ONE.contains(&word))
    }

    fn set_denied_apart(&mut self, known: &[Word]) {
        let covered = negation::covered(self, known);
        if covered.contains(&true) {
            let terms = std::mem::take(&mut self.terms);
            (self.denied, self.terms) = terms.into_iter().partition(|term| covered[term.words.start]);
        }
    }

    /// Two nouns side by side name one thing, which is neither of the two: "a cat statue", "dog bowls". The same
    /// holds for two colors: "red brown".
    fn drop_parts_of_compounds(&mut self) {
        let beside = |first: &Term, second: &Term| {
            first.concept == second.concept
                && matches!(first.concept, Concept::Object | Concept::Color)
                && first.words.end == second.words.start
                && self.joined(first.words.end - 1)
        };
        let part: Vec<bool> = (0..self.terms.len())
            .map(|idx| {
                let with_last = idx > 0 && beside(&self.terms[idx - 1], &self.terms[idx]);
                with_last || self.terms.get(idx + 1).is_some_and(|next| beside(&self.terms[idx], next))
            })
            .collect();
        let mut part = part.into_iter();
        self.terms.retain(|_| part.next() == Some(false));
    }
}

/// The byte ranges of the words: runs of letters and digits with apostrophes inside, and the sign `&`.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::with_capacity(text.len() / 4 + 1);
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let letter = |c: char| c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric());
        let inside = letter(c)
            || (start.is_some() && is_apostrophe(c) && chars.peek().is_some_and(|(_, next)| letter(*next)));
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
        if c == '&' {
            words.push(at..at + 1);
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, Concept)> {
        let caption = Caption::new(text);
        caption.terms().iter().map(|term| (&text[term.span.clone()], term.concept)).collect()
    }

    fn check(text: &str, expected: &[(&str, Concept)]) {
        assert_eq!(found(text), expected, "in {text:?}");
    }

    #[test]
    fn terms_are_whole_words_in_any_case() {
        use Concept::*;
        check("A RED car", &[("RED", Color), ("car", Object)]);
        check("a covered, tanned and standing bystander", &[]);
        check("The dog's red ball.", &[("red", Color), ("ball", Object)]);
        check("", &[]);
        check("🚗 ist größer", &[]);
    }

    #[test]
    fn the_longest_phrase_wins() {
        use Concept::*;
        check(
            "a cup to the left of a cat",
            &[("cup", Object), ("to the left of", Location), ("cat", Object)],
        );
        check("it sits on top of the box", &[("on top of", Location), ("box", Object)]);
        check("a book on top, of course", &[("book", Object), ("on top", Location)]);
        check("a light-blue car", &[("light-blue", Color), ("car", Object)]);
    }

    /// Each row is a caption and its terms, every one with the first letter of its concept.
    #[test]
    fn neighbors_decide_about_words_with_two_meanings() {
        let rows = [
            // orange: color or fruit
            ("an orange cat", "c:orange o:cat"),
            ("an orange on a plate", "o:orange o:plate"),
            ("an orange and white cat", "c:orange c:white o:cat"),
            ("a glass of orange juice", "o:glass o:orange juice"),
            // rose, violet, lavender: flower or color
            ("a rose in a vase", "o:rose o:vase"),
            ("she rose from the chair", "o:chair"),
            ("a violet dress", "c:violet o:dress"),
            // silver, gold: look or material
            ("a silver train", "c:silver o:train"),
            ("a gold medal", ""),
            // little: small or not much
            ("a little dog", "s:little o:dog"),
            ("a little bit of snow", "o:snow"),
            ("a little league game", ""),
            // brown, white, black: color, name, species, people, photograph
            ("charlie brown", ""),
            ("a glass of white wine", "o:glass o:white wine"),
            ("a black man", "o:man"),
            ("a brown bear", "o:brown bear"),
            ("A black surfer rides a wave.", "o:surfer"),
            ("two black athletes", ""),
            ("a black tennis player", ""),
            ("a white police officer", "o:officer"),
            ("a white police car", "c:white o:police car"),
            ("a white bride", "o:bride"),
            ("They book a table.", "o:table"),
            ("He can bear the cold.", ""),
            ("The player ducks under the bar.", "l:under o:bar"),
            ("Two men box in a ring.", "o:ring"),
            ("a black and white photo of a dog", "o:dog"),
            ("a black and white cow", "c:black c:white o:cow"),
            // long: size or time
            ("a woman with long hair", "o:woman s:long"),
            ("as long as it takes", ""),
            ("all day long", ""),
            ("a long-sleeved shirt", "s:long o:shirt"),
            // light: noun or shade
            ("a light in the dark", ""),
            ("a light blue wall", "c:light blue o:wall"),
            // left, right: place or not
            ("he left the kitchen", "o:kitchen"),
            ("a cup on the left", "o:cup l:on the left"),
            ("in his left hand", ""),
            ("a dog right now", "o:dog"),
            // over, under, behind, near: place or not
            ("a horse jumping over a fence", "o:horse l:over o:fence"),
            ("snow all over the road", "o:snow o:road"),
            ("over there is a building under construction", "o:building"),
            ("a dog left behind", "o:dog"),
            // mouse, bat, tie, train, watch, glasses: thing or not
            ("a boy with a bat", "o:boy o:bat"),
            ("a boy at bat", "o:boy"),
            ("they train for a race", ""),
            ("a man in a tie", "o:man o:tie"),
            ("two dogs tie up", "o:dogs"),
            ("a glass of beer", "o:glass o:beer"),
            ("glasses on her nose", "o:glasses"),
            // compounds
            ("a dog house", ""),
            ("a car seat", ""),
            ("a fire hydrant", "o:fire hydrant"),
            ("a teddy bear", "o:teddy bear"),
            ("a cat statue", "o:statue"),
            ("the kitchen sink", "o:sink"),
            ("a cat-like robot", "o:robot"),
            ("a red-haired girl", "c:red-haired o:girl"),
            // number
            ("a small sheep", "s:small o:sheep"),
        ];
        for (text, expected) in rows {
            let found: Vec<String> = found(text)
                .into_iter()
                .map(|(term, concept)| format!("{}:{term}", &concept.name()[..1]))
                .collect();
            assert_eq!(found.join(" "), expected, "in {text:?}");
        }
    }

    #[test]
    fn a_noun_that_is_its_own_plural_is_counted_by_what_stands_before_it() {
        let form = |text: &str| Caption::new(text).terms().last().map(|term| term.senses()[0].form());
        assert_eq!(form("a small sheep"), Some(0));
        assert_eq!(form("two sheep"), Some(1));
        assert_eq!(form("a herd of sheep"), Some(1));
    }
}
