//! From facts to words: the ways of putting what a caption says.

use rand::{Rng, RngExt};

use super::Scene;
use super::color::ColorName;
use super::layout::{Side, SizeName};
use super::statement::{Mention, Statement, kinds_differ, order};
use crate::negative::starts_with_vowel_sound;
use crate::seed;

/// A caption of `scene`: one to three of its objects, with varied detail and wording.
///
/// Everything it says is true; colors are nearly always named, sizes and places often.
pub fn caption(scene: &Scene, rng: &mut impl Rng) -> String {
    let objects = scene.objects();
    let order = order(rng, objects.len());
    let mut statement = Statement::about(rng, objects, &order);
    statement.locate(rng, objects, &order);
    Wording::sample(rng, kinds_differ(objects)).text(&statement)
}

/// The caption that a seed stands for, of the scene that it stands for.
pub fn caption_of_seed(seed: u64) -> String {
    caption(&Scene::from_seed(seed), &mut seed::rng(&[seed]))
}

/// How a statement is put, apart from its terms.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    opening: &'static str,
    /// "the ball is red" rather than "a red ball".
    definite: bool,
    /// Of color and size, the one that "is" announces.
    size_last: bool,
    /// "on the left, a red ball".
    place_first: Option<&'static str>,
    /// "big" and "little" rather than "large" and "small".
    plain_size: bool,
    /// "to the left of" rather than "left of".
    toward: bool,
    of_the_image: bool,
    joiner: &'static str,
    capital: bool,
    stop: bool,
}

const OPENINGS: [&str; 12] = [
    "",
    "",
    "",
    "a photo of ",
    "a picture of ",
    "an image of ",
    "a drawing of ",
    "there is ",
    "here is ",
    "this is ",
    "the picture shows ",
    "you can see ",
];

impl Wording {
    /// A way of putting a statement; `the` allows ones that presuppose one thing of each kind.
    pub(super) fn sample(rng: &mut impl Rng, the: bool) -> Wording {
        let opening = OPENINGS[rng.random_range(0..OPENINGS.len())];
        Wording {
            opening,
            definite: rng.random_bool(0.25) && the,
            size_last: rng.random_bool(0.4),
            place_first: [None, None, None, Some(", "), Some(" is "), Some(" there is ")]
                [rng.random_range(0..6)],
            plain_size: rng.random_bool(0.4),
            toward: rng.random_bool(0.6),
            of_the_image: rng.random_bool(0.35) && !opening.contains("picture"),
            joiner: [" and ", " and ", ", "][rng.random_range(0..3)],
            capital: rng.random_bool(0.4),
            stop: rng.random_bool(0.4),
        }
    }

    /// The caption in this wording.
    pub(super) fn text(&self, statement: &Statement) -> String {
        let mut text = match self.claims(statement) {
            Some(claims) => claims,
            None => self.phrases(statement),
        };
        if self.capital {
            text[..1].make_ascii_uppercase();
        }
        if self.stop {
            text.push('.');
        }
        text
    }

    /// "the ball is red"; `None` where this wording is another or a mention has nothing to claim.
    fn claims(&self, statement: &Statement) -> Option<String> {
        if !self.definite {
            return None;
        }
        if let (Some(side), [first, second]) = (statement.relation, statement.mentions.as_slice()) {
            let (first, second) = (self.noun(first), self.noun(second));
            return Some(format!("the {first} is {} the {second}", self.relation(side)));
        }
        let claim = |mention: &Mention| {
            let mut subject = mention.clone();
            let predicate = if let Some(side) = subject.place.take() {
                self.place(side)
            } else if subject.size.is_some() && (self.size_last || subject.color.is_none()) {
                subject.size.take().map(|size| self.size(size).to_owned())?
            } else {
                subject.color.take()?.name().to_owned()
            };
            Some(format!("the {} is {predicate}", self.noun(&subject)))
        };
        let claims: Option<Vec<String>> = statement.mentions.iter().map(claim).collect();
        Some(list(&claims?, " and "))
    }

    /// "a photo of a red ball on the left".
    fn phrases(&self, statement: &Statement) -> String {
        let noun = |mention: &Mention| with_article(&self.noun(mention));
        match statement.mentions.as_slice() {
            [first, second] if statement.relation.is_some() => {
                let relation = statement.relation.map_or(String::new(), |side| self.relation(side));
                format!("{}{} {relation} {}", self.opening, noun(first), noun(second))
            }
            [Mention { place: Some(side), .. }] if self.place_first.is_some() => {
                let link = self.place_first.unwrap_or(" ");
                format!("{}{link}{}", self.place(*side), noun(&statement.mentions[0]))
            }
            mentions => {
                let placed = mentions.iter().map(|mention| match mention.place {
                    Some(side) => format!("{} {}", noun(mention), self.place(side)),
                    None => noun(mention),
                });
                format!("{}{}", self.opening, list(&placed.collect::<Vec<_>>(), self.joiner))
            }
        }
    }

    /// Size, color and kind without an article.
    fn noun(&self, mention: &Mention) -> String {
        let size = mention.size.map(|size| self.size(size));
        let color = mention.color.map(ColorName::name);
        let words = [size, color, Some(mention.kind.name())];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The word for a size.
    pub(super) fn size(&self, size: SizeName) -> &'static str {
        match (size, self.plain_size) {
            (SizeName::Large, false) => "large",
            (SizeName::Large, true) => "big",
            (SizeName::Small, false) => "small",
            (SizeName::Small, true) => "little",
            (SizeName::Medium, _) => "medium",
        }
    }

    fn place(&self, side: Side) -> String {
        let preposition = if side.is_across() { "on" } else { "at" };
        let of = if self.of_the_image { " of the picture" } else { "" };
        format!("{preposition} the {}{of}", place_word(side))
    }

    fn relation(&self, side: Side) -> String {
        let word = relation_word(side);
        match (side.is_across(), self.toward) {
            (true, true) => format!("to the {word} of"),
            (true, false) => format!("{word} of"),
            (false, _) => word.to_owned(),
        }
    }
}

/// The term that tells a place in the image from the one across.
pub(super) fn place_word(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
        Side::Top => "top",
        Side::Bottom => "bottom",
    }
}

/// The term that tells a relation from its converse.
pub(super) fn relation_word(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
        Side::Top => "above",
        Side::Bottom => "below",
    }
}

fn with_article(noun: &str) -> String {
    let article = if starts_with_vowel_sound(noun) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// Up to three parts, the last two joined by "and", or by `joiner` where there are two.
fn list(parts: &[String], joiner: &str) -> String {
    match parts {
        [first, second] => format!("{first}{joiner}{second}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        parts => parts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::Kind;

    const SHORT: Wording = Wording {
        opening: "there is ",
        definite: false,
        size_last: false,
        place_first: None,
        plain_size: true,
        toward: true,
        of_the_image: false,
        joiner: " and ",
        capital: false,
        stop: false,
    };

    fn mention(color: ColorName, kind: Kind) -> Mention {
        Mention { size: Some(SizeName::Small), color: Some(color), kind, place: None }
    }

    #[test]
    fn one_statement_can_be_put_in_several_ways() {
        let two = vec![mention(ColorName::Red, Kind::Ball), mention(ColorName::Orange, Kind::Apple)];
        let related = Statement { mentions: two, relation: Some(Side::Left) };
        let listed = Statement { relation: None, ..related.clone() };
        let definite = Wording { definite: true, capital: true, stop: true, ..SHORT };
        let said = [&related, &listed].map(|statement| [SHORT.text(statement), definite.text(statement)]);
        let expected = [
            [
                "there is a little red ball to the left of a little orange apple",
                "The little red ball is to the left of the little orange apple.",
            ],
            [
                "there is a little red ball and a little orange apple",
                "The little ball is red and the little apple is orange.",
            ],
        ];
        assert_eq!(said, expected.map(|row| row.map(str::to_owned)));
    }

    #[test]
    fn a_place_can_come_first() {
        let placed =
            Mention { place: Some(Side::Top), size: None, ..mention(ColorName::Blue, Kind::Umbrella) };
        let statement = Statement { mentions: vec![placed.clone()], relation: None };
        let first = Wording { place_first: Some(", "), of_the_image: true, ..SHORT };
        assert_eq!(first.text(&statement), "at the top of the picture, a blue umbrella");
        let bare = Statement { mentions: vec![Mention { color: None, ..placed }], relation: None };
        assert_eq!(SHORT.text(&bare), "there is an umbrella at the top");
    }
}
