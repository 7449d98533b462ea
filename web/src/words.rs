//! What the page says, made of plain values and tested natively.

use shared::caption::Caption;
use shared::concept::Concept;
use shared::difference::exchanged;
use shared::lexicon::lexicon;
use shared::negative;
use shared::scene::ColorName;
use shared::similarity::{Score, Verdict};

use crate::edit::Edit;
use crate::protocol::{Answer, Model, Origin};

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
        return ("Type what the picture shows.".into(), Vec::new());
    }
    if !caption.is_english() {
        return ("Foil reads English, so it swaps no word of this caption.".into(), Vec::new());
    }
    if negative::all(caption, &Concept::ALL).is_empty() {
        let offers = Concept::ALL.into_iter().flat_map(|concept| lexicon().examples(concept).take(3));
        let words = "No word here names a color, object, place or size that Foil knows, so there is nothing to \
                     exchange. Add one:";
        return (words.into(), offers.collect());
    }
    (String::new(), Vec::new())
}

/// What can stand in place of a term, and the caption that each makes.
pub fn alternatives(caption: &Caption, term: usize) -> (String, Vec<(String, String)>) {
    let word = &caption.text()[caption.terms()[term].span.clone()];
    let negatives = negative::of_term(caption, term);
    let note = if negatives.is_empty() {
        format!("Foil knows nothing that could stand in place of “{word}” here.")
    } else {
        format!("Instead of “{word}”:")
    };
    (note, negatives.into_iter().map(|negative| (negative.to, negative.caption)).collect())
}

/// What was not read of a caption that is too long.
pub fn cut_note(caption: &str, cut_at: usize) -> String {
    let rest = caption[cut_at..].trim();
    format!("The caption is longer than the models read. They did not see: “{rest}”.")
}

/// One line on how a model was trained.
pub fn model_note(model: &Model) -> String {
    if model.data.is_empty() {
        return "Published weights, imported.".to_owned();
    }
    let kind = |kind: &str| match kind {
        "all" => "hard negatives of all concepts".to_owned(),
        "mined" => "captions of other pictures as hard negatives".to_owned(),
        "given" => "hard negatives that its data gives".to_owned(),
        concept => format!("hard negatives of {concept}"),
    };
    let with = match model.negatives.as_str() {
        "none" => "without hard negatives".to_owned(),
        kinds => format!("with {}", kinds.split(',').map(kind).collect::<Vec<_>>().join(" and ")),
    };
    format!("Trained on {} {with}.", model.data)
}

/// Size and origin of a model.
pub fn model_facts(model: &Model) -> String {
    let origin = match model.origin {
        Origin::Downloaded => "downloaded",
        Origin::Cache => "from cache",
        Origin::File => "your file",
    };
    format!("{}, {origin}", size(model.bytes))
}

/// A number of bytes for people.
pub fn size(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The words of a verdict, and `yes`, `no` or `tie`.
pub fn verdict(caption: &str, scores: &[Score], verdict: &Verdict) -> (String, &'static str) {
    let (from, to) = exchanged(caption, &scores[verdict.strongest].caption);
    let margin = match verdict.margin.abs() {
        small if small < 0.005 => "less than 0.01".to_owned(),
        margin => format!("{margin:.2}"),
    };
    if verdict.margin > 0.0 {
        (format!("knows {from} from {to} here: yes, by {margin}"), "yes")
    } else if verdict.margin < 0.0 {
        (format!("knows {from} from {to} here: no, {to} leads by {margin}"), "no")
    } else {
        (format!("knows {from} from {to} here: no, a tie"), "tie")
    }
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
        (Edit::Place(placement), _) if placement.scale > 1.0 => "made larger".to_owned(),
        (Edit::Place(placement), _) if placement.scale < 1.0 => "made smaller".to_owned(),
        (Edit::Place(_), _) => "moved".to_owned(),
        (Edit::Remove, _) => "removed".to_owned(),
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
    format!("Save challenge set ({cases} {})", if cases == 1 { "case" } else { "cases" })
}

/// A number with its sign.
pub fn signed(number: f32) -> String {
    // No minus before what is rounded to nothing.
    let number = if number.abs() < 0.000_5 { 0.0 } else { number };
    format!("{number:+.3}").replace('-', "−")
}

/// Where a cell of a square map lies.
fn place(at: usize, side: usize) -> String {
    let third = |part: usize| (3 * part) / side;
    let [down, across] = [third(at / side), third(at % side)];
    match (["upper", "", "lower"][down], ["left", "", "right"][across]) {
        ("", "") => "the middle".to_owned(),
        ("", across) => format!("the {across} edge"),
        (down, "") => format!("the {down} middle"),
        (down, across) => format!("the {down} {across}"),
    }
}

/// What a map says in a sentence: the cells without which a similarity falls most, and those without which it rises most.
pub fn relevance(model: &str, falls: &[f32], side: usize) -> String {
    let by = |sign: f32| falls.iter().enumerate().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    let (Some((most, fall)), Some((least, rise))) = (by(1.0), by(-1.0)) else { return String::new() };
    let mut said = format!("{model} leans most on {} ({}).", place(most, side), signed(*fall));
    if *rise < 0.0 {
        said += &format!(" What is in {} speaks against it ({}).", place(least, side), signed(*rise));
    }
    if falls.len() < side * side { format!("So far, {said}") } else { said }
}

/// The numbers of one cell of a map, for caption and foil.
pub fn cell(at: usize, side: usize, [caption, foil]: [f32; 2]) -> String {
    format!(
        "Row {}, column {}: worth {} to your caption and {} to the foil.",
        at / side + 1,
        at % side + 1,
        signed(caption),
        signed(foil)
    )
}

/// The answers of all models to one image, for other programs.
///
/// # Errors
/// If a number is not one.
pub fn json(image: &str, answers: &[Answer]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&serde_json::json!({ "image": image, "answers": answers }))
}

/// The same as a table, one line for each model and caption (RFC 4180).
pub fn csv(image: &str, answers: &[Answer]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut lines = vec!["image,model,kind,concept,caption,similarity,probability".to_owned()];
    for answer in answers {
        lines.extend(answer.scores.iter().map(|score| {
            let kind = if score.concept.is_none() { "caption" } else { "negative" };
            let concept = score.concept.map_or("", Concept::name);
            let names = [image, &answer.model].map(quoted).join(",");
            let caption = quoted(&score.caption);
            format!("{names},{kind},{concept},{caption},{},{}", score.similarity, score.probability)
        }));
    }
    lines.join("\r\n") + "\r\n"
}

/// What each judgement of a square says, in the order image to text, text to image, both.
pub fn square(judged: [bool; 3]) -> [(&'static str, bool); 3] {
    let words = [
        ["each picture prefers its caption", "not each picture prefers its caption"],
        ["each caption prefers its picture", "not each caption prefers its picture"],
        ["all four agree", "not all four agree"],
    ];
    std::array::from_fn(|idx| (words[idx][usize::from(!judged[idx])], judged[idx]))
}

#[cfg(test)]
mod tests {
    use shared::similarity::{Kind, verdicts};

    use super::*;
    use crate::edit::Placement;

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
        assert!(note.contains("nothing to exchange"));
        assert_eq!(offers.len(), 12);
        assert!(offers.contains(&"red") && offers.contains(&"large"));
        let (note, offers) = caption_note(&Caption::new("Der Mann hat einen roten Hut."));
        assert!(note.contains("reads English") && offers.is_empty());
        assert_eq!(caption_note(&Caption::new("  ")).0, "Type what the picture shows.");
        assert_eq!(caption_note(&Caption::new("a red car")), (String::new(), Vec::new()));
    }

    #[test]
    fn a_term_lists_what_can_stand_in_its_place() {
        let (note, found) = alternatives(&Caption::new("A red car"), 0);
        assert_eq!(note, "Instead of “red”:");
        assert!(found.contains(&("blue".into(), "A blue car".into())));
        assert!(found.contains(&("An orange".into(), "An orange car".into())));
    }

    #[test]
    fn edits_and_squares_are_said_in_words() {
        assert_eq!(selection(0.123, Some(ColorName::Red)), "Selected: 12 % of the picture, mostly red.");
        assert_eq!(selection(0.0, None), "Nothing is selected.");
        let named = |edit, was| edited_name("car.jpg", edit, was);
        let blue = Edit::Recolor { to: ColorName::Blue };
        assert_eq!(named(blue, Some(ColorName::Red)), "car.jpg, red made blue");
        let scaled = |scale| Edit::Place(Placement { scale, ..Placement::UNCHANGED });
        assert_eq!(named(scaled(2.0), None), "car.jpg, made larger");
        assert_eq!(named(scaled(1.0), None), "car.jpg, moved");
        assert_eq!(square([true, false, false])[1], ("not each caption prefers its picture", false));
    }

    #[test]
    fn answers_travel_as_tables_and_quotes_do_not_break_them() {
        let score = Score {
            caption: "a \"red\" car, parked".into(),
            kind: Kind::Caption,
            concept: None,
            similarity: 0.5,
            probability: 1.0,
        };
        let answer = Answer { model: "tiny".into(), scores: vec![score], cut_at: None, square: None };
        let table = csv("car.jpg", std::slice::from_ref(&answer));
        assert_eq!(
            table.lines().nth(1),
            Some("\"car.jpg\",\"tiny\",caption,,\"a \"\"red\"\" car, parked\",0.5,1")
        );
        let text = json("car.jpg", &[answer]).expect("json");
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["answers"][0]["scores"][0]["similarity"], 0.5);
    }

    #[test]
    fn captions_of_a_case_differ_in_one_term() {
        let between = |one, other| concept_between(one, other);
        assert_eq!(between("a red car", "a blue car"), Some(Concept::Color));
        assert_eq!(between("a cup on the left", "a cup on the right"), Some(Concept::Location));
        assert_eq!(between("a red car", "a blue dog"), None);
        assert_eq!(between("a red car", "a red car"), None);
        assert_eq!(challenge_set(1), "Save challenge set (1 case)");
    }

    #[test]
    fn a_map_is_said_in_a_sentence() {
        let mut falls = vec![0.0; 49];
        falls[0] = 0.2;
        falls[24] = -0.1;
        assert_eq!(
            relevance("tiny", &falls, 7),
            "tiny leans most on the upper left (+0.200). What is in the middle speaks against it (−0.100)."
        );
        assert!(relevance("tiny", &falls[..7], 7).starts_with("So far, tiny leans most on the upper left"));
        assert_eq!(relevance("tiny", &[], 7), "");
        assert_eq!(place(6, 7), "the upper right");
        assert_eq!(place(21, 7), "the left edge");
        assert_eq!(place(45, 7), "the lower middle");
        assert_eq!(
            cell(8, 7, [0.1, -0.000_1]),
            "Row 2, column 2: worth +0.100 to your caption and +0.000 to the foil."
        );
    }

    #[test]
    fn a_verdict_says_who_leads_and_by_how_much() {
        let score = |caption: &str, concept: Option<Concept>, similarity| Score {
            caption: caption.into(),
            kind: if concept.is_none() { Kind::Caption } else { Kind::Negative },
            concept,
            similarity,
            probability: 0.5,
        };
        let said = |other: f32| {
            let scores = [score("a red car", None, 0.5), score("a blue car", Some(Concept::Color), other)];
            verdict("a red car", &scores, &verdicts(&scores)[0])
        };
        assert_eq!(said(0.19), ("knows red from blue here: yes, by 0.31".into(), "yes"));
        assert_eq!(said(0.75), ("knows red from blue here: no, blue leads by 0.25".into(), "no"));
        assert_eq!(said(0.499).0, "knows red from blue here: yes, by less than 0.01");
        assert_eq!(said(0.5).1, "tie");
    }
}
