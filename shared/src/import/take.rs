//! How a weight of ours is made of tensors of others.

use anyhow::{Result, bail};

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

/// How a weight of ours is made of their tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// The same numbers; axes of length 1 do not matter, and a convolution's kernel is flattened channel by channel.
    Same(String),
    /// Tensors on top of each other, such as queries, keys and values, each with its share of the rows.
    Stacked(Vec<(String, usize)>),
    /// Rows for columns.
    Transposed(String),
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
        }
    }
}

impl Target {
    pub(super) fn of(name: &str, shape: &[usize], take: Take) -> Self {
        Target { name: name.to_owned(), shape: shape.to_vec(), take }
    }

    /// The tensors that are read, in this order, each with the shape that it must have.
    pub fn sources(&self) -> Vec<(&str, Vec<usize>)> {
        match &self.take {
            Take::Same(source) => vec![(source, self.shape.clone())],
            Take::Stacked(sources) => {
                let shares: usize = sources.iter().map(|(_, share)| share).sum();
                let part = |share: usize| {
                    let mut shape = self.shape.clone();
                    shape[0] = shape[0] / shares * share;
                    shape
                };
                sources.iter().map(|(source, share)| (source.as_str(), part(*share))).collect()
            }
            Take::Transposed(source) => vec![(source, self.shape.iter().rev().copied().collect())],
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
        let values = sources.concat();
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

/// Splits the name of a block's weight: `blocks.3.mlp_in.bias` is (`3`, `mlp_in`, `bias`).
pub(super) fn block_part(target: &str) -> Option<(&str, &str, &str)> {
    let (block, rest) = target.strip_prefix("blocks.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    Some((block, part, kind))
}
