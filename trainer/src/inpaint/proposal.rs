//! What can be changed: a term of a caption that says something of a thing with a mask.

use std::sync::Arc;

use shared::caption::{Caption, Term};
use shared::concept::Concept;
use shared::lexicon::lexicon;
use shared::mask::Mask;
use shared::negative::{self, Guard, HardNegative, Recipe};

use super::things::Thing;

/// A thing takes at least this share of its image, or nobody sees what changed.
const LEAST: f64 = 0.01;
/// And at most this one, or there is nothing around it.
const MOST: f64 = 0.8;
/// Where a caption speaks of one thing and several are there, it speaks of one this many times as large as the next.
const DOMINANT: f64 = 4.0;

/// A change of one term and of the thing that it is said of.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The new caption, and what is exchanged.
    pub negative: HardNegative,
    /// What the changed thing is, in words: `blue car`.
    pub prompt: String,
    /// The word for the thing in the caption: `car`.
    pub noun: String,
    /// Where the thing is. All changes of a term share it.
    pub mask: Arc<Mask>,
    /// Whether these are several things.
    pub is_plural: bool,
    /// The adjectives of color and size before the word for the thing, which the new caption keeps where the thing is
    /// exchanged.
    pub kept: Vec<String>,
}

impl Proposal {
    /// Every change of a concept, terms from left to right, and of each the negatives in the order in which they were drawn.
    pub fn all(
        caption: &Caption,
        concept: Concept,
        things: &[Thing],
        guard: &Guard,
        rng: &mut impl rand::Rng,
    ) -> Vec<Proposal> {
        let concepts = [concept];
        let recipe = Recipe { guard: Some(guard), ..Recipe::replace(&concepts) };
        let negatives = negative::draw(caption, &recipe, usize::MAX, rng);
        let terms = caption.terms().iter().filter(|term| term.concept == concept);
        let of_term = |term: &Term| {
            let noun = noun(caption, term)?;
            let (mask, is_plural) = thing(caption, noun, concept, things)?;
            let mask = Arc::new(mask);
            let adjectives = if concept == Concept::Object { adjectives(caption, noun) } else { Vec::new() };
            let kept =
                adjectives.iter().map(|of| caption.lower(of.span.clone()).to_owned()).collect::<Vec<_>>();
            let of_term = negatives
                .iter()
                .filter(|negative| negative.start <= term.span.start && term.span.start < negative.end);
            let proposal = |negative: &HardNegative| Proposal {
                negative: negative.clone(),
                prompt: prompt(caption, negative, adjectives.first(), noun),
                kept: kept.clone(),
                noun: caption.lower(noun.span.clone()).to_owned(),
                mask: Arc::clone(&mask),
                is_plural,
            };
            Some(of_term.map(proposal).collect::<Vec<_>>())
        };
        terms.filter_map(of_term).flatten().collect()
    }

    /// Whether another change of the same term says the same in another word: *grey* for *gray*.
    pub fn looks_like(&self, other: &Proposal) -> bool {
        let [own, others] = [self, other].map(|of| bare(&of.negative.to));
        self.negative.start == other.negative.start && (own == others || lexicon().look_alike(&own, &others))
    }
}

/// Some words without the article before them.
pub fn bare(words: &str) -> String {
    let words = words.to_lowercase();
    ["a ", "an "].iter().find_map(|article| words.strip_prefix(article)).unwrap_or(&words).to_owned()
}

/// The thing that a term is said of: the object itself, or the one that stands right behind an adjective, perhaps with another
/// adjective between. In "a black and white dog" neither color is that of the dog.
fn noun<'c>(caption: &'c Caption, term: &'c Term) -> Option<&'c Term> {
    if term.concept == Concept::Object {
        return Some(term);
    }
    let is_joined = |word: Option<&str>| matches!(word, Some("and" | "or" | "&"));
    let before = term.words.start.checked_sub(1).and_then(|word| caption.word(word));
    if is_joined(before) || is_joined(caption.word(term.words.end)) {
        return None;
    }
    let is_color = |other: &&Term| other.concept == Concept::Color;
    let mut colors = caption.terms().iter().filter(is_color);
    if term.concept == Concept::Color && colors.any(|other| other.words.end == term.words.start) {
        return None;
    }
    let mut next = term.words.end;
    loop {
        let behind = caption.terms().iter().find(|other| other.words.start == next)?;
        match behind.concept {
            Concept::Object => return Some(behind),
            Concept::Size => next = behind.words.end,
            // A second color makes both a color of parts.
            Concept::Color if term.concept != Concept::Color => next = behind.words.end,
            Concept::Color | Concept::Location => return None,
        }
    }
}

/// The colors and sizes right before a noun, from left to right.
fn adjectives<'c>(caption: &'c Caption, noun: &Term) -> Vec<&'c Term> {
    let mut found = Vec::new();
    let mut next = noun.words.start;
    while let Some(before) = caption
        .terms()
        .iter()
        .find(|term| term.words.end == next && matches!(term.concept, Concept::Color | Concept::Size))
    {
        found.insert(0, before);
        next = before.words.start;
    }
    found
}

/// Where the thing is that a noun names, if that is beyond doubt, and whether it is several.
fn thing(caption: &Caption, noun: &Term, concept: Concept, things: &[Thing]) -> Option<(Mask, bool)> {
    let is_plural = noun.senses().iter().all(|sense| sense.form() == 1);
    let mut objects = caption.terms().iter().filter(|term| term.concept == Concept::Object);
    let n_objects = objects.clone().count();
    // "A small dog beside another dog": which of the two has this mask?
    let is_same = |other: &Term| noun.senses().iter().any(|sense| other.looks_like(sense.class()));
    if objects.any(|other| other.words != noun.words && is_same(other)) {
        return None;
    }
    let called_so: Vec<&Thing> = things
        .iter()
        .filter(|thing| match &thing.name {
            Some(name) => is_called(caption, noun, name),
            None => n_objects == 1,
        })
        .collect();
    let mask = if is_plural {
        called_so.iter().map(|thing| thing.mask.clone()).reduce(|all, mask| all.or(&mask))?
    } else {
        let mut by_size: Vec<(f64, &Thing)> =
            called_so.iter().map(|thing| (share(&thing.mask), *thing)).collect();
        by_size.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let (largest, first) = *by_size.first()?;
        let next = by_size.get(1).map_or(0.0, |(share, _)| *share);
        // A size compares a thing with others of its kind.
        let is_alone = next == 0.0 || concept != Concept::Size;
        if first.is_crowd || !is_alone || largest < DOMINANT * next {
            return None;
        }
        first.mask.clone()
    };
    (LEAST..=MOST).contains(&share(&mask)).then_some((mask, is_plural))
}

/// Whether a noun is a word for what a mask is called: the same word, or one of its class in the lexicon; the last words of a
/// longer name will do.
fn is_called(caption: &Caption, noun: &Term, name: &str) -> bool {
    let noun_text = caption.lower(noun.span.clone());
    let is = |name: &str| {
        name == noun_text
            || lexicon().classes(name).any(|class| noun.senses().iter().any(|sense| sense.class() == class))
    };
    let starts = std::iter::once(0).chain(name.match_indices(' ').map(|(at, _)| at + 1));
    starts.into_iter().any(|start| is(&name[start..]))
}

/// The share of an image that a mask covers.
pub fn share(mask: &Mask) -> f64 {
    let total: u64 = mask.coverage().iter().map(|coverage| u64::from(*coverage)).sum();
    total as f64 / (f64::from(u8::MAX) * mask.coverage().len() as f64)
}

/// The noun phrase as the new caption has it, from the changed term or the first adjective on.
fn prompt(caption: &Caption, negative: &HardNegative, adjective: Option<&&Term>, noun: &Term) -> String {
    let rest = caption.text().get(negative.end..noun.span.end).unwrap_or_default();
    let start = adjective.map_or(negative.start, |first| first.span.start.min(negative.start));
    let before = caption.text().get(start..negative.start).unwrap_or_default();
    bare(&format!("{before}{}{rest}", negative.to))
}

#[cfg(test)]
mod tests {
    use shared::seed;

    use super::*;

    /// A thing that covers a share of an image of 100 cells.
    fn covering(name: Option<&str>, cells: usize, from: usize) -> Thing {
        let coverage = (0..100).map(|at| if (from..from + cells).contains(&at) { 255 } else { 0 }).collect();
        Thing { name: name.map(str::to_owned), is_crowd: false, mask: Mask::new(10, 10, coverage) }
    }

    fn proposals(caption: &str, concept: Concept, things: &[Thing]) -> Vec<Proposal> {
        Proposal::all(&Caption::new(caption), concept, things, &Guard::default(), &mut seed::rng(&[1]))
    }

    fn nouns(caption: &str, concept: Concept, things: &[Thing]) -> Vec<String> {
        let mut nouns: Vec<String> =
            proposals(caption, concept, things).into_iter().map(|of| of.noun).collect();
        nouns.dedup();
        nouns
    }

    #[test]
    fn a_term_is_changed_where_its_thing_has_a_mask() {
        let car = [covering(Some("car"), 20, 0)];
        let all = proposals("A red car on a street", Concept::Color, &car);
        assert!(
            all.len() > 5
                && all.iter().all(|of| of.noun == "car" && !of.is_plural && *of.mask == car[0].mask)
        );
        let blue = all.iter().find(|of| of.negative.to.ends_with("blue")).expect("blue");
        assert_eq!((&*blue.negative.caption, &*blue.prompt), ("A blue car on a street", "blue car"));
        let orange = all.iter().find(|of| of.negative.to.contains("orange")).expect("orange");
        assert_eq!((&*orange.negative.caption, &*orange.prompt), ("An orange car on a street", "orange car"));
        assert_eq!(nouns("a large red car", Concept::Size, &car), ["car"]);
        assert_eq!(nouns("a large red car", Concept::Object, &car), ["car"]);
        let bus = proposals("a large red car", Concept::Object, &car);
        let bus = bus.iter().find(|of| of.negative.to == "bus").expect("a bus");
        assert_eq!(
            (&*bus.prompt, &*bus.kept),
            ("large red bus", &["large".to_owned(), "red".to_owned()][..])
        );
        assert_eq!(nouns("a red car", Concept::Color, &[covering(Some("dog"), 20, 0)]), [""; 0]);
        assert_eq!(nouns("a puppy", Concept::Object, &[covering(Some("dog"), 20, 0)]), ["puppy"]);
        assert_eq!(nouns("a bus", Concept::Object, &[covering(Some("red bus"), 20, 0)]), ["bus"]);
    }

    #[test]
    fn one_change_in_two_words_is_one_change() {
        let all = proposals("a red car", Concept::Color, &[covering(Some("car"), 20, 0)]);
        let of = |to: &str| all.iter().find(|of| bare(&of.negative.to) == to).expect(to);
        assert!(of("gray").looks_like(of("grey")) && of("orange").looks_like(of("orange")));
        assert!(!of("gray").looks_like(of("black")));
    }

    #[test]
    fn colors_of_parts_are_left_alone() {
        let dog = [covering(Some("dog"), 20, 0)];
        for caption in
            ["a black and white dog", "a brown, white dog", "a red hat on a dog", "a dog with a red collar"]
        {
            assert_eq!(nouns(caption, Concept::Color, &dog), [""; 0], "{caption}");
        }
    }

    #[test]
    fn a_thing_is_beyond_doubt_or_nothing_is_changed() {
        let of = |sizes: &[usize]| -> Vec<Thing> {
            sizes.iter().enumerate().map(|(nth, cells)| covering(Some("dog"), *cells, 20 * nth)).collect()
        };
        assert_eq!(
            nouns("a white dog", Concept::Color, &of(&[20, 5])),
            ["dog"],
            "the one that is seen first"
        );
        assert_eq!(nouns("a white dog", Concept::Color, &of(&[20, 6])), [""; 0], "either");
        assert_eq!(nouns("a white dog", Concept::Color, &of(&[81])), [""; 0], "too large");
        assert_eq!(nouns("a small dog", Concept::Size, &of(&[20, 5])), [""; 0], "the other one may be meant");
        assert_eq!(
            nouns("a white dog beside a puppy", Concept::Color, &of(&[20])),
            [""; 0],
            "which of the two"
        );
        let two = proposals("two white dogs", Concept::Color, &of(&[20, 6]));
        assert!(two[0].is_plural && (share(&two[0].mask) - 0.26).abs() < 1e-9);
        let crowd = [Thing { is_crowd: true, ..covering(Some("dog"), 20, 0) }];
        assert_eq!(nouns("a white dog", Concept::Color, &crowd), [""; 0]);
        let nameless = [covering(None, 20, 0)];
        assert_eq!(nouns("a white dog", Concept::Color, &nameless), ["dog"]);
        assert_eq!(nouns("a white dog on a sofa", Concept::Color, &nameless), [""; 0], "the dog or the sofa");
    }
}
