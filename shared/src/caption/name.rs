//! Proper names: *Chicago White Sox* have no color and *James Brown* is none.

use super::Caption;

/// Written before a name, with a period that ends no sentence.
const TITLES: [&str; 7] = ["mr", "mrs", "ms", "dr", "st", "prof", "mt"];

/// Words that have no capital in headings either.
const SMALL: [&str; 20] = [
    "a", "an", "the", "of", "on", "in", "at", "to", "by", "for", "from", "with", "and", "or", "is", "are",
    "his", "her", "its", "as",
];

/// Whether the words from `first` up to `end` are (part of) a name: they have capitals that their place in the sentence
/// does not ask for. Text in capitals throughout and headings, where all words have them, say nothing.
pub(super) fn is_name(caption: &Caption, first: usize, end: usize) -> bool {
    if !capital(caption, first) {
        return false;
    }
    let titled = first > 0 && caption.word(first - 1).is_some_and(|word| TITLES.contains(&word));
    let asked_for = first == 0 || begins_sentence(caption.gap(first - 1));
    let another_behind = end < caption.words.len() && caption.joined(end - 1) && capital(caption, end);
    (titled || !asked_for || another_behind) && !is_heading(caption)
}

fn original(caption: &Caption, at: usize) -> &str {
    &caption.text[caption.words[at].clone()]
}

/// Whether a word has one capital, its first letter.
fn capital(caption: &Caption, at: usize) -> bool {
    let mut letters = original(caption, at).chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
}

fn begins_sentence(gap: &str) -> bool {
    gap.contains(['.', '!', '?', ':', ';', '"', '“', '(', '\n'])
}

fn is_heading(caption: &Caption) -> bool {
    (0..caption.words.len()).all(|at| {
        let small = || caption.word(at).is_some_and(|word| SMALL.contains(&word));
        original(caption, at).starts_with(|c: char| !c.is_lowercase()) || small()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is a caption with the terms that are no names.
    #[test]
    fn names_are_no_terms() {
        let rows: [(&str, &[&str]); 15] = [
            ("A Black Lives Matter sign on a fence.", &["sign", "fence"]),
            ("A Chicago White Sox player at bat.", &[]),
            ("Pink Floyd poster on the wall.", &["wall"]),
            ("A dog on Black Friday.", &["dog"]),
            ("James Brown sings on a stage.", &[]),
            ("Mr. Green waves at the dog.", &["dog"]),
            ("A boat on the Black Sea.", &["boat"]),
            ("Orange County traffic at night", &[]),
            ("An Apple laptop on a white desk.", &["laptop", "white", "desk"]),
            ("Red car. Blue bus.", &["red", "car", "blue", "bus"]),
            ("a sign: Red apples", &["sign", "red", "apples"]),
            ("A RED car", &["red", "car"]),
            ("An Orange Car", &["orange", "car"]),
            ("A DOG AND A CAT.", &["dog", "cat"]),
            ("Dog and Cat", &["dog", "cat"]),
        ];
        for (text, expected) in rows {
            let caption = Caption::new(text);
            let terms: Vec<&str> =
                caption.terms().iter().map(|term| caption.lower(term.span.clone())).collect();
            assert_eq!(terms, expected, "in {text:?}");
        }
    }
}
