//! Who wins: the rules by which similarities decide a case. A tie is a miss everywhere.

use serde::{Serialize, Serializer};
use shared::similarity::{CHANCE, Embedding, Square};

use super::embed::Embeddings;
use crate::eval::benchmark::{Ask, Benchmark, CaptionId, Case, ImageId, Ranking, Recall};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Every true caption beats every false one.
    Accuracy,
    /// Both images prefer their own caption.
    ImageToText,
    /// Both captions prefer their own image; or the one caption does that there is.
    TextToImage,
    /// Both of these.
    Group,
    /// The first image prefers its own caption.
    FirstImage,
    /// The edited image prefers its own caption. Who has learned that edited text is wrong fails here.
    SecondImage,
    /// The first caption prefers its own image.
    FirstText,
    /// The edited caption prefers its own image.
    SecondText,
    /// A caption's image is the first among all.
    TextRecall1,
    /// It is among the first five.
    TextRecall5,
    /// It is among the first ten.
    TextRecall10,
    /// One of an image's captions is the first among all.
    ImageRecall1,
    /// One is among the first five.
    ImageRecall5,
    /// One is among the first ten.
    ImageRecall10,
    /// The right class is the first.
    Top1,
    /// The right class is among the first five.
    Top5,
}

impl Measure {
    /// The name in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Accuracy => "accuracy",
            Measure::ImageToText => "i2t",
            Measure::TextToImage => "t2i",
            Measure::Group => "group",
            Measure::FirstImage => "image→text",
            Measure::SecondImage => "edited image→text",
            Measure::FirstText => "text→image",
            Measure::SecondText => "edited text→image",
            Measure::TextRecall1 => "t2i R@1",
            Measure::TextRecall5 => "t2i R@5",
            Measure::TextRecall10 => "t2i R@10",
            Measure::ImageRecall1 => "i2t R@1",
            Measure::ImageRecall5 => "i2t R@5",
            Measure::ImageRecall10 => "i2t R@10",
            Measure::Top1 => "top-1",
            Measure::Top5 => "top-5",
        }
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What came of an item: a case, or a query of a ranking.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// See [`Case::id`].
    pub id: String,
    /// See [`Case::subset`].
    pub subset: String,
    /// See [`Case::class`].
    pub class: Option<String>,
    /// Whether the item counts in its subset only.
    pub extra: bool,
    /// The number of its case, if it is one.
    pub case: Option<usize>,
    /// The image that it belongs to.
    pub image: ImageId,
    /// The photograph that the image is, or a part of: what intervals draw anew.
    pub photograph: ImageId,
    /// What it was counted as.
    pub hits: Vec<(Measure, bool)>,
    /// Whether two numbers that were to be told apart are equal.
    pub tie: bool,
    /// By how much the weakest right answer leads the strongest wrong one.
    pub margin: f32,
    /// Whether the right captions win at the image of another item too; only where captions compete for one image.
    pub wrong_picture: Option<bool>,
    /// A coin's share, where it does not follow from the measure.
    coin: f64,
}

impl Decision {
    /// Whether the item is a hit by this measure, if it is counted by it.
    pub fn hit(&self, measure: Measure) -> Option<bool> {
        self.hits.iter().find(|(own, _)| *own == measure).map(|(_, hit)| *hit)
    }

    /// What a coin would get.
    pub fn chance(&self, measure: Measure) -> f64 {
        match measure {
            Measure::ImageToText => CHANCE[0],
            Measure::TextToImage if self.hits.len() > 1 => CHANCE[1],
            Measure::Group => CHANCE[2],
            Measure::FirstImage | Measure::SecondImage | Measure::FirstText | Measure::SecondText => 0.5,
            Measure::Accuracy | Measure::TextToImage => self.coin,
            Measure::TextRecall1 | Measure::ImageRecall1 | Measure::Top1 => self.coin,
            Measure::TextRecall5 | Measure::ImageRecall5 | Measure::Top5 => (5.0 * self.coin).min(1.0),
            Measure::TextRecall10 | Measure::ImageRecall10 => (10.0 * self.coin).min(1.0),
        }
    }
}

/// Decides every case and every query.
pub fn decide(benchmark: &Benchmark, embeddings: &Embeddings) -> Vec<Decision> {
    let similarity =
        |image: ImageId, caption: CaptionId| embeddings.image(image).cosine(embeddings.caption(caption));
    let cases = benchmark.cases.iter().enumerate();
    let mut decisions: Vec<Decision> = cases.map(|(idx, case)| of_case(idx, case, similarity)).collect();
    for ranking in &benchmark.rankings {
        decisions.extend(of_ranking(ranking, &matrix(ranking, embeddings)));
    }
    let photographs = benchmark.photographs();
    for decision in &mut decisions {
        decision.photograph = photographs[decision.image];
    }
    at_wrong_images(benchmark, &mut decisions, similarity);
    decisions
}

/// Asks every case in which captions compete for one image once more, at the image of a case half the benchmark
/// away. What is got right there is known from the text alone.
fn at_wrong_images(
    benchmark: &Benchmark,
    decisions: &mut [Decision],
    similarity: impl Fn(ImageId, CaptionId) -> f32,
) {
    let is_contest = |idx: &usize| matches!(benchmark.cases[*idx].ask, Ask::Captions { .. });
    let contests: Vec<usize> = (0..benchmark.cases.len()).filter(is_contest).collect();
    for (place, idx) in contests.iter().enumerate() {
        let mut others = contests.iter().cycle().skip(place + contests.len() / 2).take(contests.len());
        let own = decisions[*idx].photograph;
        let other = others.find(|other| decisions[**other].photograph != own);
        decisions[*idx].wrong_picture = other.and_then(|other| {
            let images = vec![decisions[*other].image];
            let case = Case { images, ..benchmark.cases[*idx].clone() };
            of_case(*idx, &case, &similarity).hit(Measure::Accuracy)
        });
    }
}

/// The rule for a case.
pub fn of_case(idx: usize, case: &Case, similarity: impl Fn(ImageId, CaptionId) -> f32) -> Decision {
    let decided = |hits: Vec<(Measure, bool)>, tie: bool, margin: f32, coin: f64| Decision {
        id: case.id.clone(),
        subset: case.subset.clone(),
        class: case.class.clone(),
        extra: case.extra,
        case: Some(idx),
        image: case.images[0],
        photograph: case.images[0],
        hits,
        tie,
        margin,
        wrong_picture: None,
        coin,
    };
    match case.ask {
        Ask::Captions { n_true } => {
            let all: Vec<f32> = case.captions.iter().map(|text| similarity(case.images[0], *text)).collect();
            let margin = lead(&all[..n_true], &all[n_true..]);
            let coin = chance_of_all(n_true, all.len() - n_true);
            decided(vec![(Measure::Accuracy, margin > 0.0)], margin == 0.0, margin, coin)
        }
        Ask::Images => {
            let all: Vec<f32> = case.images.iter().map(|one| similarity(*one, case.captions[0])).collect();
            let margin = lead(&all[..1], &all[1..]);
            let coin = 1.0 / all.len() as f64;
            decided(vec![(Measure::TextToImage, margin > 0.0)], margin == 0.0, margin, coin)
        }
        Ask::Square => {
            let s = [0, 1].map(|i| [0, 1].map(|t| similarity(case.images[i], case.captions[t])));
            let square = Square { similarities: s };
            let hits = vec![
                (Measure::ImageToText, square.image_to_text()),
                (Measure::TextToImage, square.text_to_image()),
                (Measure::Group, square.group()),
                (Measure::FirstImage, s[0][0] > s[0][1]),
                (Measure::SecondImage, s[1][1] > s[1][0]),
                (Measure::FirstText, s[0][0] > s[1][0]),
                (Measure::SecondText, s[1][1] > s[0][1]),
            ];
            let leads = [s[0][0] - s[0][1], s[1][1] - s[1][0], s[0][0] - s[1][0], s[1][1] - s[0][1]];
            decided(hits, square.has_tie(), leads.into_iter().fold(f32::INFINITY, f32::min), 0.5)
        }
    }
}

/// By how much the weakest of the right ones leads the strongest of the wrong ones.
fn lead(right: &[f32], wrong: &[f32]) -> f32 {
    let weakest = right.iter().copied().fold(f32::INFINITY, f32::min);
    let strongest = wrong.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    weakest - strongest
}

/// How often a coin ranks all of some right answers before all of some wrong ones: one order in `n` choose `k`.
fn chance_of_all(right: usize, wrong: usize) -> f64 {
    (1..=right).map(|k| k as f64 / (wrong + k) as f64).product()
}

/// The cosines of a ranking's images and texts, `[images][texts]`.
fn matrix(ranking: &Ranking, embeddings: &Embeddings) -> Vec<Vec<f32>> {
    let text = |captions: &Vec<CaptionId>| mean(captions.iter().map(|id| embeddings.caption(*id)));
    let texts: Vec<Embedding> = ranking.texts.iter().map(text).collect();
    let row = |id: &ImageId| texts.iter().map(|text| embeddings.image(*id).cosine(text)).collect();
    ranking.images.iter().map(row).collect()
}

/// The point in the middle of at least one, such as those of a class's captions (arXiv 2103.00020, section 3.1.4).
fn mean<'a>(mut points: impl ExactSizeIterator<Item = &'a Embedding>) -> Embedding {
    let first = points.next().expect("a text has at least one caption");
    // One has length 1 already, and dividing would only round it.
    if points.len() == 0 {
        return first.clone();
    }
    let mut sum = first.values().to_vec();
    for point in points {
        sum.iter_mut().zip(point.values()).for_each(|(sum, value)| *sum += value);
    }
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    Embedding::from_unit_row(sum.into_iter().map(|value| value / length).collect())
}

/// The rules for a ranking: where the best right answer stands. Wrong answers as good as it stand before it.
pub fn of_ranking(ranking: &Ranking, similarities: &[Vec<f32>]) -> Vec<Decision> {
    let n_images = ranking.images.len();
    let mut texts_of: Vec<Vec<usize>> = vec![Vec::new(); n_images];
    for (text, images) in ranking.true_of.iter().enumerate() {
        images.iter().for_each(|image| texts_of[*image].push(text));
    }
    let decision = |id: String,
                    image: usize,
                    standing: Standing,
                    measures: &[(Measure, usize)],
                    coin: f64| Decision {
        id,
        subset: ranking.subset.clone(),
        class: None,
        extra: false,
        case: None,
        image: ranking.images[image],
        photograph: ranking.images[image],
        hits: measures.iter().map(|(measure, first)| (*measure, standing.wrong_before < *first)).collect(),
        tie: standing.tie,
        margin: standing.margin,
        wrong_picture: None,
        coin,
    };
    let by_text: &[(Measure, usize)] =
        &[(Measure::TextRecall1, 1), (Measure::TextRecall5, 5), (Measure::TextRecall10, 10)];
    let by_image: &[(Measure, usize)] = match ranking.measure {
        Recall::Retrieval => {
            &[(Measure::ImageRecall1, 1), (Measure::ImageRecall5, 5), (Measure::ImageRecall10, 10)]
        }
        Recall::Classification => &[(Measure::Top1, 1), (Measure::Top5, 5)],
    };
    let mut decisions = Vec::new();
    for (image, own) in texts_of.iter().enumerate().filter(|(_, own)| !own.is_empty()) {
        let standing = Standing::of(&similarities[image], |text| own.contains(&text));
        let coin = own.len() as f64 / ranking.texts.len() as f64;
        decisions.push(decision(
            format!("{}/picture {image}", ranking.subset),
            image,
            standing,
            by_image,
            coin,
        ));
    }
    if ranking.measure == Recall::Retrieval {
        for (text, own) in ranking.true_of.iter().enumerate() {
            let column: Vec<f32> = similarities.iter().map(|row| row[text]).collect();
            let standing = Standing::of(&column, |image| own.contains(&image));
            let id = format!("{}/text {text}", ranking.subset);
            decisions.push(decision(id, own[0], standing, by_text, 1.0 / n_images as f64));
        }
    }
    decisions
}

/// Where the best right answer stands among all.
#[derive(Clone, Copy)]
struct Standing {
    wrong_before: usize,
    tie: bool,
    margin: f32,
}

impl Standing {
    fn of(answers: &[f32], is_right: impl Fn(usize) -> bool) -> Self {
        let (mut best, mut strongest) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for (idx, answer) in answers.iter().enumerate() {
            let slot = if is_right(idx) { &mut best } else { &mut strongest };
            *slot = slot.max(*answer);
        }
        let wrong =
            || answers.iter().enumerate().filter(|(idx, _)| !is_right(*idx)).map(|(_, answer)| *answer);
        Standing {
            wrong_before: wrong().filter(|answer| *answer >= best).count(),
            tie: wrong().any(|answer| answer == best),
            margin: best - strongest,
        }
    }
}
