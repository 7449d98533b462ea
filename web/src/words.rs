//! What the page says, made of plain values and tested natively.

pub mod game;
mod map;
mod results;
mod review;

use shared::caption::Caption;
use shared::concept::Concept;
use shared::edit::Edit;
use shared::lexicon::lexicon;
use shared::negative;
use shared::scene::ColorName;

pub use map::{cell, relevance, signed};
pub use results::{
    Said, arrows, count, csv, json, lead, model_facts, model_note, said, scored, size, square, title,
    with_commas, without_article,
};
pub use review::{agreement, review_progress, verdict};

/// A piece of a caption: plain text, or a term of a concept.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text as it stands in the caption.
    pub text: &'a str,
    /// The concept that it names.
    pub concept: Option<Concept>,
}

/// Cuts a caption at the borders of its terms; nothing is lost.
pub fn pieces(caption: &Caption) -> Vec<Piece<'_>> {
    let text = caption.text();
    let mut pieces = Vec::new();
    let mut at = 0;
    for term in caption.terms() {
        pieces.push(Piece { text: &text[at..term.span.start], concept: None });
        pieces.push(Piece { text: &text[term.span.clone()], concept: Some(term.concept) });
        at = term.span.end;
    }
    pieces.push(Piece { text: &text[at..], concept: None });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// What to say about a caption before it is scored, and words to offer if it names nothing.
pub fn caption_note(caption: &Caption) -> (String, Vec<&'static str>) {
    if caption.text().trim().is_empty() {
        return ("Describe the picture in one sentence.".into(), Vec::new());
    }
    if !caption.is_english() {
        return ("Foil reads English, so it swaps no word of this caption.".into(), Vec::new());
    }
    if negative::all(caption, &Concept::ALL).is_empty() {
        let offers = Concept::ALL.into_iter().flat_map(|concept| lexicon().examples(concept).take(3));
        let words = "Foil found no color, object, place or size to swap (it reads English). Add one:";
        return (words.into(), offers.collect());
    }
    let says = |words: &[&str]| caption.words().any(|word| words.contains(&word));
    let warnings = [
        (
            says(&["not", "no", "without", "never", "nobody", "nothing"]),
            "Models like these mostly ignore “not”.",
        ),
        (
            says(&[
                "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "several", "many",
            ]),
            "Foil does not swap numbers.",
        ),
        (
            says(&["man", "men", "woman", "women", "boy", "boys", "girl", "girls"]),
            "These models often take a woman for a man or a boy.",
        ),
    ];
    let said: Vec<&str> = warnings.into_iter().filter(|(holds, _)| *holds).map(|(_, words)| words).collect();
    (said.join(" "), Vec::new())
}

/// What can stand in place of a term, and the caption that each makes.
pub fn alternatives(caption: &Caption, term: usize) -> (String, Vec<(String, String)>) {
    let word = &caption.text()[caption.terms()[term].span.clone()];
    let negatives = negative::of_term(caption, term);
    let note = if negatives.is_empty() {
        format!("Foil knows no replacement for “{word}” here. Write your own foil above.")
    } else {
        format!("Instead of “{word}”:")
    };
    (note, negatives.into_iter().map(|negative| (negative.to, negative.caption)).collect())
}

/// Details that a caption does not mention, and the foil that each makes: all of the caption and one thing too much, as in
/// half-truths (arXiv 2602.23906).
pub fn wrong_details(caption: &Caption) -> Vec<(String, String)> {
    const DETAILS: [&str; 8] = [
        "with a dog",
        "next to a bicycle",
        "under a red umbrella",
        "in front of a fence",
        "near a river",
        "with two children",
        "on a green blanket",
        "behind a yellow car",
    ];
    let text = caption.text().trim().trim_end_matches('.');
    let is_new = |detail: &&str| detail.split(' ').next_back().is_some_and(|thing| !text.contains(thing));
    let foil = |detail: &str| (detail.to_owned(), format!("{text} {detail}"));
    if text.is_empty() { Vec::new() } else { DETAILS.iter().copied().filter(is_new).map(foil).collect() }
}

/// What was not read of a caption that is too long.
pub fn cut_note(caption: &str, cut_at: usize) -> String {
    /// As much of the rest as says where it begins.
    const MOST: usize = 40;
    let rest = caption[cut_at..].trim();
    let short: String = rest.chars().take(MOST).collect();
    let dots = if short.len() < rest.len() { "…" } else { "" };
    format!("The caption is longer than the models read. They did not see: “{short}{dots}”.")
}

/// What strokes select.
pub fn selection(share: f32, color: Option<ColorName>) -> String {
    match color {
        Some(color) => format!("Selected: {:.0} % of the picture, mostly {color}.", (100.0 * share).max(1.0)),
        None => "Nothing is selected.".to_owned(),
    }
}

/// What an edited image is called.
pub fn edited_name(source: &str, edit: Edit, was: Option<ColorName>) -> String {
    let what = match (edit, was) {
        (Edit::Mirror, _) => "mirrored".to_owned(),
        (Edit::Recolor { to }, Some(was)) => format!("{was} made {to}"),
        (Edit::Recolor { to }, None) => format!("made {to}"),
        (Edit::Place(placement), _) if placement.scale > 1.0 => "a part made larger".to_owned(),
        (Edit::Place(placement), _) if placement.scale < 1.0 => "a part made smaller".to_owned(),
        (Edit::Place(_), _) => "a part moved".to_owned(),
        (Edit::Remove, _) => "a part removed".to_owned(),
    };
    format!("{source}, {what}")
}

/// What two captions differ in, if that is one term of one concept.
pub fn concept_between(one: &str, other: &str) -> Option<Concept> {
    let either = [(one, other), (other, one)];
    either.into_iter().find_map(|(from, to)| {
        let negatives = negative::all(&Caption::new(from), &Concept::ALL);
        negatives.into_iter().find(|negative| negative.caption == to).map(|negative| negative.concept)
    })
}

/// What the button says that saves the visitor's cases.
pub fn challenge_set(cases: usize) -> String {
    format!("Save my test set ({})", count(cases, "case"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::edit::Placement;

    #[test]
    fn a_caption_is_cut_at_its_terms_and_nothing_is_lost() {
        let caption = Caption::new("A red car, left of 🚗");
        let pieces = pieces(&caption);
        assert_eq!(pieces.iter().map(|piece| piece.text).collect::<String>(), caption.text());
        let marked: Vec<_> =
            pieces.iter().filter_map(|p| p.concept.map(|concept| (p.text, concept))).collect();
        assert_eq!(
            marked,
            [("red", Concept::Color), ("car", Concept::Object), ("left of", Concept::Location)]
        );
    }

    #[test]
    fn a_caption_that_names_nothing_is_answered_with_words() {
        let (note, offers) = caption_note(&Caption::new("lovely weather"));
        assert!(note.contains("no color, object, place or size to swap"));
        assert_eq!(offers.len(), 12);
        assert!(offers.contains(&"red") && offers.contains(&"large"));
        let (note, offers) = caption_note(&Caption::new("Der Mann hat einen roten Hut."));
        assert!(note.contains("reads English") && offers.is_empty());
        assert_eq!(caption_note(&Caption::new("  ")).0, "Describe the picture in one sentence.");
        assert_eq!(caption_note(&Caption::new("a red car")), (String::new(), Vec::new()));
    }

    #[test]
    fn what_models_read_badly_is_said_beforehand() {
        let note = |caption: &str| caption_note(&Caption::new(caption)).0;
        assert!(note("a red car, not a bus").contains("“not”"));
        assert!(note("three dogs on a beach").contains("numbers"));
        assert!(note("a woman in a blue suit").contains("a woman for a man"));
    }

    #[test]
    fn a_term_lists_what_can_stand_in_its_place() {
        let (note, found) = alternatives(&Caption::new("A red car"), 0);
        assert_eq!(note, "Instead of “red”:");
        assert!(found.contains(&("blue".into(), "A blue car".into())));
        assert!(found.contains(&("An orange".into(), "An orange car".into())));
    }

    #[test]
    fn a_wrong_detail_is_added_to_all_of_the_caption() {
        let details = wrong_details(&Caption::new("a man with a dog."));
        assert_eq!(details[0], ("next to a bicycle".into(), "a man with a dog next to a bicycle".into()));
        assert!(details.len() > 4 && details.iter().all(|(_, foil)| foil.starts_with("a man with a dog ")));
        assert_eq!(wrong_details(&Caption::new(" ")), []);
    }

    #[test]
    fn of_a_long_caption_only_where_the_rest_begins_is_said() {
        let caption = "a red car ".repeat(50);
        assert_eq!(
            cut_note(&caption, 100),
            "The caption is longer than the models read. They did not see: “a red car a red car a red car a red car …”."
        );
        assert!(cut_note("a red car and a dog 🚗🚗", 9).ends_with("“and a dog 🚗🚗”."));
    }

    #[test]
    fn edits_are_said_in_words() {
        assert_eq!(selection(0.123, Some(ColorName::Red)), "Selected: 12 % of the picture, mostly red.");
        assert_eq!(selection(0.0, None), "Nothing is selected.");
        let named = |edit, was| edited_name("car.jpg", edit, was);
        let blue = Edit::Recolor { to: ColorName::Blue };
        assert_eq!(named(blue, Some(ColorName::Red)), "car.jpg, red made blue");
        let scaled = |scale| Edit::Place(Placement { scale, ..Placement::UNCHANGED });
        assert_eq!(named(scaled(2.0), None), "car.jpg, a part made larger");
        assert_eq!(named(scaled(1.0), None), "car.jpg, a part moved");
    }

    #[test]
    fn captions_of_a_case_differ_in_one_term() {
        let between = |one, other| concept_between(one, other);
        assert_eq!(between("a red car", "a blue car"), Some(Concept::Color));
        assert_eq!(between("a cup on the left", "a cup on the right"), Some(Concept::Location));
        assert_eq!(between("a red car", "a blue dog"), None);
        assert_eq!(between("a red car", "a red car"), None);
        assert_eq!(challenge_set(1), "Save my test set (1 case)");
    }
}
