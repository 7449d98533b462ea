//! Products with weights on the CPU of a browser.
//!
//! A tile of four rows and eight columns takes eight vectors of 128 bits for its sums and three for what is multiplied. All of
//! them fit into the sixteen registers that browsers have on x86-64. Larger tiles, as libraries have them for longer vectors, do
//! not, and take twice the time (NOTEBOOK.md, "How fast can a browser multiply?").

use std::array::from_fn;
use std::ops::Range;

/// Rows of a tile.
const ROWS: usize = 4;
/// Columns of a tile.
const COLUMNS: usize = 8;
/// Tiles whose weights are laid out together, so that lines of the cache are read whole.
const PANELS: usize = 8;

/// The columns of one tile in a row of weights.
type Lane = [f32; COLUMNS];

/// `x W + b`.
///
/// # Shapes
/// - `x`: `[M, I]`, row after row
/// - `weight`: `[I, O]`, row after row
/// - `bias`: `[O]`
/// - returns `[M, O]`
///
/// # Panics
/// If a matrix is not of whole rows, or a row of `x` is empty.
pub(super) fn product(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    [inner, width]: [usize; 2],
) -> Vec<f32> {
    assert!(inner > 0, "a row holds numbers");
    assert_eq!((x.len() % inner, weight.len()), (0, inner * width), "rows are whole");
    let mut out = vec![0.0; x.len() / inner * width];
    let mut panels = vec![[0.0; COLUMNS]; PANELS * inner];
    for start in (0..width).step_by(PANELS * COLUMNS) {
        lay_out(&mut panels, weight, inner, start..width.min(start + PANELS * COLUMNS));
        let firsts = (start..width).step_by(COLUMNS);
        for (panel, first) in panels.chunks_exact(inner).zip(firsts) {
            let columns = first..width.min(first + COLUMNS);
            let shift = bias.map(|bias| &bias[columns.clone()]);
            let blocks = x.chunks(ROWS * inner).zip(out.chunks_mut(ROWS * width));
            for (rows, out) in blocks {
                let target = Target { out, width, columns: columns.clone(), shift };
                match rows.len() / inner {
                    1 => target.fill::<1>(rows, panel),
                    2 => target.fill::<2>(rows, panel),
                    3 => target.fill::<3>(rows, panel),
                    _ => target.fill::<ROWS>(rows, panel),
                }
            }
        }
    }
    out
}

/// Lays out some columns of weights tile by tile, each tile's row after row.
fn lay_out(panels: &mut [Lane], weight: &[f32], inner: usize, columns: Range<usize>) {
    let width = weight.len() / inner;
    for (at, row) in weight.chunks_exact(width).enumerate() {
        let (lanes, rest) = row[columns.clone()].as_chunks::<COLUMNS>();
        for (nth, lane) in lanes.iter().enumerate() {
            panels[nth * inner + at] = *lane;
        }
        if !rest.is_empty() {
            panels[lanes.len() * inner + at][..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Where the sums of a tile go: some columns of some rows.
struct Target<'t> {
    out: &'t mut [f32],
    /// Numbers of a row.
    width: usize,
    columns: Range<usize>,
    /// What is added to each column.
    shift: Option<&'t [f32]>,
}

impl Target<'_> {
    /// Writes the products of `R` rows with a panel of weights.
    fn fill<const R: usize>(self, rows: &[f32], panel: &[Lane]) {
        let sums = tile::<R>(rows, panel);
        for (sums, out) in sums.iter().zip(self.out.chunks_exact_mut(self.width)) {
            let out = &mut out[self.columns.clone()];
            out.copy_from_slice(&sums[..out.len()]);
            if let Some(shift) = self.shift {
                out.iter_mut().zip(shift).for_each(|(out, shift)| *out += shift);
            }
        }
    }
}

/// The products of `R` rows with a panel of weights. The compiler vectorizes loops with constant bounds,
/// and not the same with iterators.
#[inline(always)]
fn tile<const R: usize>(rows: &[f32], panel: &[Lane]) -> [Lane; R] {
    let inner = panel.len();
    let rows: [&[f32]; R] = from_fn(|row| &rows[row * inner..][..inner]);
    let mut sums = [[0.0; COLUMNS]; R];
    for at in 0..inner {
        let weights = &panel[at];
        for row in 0..R {
            let x = rows[row][at];
            for column in 0..COLUMNS {
                sums[row][column] += x * weights[column];
            }
        }
    }
    sums
}

/// `x * sigmoid(1.702 x)` of each number.
pub(super) fn quick_gelu(numbers: &mut [f32]) {
    for x in numbers {
        // What is further below zero vanishes in 32 bits.
        let visible = x.clamp(-50.0, f32::INFINITY);
        *x = visible / (1.0 + exp(-1.702 * visible));
    }
}

/// e to the power of `x`, with a relative error of less than 3e-7, without a branch, so that loops over it become vectors. Exponents
/// beyond -87 and 88 count as these.
///
/// The method is Cephes' (Moshier 1992, `expf`): a power of two, and a polynomial of what is left.
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const POLYNOMIAL: [f32; 6] =
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];
    let x = x.clamp(-87.0, 88.0);
    let power = (x * std::f32::consts::LOG2_E).round_ties_even();
    let rest = x - power * LN_2[0] - power * LN_2[1];
    let mut sum = POLYNOMIAL[0];
    for factor in &POLYNOMIAL[1..] {
        sum = sum * rest + factor;
    }
    (sum * rest * rest + rest + 1.0) * f32::from_bits(((power as i32 + 127) << 23) as u32)
}

#[cfg(feature = "product")]
mod on_cpu {
    use burn::backend::Flex;
    use burn::backend::flex::FlexTensor;
    use burn::tensor::{Tensor, TensorData};

    /// A tensor in the memory of the CPU, number after number; nothing if it is elsewhere or keeps track of gradients.
    fn in_memory<const D: usize>(tensor: &Tensor<D>) -> Option<FlexTensor> {
        Some(tensor.clone().try_into_primitive::<Flex>().ok()?.to_contiguous())
    }

    /// `x W + b` if all of it is in the memory of the CPU and needs no gradient; nothing otherwise.
    ///
    /// # Shapes
    /// - `x`: `[B, T, I]`
    /// - `weight`: `[I, O]`
    /// - `bias`: `[O]`
    /// - returns `[B, T, O]`
    pub fn affine(x: &Tensor<3>, weight: &Tensor<2>, bias: Option<&Tensor<1>>) -> Option<Tensor<3>> {
        let (device, [batch, length, inner]) = (x.device(), x.dims());
        let [_, width] = weight.dims();
        let (x, weight, bias) = (in_memory(x)?, in_memory(weight)?, bias.map(in_memory));
        let bias = match &bias {
            Some(bias) => Some(bias.as_ref()?.as_slice::<f32>()?),
            None => None,
        };
        let out = super::product(x.as_slice::<f32>()?, weight.as_slice::<f32>()?, bias, [inner, width]);
        Some(Tensor::from_data(TensorData::new(out, [batch, length, width]), &device))
    }

    /// `x * sigmoid(1.702 x)` on the same terms.
    pub fn quick_gelu<const D: usize>(x: &Tensor<D>) -> Option<Tensor<D>> {
        let (device, shape) = (x.device(), x.dims());
        let mut numbers = in_memory(x)?.as_slice::<f32>()?.to_vec();
        super::quick_gelu(&mut numbers);
        Some(Tensor::from_data(TensorData::new(numbers, shape), &device))
    }
}

#[cfg(feature = "product")]
pub(super) use on_cpu::{affine, quick_gelu as quick_gelu_on_cpu};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, number by number.
    fn plain(x: &[f32], weight: &[f32], bias: Option<&[f32]>, [inner, width]: [usize; 2]) -> Vec<f32> {
        let at = |row: usize, column: usize| -> f32 {
            let terms = (0..inner).map(|k| x[row * inner + k] * weight[k * width + column]);
            terms.sum::<f32>() + bias.map_or(0.0, |bias| bias[column])
        };
        (0..x.len() / inner)
            .flat_map(|row| (0..width).map(move |column| (row, column)))
            .map(|(r, c)| at(r, c))
            .collect()
    }

    #[test]
    fn an_exponential_is_right_to_the_last_digits() {
        let mut worst = 0.0f64;
        for at in -86_000..88_000 {
            let x = at as f32 / 1000.0;
            worst = worst.max((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst}");
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY) < 1e-37, exp(f32::INFINITY) > 1e38), (1.0, true, true));
        let mut broken = [f32::NAN, f32::NEG_INFINITY, f32::MIN];
        quick_gelu(&mut broken);
        assert!(broken[0].is_nan() && broken[1].abs() < 1e-30 && broken[2].abs() < 1e-30, "{broken:?}");
        let mut numbers = [1.0, 0.0, -200.0, 200.0];
        quick_gelu(&mut numbers);
        assert!((numbers[0] - 0.845_795).abs() < 1e-6);
        assert_eq!((numbers[1], numbers[2].abs() < 1e-30, numbers[3]), (0.0, true, 200.0));
    }

    proptest! {
        #[test]
        fn a_product_is_the_sum_of_its_terms(
            rows in 0usize..11, inner in 1usize..40, width in 1usize..75, has_bias: bool, seed: u32,
        ) {
            let numbers = |count: usize, salt: u32| -> Vec<f32> {
                (0..count as u32).map(|at| ((at ^ seed).wrapping_mul(2_654_435_761 ^ salt) >> 16) as f32 / 32768.0 - 1.0).collect()
            };
            let (x, weight, bias) = (numbers(rows * inner, 1), numbers(inner * width, 2), numbers(width, 3));
            let bias = has_bias.then_some(bias.as_slice());
            let found = product(&x, &weight, bias, [inner, width]);
            let expected = plain(&x, &weight, bias, [inner, width]);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-5, "{} instead of {}", found, expected);
            }
        }
    }
}
