//! How a weight of ours is made of tensors of others.

use anyhow::{Result, bail};

use super::fold::{self, Folded};
use crate::bundle::Weight;

/// A weight of a bundle, and the tensors that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name in a bundle.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    pub(super) take: Take,
}

/// What the tensors of both towers are called: from our name, without that of the tower, to theirs.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    pub(super) image: fn(&str) -> Take,
    pub(super) text: fn(&str) -> Take,
}

/// How a weight of ours is made of their tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// The same numbers; axes of length 1 do not matter, and a convolution's kernel is flattened channel by channel.
    Same(String),
    /// Tensors on top of each other, such as queries, keys and values, each with its share of the rows.
    Stacked(Vec<(String, usize)>),
    /// Rows for columns.
    Transposed(String),
    /// A layer that has branches in training.
    Folded(Folded),
    /// A linear layer behind a batch norm, which is folded into it.
    AfterNorm {
        /// Its weight.
        linear: String,
        /// What the names of the norm begin with.
        norm: String,
        /// Whether it is the bias that becomes of the two, or the weight.
        is_bias: bool,
    },
}

impl Take {
    /// The same numbers.
    pub fn same(name: impl Into<String>) -> Self {
        Take::Same(name.into())
    }

    /// With something before the name of each tensor.
    pub fn prefixed(self, prefix: &str) -> Self {
        let prefixed = |name: String| format!("{prefix}{name}");
        match self {
            Take::Same(name) => Take::Same(prefixed(name)),
            Take::Stacked(parts) => {
                Take::Stacked(parts.into_iter().map(|(name, share)| (prefixed(name), share)).collect())
            }
            Take::Transposed(name) => Take::Transposed(prefixed(name)),
            whole @ (Take::Folded(_) | Take::AfterNorm { .. }) => whole,
        }
    }
}

impl Target {
    pub(super) fn of(name: &str, shape: &[usize], take: Take) -> Self {
        Target { name: name.to_owned(), shape: shape.to_vec(), take }
    }

    /// The tensors that are read, in this order, each with the shape that it must have.
    pub fn sources(&self) -> Vec<(String, Vec<usize>)> {
        match &self.take {
            Take::Same(source) => vec![(source.clone(), self.shape.clone())],
            Take::Stacked(sources) => {
                let shares: usize = sources.iter().map(|(_, share)| share).sum();
                let part = |share: usize| {
                    let mut shape = self.shape.clone();
                    shape[0] = shape[0] / shares * share;
                    shape
                };
                sources.iter().map(|(source, share)| (source.clone(), part(*share))).collect()
            }
            Take::Transposed(source) => vec![(source.clone(), self.shape.iter().rev().copied().collect())],
            Take::Folded(folded) => folded.sources(),
            Take::AfterNorm { linear, norm, .. } => {
                let width = self.shape[0] / 3;
                let weight = (linear.clone(), vec![self.shape[0], width]);
                std::iter::once(weight).chain(fold::norm(norm, width)).collect()
            }
        }
    }

    /// The weight, of the values of its [sources](Target::sources).
    ///
    /// # Errors
    /// If there are more or fewer values than it has.
    pub fn weight(&self, sources: Vec<Vec<f32>>) -> Result<Weight, super::ImportError> {
        Ok(self.made_of(sources)?)
    }

    fn made_of(&self, sources: Vec<Vec<f32>>) -> Result<Weight> {
        let values = match &self.take {
            Take::Folded(folded) => folded.values(sources)?,
            Take::AfterNorm { is_bias, .. } => after_norm(sources, *is_bias)?,
            _ => sources.concat(),
        };
        let n_values: usize = self.shape.iter().product();
        if values.len() != n_values {
            bail!("{} has {} values, and not {n_values}", self.name, values.len());
        }
        let values = match (&self.take, &self.shape[..]) {
            (Take::Transposed(_), [rows, columns]) => {
                let row = |row: usize| values.iter().skip(row).step_by(*rows).take(*columns);
                (0..*rows).flat_map(row).copied().collect()
            }
            _ => values,
        };
        Ok(Weight { name: self.name.clone(), shape: self.shape.clone(), values })
    }
}

/// Weight or bias of a linear layer behind a batch norm.
fn after_norm(sources: Vec<Vec<f32>>, is_bias: bool) -> Result<Vec<f32>> {
    let Ok([mut weight, gamma, beta, mean, variance]) = <[Vec<f32>; 5]>::try_from(sources) else {
        bail!("a layer behind a batch norm is made of five tensors");
    };
    let (factors, shifts) = fold::factors_and_shifts([gamma, beta, mean, variance], fold::EPSILON)?;
    let rows = weight.chunks_mut(factors.len().max(1));
    if is_bias {
        return Ok(rows
            .map(|row| row.iter().zip(&shifts).map(|(weight, shift)| weight * shift).sum())
            .collect());
    }
    rows.for_each(|row| row.iter_mut().zip(&factors).for_each(|(weight, factor)| *weight *= factor));
    Ok(weight)
}

/// Splits the name of a block's weight: `blocks.3.mlp_in.bias` is (`3`, `mlp_in`, `bias`).
pub(super) fn block_part(target: &str) -> Option<(&str, &str, &str)> {
    let (block, rest) = target.strip_prefix("blocks.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    Some((block, part, kind))
}
