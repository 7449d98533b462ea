//! How a weight of ours is made of tensors of others.

/// A weight of ours.
pub struct Target {
    /// Its name in a bundle.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
}

/// How a weight of ours is made of their tensors.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    /// The same numbers; a scalar may have no axis, and a convolution's kernel is flattened channel by channel.
    Same(String),
    /// Three tensors on top of each other: queries, keys, values.
    Stacked([String; 3]),
    /// Rows for columns.
    Transposed(String),
}

impl Take {
    /// The tensors that are read, each with the shape it must have for a weight of `shape`.
    pub fn sources(&self, shape: &[usize]) -> Vec<(&str, Vec<usize>)> {
        match self {
            Take::Same(source) => vec![(source, shape.to_vec())],
            Take::Stacked(sources) => {
                let mut third = shape.to_vec();
                third[0] /= 3;
                sources.iter().map(|source| (source.as_str(), third.clone())).collect()
            }
            Take::Transposed(source) => vec![(source, shape.iter().rev().copied().collect())],
        }
    }
}

/// Splits the name of a block's weight: `image.blocks.3.mlp_in.bias` is (`image`, `3`, `mlp_in`, `bias`).
pub fn block_part(target: &str) -> Option<(&str, &str, &str, &str)> {
    let (tower, rest) = target.split_once(".blocks.")?;
    let (block, rest) = rest.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    Some((tower, block, part, kind))
}
