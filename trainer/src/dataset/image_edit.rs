//! Edits of a whole photograph by a rule, after which another caption is true of it.

use shared::caption::Caption;
use shared::concept::Concept;
use shared::image::Image;
use shared::negative::HardNegative;
use shared::scene::from_hsv;

/// What an edit can change.
pub const CONCEPTS: [Concept; 2] = [Concept::Color, Concept::Location];

/// A hue that a caption names is on at least this share of the photograph's pixels, or who knows what the word is about.
const LEAST: f64 = 0.01;
/// A hue that the negative names is on less than this share of the pixels, or the negative may be true already.
const MOST: f64 = 0.002;

/// What is done to a photograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edit {
    /// Left and right are exchanged.
    Mirror,
    /// What has one hue is given another one, and keeps its light and shade.
    Recolor {
        /// The hue that is replaced.
        from: Hue,
        /// The hue in its place.
        to: Hue,
    },
}

/// A color that is told from others by its hue alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hue {
    Red,
    Yellow,
    Green,
    Blue,
}

impl Hue {
    /// Each of them.
    pub const ALL: [Hue; 4] = [Hue::Red, Hue::Yellow, Hue::Green, Hue::Blue];

    /// The word that captions use.
    pub const fn name(self) -> &'static str {
        match self {
            Hue::Red => "red",
            Hue::Yellow => "yellow",
            Hue::Green => "green",
            Hue::Blue => "blue",
        }
    }

    /// The middle, and how far to either side of it people still use the word, in degrees. Between neighbors is room for
    /// what is neither; skin and wood are more orange than what counts as red.
    const fn range(self) -> [f32; 2] {
        match self {
            Hue::Red => [355.0, 12.0],
            Hue::Yellow => [54.0, 10.0],
            Hue::Green => [122.0, 42.0],
            Hue::Blue => [222.0, 27.0],
        }
    }

    /// How far a pixel is from the middle of this hue, in degrees; nothing if it has another one or hardly any color.
    fn offset(self, rgb: [u8; 3]) -> Option<f32> {
        /// Paler and darker colors are called by other names.
        const LEAST: [f32; 2] = [0.4, 0.2];
        let [hue, saturation, value] = hsv(rgb);
        let [middle, reach] = self.range();
        let offset = (hue - middle + 540.0).rem_euclid(360.0) - 180.0;
        (saturation >= LEAST[0] && value >= LEAST[1] && offset.abs() <= reach).then_some(offset)
    }

    /// The share of an image's pixels that have this hue.
    fn share(self, image: &Image) -> f64 {
        let pixels = image.pixels();
        pixels.iter().filter(|rgb| self.offset(**rgb).is_some()).count() as f64 / pixels.len() as f64
    }
}

impl Edit {
    /// The edit that makes a negative of a caption true, if a rule can make it.
    pub fn of(caption: &Caption, negative: &HardNegative) -> Option<Self> {
        let [from, to] = [&negative.from, &negative.to].map(|words| words.to_lowercase());
        if negative.concept == Concept::Color {
            let named = |words: &str| {
                Hue::ALL.into_iter().find(|hue| words.split_whitespace().any(|word| word == hue.name()))
            };
            let edit = Edit::Recolor { from: named(&from)?, to: named(&to)? };
            // Two things of one hue change together, so nothing else may be said of it.
            let hue = named(&from)?.name();
            (caption.words().filter(|word| *word == hue).count() == 1).then_some(edit)
        } else if negative.concept == Concept::Location {
            let side = |word: &str| word == "left" || word == "right";
            let opposite = from.replace("left", "*").replace("right", "left").replace('*', "right");
            (opposite == to && from != to && caption.words().filter(|word| side(word)).count() == 1)
                .then_some(Edit::Mirror)
        } else {
            None
        }
    }

    /// Whether a photograph has enough of what the edit replaces, and nothing of what it is replaced by.
    pub fn suits(self, photograph: &Image) -> bool {
        match self {
            Edit::Mirror => true,
            Edit::Recolor { from, to } => from.share(photograph) >= LEAST && to.share(photograph) <= MOST,
        }
    }

    /// The edit in words.
    pub fn words(self) -> String {
        match self {
            Edit::Mirror => "mirrored".to_owned(),
            Edit::Recolor { from, to } => format!("{} made {}", from.name(), to.name()),
        }
    }

    /// The photograph after the edit.
    pub fn apply(self, photograph: &Image) -> Image {
        let Edit::Recolor { from, to } = self else { return photograph.mirrored() };
        let [middle, reach] = to.range();
        let [_, old_reach] = from.range();
        let recolored = photograph.pixels().iter().flat_map(|&pixel| match from.offset(pixel) {
            // A wide range is narrowed to that of the new hue, so that the edges do not become a third color.
            Some(offset) => {
                let [_, saturation, value] = hsv(pixel);
                rgb([middle + offset * (reach / old_reach).min(1.0), saturation, value])
            }
            None => pixel,
        });
        Image::new(photograph.width(), photograph.height(), recolored.collect())
    }
}

/// Hue in degrees, saturation and value in 0..=1 (Smith 1978, "Color gamut transform pairs").
fn hsv(rgb: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = rgb.map(|channel| f32::from(channel) / 255.0);
    let (value, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = value - least;
    if chroma == 0.0 {
        return [0.0, 0.0, value];
    }
    let sixth = if value == r {
        (g - b) / chroma
    } else if value == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    [(60.0 * sixth).rem_euclid(360.0), chroma / value, value]
}

/// The inverse of [`hsv`].
fn rgb([hue, saturation, value]: [f32; 3]) -> [u8; 3] {
    from_hsv(hue, saturation, value).map(|share| (share * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use shared::negative;

    use super::*;

    #[test]
    fn only_hues_and_sides_have_an_edit_that_makes_their_negative_true() {
        let red = edits("a dog in a red coat");
        assert_eq!(red.len(), 3, "{red:?}");
        assert!(red.contains(&(Edit::Recolor { from: Hue::Red, to: Hue::Blue }, "blue".to_owned())));
        assert_eq!(edits("a cat to the left of a cup"), [(Edit::Mirror, "to the right of".to_owned())]);
        for without in [
            "a black dog in the snow",
            "a red ball beside a red box",
            "a cat on the left and a cup on the right",
            "a large dog on a sofa",
        ] {
            assert_eq!(edits(without), [], "{without}");
        }
    }

    fn edits(text: &str) -> Vec<(Edit, String)> {
        let caption = Caption::new(text);
        let all = negative::all(&caption, &Concept::ALL);
        all.into_iter().filter_map(|negative| Some((Edit::of(&caption, &negative)?, negative.to))).collect()
    }

    #[test]
    fn an_edit_suits_a_photograph_with_the_old_hue_and_without_the_new_one() {
        let red_to_blue = Edit::Recolor { from: Hue::Red, to: Hue::Blue };
        let suits =
            |colors: &[[u8; 3]]| red_to_blue.suits(&Image::new(colors.len() as u32, 1, colors.concat()));
        let (red, blue, grey) = ([200, 20, 20], [20, 60, 200], [90, 90, 90]);
        assert!(suits(&[red, grey]));
        assert!(!suits(&[grey, grey]) && !suits(&[red, blue]));
    }

    #[test]
    fn colors_come_back_from_hue_saturation_and_value() {
        for at in 0..4096u32 {
            let rgb = [at % 16, at / 16 % 16, at / 256].map(|level| (level * 17) as u8);
            assert_eq!(super::rgb(hsv(rgb)), rgb);
        }
        assert_eq!(hsv([255, 0, 0]), [0.0, 1.0, 1.0]);
        assert_eq!(hsv([0, 0, 128])[0], 240.0);
    }

    #[test]
    fn what_is_red_becomes_blue_and_keeps_its_shade_and_nothing_else_changes() {
        let scene = [[200, 20, 20], [100, 10, 10], [90, 90, 90], [20, 160, 40], [222, 170, 140]];
        let image = Image::new(5, 1, scene.concat());
        assert_eq!(Hue::Red.share(&image), 0.4);
        let edited = Edit::Recolor { from: Hue::Red, to: Hue::Blue }.apply(&image);
        assert_eq!((Hue::Red.share(&edited), Hue::Blue.share(&edited)), (0.0, 0.4));
        for x in 2..5 {
            assert_eq!(edited.pixel(x, 0), image.pixel(x, 0), "grey, grass and skin");
        }
        for x in 0..2 {
            let [before, after] = [&image, &edited].map(|image| hsv(image.pixel(x, 0))[2]);
            assert_eq!(before, after, "light and shade");
        }
    }

    #[test]
    fn no_pixel_has_two_hues_and_every_hue_can_become_every_other() {
        for hue in 0..360 {
            let rgb = super::rgb([hue as f32, 0.9, 0.8]);
            assert!(Hue::ALL.iter().filter(|of| of.offset(rgb).is_some()).count() <= 1, "{hue} degrees");
        }
        for from in Hue::ALL {
            let [middle, reach] = from.range();
            let rgb = [-0.98, 0.0, 0.98].map(|part| super::rgb([middle + part * reach, 0.9, 0.8]));
            for to in Hue::ALL.into_iter().filter(|to| *to != from) {
                let edited = Edit::Recolor { from, to }.apply(&Image::new(3, 1, rgb.concat()));
                assert_eq!(to.share(&edited), 1.0, "{from:?} to {to:?}");
            }
        }
    }
}
