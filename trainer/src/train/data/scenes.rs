//! Scenes as training data: drawn when they are needed, never twice.

use std::collections::BTreeSet;

use anyhow::Result;
use rand::RngExt;
use rayon::prelude::*;
use shared::caption::Caption;
use shared::negative::{self, Recipe};
use shared::scene::{self, Scene};

use super::example::{Example, Stream, of_concept, recipe};
use super::features::InputEncoder;
use crate::negatives::calibration::Drawing;
use crate::train::run_config::RunConfig;

/// The sides at which training scenes are rendered, so that a model does not depend on one of them.
const SIDES: [u32; 3] = [64, 96, 128];

/// How many captions of a run are read before it begins, for what its texts are made of.
const SURVEYED: u64 = 4000;

/// Scenes of a run.
#[derive(Debug)]
pub struct Scenes {
    /// Scenes an epoch.
    pub images: u64,
    run_seed: u64,
    /// The terms that stand in the first captions of the run, in lower case. Only these replace others: a word that is
    /// never true of any image would give a negative away without a look at the image.
    known: BTreeSet<String>,
    /// How the words of negatives are chosen.
    pub drawing: Drawing,
}

impl Scenes {
    /// The scenes of a run's seed.
    pub fn new(images: u64, run_seed: u64) -> Self {
        let mut scenes = Scenes { images, run_seed, known: BTreeSet::new(), drawing: Drawing::Uniform };
        for caption in scenes.corpus() {
            let terms = caption.terms().iter();
            scenes.known.extend(terms.map(|term| caption.lower(term.span.clone()).to_owned()));
        }
        scenes
    }

    /// The first captions of the run, to calibrate on.
    pub fn corpus(&self) -> Vec<Caption> {
        self.captions().into_iter().map(Caption::new).collect()
    }

    /// The first captions of the run.
    pub fn captions(&self) -> Vec<String> {
        (0..SURVEYED).into_par_iter().map(|number| self.captioned(number, false).1).collect()
    }

    /// The scene of a number, with one object only if it is `single`, its caption and its negatives.
    ///
    /// # Errors
    /// If the device of a frozen backbone fails.
    pub fn example(
        &self,
        config: &RunConfig,
        encoder: &InputEncoder,
        number: u64,
        single: bool,
    ) -> Result<Example> {
        let (scene, caption) = self.captioned(number, single);
        let rng = &mut Stream::Negative.of(config.settings.seed, number);
        let side = SIDES[rng.random_range(0..SIDES.len() as u32) as usize];
        let image = encoder.encode(&scene.render(side), &config.model.preprocess)?;
        let text = Caption::new(caption.as_str());
        let recipe =
            Recipe { vocabulary: Some(&self.known), proposal: self.drawing.proposal(), ..recipe(config) };
        let drawn = negative::draw(&text, &recipe, config.settings.per_caption, rng);
        let negatives = drawn.into_iter().map(of_concept).collect();
        Ok(Example { image, caption, negatives })
    }

    fn captioned(&self, number: u64, single: bool) -> (Scene, String) {
        let rng = &mut Stream::Scene.of(self.run_seed, number);
        let mut scene = Scene::sample(rng);
        while single && scene.objects().len() > 1 {
            scene = Scene::sample(rng);
        }
        let rng = &mut Stream::Caption.of(self.run_seed, number);
        let caption = scene::caption(&scene, rng);
        (scene, caption)
    }
}
