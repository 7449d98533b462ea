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
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Concept::ALL.len() + 1;

    /// Every kind, in the order of [`Kind::number`].
    pub fn all() -> [Kind; Kind::COUNT] {
        let [color, object, location, size] = Concept::ALL.map(Kind::Concept);
        [color, object, location, size, Kind::Mined]
    }

    /// Its place among all kinds.
    pub fn number(self) -> usize {
        match self {
            Kind::Concept(concept) => concept as usize,
            Kind::Mined => Concept::ALL.len(),
        }
    }

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Concept(concept) => concept.name(),
            Kind::Mined => "mined",
        }
    }
}

/// A matrix `[K, M]` that sums over the negatives of each kind; `weight` is what each counts among `count` of its kind.
pub(super) fn by_kind(kinds: &[Kind], device: &Device, weight: impl Fn(usize) -> f32) -> Tensor<2> {
    let n = kinds.len();
    let mut matrix = vec![0.0f32; Kind::COUNT * n];
    for kind in Kind::all() {
        let own: Vec<usize> = (0..n).filter(|number| kinds[*number] == kind).collect();
        for number in &own {
            matrix[kind.number() * n + number] = weight(own.len());
        }
    }
    Tensor::from_data(TensorData::new(matrix, [Kind::COUNT, n]), device)
}
