//! Branches of a convolution that are used in training only, with a batch norm each, folded into the convolution
//! (arXiv 2101.03697, section 3.3).

use anyhow::{Result, bail};

/// The epsilon of the batch norms.
pub const EPSILON: f32 = 1e-5;

/// What the statistics of a batch norm are called, in the order in which they are read.
const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// One summand of a convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    kernel: Kernel,
    is_negative: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kernel {
    /// A convolution without bias and the batch norm behind it, by what both begin with, and the side of its kernel.
    Normed(String, usize),
    /// A layer with a bias; a side of 0 is that of a linear layer.
    Plain(String, usize),
    /// A batch norm alone.
    Identity(String),
}

impl Branch {
    /// A convolution and the batch norm behind it.
    pub fn normed(name: String, side: usize) -> Self {
        Branch { kernel: Kernel::Normed(name, side), is_negative: false }
    }

    /// A layer with a bias; a linear one has no side.
    pub fn plain(name: String, side: usize) -> Self {
        Branch { kernel: Kernel::Plain(name, side), is_negative: false }
    }

    /// A batch norm alone.
    pub fn identity(name: String) -> Self {
        Branch { kernel: Kernel::Identity(name), is_negative: false }
    }

    /// The same, taken away.
    pub fn negative(self) -> Self {
        Branch { is_negative: true, ..self }
    }
}

/// A sum of branches, a factor for each output, and perhaps the input itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    pub branches: Vec<Branch>,
    scale: Option<String>,
    has_identity: bool,
}

impl Fold {
    pub fn of(branches: impl IntoIterator<Item = Branch>) -> Self {
        Fold { branches: branches.into_iter().collect(), scale: None, has_identity: false }
    }

    /// Times this tensor, a number for each output.
    pub fn scaled_by(self, scale: String) -> Self {
        Fold { scale: Some(scale), ..self }
    }

    /// Plus the input.
    pub fn plus_identity(self) -> Self {
        Fold { has_identity: true, ..self }
    }

    /// With other names.
    pub fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        let branch = |Branch { kernel, is_negative }| {
            let kernel = match kernel {
                Kernel::Normed(name, side) => Kernel::Normed(rename(&name), side),
                Kernel::Plain(name, side) => Kernel::Plain(rename(&name), side),
                Kernel::Identity(name) => Kernel::Identity(rename(&name)),
            };
            Branch { kernel, is_negative }
        };
        Fold {
            branches: self.branches.into_iter().map(branch).collect(),
            scale: self.scale.map(|scale| rename(&scale)),
            has_identity: self.has_identity,
        }
    }
}

/// The weight or the bias of a folded layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    pub fold: Fold,
    /// The shape of the layer's weight: `[O, I, k, k]`, or `[O, I]`.
    pub kernel: Vec<usize>,
    pub is_bias: bool,
}

impl Folded {
    /// The tensors that are read, with their shapes.
    pub fn sources(&self) -> Vec<(String, Vec<usize>)> {
        let n = self.kernel[0];
        let kernel = |side: usize| match side {
            0 => self.kernel.clone(),
            side => vec![n, self.kernel[1], side, side],
        };
        let norm = |name: &str| NORM.map(|part| (format!("{name}.{part}"), vec![n]));
        let mut sources = Vec::new();
        for branch in &self.fold.branches {
            match &branch.kernel {
                Kernel::Normed(name, side) => {
                    sources.push((format!("{name}.conv.weight"), kernel(*side)));
                    sources.extend(norm(&format!("{name}.bn")));
                }
                Kernel::Plain(name, side) => {
                    sources.push((format!("{name}.weight"), kernel(*side)));
                    sources.push((format!("{name}.bias"), vec![n]));
                }
                Kernel::Identity(name) => sources.extend(norm(name)),
            }
        }
        sources.extend(self.fold.scale.iter().map(|scale| (scale.clone(), vec![n])));
        sources
    }

    /// The weight or the bias, of the values of the [sources](Folded::sources).
    pub fn values(&self, sources: Vec<Vec<f32>>) -> Result<Vec<f32>> {
        let n = self.kernel[0];
        let (mut weight, mut bias) = (vec![0.0; self.kernel.iter().product()], vec![0.0; n]);
        let mut rest = sources.into_iter();
        let mut next = || rest.next().unwrap_or_default();
        for branch in &self.fold.branches {
            let sign = if branch.is_negative { -1.0 } else { 1.0 };
            let (kernel, side) = match &branch.kernel {
                Kernel::Normed(_, side) | Kernel::Plain(_, side) => (Some(next()), *side),
                Kernel::Identity(_) => (None, 1),
            };
            let (factors, shifts) = match &branch.kernel {
                Kernel::Plain(..) => (vec![1.0; n], next()),
                _ => factors_and_shifts([next(), next(), next(), next()], EPSILON)?,
            };
            if factors.len() != n || shifts.len() != n {
                bail!("a batch norm has {} channels, its convolution {n}", factors.len());
            }
            for (bias, shift) in bias.iter_mut().zip(&shifts) {
                *bias += sign * shift;
            }
            match kernel {
                Some(kernel) => self.add(&mut weight, &kernel, side, |output| sign * factors[output]),
                None => self.add_identity(&mut weight, |output| sign * factors[output]),
            }
        }
        if self.fold.scale.is_some() {
            let scale = next();
            let per_output = weight.len() / n;
            for (output, scale) in scale.iter().enumerate().take(n) {
                weight[output * per_output..(output + 1) * per_output]
                    .iter_mut()
                    .for_each(|value| *value *= scale);
                bias[output] *= scale;
            }
        }
        if self.fold.has_identity {
            self.add_identity(&mut weight, |_| 1.0);
        }
        Ok(if self.is_bias { bias } else { weight })
    }

    /// Adds a kernel in the middle of a larger one, or of the same size, times a factor for each output.
    fn add(&self, weight: &mut [f32], kernel: &[f32], side: usize, factor: impl Fn(usize) -> f32) {
        let whole = self.kernel.get(2).copied().unwrap_or(1);
        let side = side.max(1);
        let margin = (whole - side) / 2;
        let input = self.kernel[1];
        for (at, value) in kernel.iter().enumerate() {
            let (plane, cell) = (at / (side * side), at % (side * side));
            let (y, x) = (cell / side + margin, cell % side + margin);
            weight[(plane * whole + y) * whole + x] += factor(plane / input) * value;
        }
    }

    /// Adds the kernel that leaves its input as it is, times a factor for each output.
    fn add_identity(&self, weight: &mut [f32], factor: impl Fn(usize) -> f32) {
        let (input, whole) = (self.kernel[1], self.kernel.get(2).copied().unwrap_or(1));
        for output in 0..self.kernel[0] {
            let plane = output * input + output % input;
            weight[(plane * whole + whole / 2) * whole + whole / 2] += factor(output);
        }
    }
}

/// What a batch norm multiplies each channel with, and what it adds: of its weight, bias, running mean and running variance.
///
/// # Errors
/// If these are not equally many.
pub fn factors_and_shifts(
    [gamma, beta, mean, variance]: [Vec<f32>; 4],
    epsilon: f32,
) -> Result<(Vec<f32>, Vec<f32>)> {
    if [&beta, &mean, &variance].iter().any(|other| other.len() != gamma.len()) {
        bail!("the parts of a batch norm do not fit each other");
    }
    let factors: Vec<f32> =
        gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let shifts =
        beta.iter().zip(&mean).zip(&factors).map(|((beta, mean), factor)| beta - mean * factor).collect();
    Ok((factors, shifts))
}

/// The tensors of a batch norm, with their shapes.
pub fn norm(name: &str, channels: usize) -> [(String, Vec<usize>); 4] {
    NORM.map(|part| (format!("{name}.{part}"), vec![channels]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(fold: Fold, kernel: &[usize], sources: &[&[f32]]) -> [Vec<f32>; 2] {
        [false, true].map(|is_bias| {
            let folded = Folded { fold: fold.clone(), kernel: kernel.to_vec(), is_bias };
            let shapes: Vec<usize> =
                folded.sources().iter().map(|(_, shape)| shape.iter().product()).collect();
            assert_eq!(shapes, sources.iter().map(|source| source.len()).collect::<Vec<_>>());
            folded.values(sources.iter().map(|source| source.to_vec()).collect()).expect("values")
        })
    }

    #[test]
    fn branches_are_summed_scaled_and_added_to_the_input() {
        // One channel: a kernel of 3 and one of 1, each with a norm that doubles and adds 1, and the norm of the input taken away.
        let norm: [&[f32]; 4] = [&[2.0], &[1.0], &[0.0], &[1.0 - EPSILON]];
        let ones = [1.0; 9];
        let fold = Fold::of([
            Branch::normed("large".to_owned(), 3),
            Branch::normed("small".to_owned(), 1),
            Branch::identity("input".to_owned()).negative(),
        ])
        .scaled_by("scale".to_owned())
        .plus_identity();
        let sources: Vec<&[f32]> =
            [&[&ones[..]], &norm[..], &[&[3.0][..]], &norm, &norm, &[&[0.5][..]]].concat();
        let [weight, bias] = folded(fold, &[1, 1, 3, 3], &sources);
        // The middle: half of 2 + 6 - 2, and the input.
        assert_eq!(weight, [1.0, 1.0, 1.0, 1.0, 4.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(bias, [0.5]);
    }

    #[test]
    fn a_linear_layer_is_scaled_row_by_row() {
        let fold = Fold::of([Branch::plain("layer".to_owned(), 0)]).scaled_by("scale".to_owned());
        let [weight, bias] = folded(fold, &[2, 2], &[&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0], &[10.0, 0.5]]);
        assert_eq!((weight, bias), (vec![10.0, 20.0, 1.5, 2.0], vec![50.0, 3.0]));
    }
}
