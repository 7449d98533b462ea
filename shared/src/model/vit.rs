//! A vision transformer (arXiv 2010.11929) as an image tower, read at its class token, at every position, or by attention.
//!
//! Images may pass through a few convolutions first (arXiv 2106.14881), which learn shapes from far fewer images than a matrix
//! over raw pixels does. Without them the tower is CLIP's; without class token and first norm, and read by attention, SigLIP's.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData, assert_shape, s};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::{Activation, AttentionPool, Block, BlockConfig, convolution, normal, projection};
use super::layers::LayerNorm;

/// The sizes of a vision transformer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// The side of a patch in pixels.
    pub patch: usize,
    /// The channels of convolutions before the blocks, each of which halves the side; together they make one position of a
    /// patch. None in CLIP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stem: Vec<usize>,
    /// `W`.
    pub width: usize,
    /// The number of blocks.
    pub layers: usize,
    /// `H`.
    pub heads: usize,
    /// The width of the hidden layer of each block.
    pub mlp_width: usize,
    /// What is read of the last block.
    #[serde(default, skip_serializing_if = "ReadOut::is_class")]
    pub read_out: ReadOut,
    /// Whether a class token stands before the patches.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub class_token: bool,
    /// Whether there is a norm before the blocks.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub norm_pre: bool,
    /// Whether the patch convolution has a bias.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub patch_bias: bool,
}

fn yes() -> bool {
    true
}

// As serde wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_yes(is: &bool) -> bool {
    *is
}

/// What of the last block becomes the embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOut {
    /// The class token, as in CLIP. *This thing at that place* then exists only as a product of what attention weighs
    /// and where it looks, which small models do not find in a hundred thousand images (`NOTEBOOK.md`).
    #[default]
    Class,
    /// Every position side by side, so that a place is a linear function from the first step on. For small grids: the
    /// projection has a row for each position.
    Positions,
    /// What a learned query sees, without a projection, as in SigLIP (arXiv 2303.15343).
    Attention,
}

impl ReadOut {
    fn is_class(&self) -> bool {
        *self == ReadOut::Class
    }
}

/// Images to embeddings that are not yet scaled to length 1.
#[derive(Module, Debug)]
pub struct Vit {
    stem: Vec<Conv2d>,
    /// The patch convolution, its kernel flattened channel by channel: `[3 * patch², W]`, or `[C, W]` after a stem
    /// of `C` channels.
    patch_embedding: Linear,
    class_embedding: Option<Param<Tensor<1>>>,
    /// `[T, W]`
    position_embedding: Param<Tensor<2>>,
    norm_pre: Option<LayerNorm>,
    blocks: Vec<Block>,
    norm_post: LayerNorm,
    attention_pool: Option<AttentionPool>,
    /// `[W, E]`, or `[T * W, E]` where every position is read. None where attention reads.
    projection: Option<Linear>,
    /// The side of what becomes one position, in pixels or in cells of the stem's last map.
    patch: usize,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    read_out: ReadOut,
}

impl VitConfig {
    /// CLIP's tower of these sizes: patch, width, layers, heads, width of the hidden layers.
    pub fn clip(patch: usize, [width, layers, heads, mlp_width]: [usize; 4]) -> Self {
        VitConfig {
            patch,
            stem: Vec::new(),
            width,
            layers,
            heads,
            mlp_width,
            read_out: ReadOut::Class,
            class_token: true,
            norm_pre: true,
            patch_bias: false,
        }
    }

    /// SigLIP's tower of these sizes (arXiv 2303.15343).
    pub fn siglip(patch: usize, sizes: [usize; 4]) -> Self {
        VitConfig {
            read_out: ReadOut::Attention,
            class_token: false,
            norm_pre: false,
            patch_bias: true,
            ..Self::clip(patch, sizes)
        }
    }

    /// `T`, for images of `side` pixels.
    fn positions(&self, side: usize) -> usize {
        (side / self.patch).saturating_pow(2).saturating_add(usize::from(self.class_token))
    }

    /// The numbers that are read of the last block, for images of `side` pixels.
    pub(super) fn read_width(&self, side: usize) -> usize {
        match self.read_out {
            ReadOut::Class | ReadOut::Attention => self.width,
            ReadOut::Positions => self.positions(side).saturating_mul(self.width),
        }
    }

    /// Why a model of images of `side` pixels cannot be built.
    pub(super) fn validate(&self, side: usize, embedding: usize, most: usize) -> Result<(), String> {
        let numbers = [
            ("vision.patch", self.patch),
            ("vision.width", self.width),
            ("vision.heads", self.heads),
            ("vision.mlp_width", self.mlp_width),
        ];
        if let Some((name, number)) = numbers.into_iter().find(|(_, number)| !(1..=most).contains(number)) {
            return Err(format!("{name} is {number}"));
        }
        if self.layers > most {
            return Err(format!("vision.layers is {}", self.layers));
        }
        if !side.is_multiple_of(self.patch) {
            return Err(format!("patches of {} do not tile a side of {side}", self.patch));
        }
        if let Some(channels) = self.stem.iter().find(|channels| !(1..=most).contains(*channels)) {
            return Err(format!("vision.stem has a convolution of {channels} channels"));
        }
        if !self.stem.is_empty() && 1usize.checked_shl(self.stem.len() as u32) != Some(self.patch) {
            let (convolutions, patch) = (self.stem.len(), self.patch);
            return Err(format!(
                "a stem of {convolutions} convolutions does not make one position of {patch} pixels"
            ));
        }
        if self.read_width(side) > most {
            return Err("the read-out of every position is too wide".to_owned());
        }
        if self.read_out == ReadOut::Class && !self.class_token {
            return Err("vision.read_out is the class token, which there is none of".to_owned());
        }
        if self.read_out == ReadOut::Attention && self.width != embedding {
            return Err(format!(
                "vision.width {} is read as it is, and embedding is {embedding}",
                self.width
            ));
        }
        if !self.width.is_multiple_of(self.heads) {
            return Err(format!("vision.width {} does not divide into {} heads", self.width, self.heads));
        }
        Ok(())
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> Vit {
        let scale = (self.width as f64).powf(-0.5);
        let side = clip.preprocess.side;
        let block = BlockConfig {
            width: self.width,
            heads: self.heads,
            mlp_width: self.mlp_width,
            layers: self.layers,
            activation: clip.activation,
            norm_epsilon: clip.norm_epsilon,
        };
        let inputs = std::iter::once(3).chain(self.stem.iter().copied());
        let stem: Vec<Conv2d> = inputs
            .zip(&self.stem)
            .map(|(input, &output)| halving_convolution(input, output, device))
            .collect();
        let (patch, channels) = match self.stem.last() {
            Some(&channels) => (1, channels),
            None => (self.patch, 3 * self.patch * self.patch),
        };
        let mut patch_embedding = projection(channels, self.width, device);
        patch_embedding.bias = self.patch_bias.then(|| Initializer::Zeros.init([self.width], device));
        let positions = sinusoidal_positions(side / self.patch, self.width, self.class_token);
        let norm = || LayerNorm::init(self.width, clip.norm_epsilon, device);
        let is_pooled = self.read_out == ReadOut::Attention;
        Vit {
            stem,
            patch_embedding,
            class_embedding: self.class_token.then(|| normal([self.width], scale, device)),
            position_embedding: Param::from_data(positions, device),
            norm_pre: self.norm_pre.then(norm),
            blocks: (0..self.layers).map(|_| block.init(device)).collect(),
            norm_post: norm(),
            attention_pool: is_pooled.then(|| block.init_pool(device)),
            projection: (!is_pooled).then(|| projection(self.read_width(side), clip.embedding, device)),
            patch,
            activation: clip.activation,
            read_out: self.read_out,
        }
    }
}

impl Vit {
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, E]`
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        let maps = self.stem.iter().fold(pixels, |maps, conv| self.activation.apply(conv.forward(maps)));
        let patches = self.patch_embedding.forward(patchify(maps, self.patch)); // [B, P, W]
        let [batch, n_patches, width] = patches.dims();
        let tokens = match &self.class_embedding {
            Some(class) => {
                let class = class.val().reshape([1, 1, width]).expand([batch, 1, width]);
                Tensor::cat(vec![class, patches], 1)
            }
            None => patches,
        };
        let positions = self.position_embedding.val();
        let n_class = usize::from(self.class_embedding.is_some());
        assert_shape!(positions, [n_patches + n_class, width]);
        let mut x = tokens + positions.unsqueeze(); // [B, T, W]
        if let Some(norm) = &self.norm_pre {
            x = norm.forward(x);
        }
        for block in &self.blocks {
            x = block.forward(x, None);
        }
        let pooled = match (self.read_out, &self.attention_pool) {
            (_, Some(pool)) => pool.forward(self.norm_post.forward(x)),
            (ReadOut::Class, None) => {
                self.norm_post.forward(x.slice(s![.., 0..1, ..])).reshape([batch, width])
            }
            (ReadOut::Positions | ReadOut::Attention, None) => {
                self.norm_post.forward(x).reshape([batch, (n_patches + n_class) * width])
            }
        };
        match &self.projection {
            Some(projection) => projection.forward(pooled),
            None => pooled,
        }
    }
}

/// Where training of the position embedding starts: sines and cosines of both coordinates (arXiv 2205.01580,
/// section 2), from which *left of* can be read at once; noise would have to become coordinates first.
///
/// `[1 + grid², W]`, the class token's row zero; `[grid², W]` without one.
fn sinusoidal_positions(grid: usize, width: usize, class_token: bool) -> TensorData {
    /// The longest wavelength, in cells.
    const LONGEST: f64 = 10_000.0;
    let quarter = (width / 4).max(1);
    let row = |x: usize, y: usize| {
        (0..width).map(move |column| {
            let rate = LONGEST.powf(-((column % quarter) as f64) / quarter as f64);
            let angle = rate * if column / quarter < 2 { x } else { y } as f64;
            (if (column / quarter).is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
        })
    };
    let n_class = usize::from(class_token);
    let class = std::iter::repeat_n(0.0, n_class * width);
    let cells = (0..grid).flat_map(|y| (0..grid).flat_map(move |x| row(x, y)));
    TensorData::new(class.chain(cells).collect::<Vec<f32>>(), [n_class + grid * grid, width])
}

/// A 3×3 convolution of stride 2.
fn halving_convolution(input: usize, output: usize, device: &Device) -> Conv2d {
    let config = Conv2dConfig::new([input, output], [3, 3])
        .with_stride([2, 2])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
    convolution(config, device)
}

/// Cuts maps into patches, row by row, each flattened channel by channel.
///
/// # Shapes
/// - `maps`: `[B, C, S, S]`
/// - returns `[B, (S / patch)², C * patch²]`
fn patchify(maps: Tensor<4>, patch: usize) -> Tensor<3> {
    let [batch, channels, side, _] = maps.dims();
    assert_shape!(maps, [batch, channels, side, side]);
    let grid = side / patch;
    maps.reshape([batch, channels, grid, patch, grid, patch]).permute([0, 2, 4, 1, 3, 5]).reshape([
        batch,
        grid * grid,
        channels * patch * patch,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::VisionConfig;
    use super::super::tests::{tiny, tiny_vit};
    use super::*;

    #[test]
    fn a_stem_makes_one_position_of_each_patch() {
        let mut config = tiny();
        config.vision = VisionConfig::Vit(VitConfig { stem: vec![4, 6, 8], ..tiny_vit() });
        let model = config.init(&Device::flex());
        let embedded = model.encode_image(Tensor::ones([2, 3, 16, 16], &Device::flex()));
        assert_eq!(embedded.dims(), [2, 8]);
        config.vision = VisionConfig::Vit(VitConfig { stem: vec![4, 6, 8, 8], ..tiny_vit() });
        assert!(config.validate().expect_err("too deep a stem").to_string().contains("4 convolutions"));
    }

    #[test]
    fn a_read_out_of_every_position_sees_where_a_spot_is() {
        let every = VitConfig { read_out: ReadOut::Positions, ..tiny_vit() };
        let device = Device::flex();
        let spot = |x: usize| {
            Tensor::<4>::zeros([1, 3, 16, 16], &device).slice_fill(s![.., .., 0..8, x..x + 8], 1.0)
        };
        // Even where no block mixes positions; the class token would see the same of both.
        let seen = |mut tower: Vit| {
            tower.blocks.clear();
            let [left, right] = [0, 8].map(|x| tower.forward(spot(x)));
            (left - right).abs().max().into_scalar::<f32>()
        };
        let tower = every.init(&tiny(), &device);
        let projection = tower.projection.as_ref().expect("a projection");
        assert_eq!(projection.weight.val().dims(), [5 * 16, 8]);
        assert!(seen(tower) > 1e-3);
        assert_eq!(seen(tiny_vit().init(&tiny(), &device)), 0.0);
        let mut config = tiny();
        config.vision = VisionConfig::Vit(VitConfig { width: 1 << 18, ..every });
        assert!(config.validate().expect_err("too wide").to_string().contains("too wide"));
    }

    #[test]
    fn no_two_positions_start_alike() {
        let rows: Vec<f32> = sinusoidal_positions(4, 16, true).iter::<f32>().collect();
        let rows: Vec<&[f32]> = rows.chunks(16).collect();
        for (at, row) in rows.iter().enumerate() {
            assert!(!rows[..at].contains(row), "position {at}");
        }
    }

    #[test]
    fn patches_run_along_rows_and_hold_one_channel_after_the_other() {
        let values: Vec<f32> = (0..48).map(|value| value as f32).collect();
        let pixels = Tensor::<4>::from_data(TensorData::new(values, [1, 3, 4, 4]), &Device::flex());
        let patches: Vec<f32> = patchify(pixels, 2).into_data().iter::<f32>().collect();
        // The top right patch: columns 2 and 3 of rows 0 and 1, red, then green, then blue.
        assert_eq!(patches[12..24], [2., 3., 6., 7., 18., 19., 22., 23., 34., 35., 38., 39.]);
    }
}
