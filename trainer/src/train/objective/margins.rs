//! Margins of captions over their own negatives: summed on the device, and read back only when somebody asks.

use burn::tensor::{Device, Tensor, TensorData};

use super::own::Scores;
use crate::system::device;
use crate::train::negative_source::NegativeSource;

/// Sums over the negatives of each source.
#[derive(Clone)]
pub struct Margins {
    /// The sum of the margins, in logits, `[K]`.
    sums: Tensor<1>,
    /// How many were positive, `[K]`; a tie is a miss.
    hits: Tensor<1>,
    /// How many there were.
    cases: [usize; NegativeSource::COUNT],
}

impl Margins {
    /// The margins of a batch's captions.
    pub fn of(scores: &Scores) -> Self {
        let sources = &scores.sources;
        let margins = scores.margins().inner().reshape([sources.len()]);
        let by_source = by_source(sources, &margins.device());
        let sum = |of: Tensor<1>| by_source.clone().matmul(of.unsqueeze_dim(1)).squeeze_dim::<1>(1);
        let mut cases = [0; NegativeSource::COUNT];
        for source in sources.iter().flatten() {
            cases[source.number()] += 1;
        }
        Margins { hits: sum(margins.clone().greater_scalar(0.0).float()), sums: sum(margins), cases }
    }

    /// These and others, on the device of these.
    pub fn and(self, others: Margins) -> Self {
        let device = self.sums.device();
        let Margins { sums, hits, cases } = others.on(&device);
        Margins {
            sums: self.sums + sums,
            hits: self.hits + hits,
            cases: std::array::from_fn(|source| self.cases[source] + cases[source]),
        }
    }

    /// The same on another device.
    pub fn on(self, device: &Device) -> Self {
        Margins { sums: self.sums.to_device(device), hits: self.hits.to_device(device), cases: self.cases }
    }

    /// The mean margin of each source, `[K]`; meaningless for one that was not seen.
    pub fn means(&self) -> Tensor<1> {
        let cases = self.cases.map(|cases| cases.max(1) as f32);
        self.sums.clone() / Tensor::from_data(cases, &self.sums.device())
    }

    /// Whether there was a negative of each source.
    pub fn seen(&self) -> [bool; NegativeSource::COUNT] {
        self.cases.map(|cases| cases > 0)
    }

    /// The share of hits of each source that was seen.
    ///
    /// # Errors
    /// If the device fails.
    pub fn shares(self) -> anyhow::Result<Vec<(NegativeSource, f64)>> {
        let pairs = NegativeSource::all().zip(device::floats(self.hits)?).zip(self.cases);
        Ok(pairs
            .filter(|(_, cases)| *cases > 0)
            .map(|((source, hits), cases)| (source, f64::from(hits) / cases as f64))
            .collect())
    }
}

/// A matrix `[K, M]` that sums over the slots with negatives of each source.
fn by_source(sources: &[Option<NegativeSource>], device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; NegativeSource::COUNT * sources.len()];
    for (slot, source) in sources.iter().enumerate() {
        if let Some(source) = source {
            matrix[source.number() * sources.len() + slot] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(matrix, [NegativeSource::COUNT, sources.len()]), device)
}
