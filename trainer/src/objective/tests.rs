use super::*;
use burn::tensor::TensorData;
use shared::concept::Concept;

const EVERY: [Loss; 6] = [Loss::Append, Loss::Own, Loss::Both, Loss::Balanced, Loss::Focal, Loss::Rank];

fn rows<const N: usize>(values: [[f32; 2]; N], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::from(values), device)
}

fn one(device: &Device) -> Tensor<1> {
    Tensor::ones([1], device)
}

fn negatives<const N: usize>(values: [[f32; 2]; N], of: [usize; N], device: &Device) -> Option<Negatives> {
    Some(Negatives {
        embeddings: rows(values, device),
        of: of.into(),
        kinds: vec![Kind::Concept(Concept::Color); N],
    })
}

/// The second term alone, of two pictures that point along the axes with captions that are right.
fn second_term(loss: Loss, negatives: Option<Negatives>, margins: [f32; Kind::COUNT]) -> f32 {
    let device = Device::flex().autodiff();
    let at = |weight: f64, negatives| {
        let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
        let embedded = Embedded { captions: images.clone(), images, negatives };
        let objective = Objective::new(loss, weight, Margins::new(margins, &device));
        objective.loss(embedded, one(&device)).0.into_scalar::<f32>()
    };
    let copy = negatives.as_ref().map(|negatives| Negatives {
        embeddings: negatives.embeddings.clone(),
        of: negatives.of.clone(),
        kinds: negatives.kinds.clone(),
    });
    at(1.0, negatives) - at(0.0, copy)
}

fn close(value: f32, expected: f32) {
    assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
}

#[test]
fn a_model_that_knows_nothing_pays_the_entropy_of_a_blind_guess() {
    let device = Device::flex();
    let blank = Tensor::<2>::zeros([4, 8], &device);
    let plain = contrastive(blank.clone(), blank.clone(), None, one(&device)).into_scalar::<f32>();
    close(plain, 4f32.ln());
    let negatives = Some(Tensor::zeros([12, 8], &device));
    let hard = contrastive(blank.clone(), blank, negatives, one(&device)).into_scalar::<f32>();
    close(hard, (16f32.ln() + 4f32.ln()) / 2.0);
}

#[test]
fn appended_negatives_have_the_value_of_a_worked_example() {
    let device = Device::flex();
    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let negatives = Some(rows([[0.0, 1.0]], &device));
    let loss = contrastive(images.clone(), images, negatives, one(&device)).into_scalar::<f32>();
    let e = 1f32.exp();
    // The first picture sees logits 1, 0, 0; the second 0, 1 and the negative's 1.
    let image_to_text = (-(e / (e + 2.0)).ln() - (e / (1.0 + 2.0 * e)).ln()) / 2.0;
    let text_to_image = -(e / (e + 1.0)).ln();
    close(loss, (image_to_text + text_to_image) / 2.0);
}

#[test]
fn own_negatives_have_the_value_of_a_worked_example() {
    let device = Device::flex().autodiff();
    let e = 1f32.exp();
    // The first picture sees its caption at 1 and two negatives at 0 and 0.6; the second has one negative at 1.
    let hard = || negatives([[0.0, 1.0], [0.6, 0.8], [0.0, 1.0]], [0, 0, 1], &device);
    let first = (e / (e + 1.0 + 0.6f32.exp())).ln();
    close(second_term(Loss::Own, hard(), [0.0; Kind::COUNT]), -(first + 0.5f32.ln()) / 2.0);
    close(second_term(Loss::Both, hard(), [0.0; Kind::COUNT]), -(first + 0.5f32.ln()) / 2.0);
}

#[test]
fn what_few_captions_name_counts_as_much_as_what_most_do() {
    let device = Device::flex().autodiff();
    // Both captions have a wrong object at logit 1, the first a wrong color at 0 between them.
    let mut hard = negatives([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0, 0, 1], &device).expect("negatives");
    let [object, color] = [Concept::Object, Concept::Color].map(Kind::Concept);
    hard.kinds = vec![object, color, object];
    let (of_object, of_color) = (2f32.ln(), (1.0 + (-1f32).exp()).ln());
    close(second_term(Loss::Balanced, Some(hard), [0.0; Kind::COUNT]), (of_object + of_color) / 2.0);
}

#[test]
fn the_focal_loss_has_the_value_of_a_worked_example() {
    let device = Device::flex().autodiff();
    let e = 1f32.exp();
    let hard = negatives([[0.0, 1.0], [0.6, 0.8], [0.0, 1.0]], [0, 0, 1], &device);
    let sum = e + 1.0 + 0.6f32.exp();
    let focal = |logs: &[f32]| {
        let smooth: f32 = logs.iter().sum::<f32>() * 0.02 / logs.len() as f32;
        -(0.98 * logs[0] + smooth) * (1.0 - logs[0].exp()).powi(2)
    };
    let first = focal(&[(e / sum).ln(), (1.0 / sum).ln(), (0.6f32.exp() / sum).ln()]);
    let second = focal(&[0.5f32.ln(), 0.5f32.ln()]);
    close(second_term(Loss::Focal, hard, [0.0; Kind::COUNT]), (first + second) / 2.0);
}

#[test]
fn the_margin_has_the_value_of_a_worked_example_and_follows_what_was_reached() {
    let device = Device::flex().autodiff();
    // Leads of 1 and 0.4; a margin of 0.7 misses 0.3 of the second.
    let hard = || negatives([[0.0, 1.0], [0.6, 0.8]], [0, 0], &device);
    close(second_term(Loss::Rank, hard(), [0.7, 9.0, 9.0, 9.0, 9.0, 9.0]), 0.15);

    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let margins = Margins::new([0.0, 3.0, 0.0, 0.0, 0.0, 0.0], &device);
    let mut objective = Objective::new(Loss::Rank, 1.0, margins);
    let mut show = |negatives| {
        let embedded = Embedded { captions: images.clone(), images: images.clone(), negatives };
        let (_, leads) = objective.loss(embedded, one(&device));
        objective.count(leads);
        objective.margins().values().expect("a number a kind")
    };
    assert_eq!(show(hard())[..2], [0.0, 3.0], "margins stay until the step is over");
    show(negatives([[1.0, 0.0]], [0], &device));
    objective.end_step();
    let [color, object, ..] = objective.margins().values().expect("a number a kind");
    close(color, 1.4 / 3.0);
    assert_eq!(object, 3.0, "a kind that was not seen keeps its margin");
}

#[test]
fn captions_without_negatives_are_ordinary_examples() {
    let device = Device::flex().autodiff();
    for loss in EVERY {
        let with_none = Embedded {
            images: rows([[1.0, 0.0], [0.6, 0.8]], &device),
            captions: rows([[0.8, 0.6], [0.0, 1.0]], &device),
            negatives: None,
        };
        let plain = contrastive(with_none.images.clone(), with_none.captions.clone(), None, one(&device));
        let objective = Objective::new(loss, 0.5, Margins::new([0.0; Kind::COUNT], &device));
        let value = objective.loss(with_none, one(&device)).0.into_scalar::<f32>();
        assert_eq!(value, plain.into_scalar::<f32>(), "{loss:?}");
    }
    // The second caption has no negative, and its row takes no part in the mean.
    for loss in [Loss::Own, Loss::Both, Loss::Balanced, Loss::Focal, Loss::Rank] {
        let margins = [1.0; Kind::COUNT];
        let masked = second_term(loss, negatives([[0.6, 0.8]], [0], &device), margins);
        let both = second_term(loss, negatives([[0.6, 0.8], [0.8, 0.6]], [0, 1], &device), margins);
        close(masked, both);
    }
}

#[test]
fn captions_are_pulled_to_their_pictures_and_negatives_pushed_away_by_every_loss() {
    for loss in EVERY {
        let device = Device::flex().autodiff();
        let images = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let captions = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let embeddings = rows([[0.8, 0.6]], &device).require_grad();
        let negatives = Negatives {
            embeddings: embeddings.clone(),
            of: vec![0],
            kinds: vec![Kind::Concept(Concept::Size)],
        };
        let embedded =
            Embedded { images: images.clone(), captions: captions.clone(), negatives: Some(negatives) };
        let objective = Objective::new(loss, 1.0, Margins::new([1.0; Kind::COUNT], &device));
        let gradients = objective.loss(embedded, one(&device)).0.backward();
        let along = |tensor: &Tensor<2>, towards: Tensor<2>| -> f32 {
            let gradient = tensor.grad(&gradients).expect("a gradient");
            (gradient * towards).sum().into_scalar()
        };
        // Going down the gradient raises each picture's similarity to its caption, and lowers it to the negative.
        assert!(along(&captions, images.clone().inner()) < 0.0, "{loss:?}");
        assert!(along(&embeddings, rows([[0.6, 0.8]], &Device::flex())) > 0.0, "{loss:?}");
    }
}

#[test]
fn what_captions_are_ahead_of_is_counted_for_each_kind() {
    let device = Device::flex().autodiff();
    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let mut objective = Objective::new(Loss::Append, 0.0, Margins::new([0.0; Kind::COUNT], &device));
    for _ in 0..2 {
        // A caption that is ahead of one negative, and level with another: a tie is a miss.
        let negatives = Negatives {
            embeddings: rows([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]], &device),
            of: vec![0, 0, 1],
            kinds: vec![Kind::Concept(Concept::Color), Kind::Concept(Concept::Color), Kind::Mined],
        };
        let embedded =
            Embedded { images: images.clone(), captions: images.clone(), negatives: Some(negatives) };
        let (_, leads) = objective.loss(embedded, one(&device));
        objective.count(leads);
    }
    assert_eq!(
        objective.take_beaten().expect("shares"),
        [(Kind::Concept(Concept::Color), 0.5), (Kind::Mined, 1.0)]
    );
    assert_eq!(objective.take_beaten().expect("nothing"), []);
}
