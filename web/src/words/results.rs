//! What the page says of models and of their answers.

use shared::concept::Concept;
use shared::difference::exchanged;
use shared::similarity::{Kind, Score, Square, Verdict, verdicts};

use crate::protocol::{Answer, Model, Origin};

/// What a model is called in the page: those that come with it by what sets them apart.
pub fn title(name: &str) -> &str {
    match name {
        "photo-plain" | "scene-plain" => "Ordinary training",
        "photo-hard-negative" | "scene-hard-negative" => "Trained on almost-right captions",
        own => own,
    }
}

/// One line on how a model was trained.
pub fn model_note(model: &Model) -> String {
    if model.data.is_empty() {
        return "Published weights, imported.".to_owned();
    }
    let data = in_words(&model.data.split(", ").map(source).collect::<Vec<_>>());
    if title(&model.name) != model.name {
        return format!("{}, {data}", model.name);
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
    format!("Trained on {data} {with}.")
}

/// A source of training data, for people.
fn source(data: &str) -> String {
    match data.split_once(':') {
        None if data == "flickr8k" => "6,000 Flickr photos".to_owned(),
        None if data == "names" => "1,000 named pictures".to_owned(),
        Some(("edits", "flickr8k")) => "recolored ones".to_owned(),
        Some(("edits", files)) => format!("edited images of {files}"),
        Some(("scenes", count)) => format!("{} drawn scenes", with_commas(count)),
        _ => data.to_owned(),
    }
}

/// Some things as one names them: a, b and c.
fn in_words(things: &[String]) -> String {
    match things {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// A number with a comma before each three digits.
pub fn with_commas(digits: &str) -> String {
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
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

/// What a verdict says, and `yes`, `no` or `tie`.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// What the verdict is about, if that is known.
    pub concept: Option<Concept>,
    /// The sentence.
    pub words: String,
    /// Its outcome in one word.
    pub outcome: &'static str,
    /// Whether it answers the visitor's own question.
    pub is_asked: bool,
}

/// What an answer says in sentences: first of the foil that the visitor asks about, then of each concept's strongest foil.
pub fn said(answer: &Answer) -> Vec<Said> {
    let Some(own) = answer.scores.first() else { return Vec::new() };
    let asked = answer.scores.get(1).filter(|_| answer.asked);
    let first = asked.map(|foil| Said { is_asked: true, ..sentence(own, foil, 0) });
    let rest = verdicts(&answer.scores).into_iter().filter_map(|Verdict { concept, strongest, .. }| {
        let of_concept = answer.scores.iter().filter(|score| score.concept == Some(concept)).count();
        let foil = &answer.scores[strongest];
        // Nothing is said twice.
        (asked.is_none_or(|asked| asked.caption != foil.caption)).then(|| sentence(own, foil, of_concept - 1))
    });
    first.into_iter().chain(rest).collect()
}

/// Which of two captions a model picks, and by how much; `others` foils of the same concept are weaker than this one.
fn sentence(own: &Score, foil: &Score, others: usize) -> Said {
    let (ours, theirs) = exchanged(&own.caption, &foil.caption);
    let [ours, theirs] = [ours, theirs].map(without_article);
    let margin = own.similarity - foil.similarity;
    let ahead = lead(margin);
    let others = match others {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        others => format!(" and {others} others"),
    };
    let (words, outcome) = if ours.is_empty() && !theirs.is_empty() {
        // The foil says one thing more.
        match margin {
            margin if margin > 0.0 => (format!("does not believe “{theirs}” ({ahead})"), "yes"),
            margin if margin < 0.0 => (format!("believes “{theirs}” ({ahead})"), "no"),
            _ => (format!("cannot tell whether “{theirs}” is true (a tie)"), "tie"),
        }
    } else if margin > 0.0 {
        (format!("picks “{ours}” over “{theirs}”{others} ({ahead})"), "yes")
    } else if margin < 0.0 {
        (format!("picks “{theirs}” over “{ours}” ({ahead})"), "no")
    } else {
        (format!("cannot tell “{ours}” from “{theirs}” (a tie)"), "tie")
    };
    Said { concept: foil.concept, words, outcome, is_asked: false }
}

/// How far one caption is ahead of another, of a difference of cosines.
pub fn lead(margin: f32) -> String {
    match margin.abs() {
        small if small < 0.005 => "less than 0.01 ahead".to_owned(),
        margin => format!("{margin:.2} ahead"),
    }
}

/// "an orange" stands in place of "a red": what differs is the color and not the article.
pub fn without_article(words: &str) -> &str {
    let lower = words.to_ascii_lowercase();
    let article = ["a ", "an "].into_iter().find(|article| lower.starts_with(article));
    article.map_or(words, |article| &words[article.len()..])
}

/// What each judgement of a square says, in the order image to text, text to image, both.
pub fn square(judged: [bool; 3]) -> [(&'static str, bool); 3] {
    let words = [
        ["each picture picked its own caption", "a picture picked the wrong caption"],
        ["each caption picked its own picture", "a caption picked the wrong picture"],
        ["all four comparisons right", "not all four comparisons right"],
    ];
    std::array::from_fn(|idx| (words[idx][usize::from(!judged[idx])], judged[idx]))
}

/// Which caption each picture picks, and which picture each caption.
pub fn arrows(square: &Square) -> [[usize; 2]; 2] {
    let [[a, b], [c, d]] = square.similarities;
    // A tie is no pick of one's own.
    [[usize::from(a <= b), usize::from(d > c)], [usize::from(a <= c), usize::from(d > b)]]
}

/// What was scored, and in which time.
pub fn scored(answers: &[Answer], millis: f64) -> String {
    let texts = answers.first().map_or(0, |answer| answer.scores.len());
    let [texts, models] = [count(texts, "caption"), count(answers.len(), "model")];
    format!("{texts} scored by {models} in {:.2} s.", millis / 1000.0)
}

/// A number of things.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
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
            let kind = match score.kind {
                Kind::Caption => "caption",
                Kind::Negative => "negative",
            };
            let concept = score.concept.map_or("", Concept::name);
            let names = [image, &answer.model].map(quoted).join(",");
            let caption = quoted(&score.caption);
            format!("{names},{kind},{concept},{caption},{},{}", score.similarity, score.probability)
        }));
    }
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(caption: &str, concept: Option<Concept>, similarity: f32) -> Score {
        let kind = if caption == "a red car" { Kind::Caption } else { Kind::Negative };
        Score { caption: caption.into(), kind, concept, similarity, probability: 0.5 }
    }

    fn answer(foils: &[(&str, Option<Concept>, f32)], asked: bool) -> Answer {
        let own = score("a red car", None, 0.5);
        let foils = foils.iter().map(|(caption, concept, similarity)| score(caption, *concept, *similarity));
        let scores = std::iter::once(own).chain(foils).collect();
        Answer { model: "tiny".into(), scores, asked, cut_at: None, square: None }
    }

    #[test]
    fn a_detail_too_much_is_believed_or_not() {
        let own = score("a red car", None, 0.5);
        let said = |at: f32| sentence(&own, &score("a red car with a dog", None, at), 0);
        assert_eq!((&*said(0.6).words, said(0.6).outcome), ("believes “with a dog” (0.10 ahead)", "no"));
        assert_eq!(
            (&*said(0.3).words, said(0.3).outcome),
            ("does not believe “with a dog” (0.20 ahead)", "yes")
        );
        assert_eq!(said(0.5).outcome, "tie");
    }

    #[test]
    fn arrows_go_to_what_is_more_alike_and_a_tie_is_no_pick_of_ones_own() {
        let arrows = |similarities| arrows(&Square { similarities });
        assert_eq!(arrows([[0.5, 0.1], [0.2, 0.6]]), [[0, 1], [0, 1]]);
        assert_eq!(arrows([[0.5, 0.7], [0.2, 0.6]]), [[1, 1], [0, 0]]);
        assert_eq!(arrows([[0.5, 0.5], [0.5, 0.5]]), [[1, 0], [1, 0]]);
    }

    #[test]
    fn a_verdict_says_what_the_model_picks_and_by_how_much() {
        let of = |other: f32| {
            let said = said(&answer(&[("an orange car", Some(Concept::Color), other)], false));
            (said[0].words.clone(), said[0].outcome)
        };
        assert_eq!(of(0.19), ("picks “red” over “orange” (0.31 ahead)".into(), "yes"));
        assert_eq!(of(0.75), ("picks “orange” over “red” (0.25 ahead)".into(), "no"));
        assert_eq!(of(0.499).0, "picks “red” over “orange” (less than 0.01 ahead)");
        assert_eq!(of(0.5), ("cannot tell “red” from “orange” (a tie)".into(), "tie"));
    }

    #[test]
    fn the_foil_that_was_asked_about_comes_first_and_once() {
        let foils = [
            ("a blue car", Some(Concept::Color), 0.4),
            ("a green car", Some(Concept::Color), 0.3),
            ("a red cat", Some(Concept::Object), 0.6),
        ];
        let words = |asked: bool| {
            let said = said(&answer(&foils, asked));
            said.into_iter().map(|said| (said.words, said.is_asked)).collect::<Vec<_>>()
        };
        let of_car = ("picks “cat” over “car” (0.10 ahead)".to_owned(), false);
        assert_eq!(
            words(false),
            [("picks “red” over “blue” and 1 other (0.10 ahead)".into(), false), of_car.clone()]
        );
        assert_eq!(words(true), [("picks “red” over “blue” (0.10 ahead)".into(), true), of_car]);
        let of_taste = said(&answer(&[("a red and shiny car", None, 0.4)], true));
        assert_eq!((of_taste.len(), of_taste[0].concept), (1, None));
    }

    #[test]
    fn models_are_called_by_what_sets_them_apart() {
        let model = |name: &str, negatives: &str, data: &str| Model {
            name: name.into(),
            negatives: negatives.into(),
            data: data.into(),
            bytes: 1,
            heap: 1,
            origin: Origin::File,
            judges_pairs: false,
        };
        assert_eq!(title("photo-hard-negative"), "Trained on almost-right captions");
        assert_eq!(
            model_note(&model("photo-hard-negative", "all", "flickr8k, edits:flickr8k, names")),
            "photo-hard-negative, 6,000 Flickr photos, recolored ones and 1,000 named pictures"
        );
        assert_eq!(
            model_note(&model("mine", "color,mined", "scenes:120000, cats")),
            "Trained on 120,000 drawn scenes and cats with hard negatives of color and captions of other pictures \
             as hard negatives."
        );
        assert_eq!(model_note(&model("clip", "none", "")), "Published weights, imported.");
        assert_eq!(with_commas("1234567"), "1,234,567");
    }

    #[test]
    fn answers_travel_as_tables_and_quotes_do_not_break_them() {
        let mut of_car = answer(&[("a \"blue\" car, parked", None, 0.25)], true);
        of_car.scores[0].probability = 1.0;
        let table = csv("car.jpg", std::slice::from_ref(&of_car));
        assert_eq!(table.lines().nth(1), Some("\"car.jpg\",\"tiny\",caption,,\"a red car\",0.5,1"));
        assert_eq!(
            table.lines().nth(2),
            Some("\"car.jpg\",\"tiny\",negative,,\"a \"\"blue\"\" car, parked\",0.25,0.5")
        );
        let text = json("car.jpg", &[of_car]).expect("json");
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["answers"][0]["scores"][0]["similarity"], 0.5);
    }

    #[test]
    fn things_are_counted_and_squares_said() {
        assert_eq!(scored(&[answer(&[], false)], 123.0), "1 caption scored by 1 model in 0.12 s.");
        assert_eq!(count(2, "picture"), "2 pictures");
        assert_eq!(square([true, false, false])[1], ("a caption picked the wrong picture", false));
    }
}
