//! The ways in which a photograph is shown, so that few of them teach more: mirrored, and cut to a part. What its caption
//! says stays true as far as the words tell.

use rand::{Rng, RngExt};
use shared::caption::Caption;
use shared::concept::Concept;
use shared::image::Image;
use shared::seed;

use crate::train::run_config::RunConfig;

/// The smallest share of a photograph's area that a part has (as SLIP cuts, arXiv 2112.12750).
const LEAST_AREA: f64 = 0.5;
/// A part is at most two to this power wider or narrower in shape than its photograph.
const SHAPE: f64 = 0.25;

/// All ways in which a run shows photographs.
#[derive(Clone, Copy, Debug)]
pub struct Views {
    crops: u32,
    mirror: bool,
}

/// One way to show a photograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Which part; none for the whole.
    crop: Option<u32>,
    is_mirrored: bool,
}

impl Views {
    /// The views that the settings of a run ask for.
    pub fn of(config: &RunConfig) -> Self {
        Views { crops: config.settings.crops, mirror: config.settings.mirror }
    }

    /// Each of them, the whole as it is first.
    pub fn all(self) -> impl Iterator<Item = View> {
        let crops = std::iter::once(None).chain((0..self.crops).map(Some));
        let sides: &[bool] = if self.mirror { &[false, true] } else { &[false] };
        crops.flat_map(|crop| sides.iter().map(move |&is_mirrored| View { crop, is_mirrored }))
    }

    /// A view in which a caption is as true as before: one that names a side is not mirrored, one that names a place not
    /// cut off from it.
    pub fn draw(self, caption: &Caption, rng: &mut impl Rng) -> View {
        let nth = rng.random_range(0..=self.crops);
        let names_place = caption.names(Concept::Location);
        let is_mirrored = rng.random_bool(0.5) && self.mirror && !names_a_side(caption);
        View { crop: nth.checked_sub(1).filter(|_| !names_place), is_mirrored }
    }
}

/// Whether a caption would be wrong of the mirrored image.
fn names_a_side(caption: &Caption) -> bool {
    caption.words().any(|word| word.starts_with("left") || word.starts_with("right"))
}

impl View {
    /// What is shown of a photograph. Its `name` decides where the parts are, for every run the same ones.
    pub fn show(self, photograph: Image, name: &str) -> Image {
        let shown = match self.crop {
            Some(nth) => part(&photograph, &mut seed::rng(&[seed::of_text(name), u64::from(nth)])),
            None => photograph,
        };
        if self.is_mirrored { shown.mirrored() } else { shown }
    }

    /// A number of its own.
    pub fn fingerprint(self) -> u64 {
        seed::mix(&[self.crop.map_or(0, |nth| u64::from(nth) + 1), u64::from(self.is_mirrored)])
    }
}

/// A part of random area, shape and place.
fn part(photograph: &Image, rng: &mut impl Rng) -> Image {
    let side = rng.random_range(LEAST_AREA..=1.0).sqrt();
    let wider = rng.random_range(-SHAPE / 2.0..=SHAPE / 2.0).exp2();
    let cut = |length: u32, share: f64| ((f64::from(length) * share).round() as u32).clamp(1, length);
    let [width, height] = [cut(photograph.width(), side * wider), cut(photograph.height(), side / wider)];
    let left = rng.random_range(0..=photograph.width() - width);
    let top = rng.random_range(0..=photograph.height() - height);
    photograph.cropped(left, top, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Views = Views { crops: 2, mirror: true };

    #[test]
    fn a_caption_that_names_a_side_is_known() {
        for (text, names) in [
            ("A dog on the left .", true),
            ("the right-hand child", true),
            ("the leftmost car", true),
            ("a bright kite above the cliff", false),
        ] {
            assert_eq!(names_a_side(&Caption::new(text)), names, "{text}");
        }
    }

    #[test]
    fn what_a_caption_says_is_never_cut_off_or_turned_round() {
        let drawn = |text: &str| {
            let rng = &mut seed::rng(&[7]);
            let mut drawn: Vec<View> = (0..200).map(|_| ALL.draw(&Caption::new(text), rng)).collect();
            drawn.sort_by_key(|view| (view.crop, view.is_mirrored));
            drawn.dedup();
            drawn
        };
        assert_eq!(drawn("a brown dog runs"), ALL.all().collect::<Vec<_>>());
        assert_eq!(drawn("a dog under a table").len(), 2, "whole, and whole mirrored");
        assert_eq!(drawn("a dog on the left"), [View { crop: None, is_mirrored: false }]);
    }

    #[test]
    fn views_are_the_same_in_every_run_and_differ() {
        let rgb = (0..3 * 40 * 30u32).map(|at| (at * 7 % 251) as u8).collect();
        let photograph = Image::new(40, 30, rgb);
        let shown: Vec<Image> = ALL.all().map(|view| view.show(photograph.clone(), "a.jpg")).collect();
        let again: Vec<Image> = ALL.all().map(|view| view.show(photograph.clone(), "a.jpg")).collect();
        assert_eq!(shown, again);
        assert_eq!(shown[0], photograph);
        for (nth, view) in shown.iter().enumerate() {
            assert!(!shown[..nth].contains(view), "view {nth}");
            assert!(2 * view.rgb().len() + 300 >= photograph.rgb().len(), "view {nth} is {view:?}");
        }
        assert_ne!(shown[2], ALL.all().nth(2).expect("a part").show(photograph.clone(), "b.jpg"));
        let narrow = Image::new(1, 1, vec![0; 3]);
        assert_eq!(ALL.all().nth(2).expect("a part").show(narrow.clone(), "c.jpg"), narrow);
    }
}
