//! Where hard negatives come from, as losses and metrics distinguish it.

use burn::tensor::{Device, Tensor, TensorData};
use shared::concept::Concept;

/// Where a hard negative comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegativeSource {
    /// The caption with one term of a concept exchanged.
    Concept(Concept),
    /// The caption of another image.
    Mined,
    /// A wrong caption that the data provides.
    Given,
}

impl NegativeSource {
    /// How many there are.
    pub const COUNT: usize = Concept::ALL.len() + 2;

    /// Every source, in the order of [`NegativeSource::number`].
    pub fn all() -> [NegativeSource; NegativeSource::COUNT] {
        let [color, object, location, size] = Concept::ALL.map(NegativeSource::Concept);
        [color, object, location, size, NegativeSource::Mined, NegativeSource::Given]
    }

    /// Its place among all sources.
    pub fn number(self) -> usize {
        match self {
            NegativeSource::Concept(concept) => concept as usize,
            NegativeSource::Mined => Concept::ALL.len(),
            NegativeSource::Given => Concept::ALL.len() + 1,
        }
    }

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            NegativeSource::Concept(concept) => concept.name(),
            NegativeSource::Mined => "mined",
            NegativeSource::Given => "given",
        }
    }
}

/// A matrix `[K, M]` that sums over the slots with negatives of each source.
pub(super) fn by_source(sources: &[Option<NegativeSource>], device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; NegativeSource::COUNT * sources.len()];
    for (slot, source) in sources.iter().enumerate() {
        if let Some(source) = source {
            matrix[source.number() * sources.len() + slot] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(matrix, [NegativeSource::COUNT, sources.len()]), device)
}
