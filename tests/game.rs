//! The rounds of the guessing game say what the page's models pick.
//!
//! `UPDATE_EXPECT=1` writes these picks into `assets/game.json` anew, after a change of the models or of the questions.

use std::collections::BTreeSet;
use std::fs;

use burn::tensor::Device;
use shared::difference::exchanged;
use shared::engine::Engine;
use shared::image::Image;
use shared::scene::Pair;
use web::game::Round;
use web::protocol::Set;
use web::sample::{self, PreparedEdit};

use crate::support::{decoded, root, shipped_bundle};

/// As far as two machines may differ.
const TOLERANCE: f32 = 1e-3;

/// What the models are asked about: for an edited sample, the pixels that the page makes of the sample.
fn picture(round: &Round) -> Image {
    if let Some((concept, seed)) = sample::scene(&round.picture) {
        return Pair::from_seed(concept, seed).scene().render(sample::SCENE_SIDE);
    }
    let original = decoded(&root().join("assets/samples").join(&round.picture));
    match &round.edit {
        None => original,
        Some(name) => {
            let prepared = PreparedEdit::named(name).unwrap_or_else(|| panic!("no edit called {name}"));
            assert_eq!(prepared.sample, round.picture);
            prepared.apply(&original).expect("an edited sample")
        }
    }
}

/// How far each round's caption is ahead of its foil, by one model.
fn leads(engine: &Engine, rounds: &[&Round]) -> Vec<f32> {
    let lead = async |round: &Round| {
        let image = engine.embed_images(&[&picture(round)]).await.expect("an embedding").remove(0);
        let texts = engine.embed_captions(&[&round.caption, &round.foil]).await.expect("embeddings");
        image.cosine(&texts[0]) - image.cosine(&texts[1])
    };
    rounds.iter().map(|round| pollster::block_on(lead(round))).collect()
}

#[test]
fn the_game_says_what_the_models_pick() {
    let path = root().join("assets/game.json");
    let mut rounds: Vec<Round> =
        serde_json::from_str(&fs::read_to_string(&path).expect("the rounds")).expect("their JSON");
    let mut expected = rounds.clone();
    for (set, models) in [
        (Set::Photographs, ["photo-plain", "photo-hard-negative"]),
        (Set::Scenes, ["scene-plain", "scene-hard-negative"]),
    ] {
        let of_set: Vec<usize> = (0..rounds.len()).filter(|at| rounds[*at].set() == set).collect();
        for (model, name) in models.into_iter().enumerate() {
            let engine =
                pollster::block_on(Engine::load(&shipped_bundle(name), &Device::flex())).expect("an engine");
            let asked: Vec<&Round> = of_set.iter().map(|at| &rounds[*at]).collect();
            for (at, lead) in of_set.iter().zip(leads(&engine, &asked)) {
                expected[*at].ahead[model] = (1e4 * lead).round() / 1e4;
            }
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let lines: Vec<String> =
            expected.iter().map(|round| serde_json::to_string(round).expect("JSON")).collect();
        fs::write(&path, format!("[{}]\n", lines.join(",\n"))).expect("the rounds are written");
        rounds = expected.clone();
    }
    for (round, expected) in rounds.iter().zip(&expected) {
        for model in 0..2 {
            let [found, expected] = [round, expected].map(|round| round.ahead[model]);
            assert!((found - expected).abs() < TOLERANCE, "{round:?}: {expected} instead of {found}");
            assert!(expected.abs() > 2.0 * TOLERANCE, "{round:?} is too close to call");
        }
    }
}

#[test]
fn rounds_ask_of_one_term_each_and_are_no_foregone_conclusion() {
    let rounds: Vec<Round> =
        serde_json::from_str(&fs::read_to_string(root().join("assets/game.json")).expect("the rounds"))
            .expect("their JSON");
    let mut asked = BTreeSet::new();
    for round in &rounds {
        assert!(asked.insert((&round.picture, &round.edit, &round.caption, &round.foil)), "{round:?} twice");
        let (ours, theirs) = exchanged(&round.caption, &round.foil);
        assert!(!ours.is_empty() && !theirs.is_empty(), "{round:?}");
        if let Some((concept, seed)) = sample::scene(&round.picture) {
            let pair = Pair::from_seed(concept, seed);
            assert_eq!(
                (round.concept, &*round.caption, &*round.foil),
                (concept, pair.caption(), pair.foil_caption()),
                "what the scene is"
            );
        }
    }
    // Whoever always bets that a model is right, or that both agree, should not win.
    let share = |holds: fn([bool; 2]) -> bool| {
        rounds.iter().filter(|round| holds(round.picks())).count() as f64 / rounds.len() as f64
    };
    for holds in
        [|picks: [bool; 2]| picks[0], |picks: [bool; 2]| picks[1], |picks: [bool; 2]| picks[0] == picks[1]]
    {
        assert!((0.3..=0.75).contains(&share(holds)), "{}", share(holds));
    }
}
