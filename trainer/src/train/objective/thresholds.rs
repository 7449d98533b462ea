//! Own negatives stay below their caption by a margin that grows with what the model has reached (CE-CLIP, arXiv
//! 2306.08832, equation 5).

use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use super::indices;
use super::margins::Margins;
use super::own::{Scores, shares};
use crate::system::device;
use crate::train::negative_source::NegativeSource;

/// The widest margin, in logits.
const WIDEST: f32 = 10.0;

/// By how much captions were ahead of their negatives in the last step, for each source, `[K]`, in logits.
pub struct Thresholds(Tensor<1>);

impl Thresholds {
    /// The thresholds of a run that begins, or those that [`Thresholds::values`] told.
    pub fn new(values: [f32; NegativeSource::COUNT], device: &Device) -> Self {
        Thresholds(Tensor::from_data(TensorData::from(values), &device.clone().inner()))
    }

    /// The thresholds as numbers.
    ///
    /// # Errors
    /// If the device fails.
    pub fn values(&self) -> anyhow::Result<[f32; NegativeSource::COUNT]> {
        device::floats(self.0.clone())?
            .try_into()
            .map_err(|_| anyhow::anyhow!("the thresholds have lost their shape"))
    }

    /// The mean over negatives of how far the margin is below the threshold, `[1]`; 0 if there are none.
    pub fn rank(&self, scores: &Scores) -> Tensor<1> {
        let sources = &scores.sources;
        let margins = scores.margins().reshape([sources.len()]);
        let numbers: Vec<usize> =
            sources.iter().map(|source| source.map_or(0, NegativeSource::number)).collect();
        let device = margins.device();
        let thresholds = self.0.clone().to_device(&device.clone().inner());
        let thresholds = Tensor::from_inner(thresholds.select(0, indices(&numbers, &device.clone().inner())));
        (relu(thresholds - margins) * shares(sources.iter().map(Option::is_some), &device)).sum()
    }

    /// Sets each source's threshold to the mean margin of its negatives; a source without one keeps its threshold.
    pub fn follow(&mut self, margins: &Margins) {
        let number = |of: bool| f32::from(of);
        let seen = Tensor::from_data(margins.seen().map(number), &self.0.device());
        let reached = margins.means().clamp(0.0, WIDEST) * seen.clone();
        self.0 = self.0.clone() * (-seen + 1.0) + reached;
    }
}
