//! The scorer against models whose answers are known: one that is always right, one that guesses, one that always ties.

use std::cell::RefCell;

use anyhow::Result;
use rand::RngExt;
use shared::image::Image;
use shared::seed;
use shared::similarity::Embedding;

use super::benchmark::{Ask, Benchmark, Case, Item, Ranking, Recall};
use super::compare::compare;
use super::decide::{self, Measure, decide};
use super::embed::{Embeddings, Model, embed};
use super::parts::ALL;
use super::table::{Macro, Row, tabulate};
use super::text_only::TextOnly;
use crate::dataset::ImageSource;
use crate::negatives::blind::Judges;

/// An image of one color, whose number can be read from its pixels.
fn image(number: u16) -> ImageSource {
    let image = image::RgbImage::from_pixel(2, 2, image::Rgb([(number >> 8) as u8, number as u8, 7]));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).expect("a PNG");
    ImageSource::bytes(file.into_inner().into())
}

/// Captions say of which image they are true: "12" of the twelfth.
fn benchmark(n: u16) -> Benchmark {
    let mut benchmark = Benchmark::default();
    for number in 0..n {
        let [truth, foil] = [number, number + n].map(|one| one.to_string());
        let item = Item { class: Some(format!("class {}", number % 3)), ..Item::new("captions", number) };
        benchmark.add_contest(item, Some(image(number)), &[&truth], &[&foil]);
        let images = [Some(image(number)), Some(image(number + n))];
        benchmark.add_square(Item::new("squares", number), images, [&truth, &foil]);
    }
    let images: Vec<_> = (0..n).map(|number| benchmark.image(image(number))).collect();
    let texts = (0..n).map(|number| vec![benchmark.caption(&number.to_string())]).collect();
    let true_of = (0..n as usize).map(|place| vec![place]).collect();
    let subset = "ranking".to_owned();
    benchmark.rankings.push(Ranking { subset, images, texts, true_of, measure: Recall::Retrieval });
    benchmark
}

/// Gives every image and caption what a rule says of its number, and counts what it was given.
struct Planted<F> {
    rule: F,
    images: RefCell<usize>,
    captions: RefCell<usize>,
}

impl<F: Fn(u64, bool) -> Vec<f32>> Planted<F> {
    fn new(rule: F) -> Self {
        Planted { rule, images: RefCell::new(0), captions: RefCell::new(0) }
    }
}

impl<F: Fn(u64, bool) -> Vec<f32>> Model for Planted<F> {
    fn embed_images(&self, images: &[&Image]) -> Result<Vec<Embedding>> {
        *self.images.borrow_mut() += images.len();
        let number = |image: &&Image| {
            let [high, low, _] = image.pixel(0, 0);
            u64::from(high) << 8 | u64::from(low)
        };
        Ok(images.iter().map(|image| Embedding::from_unit_row((self.rule)(number(image), true))).collect())
    }

    fn embed_captions(&self, captions: &[&str]) -> Result<Vec<Embedding>> {
        *self.captions.borrow_mut() += captions.len();
        let row = |text: &&str| (self.rule)(text.parse().expect("a number"), false);
        Ok(captions.iter().map(|text| Embedding::from_unit_row(row(text))).collect())
    }
}

fn embedded(benchmark: &Benchmark, model: &impl Model) -> Embeddings {
    embed(benchmark, &[model], true).expect("embeddings").0.remove(0)
}

fn rows(benchmark: &Benchmark, model: &impl Model) -> Vec<Row> {
    tabulate(
        &decide(benchmark, &embedded(benchmark, model)),
        &TextOnly::judge(benchmark, &Judges::built_in()).expect("a judge"),
    )
}

/// An angle of its own for every number.
fn oracle(number: u64, _: bool) -> Vec<f32> {
    let angle = number as f32 * 0.01;
    vec![angle.cos(), angle.sin()]
}

#[test]
fn who_is_always_right_gets_everything() {
    for row in rows(&benchmark(40), &Planted::new(oracle)) {
        assert_eq!((row.share, row.ties, row.low, row.high), (1.0, 0, 1.0, 1.0), "{row:?}");
    }
}

#[test]
fn who_always_ties_gets_nothing_and_the_ties_are_shown() {
    for row in rows(&benchmark(40), &Planted::new(|_, _| vec![1.0, 0.0])) {
        let among_the_first = row.measure.name().ends_with("R@5") || row.measure.name().ends_with("R@10");
        assert_eq!((row.hits, row.ties), (0, row.n), "{row:?}");
        assert!(!among_the_first || row.share == 0.0);
    }
}

#[test]
fn who_guesses_gets_what_chance_gives() {
    let coin = |number: u64, is_image: bool| {
        let rng = &mut seed::rng(&[number, u64::from(is_image)]);
        let row: Vec<f32> = (0..8).map(|_| rng.random_range(-1.0..1.0f32)).collect();
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        row.iter().map(|value| value / length).collect()
    };
    for row in rows(&benchmark(600), &Planted::new(coin)) {
        // The pairs of a square are independent here, so its interval is the binomial one.
        let reach = 3.5 * (row.chance * (1.0 - row.chance) / row.n as f64).sqrt();
        assert!((row.share - row.chance).abs() <= reach, "{row:?}");
        assert!(row.low <= row.share && row.share <= row.high);
    }
}

#[test]
fn what_is_got_right_at_a_wrong_image_is_known_from_the_text() {
    let sees = |number: u64, _: bool| (0..80).map(|place| f32::from(place == number)).collect();
    let reads = |number: u64, is_image: bool| match is_image || number < 40 {
        true => vec![1.0, 0.0],
        false => vec![0.0, 1.0],
    };
    let both = |model: &dyn Fn(u64, bool) -> Vec<f32>| {
        let rows = rows(&benchmark(40), &Planted::new(model));
        assert!(rows.iter().all(|row| row.wrong_picture.is_some() == (row.measure == Measure::Accuracy)));
        let row = rows.iter().find(|row| row.subset == "captions").expect("a row");
        (row.share, row.wrong_picture)
    };
    assert_eq!(both(&sees), (1.0, Some(0.0)));
    assert_eq!(both(&reads), (1.0, Some(1.0)));
    let mut lonely = Benchmark::default();
    lonely.add_contest(Item::new("captions", 0), Some(image(0)), &["0"], &["1"]);
    assert_eq!(rows(&lonely, &Planted::new(sees))[0].wrong_picture, None);
}

#[test]
fn nothing_is_embedded_twice() {
    let mut benchmark = benchmark(100);
    // A copy of an image under another name.
    let copy = tempfile::tempdir().expect("a folder");
    let path = copy.path().join("copy.png");
    std::fs::write(
        &path,
        match image(3) {
            ImageSource::Bytes(bytes, _) => bytes,
            _ => unreachable!("images of this test are bytes"),
        },
    )
    .expect("a file");
    benchmark.add_contest(Item::new("captions", "copy"), Some(ImageSource::File(path)), &["3"], &["4"]);
    assert_eq!((benchmark.images.len(), benchmark.captions.len()), (201, 200));
    let model = Planted::new(oracle);
    let table = rows(&benchmark, &model);
    assert_eq!((*model.images.borrow(), *model.captions.borrow()), (200, 200));
    assert!(table.iter().all(|row| row.share == 1.0), "the copy is found under its own name");
}

#[test]
fn micro_and_macro_averages_differ_where_classes_do() {
    let mut benchmark = Benchmark::default();
    for (number, class) in [(0, "a"), (1, "a"), (2, "a"), (3, "b")] {
        let item = Item { class: Some(class.to_owned()), ..Item::new("s", number) };
        // The item of class b has its captions the wrong way round.
        let (truth, foil) = if class == "b" { (number + 9, number) } else { (number, number + 9) };
        benchmark.add_contest(item, Some(image(number)), &[&truth.to_string()], &[&foil.to_string()]);
    }
    let row = &rows(&benchmark, &Planted::new(oracle))[0];
    assert_eq!((row.n, row.hits, row.share), (4, 3, 0.75));
    assert_eq!(row.macro_average, Some(Macro { share: 0.5, classes: 2 }));
}

#[test]
fn a_comparison_counts_who_alone_was_right() {
    let benchmark = benchmark(30);
    let decided = |model: &dyn Fn(u64, bool) -> Vec<f32>| {
        decide(&benchmark, &embedded(&benchmark, &Planted::new(model)))
    };
    // Wrong about every even number.
    let half = |number: u64, is_image: bool| match is_image && number.is_multiple_of(2) {
        true => oracle(number + 30, true),
        false => oracle(number, false),
    };
    let found = compare(["all", "half"], &decided(&oracle), &decided(&half));
    let captions = found.iter().find(|row| row.subset == "captions").expect("a row");
    assert_eq!((captions.n, captions.only_this, captions.only_other), (30, 15, 0));
    assert_eq!(captions.difference, 0.5);
    assert!(captions.low > 0.3 && captions.high < 0.7 && captions.p < 1e-4);
    assert_eq!(found.iter().filter(|row| row.subset == ALL).count(), 14);
}

#[test]
fn every_true_caption_must_beat_every_false_one() {
    let decided = |similarities: &[f32], n_true: usize| {
        let case = Case {
            id: String::new(),
            subset: String::new(),
            class: None,
            extra: false,
            images: vec![0],
            captions: (0..similarities.len()).collect(),
            ask: Ask::Captions { n_true },
        };
        let decision = decide::of_case(0, &case, |_, caption| similarities[caption]);
        (decision.hits[0].1, decision.tie, decision.chance(Measure::Accuracy))
    };
    assert_eq!(decided(&[0.5, 0.4], 1), (true, false, 0.5));
    assert_eq!(decided(&[0.5, 0.5], 1), (false, true, 0.5));
    assert!(!decided(&[0.5, 0.3, 0.4], 2).0);
    // SugarCrepe++: two true captions and a false one, in one of three orders.
    assert!((decided(&[0.5, 0.6, 0.4], 2).2 - 1.0 / 3.0).abs() < 1e-12);
    assert!((decided(&[0.5, 0.1, 0.2, 0.3, 0.4], 1).2 - 0.2).abs() < 1e-12);
}

#[test]
fn recall_is_that_of_a_worked_example() {
    let ranking = Ranking {
        subset: "r".into(),
        images: vec![0, 1, 2],
        texts: vec![vec![0], vec![1], vec![2]],
        true_of: vec![vec![0], vec![0], vec![2]],
        measure: Recall::Retrieval,
    };
    // The first image has two captions and finds one of them first; the third has one and ties with a wrong one.
    let similarities = vec![vec![0.9, 0.1, 0.5], vec![0.2, 0.8, 0.1], vec![0.3, 0.4, 0.4]];
    let decisions = decide::of_ranking(&ranking, &similarities);
    let hits = |measure| decisions.iter().filter_map(|d| d.hit(measure)).collect::<Vec<_>>();
    assert_eq!(hits(Measure::ImageRecall1), [true, false], "an image without captions asks nothing");
    assert_eq!(hits(Measure::TextRecall1), [true, false, false]);
    assert_eq!(hits(Measure::TextRecall5), [true, true, true]);
    assert!(decisions[1].tie);
}
