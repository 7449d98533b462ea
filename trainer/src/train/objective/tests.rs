use burn::tensor::TensorData;
use shared::concept::Concept;

use super::*;

const EVERY: [Loss; 4] = [Loss::NegClip, Loss::Tsvlc, Loss::FscClip, Loss::CeClip];

fn rows<const N: usize>(values: [[f32; 2]; N], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::from(values), device)
}

fn one(device: &Device) -> Tensor<1> {
    Tensor::ones([1], device)
}

/// The hard negatives of each caption, as many slots a caption as the one with the most has, or more.
fn negatives_in(slots: usize, of: &[&[([f32; 2], NegativeSource)]], device: &Device) -> Option<Negatives> {
    let filled = |own: &&[([f32; 2], NegativeSource)]| {
        let slots = own.iter().copied().map(Some).chain(std::iter::repeat(None)).take(slots);
        slots.collect::<Vec<Option<([f32; 2], NegativeSource)>>>()
    };
    let each: Vec<_> = of.iter().flat_map(filled).collect();
    // Of an empty slot nothing must be seen, whatever is in it.
    let embeddings: Vec<f32> =
        each.iter().flat_map(|slot| slot.map_or([0.28, 0.96], |(row, _)| row)).collect();
    Some(Negatives {
        embeddings: Tensor::from_data(TensorData::new(embeddings, [of.len(), slots, 2]), device),
        sources: each.iter().map(|slot| slot.map(|(_, kind)| kind)).collect(),
    })
}

const COLOR: NegativeSource = NegativeSource::Concept(Concept::Color);

fn negatives(of: [&[[f32; 2]]; 2], device: &Device) -> Option<Negatives> {
    let colors = of.map(|own| own.iter().map(|row| (*row, COLOR)).collect::<Vec<_>>());
    let slots = of.iter().map(|own| own.len()).max().unwrap_or(0);
    negatives_in(slots, &[&colors[0], &colors[1]], device)
}

/// The second term alone, of two images that point along the axes with captions that are right.
fn second_term(loss: Loss, negatives: Option<Negatives>, thresholds: [f32; NegativeSource::COUNT]) -> f32 {
    let device = Device::flex().autodiff();
    let at = |weight: f64, negatives| {
        let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
        let embedded = Embedded { captions: images.clone(), images, negatives };
        let objective = Objective::new(loss, weight, Thresholds::new(thresholds, &device));
        objective.loss(embedded, Logits { scale: one(&device), bias: None }).0.into_scalar::<f32>()
    };
    at(1.0, negatives.clone()) - at(0.0, negatives)
}

fn close(value: f32, expected: f32) {
    assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
}

#[test]
fn a_model_that_knows_nothing_pays_the_entropy_of_a_blind_guess() {
    let device = Device::flex();
    let blank = Tensor::<2>::zeros([4, 8], &device);
    let plain = contrastive(blank.clone(), blank.clone(), None, None, one(&device)).into_scalar::<f32>();
    close(plain, 4f32.ln());
    let negatives =
        Negatives { embeddings: Tensor::zeros([4, 3, 8], &device), sources: vec![Some(COLOR); 12] };
    let hard = contrastive(blank.clone(), blank, Some(&negatives), None, one(&device)).into_scalar::<f32>();
    close(hard, (16f32.ln() + 4f32.ln()) / 2.0);
}

#[test]
fn appended_negatives_have_the_value_of_a_worked_example() {
    let device = Device::flex();
    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let negatives = negatives([&[[0.0, 1.0]], &[]], &device);
    let loss =
        contrastive(images.clone(), images, negatives.as_ref(), None, one(&device)).into_scalar::<f32>();
    let e = 1f32.exp();
    // The first image sees logits 1, 0, 0; the second 0, 1 and the negative's 1.
    let image_to_text = (-(e / (e + 2.0)).ln() - (e / (1.0 + 2.0 * e)).ln()) / 2.0;
    let text_to_image = -(e / (e + 1.0)).ln();
    close(loss, (image_to_text + text_to_image) / 2.0);
}

#[test]
fn pairs_have_the_value_of_a_worked_example() {
    let device = Device::flex();
    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    // Beside the first image's negative there is an empty slot, and two of the second.
    let negatives = negatives_in(2, &[&[([0.6, 0.8], COLOR)], &[]], &device);
    let logits = Logits { scale: one(&device) * 2.0, bias: Some(one(&device) * -1.0) };
    let loss = |negatives| {
        pairwise(images.clone(), images.clone(), negatives, None, logits.clone()).into_scalar::<f32>()
    };
    let cost = |logit: f32| (1.0 + (-logit).exp()).ln();
    // Both own captions at 2 - 1, the others at -1, of which the sign is turned.
    let plain = (2.0 * cost(1.0) + 2.0 * cost(1.0)) / 2.0;
    close(loss(None), plain);
    close(loss(negatives.as_ref()), plain + (cost(-0.2) + cost(-0.6)) / 2.0);
}

#[test]
fn own_negatives_have_the_value_of_a_worked_example() {
    let device = Device::flex().autodiff();
    let e = 1f32.exp();
    // The first image sees its caption at 1 and two negatives at 0 and 0.6; the second has one negative at 1.
    let hard = || negatives([&[[0.0, 1.0], [0.6, 0.8]], &[[0.0, 1.0]]], &device);
    let first = (e / (e + 1.0 + 0.6f32.exp())).ln();
    close(second_term(Loss::Tsvlc, hard(), [0.0; NegativeSource::COUNT]), -(first + 0.5f32.ln()) / 2.0);
}

#[test]
fn the_focal_loss_has_the_value_of_a_worked_example() {
    let device = Device::flex().autodiff();
    let e = 1f32.exp();
    let hard = negatives([&[[0.0, 1.0], [0.6, 0.8]], &[[0.0, 1.0]]], &device);
    let sum = e + 1.0 + 0.6f32.exp();
    let focal = |logs: &[f32]| {
        let smooth: f32 = logs.iter().sum::<f32>() * 0.02 / logs.len() as f32;
        -(0.98 * logs[0] + smooth) * (1.0 - logs[0].exp()).powi(2)
    };
    let first = focal(&[(e / sum).ln(), (1.0 / sum).ln(), (0.6f32.exp() / sum).ln()]);
    let second = focal(&[0.5f32.ln(), 0.5f32.ln()]);
    close(second_term(Loss::FscClip, hard, [0.0; NegativeSource::COUNT]), (first + second) / 2.0);
}

#[test]
fn the_margin_has_the_value_of_a_worked_example_and_follows_what_was_reached() {
    let device = Device::flex().autodiff();
    // Margins of 1 and 0.4; a margin of 0.7 misses 0.3 of the second.
    let hard = || negatives([&[[0.0, 1.0], [0.6, 0.8]], &[]], &device);
    close(second_term(Loss::CeClip, hard(), [0.7, 9.0, 9.0, 9.0, 9.0, 9.0]), 0.15);

    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let thresholds = Thresholds::new([0.0, 3.0, 0.0, 0.0, 0.0, 0.0], &device);
    let mut objective = Objective::new(Loss::CeClip, 1.0, thresholds);
    let mut show = |negatives| {
        let embedded = Embedded { captions: images.clone(), images: images.clone(), negatives };
        let (_, margins) = objective.loss(embedded, Logits { scale: one(&device), bias: None });
        objective.count(margins);
        objective.thresholds().values().expect("a number a kind")
    };
    assert_eq!(show(hard())[..2], [0.0, 3.0], "thresholds stay until the step is over");
    show(negatives([&[[1.0, 0.0]], &[]], &device));
    objective.end_step();
    let [color, object, ..] = objective.thresholds().values().expect("a number a kind");
    close(color, 1.4 / 3.0);
    assert_eq!(object, 3.0, "a kind that was not seen keeps its margin");
}

#[test]
fn captions_without_negatives_are_ordinary_examples() {
    let device = Device::flex().autodiff();
    for loss in EVERY {
        let images = rows([[1.0, 0.0], [0.6, 0.8]], &device);
        let captions = rows([[0.8, 0.6], [0.0, 1.0]], &device);
        let plain =
            contrastive(images.clone(), captions.clone(), None, None, one(&device)).into_scalar::<f32>();
        let objective = Objective::new(loss, 0.5, Thresholds::new([1.0; NegativeSource::COUNT], &device));
        for none in [None, negatives_in(3, &[&[], &[]], &device)] {
            let (images, captions) = (images.clone(), captions.clone());
            let (value, margins) = objective.loss(
                Embedded { images, captions, negatives: none.clone() },
                Logits { scale: one(&device), bias: None },
            );
            assert_eq!(value.into_scalar::<f32>(), plain, "{loss:?}");
            assert_eq!(margins.is_some(), none.is_some());
            assert!(margins.is_none_or(|margins| margins.shares().expect("no shares").is_empty()));
        }
    }
    // The second caption has no negative, and its row takes no part in the mean.
    for loss in [Loss::Tsvlc, Loss::FscClip, Loss::CeClip] {
        let thresholds = [1.0; NegativeSource::COUNT];
        let masked = second_term(loss, negatives([&[[0.6, 0.8]], &[]], &device), thresholds);
        let both = second_term(loss, negatives([&[[0.6, 0.8]], &[[0.8, 0.6]]], &device), thresholds);
        close(masked, both);
    }
}

#[test]
fn empty_slots_change_neither_a_loss_nor_its_gradient() {
    let device = Device::flex().autodiff();
    let own: [&[([f32; 2], NegativeSource)]; 2] =
        [&[([0.0, 1.0], COLOR), ([0.6, 0.8], NegativeSource::Mined)], &[([0.8, 0.6], NegativeSource::Given)]];
    for loss in EVERY {
        let with = |slots: usize| {
            let images = rows([[1.0, 0.0], [0.0, 1.0]], &device).require_grad();
            let captions = rows([[0.8, 0.6], [0.28, 0.96]], &device).require_grad();
            let embedded = Embedded {
                images: images.clone(),
                captions: captions.clone(),
                negatives: negatives_in(slots, &own, &device),
            };
            let objective = Objective::new(loss, 1.0, Thresholds::new([1.0; NegativeSource::COUNT], &device));
            let (value, margins) = objective.loss(embedded, Logits { scale: one(&device), bias: None });
            let gradients = value.backward();
            let numbers = |tensor: Tensor<2>| {
                tensor.grad(&gradients).expect("a gradient").into_data().iter::<f32>().collect::<Vec<_>>()
            };
            let numbers = [vec![value.into_scalar::<f32>()], numbers(images), numbers(captions)].concat();
            (numbers, margins.expect("margins").shares().expect("shares"))
        };
        let ((two, leads_of_two), (five, leads_of_five)) = (with(2), with(5));
        assert!(
            two.iter().zip(&five).all(|(two, five)| (two - five).abs() < 1e-6),
            "{loss:?}: {two:?} {five:?}"
        );
        assert_eq!(leads_of_two, leads_of_five);
    }
}

#[test]
fn captions_are_pulled_to_their_images_and_negatives_pushed_away_by_every_loss() {
    for loss in EVERY {
        let device = Device::flex().autodiff();
        let images = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let captions = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let embeddings = rows([[0.8, 0.6], [0.28, 0.96]], &device).require_grad();
        let negatives = Negatives {
            embeddings: embeddings.clone().reshape([2, 1, 2]),
            sources: vec![Some(NegativeSource::Concept(Concept::Size)), None],
        };
        let embedded =
            Embedded { images: images.clone(), captions: captions.clone(), negatives: Some(negatives) };
        let objective = Objective::new(loss, 1.0, Thresholds::new([1.0; NegativeSource::COUNT], &device));
        let gradients = objective.loss(embedded, Logits { scale: one(&device), bias: None }).0.backward();
        let along = |tensor: &Tensor<2>, towards: Tensor<2>| -> f32 {
            let gradient = tensor.grad(&gradients).expect("a gradient");
            (gradient * towards).sum().into_scalar()
        };
        // Going down the gradient raises each image's similarity to its caption, and lowers it to the negative.
        assert!(along(&captions, images.clone().inner()) < 0.0, "{loss:?}");
        assert!(along(&embeddings, rows([[0.6, 0.8], [0.0, 0.0]], &Device::flex())) > 0.0, "{loss:?}");
        // In the empty slot is nothing to push.
        assert_eq!(along(&embeddings, rows([[0.0, 0.0], [1.0, 1.0]], &Device::flex())), 0.0, "{loss:?}");
    }
}

#[test]
fn what_captions_are_ahead_of_is_counted_for_each_kind() {
    let device = Device::flex().autodiff();
    let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
    let mut objective =
        Objective::new(Loss::NegClip, 0.0, Thresholds::new([0.0; NegativeSource::COUNT], &device));
    for _ in 0..2 {
        // A caption that is ahead of one negative, and level with another: a tie is a miss.
        let own: [&[([f32; 2], NegativeSource)]; 2] =
            [&[([0.0, 1.0], COLOR), ([1.0, 0.0], COLOR)], &[([0.6, 0.8], NegativeSource::Mined)]];
        let negatives = negatives_in(2, &own, &device);
        let embedded = Embedded { images: images.clone(), captions: images.clone(), negatives };
        let (_, margins) = objective.loss(embedded, Logits { scale: one(&device), bias: None });
        objective.count(margins);
    }
    assert_eq!(
        objective.take_accuracy().expect("shares"),
        [(NegativeSource::Concept(Concept::Color), 0.5), (NegativeSource::Mined, 1.0)]
    );
    assert_eq!(objective.take_accuracy().expect("nothing"), []);
}

#[test]
fn local_negatives_are_those_of_batches_apart() {
    let device = Device::flex();
    let images = rows([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]], &device);
    let captions = rows([[0.8, 0.6], [0.6, 0.8], [0.28, 0.96], [1.0, 0.0]], &device);
    let own: [&[([f32; 2], NegativeSource)]; 4] =
        [&[([0.6, 0.8], COLOR)], &[([1.0, 0.0], COLOR), ([0.0, 1.0], COLOR)], &[], &[([0.8, 0.6], COLOR)]];
    for loss in [Loss::NegClip, Loss::CeClip, Loss::Siglip] {
        let value = |local: Option<usize>, own: &[&[([f32; 2], NegativeSource)]]| {
            let embedded = Embedded {
                images: images.clone(),
                captions: captions.clone(),
                negatives: negatives_in(2, own, &device),
            };
            let thresholds = Thresholds::new([0.2; NegativeSource::COUNT], &device);
            let objective = Objective::new(loss, 0.0, thresholds).keeping_negatives_within(local);
            let bias = (loss == Loss::Siglip).then(|| one(&device));
            objective.loss(embedded, Logits { scale: one(&device) * 3.0, bias }).0.into_scalar::<f32>()
        };
        // Of one batch all are local.
        close(value(Some(4), &own), value(None, &own));
        let local = value(Some(2), &own);
        assert!(local < value(None, &own) - 1e-3, "{loss:?}: fewer to beat");
        // What the others' negatives are makes no difference to a batch: the losses of both, each with its own negatives alone.
        let [first, second] =
            [[own[0], own[1], &[], &[]], [&[], &[], own[2], own[3]]].map(|own| value(Some(2), &own));
        let empty: [&[([f32; 2], NegativeSource)]; 4] = [&[]; 4];
        let none = value(None, &empty);
        close(local - none, (first - none) + (second - none));
    }
}
