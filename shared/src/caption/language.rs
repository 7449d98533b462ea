//! Whether a caption is English, the only language that Foil reads: *red* is a net in Spanish, and *van* stands in every
//! second Dutch sentence.

use super::Caption;
use crate::fluency::fluency;
use crate::lexicon::{Word, lexicon};

/// Below so many words, one that holds together sentences of another language is enough.
const FEW: usize = 4;

/// Whether a caption can be read as English, which it is taken for unless its small words say otherwise.
pub(super) fn is_english(caption: &Caption, known: &[Word]) -> bool {
    let closed = || known.iter().map(|word| lexicon().closed(*word));
    let foreign = closed().filter(|word| word.foreign).count();
    let english = closed().filter(|word| word.english).count();
    if english > 0 || foreign != 1 {
        return foreign <= english;
    }
    // One such word could be part of a name: then the others are known, at least most of them.
    let known = |word: &&str| fluency().knows(word) || lexicon().word(word) != Word::UNKNOWN;
    let (n_words, n_known) = (caption.words().len(), caption.words().filter(known).count());
    n_words >= FEW && n_words <= 2 * n_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_languages_are_left_alone() {
        for text in [
            "Der Mann hat einen roten Hut.",
            "Ein Kind hat einen Ball in der Hand.",
            "Der Hund hat ein Boot gesehen.",
            "Ein Bus und ein Taxi in der Stadt.",
            "Der Tiger und der Lion im Zoo.",
            "La red de tenis separa a los jugadores.",
            "Un pie de manzana en la mesa.",
            "El pan y el vino en la mesa.",
            "Une table de bois et une orange.",
            "Un car de tourisme rose.",
            "Le chat sur le lit.",
            "Een foto van een man met een hond.",
            "Een boot van hout op het water.",
            "De man van de bus.",
            "Um cachorro na mesa com uma orange.",
            "Il cane della donna su una van.",
            "Une large avenue.",
        ] {
            let caption = Caption::new(text);
            assert!(!caption.is_english() && caption.terms().is_empty(), "{text:?}: {:?}", caption.terms());
        }
    }

    #[test]
    fn english_is_read_whatever_it_names() {
        for text in [
            "a red car",
            "Skateboarder grinding a ledge",
            "a quokka beside an axolotl",
            "Oscar de la Renta and the red dress",
            "a plate of linguine alla carbonara on a table",
            "dog",
            "lovely weather",
            "A green energy company logo.",
            "Miami Dolphins fans.",
            "a chaise longue en suite beside a bed",
            "red car / blue car",
        ] {
            assert!(Caption::new(text).is_english(), "{text:?}");
        }
    }
}
