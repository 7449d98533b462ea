//! The image tower: a vision transformer (arXiv 2010.11929), read at its class token or at every position.
//!
//! Pictures may pass through a stem first: a few convolutions (arXiv 2106.14881), which learn shapes from far fewer
//! pictures than a matrix over raw pixels does, or a whole network that has seen photographs before. Without a stem the
//! tower is CLIP's.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData, assert_shape, s};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::{Activation, Block, BlockConfig, convolution, normal, projection};
use super::layers::LayerNorm;
use super::mobilenet::{self, MobileNetV2};

/// The sizes of the image tower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionConfig {
    /// The side of a patch in pixels.
    pub patch: usize,
    /// What pictures pass through before the blocks.
    #[serde(default, skip_serializing_if = "Stem::is_none")]
    pub stem: Stem,
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
}

/// What pictures pass through before the blocks; a patch becomes one position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "its image tower begins with something that this version of Foil does not know"
)]
pub enum Stem {
    /// The channels of convolutions, each of which halves the side. Empty for none, as in CLIP.
    Convolutions(Vec<usize>),
    /// A network by its name.
    Network(Network),
}

/// A network that published weights exist for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// MobileNetV2 of width 1.0 (arXiv 1801.04381), its channels read over the whole picture, which is one patch.
    #[serde(rename = "mobilenet_v2_pooled")]
    MobileNetV2,
}

impl Default for Stem {
    fn default() -> Self {
        Stem::Convolutions(Vec::new())
    }
}

impl Stem {
    fn is_none(&self) -> bool {
        *self == Stem::default()
    }

    /// The channels of its convolutions.
    pub(super) fn convolutions(&self) -> &[usize] {
        match self {
            Stem::Convolutions(channels) => channels,
            Stem::Network(_) => &[],
        }
    }
}

/// What of the last block becomes the embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOut {
    /// The class token, as in CLIP. *This thing at that place* then exists only as a product of what attention weighs
    /// and where it looks, which small models do not find in a hundred thousand pictures (`NOTEBOOK.md`).
    #[default]
    Class,
    /// The mean of all patches.
    Mean,
    /// Every position side by side, so that a place is a linear function from the first step on. For small grids: the
    /// projection has a row for each position.
    Positions,
}

impl ReadOut {
    fn is_class(&self) -> bool {
        *self == ReadOut::Class
    }
}

/// Pictures to points, before they are scaled to length 1.
#[derive(Module, Debug)]
pub struct VisionTower {
    stem: Vec<Conv2d>,
    network: Option<MobileNetV2>,
    /// What brings the numbers of a network to one scale; published networks leave theirs as different as they were.
    standard: Option<Standard>,
    /// The patch convolution, its kernel flattened channel by channel: `[3 * patch², W]`, or `[C, W]` after a stem
    /// of `C` channels.
    patch_embedding: Linear,
    class_embedding: Param<Tensor<1>>,
    /// `[1 + patches, W]`
    position_embedding: Param<Tensor<2>>,
    norm_pre: LayerNorm,
    blocks: Vec<Block>,
    norm_post: LayerNorm,
    /// `[W, E]`, or `[(1 + patches) * W, E]` where every position is read.
    projection: Linear,
    /// The side of what becomes one position, in pixels or in cells of the stem's last map.
    patch: usize,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    read_out: ReadOut,
}

impl VisionConfig {
    /// What the stem makes of a picture of `side` pixels: positions, and the numbers of each. Without a stem these are the
    /// patches' own pixels.
    pub fn stem_shape(&self, side: usize) -> [usize; 2] {
        let channels = match (&self.stem, self.stem.convolutions().last()) {
            (Stem::Network(Network::MobileNetV2), _) => mobilenet::CHANNELS,
            (_, Some(&channels)) => channels,
            (_, None) => 3 * self.patch * self.patch,
        };
        [(side / self.patch).pow(2), channels]
    }

    /// The numbers that are read of the last block, for pictures of `side` pixels.
    pub(super) fn read_width(&self, side: usize) -> usize {
        match self.read_out {
            ReadOut::Class | ReadOut::Mean => self.width,
            ReadOut::Positions => {
                (side / self.patch).saturating_pow(2).saturating_add(1).saturating_mul(self.width)
            }
        }
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> VisionTower {
        let scale = (self.width as f64).powf(-0.5);
        let block = BlockConfig {
            width: self.width,
            heads: self.heads,
            mlp_width: self.mlp_width,
            layers: self.layers,
            activation: clip.activation,
            norm_epsilon: clip.norm_epsilon,
        };
        let convolutions = self.stem.convolutions();
        let inputs = std::iter::once(3).chain(convolutions.iter().copied());
        let stem: Vec<Conv2d> = inputs
            .zip(convolutions)
            .map(|(input, &output)| halving_convolution(input, output, device))
            .collect();
        let patch = if self.stem.is_none() { self.patch } else { 1 };
        let [_, channels] = self.stem_shape(clip.preprocess.side);
        let network = matches!(self.stem, Stem::Network(_)).then(|| MobileNetV2::init(device));
        VisionTower {
            stem,
            standard: network.is_some().then(|| Standard::init(channels, device)),
            network,
            patch_embedding: projection(channels, self.width, device),
            class_embedding: normal([self.width], scale, device),
            position_embedding: Param::from_data(
                waves(clip.preprocess.side / self.patch, self.width),
                device,
            ),
            norm_pre: LayerNorm::init(self.width, clip.norm_epsilon, device),
            blocks: (0..self.layers).map(|_| block.init(device)).collect(),
            norm_post: LayerNorm::init(self.width, clip.norm_epsilon, device),
            projection: projection(self.read_width(clip.preprocess.side), clip.embedding, device),
            patch,
            activation: clip.activation,
            read_out: self.read_out,
        }
    }
}

impl VisionTower {
    /// The tower with a stem that no training step changes.
    pub(super) fn lock_stem(mut self) -> Self {
        self.stem = self.stem.into_iter().map(Module::no_grad).collect();
        self.network = self.network.map(Module::no_grad);
        self
    }

    /// Pictures to what the stem makes of them.
    ///
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, P, C]`, as [`VisionConfig::stem_shape`] says
    pub(super) fn stem(&self, pixels: Tensor<4>) -> Tensor<3> {
        match &self.network {
            Some(network) => network.forward(pixels),
            None => {
                let maps =
                    self.stem.iter().fold(pixels, |maps, conv| self.activation.apply(conv.forward(maps)));
                patchify(maps, self.patch)
            }
        }
    }

    /// The tower with the numbers of its network brought to mean 0 and deviation 1 over a sample (arXiv 1807.03039,
    /// section 3.1). Without a network nothing changes.
    ///
    /// # Shapes
    /// - `stem`: `[N, P, C]`
    pub(super) fn standardize(mut self, stem: Tensor<3>) -> Self {
        self.standard = self.standard.map(|_| Standard::of(stem));
        self
    }

    /// What the stem has made, on one scale.
    ///
    /// # Shapes
    /// - `stem`: `[B, P, C]`
    /// - returns `[B, P, C]`
    pub(super) fn features(&self, stem: Tensor<3>) -> Tensor<3> {
        match &self.standard {
            Some(standard) => standard.forward(stem),
            None => stem,
        }
    }

    /// Features to points.
    ///
    /// # Shapes
    /// - `features`: `[B, P, C]`
    /// - returns `[B, E]`
    pub(super) fn forward(&self, features: Tensor<3>) -> Tensor<2> {
        let patches = self.patch_embedding.forward(features); // [B, P, W]
        let [batch, n_patches, width] = patches.dims();
        let class = self.class_embedding.val().reshape([1, 1, width]).expand([batch, 1, width]);
        let positions = self.position_embedding.val();
        assert_shape!(positions, [n_patches + 1, width]);
        let mut x = Tensor::cat(vec![class, patches], 1) + positions.unsqueeze(); // [B, T, W]
        x = self.norm_pre.forward(x);
        for block in &self.blocks {
            x = block.forward(x, None);
        }
        let read = match self.read_out {
            ReadOut::Class => x.slice(s![.., 0..1, ..]),
            ReadOut::Mean => x.slice(s![.., 1.., ..]).mean_dim(1),
            ReadOut::Positions => x,
        };
        let [_, n_read, _] = read.dims();
        self.projection.forward(self.norm_post.forward(read).reshape([batch, n_read * width]))
    }
}

/// Takes a mean away from each channel and divides it by a deviation.
#[derive(Module, Debug)]
struct Standard {
    /// `[C]`
    norm_mean: Param<Tensor<1>>,
    /// `[C]`
    norm_scale: Param<Tensor<1>>,
}

impl Standard {
    fn init(channels: usize, device: &Device) -> Self {
        Standard {
            norm_mean: Initializer::Zeros.init([channels], device),
            norm_scale: Initializer::Ones.init([channels], device),
        }
    }

    /// `stem`: `[N, P, C]`
    fn of(stem: Tensor<3>) -> Self {
        /// A channel that never changes is left as small as it is.
        const LEAST: f64 = 1e-6;
        let [batch, positions, channels] = stem.dims();
        let rows = stem.reshape([batch * positions, channels]);
        let mean = rows.clone().mean_dim(0); // [1, C]
        let variance = (rows - mean.clone()).powi_scalar(2).mean_dim(0);
        let scale = (variance + LEAST).sqrt().recip();
        Standard {
            norm_mean: Param::from_tensor(mean.reshape([channels])),
            norm_scale: Param::from_tensor(scale.reshape([channels])),
        }
    }

    fn forward(&self, stem: Tensor<3>) -> Tensor<3> {
        (stem - self.norm_mean.val().unsqueeze()) * self.norm_scale.val().unsqueeze()
    }
}

/// Where training of the position embedding starts: sines and cosines of both coordinates (arXiv 2205.01580,
/// section 2), from which *left of* can be read at once; noise would have to become coordinates first.
///
/// `[1 + grid², W]`, the class token's row zero.
fn waves(grid: usize, width: usize) -> TensorData {
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
    let class = std::iter::repeat_n(0.0, width);
    let cells = (0..grid).flat_map(|y| (0..grid).flat_map(move |x| row(x, y)));
    TensorData::new(class.chain(cells).collect::<Vec<f32>>(), [1 + grid * grid, width])
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
    use super::super::tests::tiny;
    use super::*;

    #[test]
    fn a_stem_of_another_version_is_refused_in_a_sentence() {
        let error = serde_json::from_str::<Stem>(r#""mobilenet_v2""#).expect_err("no such stem").to_string();
        assert!(error.contains("this version of Foil does not know"), "{error}");
    }

    #[test]
    fn a_read_out_of_every_position_sees_where_a_spot_is() {
        let mut config = tiny();
        config.vision.read_out = ReadOut::Positions;
        let device = Device::flex();
        let spot = |x: usize| {
            Tensor::<4>::zeros([1, 3, 16, 16], &device).slice_fill(s![.., .., 0..8, x..x + 8], 1.0)
        };
        // Even where no block mixes positions; the class token would see the same of both.
        let seen = |mut tower: VisionTower| {
            tower.blocks.clear();
            let [left, right] = [0, 8].map(|x| tower.forward(tower.stem(spot(x))));
            (left - right).abs().max().into_scalar::<f32>()
        };
        let tower = config.vision.init(&config, &device);
        assert_eq!(tower.projection.weight.val().dims(), [5 * 16, 8]);
        assert!(seen(tower) > 1e-3);
        assert_eq!(seen(tiny().vision.init(&tiny(), &device)), 0.0);
        config.vision.width = 1 << 18;
        assert!(config.validate().expect_err("too wide").to_string().contains("too wide"));
    }

    #[test]
    fn no_two_positions_start_alike() {
        let rows: Vec<f32> = waves(4, 16).iter::<f32>().collect();
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
