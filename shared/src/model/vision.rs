//! The image tower: a vision transformer (arXiv 2010.11929) read at its class token.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Tensor, assert_shape, s};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::{Block, BlockConfig, norm, normal, projection};

/// The sizes of the image tower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionConfig {
    /// The side of a patch in pixels.
    pub patch: usize,
    /// `W`.
    pub width: usize,
    /// The number of blocks.
    pub layers: usize,
    /// `H`.
    pub heads: usize,
    /// The width of the hidden layer of each block.
    pub mlp_width: usize,
}

/// Pictures to points, before they are scaled to length 1.
#[derive(Module, Debug)]
pub struct VisionTower {
    /// `[3 * patch * patch, W]`: the patch convolution, its kernel flattened channel by channel.
    patch_embedding: Linear,
    class_embedding: Param<Tensor<1>>,
    /// `[1 + patches, W]`
    position_embedding: Param<Tensor<2>>,
    norm_pre: LayerNorm,
    blocks: Vec<Block>,
    norm_post: LayerNorm,
    projection: Linear,
    patch: usize,
}

impl VisionConfig {
    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> VisionTower {
        let patches = (clip.preprocess.side / self.patch).pow(2);
        let scale = (self.width as f64).powf(-0.5);
        let block = BlockConfig {
            width: self.width,
            heads: self.heads,
            mlp_width: self.mlp_width,
            layers: self.layers,
            activation: clip.activation,
            norm_epsilon: clip.norm_epsilon,
        };
        VisionTower {
            patch_embedding: projection(3 * self.patch * self.patch, self.width, device),
            class_embedding: normal([self.width], scale, device),
            position_embedding: normal([1 + patches, self.width], scale, device),
            norm_pre: norm(self.width, clip.norm_epsilon, device),
            blocks: (0..self.layers).map(|_| block.init(device)).collect(),
            norm_post: norm(self.width, clip.norm_epsilon, device),
            projection: projection(self.width, clip.embedding, device),
            patch: self.patch,
        }
    }
}

impl VisionTower {
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, E]`
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        let patches = self.patch_embedding.forward(patchify(pixels, self.patch)); // [B, P, W]
        let [batch, n_patches, width] = patches.dims();
        let class = self.class_embedding.val().reshape([1, 1, width]).expand([batch, 1, width]);
        let positions = self.position_embedding.val();
        assert_shape!(positions, [n_patches + 1, width]);
        let mut x = Tensor::cat(vec![class, patches], 1) + positions.unsqueeze(); // [B, T, W]
        x = self.norm_pre.forward(x);
        for block in &self.blocks {
            x = block.forward(x, None);
        }
        let class = x.slice(s![.., 0..1, ..]).reshape([batch, width]);
        self.projection.forward(self.norm_post.forward(class))
    }
}

/// Cuts pictures into patches, row by row, each flattened channel by channel.
///
/// # Shapes
/// - `pixels`: `[B, 3, S, S]`
/// - returns `[B, (S / patch)², 3 * patch²]`
fn patchify(pixels: Tensor<4>, patch: usize) -> Tensor<3> {
    let [batch, _, side, _] = pixels.dims();
    assert_shape!(pixels, [batch, 3, side, side]);
    let grid = side / patch;
    pixels.reshape([batch, 3, grid, patch, grid, patch]).permute([0, 2, 4, 1, 3, 5]).reshape([
        batch,
        grid * grid,
        3 * patch * patch,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    #[test]
    fn patches_run_along_rows_and_hold_one_channel_after_the_other() {
        let values: Vec<f32> = (0..48).map(|value| value as f32).collect();
        let pixels = Tensor::<4>::from_data(TensorData::new(values, [1, 3, 4, 4]), &Device::flex());
        let patches: Vec<f32> = patchify(pixels, 2).into_data().iter::<f32>().collect();
        // The top right patch: columns 2 and 3 of rows 0 and 1, red, then green, then blue.
        assert_eq!(patches[12..24], [2., 3., 6., 7., 18., 19., 22., 23., 34., 35., 38., 39.]);
    }
}
