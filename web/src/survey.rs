//! Many captioned images at once: how often each model is right, and where it is furthest from it.

mod export;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::caption::Caption;
use shared::caption_table::CaptionTable;
use shared::concept::Concept;
use shared::interval::wilson;
use shared::similarity::verdicts;

use crate::protocol::{Answer, ImageId};

pub use export::{csv, report, shown_in_report, tsv};

/// An image, and what every model made of its caption.
#[derive(Clone, Debug)]
pub struct Item {
    /// Which image.
    pub image: ImageId,
    /// Its file.
    pub name: String,
    /// One answer a model.
    pub answers: Vec<Answer>,
}

/// Whether a model got a concept of a caption right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The model.
    pub model: String,
    /// The concept.
    pub concept: Concept,
    /// Whether the caption beat all its foils of the concept.
    pub is_right: bool,
    /// How likely a guess is right: one in all captions that compete.
    pub chance: f64,
}

/// An outcome, and what was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The image's file.
    pub image: String,
    /// Its caption.
    pub caption: String,
    /// What a model made of it.
    pub outcome: Outcome,
}

impl Noted {
    /// What makes a question the same.
    pub fn question(&self) -> (&str, &str, &str, Concept) {
        (&self.image, &self.caption, &self.outcome.model, self.outcome.concept)
    }
}

/// How often a model is right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// How often it was.
    pub hits: usize,
    /// Of how many.
    pub n: usize,
    /// How often a guess would be, as a share.
    pub chance: f64,
}

impl Share {
    /// The share, from 0 to 1.
    pub fn value(&self) -> f64 {
        self.hits as f64 / self.n as f64
    }

    /// Its 95 % interval.
    pub fn interval(&self) -> [f64; 2] {
        wilson(self.hits as f64, self.n)
    }
}

/// The outcome of every concept of an answer.
pub fn outcomes(answer: &Answer) -> Vec<Outcome> {
    let outcome = |concept: Concept, margin: f32| {
        let foils = answer.scores.iter().filter(|score| score.concept == Some(concept)).count();
        let (model, chance) = (answer.model.clone(), 1.0 / (foils + 1) as f64);
        Outcome { model, concept, is_right: margin > 0.0, chance }
    };
    verdicts(&answer.scores).into_iter().map(|verdict| outcome(verdict.concept, verdict.margin)).collect()
}

/// How often each model is right on each concept; models in the order in which they come first.
pub fn shares<'a>(
    outcomes: impl IntoIterator<Item = &'a Outcome>,
) -> BTreeMap<Concept, Vec<(String, Share)>> {
    let mut shares: BTreeMap<Concept, Vec<(String, Share)>> = BTreeMap::new();
    for outcome in outcomes {
        let models = shares.entry(outcome.concept).or_default();
        let at = models.iter().position(|(model, _)| *model == outcome.model).unwrap_or(models.len());
        if at == models.len() {
            models.push((outcome.model.clone(), Share::default()));
        }
        let share = &mut models[at].1;
        // A mean that is kept up to date.
        share.chance += (outcome.chance - share.chance) / (share.n + 1) as f64;
        share.hits += usize::from(outcome.is_right);
        share.n += 1;
    }
    shares
}

/// A foil that a model prefers to the caption of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Miss {
    /// Which image.
    pub image: ImageId,
    /// Its file.
    pub name: String,
    /// What the foil exchanges.
    pub concept: Concept,
    /// The caption.
    pub caption: String,
    /// The foil.
    pub foil: String,
    /// How far the foil is ahead, in cosine.
    pub ahead: f32,
    /// Whether some other model gets this right.
    pub is_known_elsewhere: bool,
}

/// What a model gets wrong, the widest lead of a foil first.
pub fn misses(items: &[Item], model: &str) -> Vec<Miss> {
    let mut misses = Vec::new();
    for item in items {
        let Some(answer) = item.answers.iter().find(|answer| answer.model == model) else { continue };
        for verdict in verdicts(&answer.scores).into_iter().filter(|verdict| verdict.margin <= 0.0) {
            let mut others = item.answers.iter().filter(|other| other.model != model).flat_map(outcomes);
            let is_right = |other: Outcome| other.concept == verdict.concept && other.is_right;
            misses.push(Miss {
                image: item.image,
                name: item.name.clone(),
                concept: verdict.concept,
                caption: answer.scores[0].caption.clone(),
                foil: answer.scores[verdict.strongest].caption.clone(),
                ahead: -verdict.margin,
                is_known_elsewhere: others.any(is_right),
            });
        }
    }
    misses.sort_by(|a, b| b.ahead.total_cmp(&a.ahead));
    misses
}

/// Where captions came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Captions {
    /// Nowhere.
    #[default]
    None,
    /// From files beside the images.
    Files,
    /// From the names of the images.
    Names,
}

/// The caption of each image that has one: from tables, from texts with the name of the image, or, if there is neither, from
/// names that name something (`a-red-car_2.jpg`). `images` are names of files, `texts` names and contents of others.
///
/// # Errors
/// A sentence about each table that cannot be read.
pub fn captions_for(
    images: &[String],
    texts: &[(String, String)],
) -> (BTreeMap<String, String>, Captions, Vec<String>) {
    let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, text) in texts {
        if let Some(stem) = name.strip_suffix(".txt") {
            let caption = text.lines().next().unwrap_or_default().trim();
            let of_stem = images.iter().filter(|image| stem_of(image) == stem);
            found.extend(of_stem.map(|image| (image.clone(), caption.to_owned())));
            continue;
        }
        match CaptionTable::read(text) {
            Ok(table) => {
                for row in table.rows {
                    let image = row.image.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                    // The first of several captions.
                    found.entry(image).or_insert(row.caption);
                }
            }
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    found.retain(|image, caption| !caption.is_empty() && images.contains(image));
    if !found.is_empty() {
        return (found, Captions::Files, problems);
    }
    found.extend(images.iter().filter_map(|image| Some((image.clone(), caption_in(image)?))));
    let source = if found.is_empty() { Captions::None } else { Captions::Names };
    (found, source, problems)
}

fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The caption that a file's name is: words, and one of them names a concept.
fn caption_in(name: &str) -> Option<String> {
    let words: Vec<&str> =
        stem_of(name).split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ").to_lowercase();
    (words.len() > 1 && !Caption::new(&text).terms().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use shared::similarity::{Kind, Score};

    use super::*;

    fn answer(model: &str, own: f32, foils: &[(&str, Concept, f32)]) -> Answer {
        let score = |caption: &str, kind, concept, similarity| Score {
            caption: caption.to_owned(),
            kind,
            concept,
            similarity,
            probability: 0.5,
        };
        let mut scores = vec![score("a red car", Kind::Caption, None, own)];
        scores
            .extend(foils.iter().map(|(text, concept, at)| score(text, Kind::Negative, Some(*concept), *at)));
        Answer { model: model.to_owned(), scores, asked: false, cut_at: None, square: None }
    }

    pub(super) fn items() -> Vec<Item> {
        let foils = |blue, green, bus| {
            [
                ("a blue car", Concept::Color, blue),
                ("a green car", Concept::Color, green),
                ("a red bus", Concept::Object, bus),
            ]
        };
        let item = |image, one: Answer, other: Answer| Item {
            image,
            name: format!("{image}.jpg"),
            answers: vec![one, other],
        };
        vec![
            item(1, answer("a", 0.5, &foils(0.6, 0.7, 0.4)), answer("b", 0.5, &foils(0.1, 0.2, 0.4))),
            item(2, answer("a", 0.5, &foils(0.1, 0.1, 0.9)), answer("b", 0.5, &foils(0.1, 0.1, 0.5))),
        ]
    }

    #[test]
    fn shares_count_concepts_against_all_their_foils() {
        let outcomes: Vec<Outcome> =
            items().iter().flat_map(|item| &item.answers).flat_map(outcomes).collect();
        let shares = shares(&outcomes);
        let share = |concept, model: &str| {
            shares[&concept].iter().find(|(name, _)| name == model).expect("the model's share").1
        };
        assert_eq!((share(Concept::Color, "a").hits, share(Concept::Color, "a").n), (1, 2));
        assert!((share(Concept::Color, "a").chance - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(share(Concept::Color, "b").value(), 1.0);
        assert_eq!(share(Concept::Object, "b").hits, 1, "a tie is a miss");
        assert_eq!(share(Concept::Object, "b").chance, 0.5);
        let [low, high] = share(Concept::Color, "a").interval();
        assert!(low < 0.5 && high > 0.5 && low > 0.0 && high < 1.0);
    }

    #[test]
    fn the_widest_miss_comes_first() {
        let missed = misses(&items(), "a");
        let found: Vec<_> =
            missed.iter().map(|miss| (miss.image, &*miss.foil, miss.is_known_elsewhere)).collect();
        assert_eq!(found, [(2, "a red bus", false), (1, "a green car", true)]);
        assert!((missed[0].ahead - 0.4).abs() < 1e-6);
        assert_eq!(misses(&items(), "b").len(), 1);
        assert_eq!(misses(&items(), "c"), []);
    }

    #[test]
    fn captions_come_from_tables_texts_or_names() {
        let images = ["a.jpg", "b.jpg", "a-red-car_2.jpg", "IMG_001.jpg"].map(str::to_owned);
        let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let table = text("captions.csv", "image,caption\nphotos/a.jpg,a dog\na.jpg,another\nz.jpg,a cow\n");
        let (found, source, problems) = captions_for(&images, &[table, text("b.txt", "a cat\nmore")]);
        assert_eq!(found, BTreeMap::from([text("a.jpg", "a dog"), text("b.jpg", "a cat")]));
        assert_eq!((source, problems.len()), (Captions::Files, 0));

        let (found, source, problems) = captions_for(&images, &[text("notes.csv", "x,y\n1,2\n")]);
        assert_eq!(found, BTreeMap::from([text("a-red-car_2.jpg", "a red car")]));
        assert_eq!(source, Captions::Names);
        assert!(problems[0].starts_with("notes.csv: expected a header"), "{problems:?}");
        assert_eq!(captions_for(&images[3..], &[]).1, Captions::None);
    }
}
