//! Weights to tensors of a file.

use half::f16;
use safetensors::tensor::Dtype;

use super::{Precision, SCALE, Weight};

/// A tensor as it is written.
pub struct Stored {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// The tensors that a weight becomes: a matrix of whole numbers has its rows' factors beside it.
pub fn encode(weight: Weight, precision: Precision) -> Vec<Stored> {
    let Weight { name, shape, values } = weight;
    let precision = match (precision, shape.len()) {
        (Precision::Q8, 0 | 1) => Precision::F32,
        (Precision::Q8, 4) if shape[2..] != [1, 1] => Precision::F16,
        (precision, _) => precision,
    };
    let stored = |name: String, dtype, shape, bytes| Stored { name, dtype, shape, bytes };
    match precision {
        Precision::F32 => {
            let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
            vec![stored(name, Dtype::F32, shape, bytes)]
        }
        Precision::F16 => {
            let bytes = values.into_iter().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect();
            vec![stored(name, Dtype::F16, shape, bytes)]
        }
        Precision::Q8 => {
            let rows = values.chunks((values.len() / shape[0]).max(1));
            let scale = |row: &[f32]| row.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
            let scales: Vec<f32> = rows.clone().map(scale).collect();
            let whole = |(row, &scale): (&[f32], &f32)| -> Vec<u8> {
                // A row of zeros has no scale to divide by.
                let per_unit = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                row.iter().map(|value| (value * per_unit).round() as i8 as u8).collect()
            };
            let bytes = rows.zip(&scales).flat_map(whole).collect();
            let scale_bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
            vec![
                stored(format!("{name}{SCALE}"), Dtype::F32, vec![scales.len()], scale_bytes),
                stored(name, Dtype::I8, shape, bytes),
            ]
        }
    }
}
