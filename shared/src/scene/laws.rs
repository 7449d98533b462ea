//! What must hold of every scene and pair, checked over many seeds by a reader of captions that
//! shares nothing with their writer.

use std::collections::BTreeMap;

use super::*;
use crate::concept::Concept;

/// What the reader takes a caption to say of one thing.
#[derive(Debug, Default, PartialEq)]
struct Claim {
    kind: Option<Kind>,
    color: Option<ColorName>,
    size: Option<SizeName>,
    place: Option<Side>,
}

impl Claim {
    fn read(words: &[&str]) -> Claim {
        let mut claim = Claim::default();
        for word in words {
            claim.kind = claim.kind.or(Kind::ALL.into_iter().find(|kind| kind.name() == *word));
            claim.color = claim.color.or(ColorName::ALL.into_iter().find(|color| color.name() == *word));
            match *word {
                "large" | "big" => claim.size = Some(SizeName::Large),
                "small" | "little" => claim.size = Some(SizeName::Small),
                "left" => claim.place = Some(Side::Left),
                "right" => claim.place = Some(Side::Right),
                "top" => claim.place = Some(Side::Top),
                "bottom" => claim.place = Some(Side::Bottom),
                _ => {}
            }
        }
        claim
    }

    fn fits(&self, object: &Object) -> bool {
        let [x, y] = object.center();
        let placed = self.place.is_none_or(|side| match side {
            Side::Left => x < 0.4,
            Side::Right => x > 0.6,
            Side::Top => y < 0.4,
            Side::Bottom => y > 0.6,
        });
        placed
            && self.kind == Some(object.kind())
            && self.color.is_none_or(|color| color == object.color())
            && self.size.is_none_or(|size| size == object.size())
    }
}

/// The claims of a caption, and the word that relates the first to the second.
fn read(caption: &str) -> (Vec<Claim>, Option<&'static str>) {
    let text = caption.to_lowercase().replace('.', "").replace(" of the picture", "");
    for (phrase, word) in [("left of", "left"), ("right of", "right"), ("above", "above"), ("below", "below")]
    {
        if let Some((first, second)) = text.split_once(phrase) {
            let claims = [first, second].map(|part| Claim::read(&part.split(' ').collect::<Vec<_>>()));
            return (claims.into(), Some(word));
        }
    }
    let mut claims = Vec::new();
    let mut words = Vec::new();
    for part in text.split(", ").flat_map(|part| part.split(" and ")) {
        words.extend(part.split(' '));
        // "on the left, a red ball": a place before its thing.
        if Claim::read(&words).kind.is_some() {
            claims.push(Claim::read(&words));
            words.clear();
        }
    }
    (claims, None)
}

/// Whether what `caption` says can be found in `scene`, different things for different claims.
fn is_true(caption: &str, scene: &Scene) -> bool {
    let (claims, relation) = read(caption);
    assert!((1..=3).contains(&claims.len()), "not understood: {caption}");
    assert!(claims.iter().all(|claim| claim.kind.is_some()), "no thing: {caption}");
    let objects = scene.objects();
    (0..objects.len().pow(claims.len() as u32)).any(|code| {
        let chosen: Vec<usize> =
            (0..claims.len() as u32).map(|at| code / objects.len().pow(at) % objects.len()).collect();
        let different = (1..chosen.len()).all(|at| !chosen[..at].contains(&chosen[at]));
        let fitting = claims.iter().zip(&chosen).all(|(claim, &at)| claim.fits(&objects[at]));
        let related = relation.is_none_or(|word| {
            let [a, b] = [chosen[0], chosen[1]].map(|at| objects[at].center());
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            match word {
                "left" => dx > 0.25 && dx > dy.abs(),
                "right" => dx < -0.25 && -dx > dy.abs(),
                "above" => dy > 0.25 && dy > dx.abs(),
                _ => dy < -0.25 && -dy > dx.abs(),
            }
        });
        different && fitting && related
    })
}

fn pairs(count: u64) -> impl Iterator<Item = Pair> {
    Concept::RENDERED
        .into_iter()
        .flat_map(move |concept| (0..count).map(move |seed| Pair::from_seed(concept, seed)))
}

#[test]
fn each_caption_of_a_pair_is_true_of_its_own_scene_only() {
    for pair in pairs(2000) {
        let (own, foil) = (pair.caption(), pair.foil_caption());
        assert!(is_true(own, pair.scene()), "false: {own} {:?}", pair.scene());
        assert!(is_true(foil, pair.foil_scene()), "false: {foil} {:?}", pair.foil_scene());
        assert!(!is_true(own, pair.foil_scene()), "true: {own} {:?}", pair.foil_scene());
        assert!(!is_true(foil, pair.scene()), "true: {foil} {:?}", pair.scene());
    }
}

#[test]
fn the_captions_of_a_pair_differ_in_one_term() {
    let words = |caption: &str| -> Vec<String> {
        let words = caption.split(' ').map(|word| word.trim_matches(['.', ',']).to_lowercase());
        words.map(|word| if word == "an" { "a".to_owned() } else { word }).collect()
    };
    for pair in pairs(500) {
        let (own, foil) = (words(pair.caption()), words(pair.foil_caption()));
        assert_eq!(own.len(), foil.len());
        let differing: Vec<_> = own.iter().zip(&foil).filter(|(a, b)| a != b).collect();
        let [(a, b)] = differing.as_slice() else { panic!("{own:?} and {foil:?}") };
        assert_eq!((a.as_str(), b.as_str()), (pair.term(), pair.foil_term()));
    }
}

#[test]
fn articles_agree_with_the_word_that_follows() {
    for caption in pairs(300).flat_map(|pair| [pair.caption().to_owned(), pair.foil_caption().to_owned()]) {
        let words: Vec<String> = caption.split(' ').map(str::to_lowercase).collect();
        for two in words.windows(2) {
            let vowel = two[1].starts_with(['a', 'e', 'i', 'o', 'u']);
            assert!(two[0] != "a" || !vowel, "{caption}");
            assert!(two[0] != "an" || vowel, "{caption}");
        }
    }
}

#[test]
fn images_of_a_pair_differ_inside_the_mask_only() {
    for (pair, side) in pairs(90).map(|pair| (pair, 64)).chain(pairs(20).map(|pair| (pair, 224))) {
        let (own, foil) = (pair.scene().render(side), pair.foil_scene().render(side));
        let mask = pair.mask(side);
        let differs: Vec<bool> = own.rgb().chunks(3).zip(foil.rgb().chunks(3)).map(|(a, b)| a != b).collect();
        assert_eq!(mask.len(), differs.len());
        assert!(differs.iter().zip(&mask).all(|(differs, inside)| inside | !differs), "{pair:?}");
        let changed = differs.iter().filter(|&&differs| differs).count();
        assert!(changed * 200 > differs.len(), "{changed} pixels differ: {pair:?}");
        let covered = mask.iter().filter(|&&inside| inside).count();
        assert!(10 * covered < 7 * mask.len(), "{covered} of {}", mask.len());
    }
}

#[test]
fn words_are_as_frequent_in_foil_captions_as_in_captions() {
    let n_words = [11, Kind::ALL.len(), 6, 4];
    for (concept, expected) in Concept::RENDERED.into_iter().zip(n_words) {
        let mut counts: BTreeMap<&'static str, [f64; 2]> = BTreeMap::new();
        for pair in (0..2000).map(|seed| Pair::from_seed(concept, seed)) {
            counts.entry(pair.term()).or_default()[0] += 1.0;
            counts.entry(pair.foil_term()).or_default()[1] += 1.0;
        }
        assert_eq!(counts.len(), expected, "{counts:?}");
        for (term, [own, foil]) in counts {
            // Four standard deviations of a fair coin.
            assert!((own - foil).abs() < 4.0 * (own + foil).sqrt(), "{term}: {own} and {foil}");
            let share = (own + foil) / 4000.0 * expected as f64;
            assert!((0.5..2.0).contains(&share), "{term} has {share} of an even share");
        }
    }
}

#[test]
fn captions_of_scenes_are_true_and_varied() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut skeletons = std::collections::BTreeSet::new();
    let mut named = [0; 4];
    for _ in 0..3000 {
        let scene = Scene::sample(&mut rng);
        let caption = caption(&scene, &mut rng);
        assert!(is_true(&caption, &scene), "{caption} {scene:?}");
        let (claims, relation) = read(&caption);
        let says = |fact: fn(&Claim) -> bool| u32::from(claims.iter().any(fact));
        named[0] += says(|claim| claim.color.is_some());
        named[1] += says(|claim| claim.size.is_some());
        named[2] += says(|claim| claim.place.is_some());
        named[3] += u32::from(relation.is_some());
        let words = caption.trim_end_matches('.').split(' ').map(str::to_lowercase);
        let plain = words.map(|word| {
            let bare = word.trim_end_matches(',');
            let kind = Kind::ALL.iter().any(|kind| kind.name() == bare);
            let color = ColorName::ALL.iter().any(|color| color.name() == bare);
            if kind {
                "K".to_owned()
            } else if color {
                "C".to_owned()
            } else {
                word
            }
        });
        skeletons.insert(plain.collect::<Vec<_>>().join(" "));
    }
    assert!(skeletons.len() > 200, "{} templates", skeletons.len());
    for (count, least) in named.into_iter().zip([2600, 800, 800, 250]) {
        assert!(count >= least, "{named:?}");
    }
}

#[test]
fn objects_are_inside_and_apart() {
    for scene in (0..500).map(Scene::from_seed).chain(pairs(100).map(|pair| pair.foil_scene().clone())) {
        let objects = scene.objects();
        assert!((1..=3).contains(&objects.len()));
        for (at, one) in objects.iter().enumerate() {
            let reach = one.extent() / 2.0;
            assert!(one.center().iter().all(|&place| place - reach > 0.0 && place + reach < 1.0));
            for other in &objects[..at] {
                let gap = [0, 1].map(|axis| (one.center()[axis] - other.center()[axis]).abs());
                let touch = (one.extent() + other.extent()) / 2.0;
                assert!(gap[0] > touch || gap[1] > touch, "{one:?} and {other:?}");
            }
        }
    }
}

#[test]
fn any_side_can_be_rendered() {
    for side in [1, 2, 7, 33] {
        let image = Scene::from_seed(3).render(side);
        assert_eq!((image.width(), image.height()), (side, side));
    }
}

/// FNV-1a, enough to notice any change.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn seeds_give_the_pixels_and_words_they_always_gave() {
    let scenes: Vec<u8> = (0..40).flat_map(|seed| Scene::from_seed(seed).render(64).rgb().to_vec()).collect();
    let large: Vec<u8> = (0..6).flat_map(|seed| Scene::from_seed(seed).render(224).rgb().to_vec()).collect();
    let hashes = [&scenes, &large].map(|pixels| hash(pixels));
    assert_eq!(hashes, [0x3926_1645_5102_9ea4, 0xee59_91a3_dce0_0b15], "{hashes:#x?}");
    let captions: String =
        pairs(50).map(|pair| format!("{} | {}\n", pair.caption(), pair.foil_caption())).collect();
    expect_test::expect_file!["captions.txt"].assert_eq(&captions);
}
