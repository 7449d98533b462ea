//! How often captions are ahead of their own negatives, counted on the device and read back only when somebody asks.

use anyhow::anyhow;
use burn::tensor::Tensor;

use super::kind::{Kind, by_kind};
use super::own::Scores;

/// Hits and cases of each kind.
#[derive(Default)]
pub struct Beaten {
    /// `[K]`
    hits: Option<Tensor<1>>,
    cases: [usize; Kind::COUNT],
}

impl Beaten {
    /// Counts a step. A tie is a miss.
    pub fn count(&mut self, scores: &Scores, kinds: &[Kind]) {
        let ahead = scores.leads().inner().greater_scalar(0.0).float();
        let sum = by_kind(kinds, &ahead.device(), |_| 1.0);
        let hits = sum.matmul(ahead.unsqueeze_dim(1)).squeeze_dim::<1>(1);
        self.hits = Some(match self.hits.take() {
            Some(before) => before + hits,
            None => hits,
        });
        for kind in kinds {
            self.cases[kind.number()] += 1;
        }
    }

    /// The share of hits of each kind that was seen.
    ///
    /// # Errors
    /// If the device fails.
    pub fn shares(self) -> anyhow::Result<Vec<(Kind, f64)>> {
        let Some(hits) = self.hits else { return Ok(Vec::new()) };
        let hits = hits.try_into_data().map_err(|error| anyhow!("the device failed: {error:?}"))?;
        let pairs = Kind::all().into_iter().zip(hits.iter::<f32>()).zip(self.cases);
        Ok(pairs
            .filter(|(_, cases)| *cases > 0)
            .map(|((kind, hits), cases)| (kind, f64::from(hits) / cases as f64))
            .collect())
    }
}
