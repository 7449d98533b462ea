//! A scene beside the same scene with one fact changed, and a caption for each.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Scene;
use super::cast::footprint;
use super::edit::{Edit, opposite_place};
use super::layout::SizeName;
use super::object::{all_differ, draft, lay_out};
use super::statement::{Statement, kinds_differ, order, shuffled};
use super::wording::Wording;
use crate::concept::Concept;

/// A scene with a caption, and the same scene with one fact changed with the caption that fits it.
///
/// The two captions differ in one term, which names the pair's concept. Each is true of its own
/// scene and false of the other. The two images are equal outside [`Pair::mask`]. Which of the
/// two comes first is decided by a coin, so captions alone cannot tell them apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    concept: Concept,
    changed: usize,
    real: Half,
    foil: Half,
}

#[derive(Clone, Debug, PartialEq)]
struct Half {
    scene: Scene,
    caption: String,
    term: &'static str,
}

impl Pair {
    /// A pair whose captions differ in a term for `concept`.
    ///
    /// Draws until the changed fact can be named without ambiguity, which takes a few draws.
    ///
    /// # Panics
    /// If scenes do not show the concept ([`Concept::RENDERED`]).
    pub fn sample(concept: Concept, rng: &mut impl Rng) -> Pair {
        loop {
            if let Some(pair) = Pair::draw(concept, rng) {
                return pair;
            }
        }
    }

    /// The pair that `seed` stands for, the same on every machine.
    pub fn from_seed(concept: Concept, seed: u64) -> Pair {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Without a stream of its own, each concept would be given the same objects.
        rng.set_stream(1 + concept as u64);
        Pair::sample(concept, &mut rng)
    }

    /// The concept in which the two differ.
    pub fn concept(&self) -> Concept {
        self.concept
    }

    /// The scene that [`Pair::caption`] describes.
    pub fn scene(&self) -> &Scene {
        &self.real.scene
    }

    /// A caption that is true of the scene and false of the foil scene.
    pub fn caption(&self) -> &str {
        &self.real.caption
    }

    /// The word of the caption that the foil caption replaces.
    pub fn term(&self) -> &'static str {
        self.real.term
    }

    /// The scene with one fact changed.
    pub fn foil_scene(&self) -> &Scene {
        &self.foil.scene
    }

    /// A caption that is true of the foil scene and false of the scene.
    pub fn foil_caption(&self) -> &str {
        &self.foil.caption
    }

    /// The word that stands in the foil caption for [`Pair::term`].
    pub fn foil_term(&self) -> &'static str {
        self.foil.term
    }

    /// Where the two images of `side` pixels may differ: `side * side` flags, rows from the top.
    ///
    /// True on the boxes around the changed object and its shadow, before and after.
    pub fn mask(&self, side: u32) -> Vec<bool> {
        let boxes = [&self.real.scene, &self.foil.scene]
            .map(|scene| footprint(&scene.objects[self.changed], &scene.light, side));
        let rows = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        rows.map(|(x, y)| boxes.iter().any(|pixels| pixels.contains(x, y))).collect()
    }

    fn draw(concept: Concept, rng: &mut impl Rng) -> Option<Pair> {
        let mut before = draft(rng);
        let mut order = order(rng, before.len());
        if concept == Concept::Location && before.len() > 1 {
            // A relation is named between two things; one alone has only a place.
            order = shuffled(rng, before.len());
            order.truncate(if rng.random_bool(0.85) { 2 } else { 1 });
        }
        let focus = rng.random_range(0..order.len());
        let changed = order[focus];
        let wording_seed = rng.random::<u64>();
        let mut after = before.clone();
        let edit = if concept == Concept::Color {
            let color = before[changed].color.sample_other(rng);
            after[changed] = before[changed].recolored(rng, color);
            Edit::Color(before[changed].color, color)
        } else if concept == Concept::Object {
            after[changed].kind = before[changed].kind.sample_other(rng);
            Edit::Kind(before[changed].kind, after[changed].kind)
        } else if concept == Concept::Size {
            let size = if rng.random() { SizeName::Large } else { SizeName::Small };
            before[changed] = before[changed].resized(rng, size);
            after[changed] = before[changed].resized(rng, size.opposite());
            Edit::Size(size, size.opposite())
        } else {
            assert_eq!(concept, Concept::Location, "scenes show the concepts of Concept::RENDERED");
            let related = order.len() == 2 && rng.random_bool(0.9);
            let anchor = related.then(|| order[1 - focus]);
            // Few layouts have room on both sides, so each draft gets many.
            let (center, side) = (0..400).find_map(|_| opposite_place(rng, &mut before, changed, anchor))?;
            after = before.clone();
            after[changed].center = center;
            match anchor {
                Some(_) if focus == 0 => Edit::Relation(side),
                Some(_) => Edit::Relation(side.opposite()),
                None => Edit::Place(side),
            }
        };
        if concept != Concept::Location {
            let room: Vec<f32> = before.iter().zip(&after).map(|(a, b)| a.extent.max(b.extent)).collect();
            if !lay_out(rng, &mut before, &room) {
                return None;
            }
            for (object, old) in after.iter_mut().zip(&before) {
                object.center = old.center;
            }
        }
        if !all_differ(&after) {
            return None;
        }
        let mut statement = Statement::about(rng, &before, &order);
        if concept != Concept::Location {
            statement.locate(rng, &before, &order);
        }
        let the = kinds_differ(&before) && kinds_differ(&after);
        if !the {
            for (mention, &at) in statement.mentions.iter_mut().zip(&order) {
                mention.color = Some(before[at].color);
            }
        }
        let mut other = statement.clone();
        edit.state(&mut statement, &mut other, focus);
        let own = (statement.readings(&before), other.readings(&after));
        let crossed = (statement.readings(&after), other.readings(&before));
        if own != (1, 1) || crossed != (0, 0) {
            return None;
        }
        let wording = Wording::sample(&mut ChaCha8Rng::seed_from_u64(wording_seed), the);
        let shades: Vec<_> = before.iter().chain(&after).map(|object| object.shade).collect();
        let scene = Scene::around(rng, before, &shades);
        let foil_scene = Scene { objects: after, ..scene.clone() };
        let [term, foil_term] = edit.terms(&wording);
        let real = Half { scene, caption: wording.text(&statement), term };
        let foil = Half { scene: foil_scene, caption: wording.text(&other), term: foil_term };
        let (real, foil) = if rng.random() { (real, foil) } else { (foil, real) };
        Some(Pair { concept, changed, real, foil })
    }
}
