//! What logits are.

use serde::{Deserialize, Serialize};

/// What becomes of the cosine of an image and a caption, times the logit scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// A share among captions that compete (arXiv 2103.00020).
    #[default]
    Softmax,
    /// With a bias, the probability that the two belong together, whatever else there is (arXiv 2303.15343).
    Sigmoid,
}

impl Scoring {
    /// Whether it is what most models do.
    pub(super) fn is_softmax(&self) -> bool {
        *self == Scoring::Softmax
    }
}
