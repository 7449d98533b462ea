//! Own negatives stay below their caption by a margin that grows with what the model has reached (CE-CLIP, arXiv
//! 2306.08832, equation 5).

use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use super::indices;
use super::kind::Kind;
use super::leads::Leads;
use super::own::{Scores, shares};
use crate::device;

/// The widest margin, in logits.
const WIDEST: f32 = 10.0;

/// By how much captions were ahead of their negatives in the last step, for each kind, `[K]`, in logits.
pub struct Margins(Tensor<1>);

impl Margins {
    /// The margins of a run that begins, or those that [`Margins::values`] told.
    pub fn new(values: [f32; Kind::COUNT], device: &Device) -> Self {
        Margins(Tensor::from_data(TensorData::from(values), &device.clone().inner()))
    }

    /// The margins as numbers.
    ///
    /// # Errors
    /// If the device fails.
    pub fn values(&self) -> anyhow::Result<[f32; Kind::COUNT]> {
        device::floats(self.0.clone())?
            .try_into()
            .map_err(|_| anyhow::anyhow!("the margins have lost their shape"))
    }

    /// The mean over negatives of what is missing to the margin, `[1]`; 0 if there are none.
    pub fn rank(&self, scores: &Scores, kinds: &[Option<Kind>]) -> Tensor<1> {
        let leads = scores.leads().reshape([kinds.len()]);
        let numbers: Vec<usize> = kinds.iter().map(|kind| kind.map_or(0, Kind::number)).collect();
        let device = leads.device();
        let margins = self.0.clone().to_device(&device.clone().inner());
        let margins = Tensor::from_inner(margins.select(0, indices(&numbers, &device.clone().inner())));
        (relu(margins - leads) * shares(kinds.iter().map(Option::is_some), &device)).sum()
    }

    /// Sets each kind's margin to the mean lead of its negatives; a kind without one keeps its margin.
    pub fn follow(&mut self, leads: &Leads) {
        let number = |of: bool| f32::from(of);
        let seen = Tensor::from_data(leads.seen().map(number), &self.0.device());
        let reached = leads.means().clamp(0.0, WIDEST) * seen.clone();
        self.0 = self.0.clone() * (-seen + 1.0) + reached;
    }
}
