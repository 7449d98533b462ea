//! By how much captions are ahead of their own negatives: summed up on the device, and read back only when somebody asks.

use burn::tensor::{Device, Tensor};

use super::kind::{Kind, by_kind};
use super::own::Scores;
use crate::device;

/// What was seen of the negatives of each kind.
#[derive(Clone)]
pub struct Leads {
    /// The sum of the leads, in logits, `[K]`.
    sums: Tensor<1>,
    /// How many were positive, `[K]`; a tie is a miss.
    hits: Tensor<1>,
    /// How many there were.
    cases: [usize; Kind::COUNT],
}

impl Leads {
    /// The leads of a batch's captions.
    pub fn of(scores: &Scores, kinds: &[Option<Kind>]) -> Self {
        let leads = scores.leads().inner().reshape([kinds.len()]);
        let by_kind = by_kind(kinds, &leads.device());
        let sum = |of: Tensor<1>| by_kind.clone().matmul(of.unsqueeze_dim(1)).squeeze_dim::<1>(1);
        let mut cases = [0; Kind::COUNT];
        for kind in kinds.iter().flatten() {
            cases[kind.number()] += 1;
        }
        Leads { hits: sum(leads.clone().greater_scalar(0.0).float()), sums: sum(leads), cases }
    }

    /// These and others, on the device of these.
    pub fn and(self, others: Leads) -> Self {
        let device = self.sums.device();
        let Leads { sums, hits, cases } = others.on(&device);
        Leads {
            sums: self.sums + sums,
            hits: self.hits + hits,
            cases: std::array::from_fn(|kind| self.cases[kind] + cases[kind]),
        }
    }

    /// The same on another device.
    pub fn on(self, device: &Device) -> Self {
        Leads { sums: self.sums.to_device(device), hits: self.hits.to_device(device), cases: self.cases }
    }

    /// The mean lead of each kind, `[K]`; of one that was not seen it means nothing.
    pub fn means(&self) -> Tensor<1> {
        let cases = self.cases.map(|cases| cases.max(1) as f32);
        self.sums.clone() / Tensor::from_data(cases, &self.sums.device())
    }

    /// Whether there was a negative of each kind.
    pub fn seen(&self) -> [bool; Kind::COUNT] {
        self.cases.map(|cases| cases > 0)
    }

    /// The share of hits of each kind that was seen.
    ///
    /// # Errors
    /// If the device fails.
    pub fn shares(self) -> anyhow::Result<Vec<(Kind, f64)>> {
        let pairs = Kind::all().into_iter().zip(device::floats(self.hits)?).zip(self.cases);
        Ok(pairs
            .filter(|(_, cases)| *cases > 0)
            .map(|((kind, hits), cases)| (kind, f64::from(hits) / cases as f64))
            .collect())
    }
}
