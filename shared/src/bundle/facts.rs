//! What a bundle says of itself besides its config.

use serde::{Deserialize, Serialize};

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The data sources.
    pub data: Vec<String>,
    /// Which hard negatives were used: `none`, or with commas between them concepts, `all`, `given` and `mined`.
    pub negatives: String,
    /// Optimizer steps.
    pub steps: u64,
    /// Images a step.
    pub batch: usize,
    /// The seed of weights, data and negatives.
    pub seed: u64,
    /// The commit of the trainer.
    pub commit: String,
    /// What was measured at the end, by name.
    pub results: serde_json::Map<String, serde_json::Value>,
    /// The images it was trained on, where they have names: for each the lower half of the FNV-1a hash of its file
    /// name's stem, or of its number if it is one of COCO's. In order.
    #[serde(rename = "pictures", default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<u32>,
    /// How these images look, if that was asked for: the trainer's perceptual hash of each. In order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<u64>,
    /// Whose weights these are, if Foil did not train them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
}

/// Where published weights were taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The folder or the name on the hub.
    pub from: String,
    /// Whose names the tensors had: `transformers` or `open_clip`.
    pub layout: String,
}

/// One pair whose similarity every backend must reproduce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// The seed of the scene to render.
    pub image_seed: u64,
    /// The caption.
    pub caption: String,
    /// Their cosine.
    pub similarity: f32,
}

impl Training {
    /// The facts about published weights that were taken over: `from` where, by the names of which library.
    pub fn imported(from: &str, layout: &str, commit: &str) -> Self {
        Training {
            data: Vec::new(),
            negatives: "none".to_owned(),
            steps: 0,
            batch: 0,
            seed: 0,
            commit: commit.to_owned(),
            results: serde_json::Map::new(),
            images: Vec::new(),
            looks: Vec::new(),
            imported: Some(Imported { from: from.to_owned(), layout: layout.to_owned() }),
        }
    }
}
