use std::collections::HashMap;

use rand::RngExt;
use shared::caption::Caption;
use shared::negative::HardNegative;

use super::*;
use crate::negatives::learned::{self, Pair, Reads};

/// Captions in which red is the color of most things, but of buses only of one in four.
fn made(count: usize) -> Vec<Caption> {
    let rng = &mut seed::rng(&[1]);
    let mut pick = |of: &[&'static str]| of[rng.random_range(0..of.len() as u32) as usize];
    let captions = (0..count).map(|_| {
        let thing = pick(&["car", "car", "car", "bus", "boat", "house"]);
        let color = match thing {
            "bus" => pick(&["red", "blue", "green", "blue"]),
            _ => pick(&["red", "red", "blue", "red", "red", "red", "green", "white"]),
        };
        let size = pick(&["big", "big", "big", "small", "tiny", "little"]);
        Caption::new(format!(
            "a {size} {color} {thing} {} a tree",
            pick(&["near", "near", "behind", "in front of"])
        ))
    });
    captions.collect()
}

/// One negative of a concept for each caption that gets one.
fn drawn(corpus: &[Caption], concept: Concept, drawing: &Drawing) -> Vec<(usize, HardNegative)> {
    let concepts = [concept];
    let recipe = Recipe { proposal: drawing.proposal(), ..Recipe::replace(&concepts) };
    let draw = |idx: usize| {
        let rng = &mut seed::rng(&[7, concept as u64, idx as u64]);
        Some((idx, negative::draw(&corpus[idx], &recipe, 1, rng).pop()?))
    };
    (0..corpus.len()).filter_map(draw).collect()
}

/// How often the judge tells negatives from captions.
fn judged(corpus: &[Caption], negatives: &[(usize, HardNegative)]) -> f64 {
    let pairs = negatives.iter().map(|(idx, negative)| Pair {
        positive: corpus[*idx].text(),
        negative: &negative.caption,
        image: *idx as u64,
    });
    let verdicts = learned::verdicts(&pairs.collect::<Vec<_>>(), Reads::Pairs, 0).expect("verdicts");
    verdicts.iter().sum::<f64>() / verdicts.len() as f64
}

#[test]
fn flows_are_the_same_both_ways_in_every_context_and_the_judge_learns_nothing() {
    let corpus = made(6000);
    let balanced = Drawing::balanced(&corpus, &Concept::ALL, For::Own, 0).expect("a table");
    for concept in Concept::ALL {
        let fluent = drawn(&corpus, concept, &Drawing::Fluent);
        assert!(judged(&corpus, &fluent) > 0.65, "{concept}: nothing to balance");
        let negatives = drawn(&corpus, concept, &balanced);
        let share = judged(&corpus, &negatives);
        assert!((0.45..=0.55).contains(&share), "{concept}: the judge is right in {share}");
        let mut flows: HashMap<(String, String, String), f64> = HashMap::new();
        for (idx, negative) in &negatives {
            // With the term taken out, what is left is its context.
            let text = corpus[*idx].text();
            let context = format!("{}_{}", &text[..negative.start], &text[negative.end..]);
            let thing = ["car", "bus", "boat", "house"].into_iter().find(|thing| context.contains(thing));
            let key = (negative.from.clone(), negative.to.clone(), thing.unwrap_or("").to_owned());
            *flows.entry(key).or_default() += 1.0;
        }
        for ((from, to, thing), there) in &flows {
            let back = flows.get(&(to.clone(), from.clone(), thing.clone())).copied().unwrap_or(0.0);
            // Five standard deviations of the difference of two counts.
            let error = 5.0 * (there + back).sqrt();
            assert!((there - back).abs() <= error, "{from} to {to} ({thing}): {there}, back: {back}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_table_and_few_captions_none() {
    let corpus = made(1200);
    let table = || {
        let calibrated =
            calibrate(&corpus, &Concept::ALL, For::Own, 3).expect("a judge").expect("enough captions");
        calibrated.table.to_bytes(0.0)
    };
    assert_eq!(table(), table());
    assert!(calibrate(&made(FEWEST - 1), &Concept::ALL, For::Own, 3).expect("a judge").is_none());
}
