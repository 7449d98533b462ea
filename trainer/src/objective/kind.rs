//! What kinds of hard negatives there are, as losses and metrics tell them apart.

use burn::tensor::{Device, Tensor, TensorData};
use shared::concept::Concept;

/// What a hard negative is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caption with one term of a concept exchanged.
    Concept(Concept),
    /// The caption of another picture.
    Mined,
    /// What the data itself says is wrong.
    Given,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Concept::ALL.len() + 2;

    /// Every kind, in the order of [`Kind::number`].
    pub fn all() -> [Kind; Kind::COUNT] {
        let [color, object, location, size] = Concept::ALL.map(Kind::Concept);
        [color, object, location, size, Kind::Mined, Kind::Given]
    }

    /// Its place among all kinds.
    pub fn number(self) -> usize {
        match self {
            Kind::Concept(concept) => concept as usize,
            Kind::Mined => Concept::ALL.len(),
            Kind::Given => Concept::ALL.len() + 1,
        }
    }

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Concept(concept) => concept.name(),
            Kind::Mined => "mined",
            Kind::Given => "given",
        }
    }
}

/// A matrix `[K, M]` that sums over the slots with negatives of each kind.
pub(super) fn by_kind(kinds: &[Option<Kind>], device: &Device) -> Tensor<2> {
    let mut matrix = vec![0.0f32; Kind::COUNT * kinds.len()];
    for (slot, kind) in kinds.iter().enumerate() {
        if let Some(kind) = kind {
            matrix[kind.number() * kinds.len() + slot] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(matrix, [Kind::COUNT, kinds.len()]), device)
}
