//! The caption that an edit makes true, by the generator of negatives.

use crate::caption::Caption;
use crate::concept::Concept;
use crate::negative::{self, HardNegative};
use crate::scene::ColorName;

use super::{Edit, Placement};

/// Words for larger and smaller, likelier ones first.
const LARGER: [&str; 4] = ["large", "big", "tall", "long"];
const SMALLER: [&str; 4] = ["small", "little", "short", "tiny"];

/// The negative of a caption that fits the image after an edit, if the caption names what the edit changes: the color
/// word that says `was` or is the only one, the side, the size. Nothing if no rule can say it.
pub fn caption_after(caption: &Caption, edit: Edit, was: Option<ColorName>) -> Option<HardNegative> {
    let of = |concept| negative::all(caption, &[concept]);
    match edit {
        Edit::Recolor { to } => {
            let all: Vec<HardNegative> =
                of(Concept::Color).into_iter().filter(|negative| says(&negative.to, to)).collect();
            let named = all.iter().position(|negative| was.is_some_and(|was| says(&negative.from, was)));
            let is_only = all.iter().all(|negative| negative.start == all[0].start);
            all.into_iter().nth(named.or(is_only.then_some(0))?)
        }
        Edit::Mirror => of(Concept::Location).into_iter().find(|negative| {
            let opposite = swapped(&negative.from, "left", "right");
            opposite != negative.from.to_lowercase() && opposite == negative.to.to_lowercase()
        }),
        Edit::Place(placement) if placement == Placement::UNCHANGED => None,
        Edit::Place(placement) if placement.scale != 1.0 => {
            let now = if placement.scale > 1.0 { LARGER } else { SMALLER };
            let sizes: Vec<HardNegative> = of(Concept::Size)
                .into_iter()
                .filter(|size| grows(size) == Some(placement.scale > 1.0))
                .collect();
            now.iter().find_map(|word| sizes.iter().find(|size| has_word(&size.to, word))).cloned()
        }
        Edit::Place(placement) => {
            let sideways = placement.right.abs() >= placement.down.abs();
            let pairs: &[[&str; 2]] = match (sideways, placement.right > 0.0, placement.down > 0.0) {
                (true, true, _) => &[["left", "right"]],
                (true, false, _) => &[["right", "left"]],
                (false, _, true) => &[["top", "bottom"], ["above", "below"], ["on", "under"]],
                (false, _, false) => &[["bottom", "top"], ["below", "above"], ["under", "on"]],
            };
            let places = of(Concept::Location);
            pairs
                .iter()
                .find_map(|[from, to]| {
                    places.iter().find(|place| {
                        has_word(&place.from, from)
                            && place.to.to_lowercase() == swapped(&place.from, from, to)
                    })
                })
                .cloned()
        }
        Edit::Remove => None,
    }
}

/// The color that a phrase names, if it is one of scenes and edits.
pub fn color_named(phrase: &str) -> Option<ColorName> {
    ColorName::ALL.into_iter().find(|color| says(phrase, *color))
}

/// Whether a thing becomes larger when a negative becomes true of it; nothing if the negative speaks of no size that a thing
/// has as a whole.
pub fn grows(negative: &HardNegative) -> Option<bool> {
    let has = |phrase: &str, words: &[&str]| words.iter().any(|word| has_word(phrase, word));
    let is = |before: &[&str], now: &[&str]| has(&negative.from, before) && has(&negative.to, now);
    match (is(&SMALLER, &LARGER), is(&LARGER, &SMALLER)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// Whether a phrase has the word of a color, however it is spelt.
fn says(phrase: &str, color: ColorName) -> bool {
    has_word(phrase, color.name()) || color == ColorName::Gray && has_word(phrase, "grey")
}

fn has_word(phrase: &str, word: &str) -> bool {
    phrase.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).any(|other| other == word)
}

/// A phrase in lower case with two words in each other's place.
fn swapped(phrase: &str, one: &str, other: &str) -> String {
    let swap = |word: &str| match word {
        word if word == one => other.to_owned(),
        word if word == other => one.to_owned(),
        word => word.to_owned(),
    };
    phrase.to_lowercase().split(' ').map(swap).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(caption: &str, edit: Edit, was: Option<ColorName>) -> Option<String> {
        caption_after(&Caption::new(caption), edit, was).map(|negative| negative.caption)
    }

    fn moved(right: f32, down: f32) -> Edit {
        Edit::Place(Placement { right, down, ..Placement::UNCHANGED })
    }

    #[test]
    fn every_edit_has_its_caption() {
        let blue = Edit::Recolor { to: ColorName::Blue };
        assert_eq!(after("a red car on grass", blue, None).as_deref(), Some("a blue car on grass"));
        assert_eq!(after("An orange cat", blue, None).as_deref(), Some("A blue cat"));
        let two = "a black dog beside a red ball";
        assert_eq!(after(two, blue, Some(ColorName::Red)).as_deref(), Some("a black dog beside a blue ball"));
        assert_eq!(after(two, blue, Some(ColorName::Green)), None, "neither of the two");
        assert_eq!(
            after("a cup to the left of a cat", Edit::Mirror, None).as_deref(),
            Some("a cup to the right of a cat")
        );
        let scaled = |scale| Edit::Place(Placement { scale, ..Placement::UNCHANGED });
        assert_eq!(after("a small dog", scaled(2.0), None).as_deref(), Some("a large dog"));
        assert_eq!(after("a big dog", scaled(0.5), None).as_deref(), Some("a small dog"));
        assert_eq!(
            after("a ball on the left", moved(0.4, 0.1), None).as_deref(),
            Some("a ball on the right")
        );
        assert_eq!(after("a ball on the left", moved(-0.4, 0.1), None), None);
        assert_eq!(
            after("a kite above a tree", moved(0.0, 0.5), None).as_deref(),
            Some("a kite below a tree")
        );
    }

    #[test]
    fn a_negative_says_which_color_and_which_size() {
        let first = |caption: &str, concept| negative::all(&Caption::new(caption), &[concept]).remove(0);
        assert_eq!(grows(&first("a large dog", Concept::Size)), Some(false));
        assert_eq!(grows(&first("a little dog", Concept::Size)), Some(true));
        assert_eq!(grows(&first("a red dog", Concept::Color)), None);
        assert_eq!(color_named("A Grey"), Some(ColorName::Gray));
        assert_eq!(color_named("teal"), None);
    }

    #[test]
    fn what_no_word_says_has_no_caption() {
        let blue = Edit::Recolor { to: ColorName::Blue };
        assert_eq!(after("a dog", blue, None), None);
        assert_eq!(after("a blue dog", blue, None), None);
        assert_eq!(after("a dog on the left", Edit::Remove, None), None);
        assert_eq!(after("a dog on the right", Edit::Place(Placement::UNCHANGED), None), None);
        assert_eq!(after("a dog in the snow", Edit::Mirror, None), None);
    }
}
