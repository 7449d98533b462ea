//! FastViT (arXiv 2303.14189) as an image tower, as MobileCLIP has it (arXiv 2311.17049): convolutions that look around in every
//! channel, each with an MLP, and attention where the map is smallest.
//!
//! In training its convolutions have branches and batch norms beside them. Here all of them are folded into one convolution, which
//! computes the same.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, PaddingConfig2d};
use burn::tensor::activation::{gelu, relu, sigmoid};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ClipConfig;
use super::block::{Attention, convolution, projection};

/// The stages. Each but the first halves the side of the map; the last one has attention.
pub const STAGES: usize = 4;
/// The stages whose first convolution weighs channels by what the whole image shows.
pub const EXCITED: [usize; 2] = [2, 3];
/// The factor by which MLPs widen.
const MLP: usize = 3;
/// The width of an attention head.
const HEAD: usize = 32;
/// The sides of kernels: of the mixers and the ends, and of all others that look around.
pub const NEAR: usize = 3;
/// The larger one.
pub const FAR: usize = 7;
/// The channels at the end are so many times those of the last stage.
const END: usize = 2;
/// What is weighed by the whole image passes through so many times fewer channels: in the stages, and at the end.
const SQUEEZE: [usize; 2] = [4, 16];

/// The sizes of a FastViT with these choices of MobileCLIP's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastVitConfig {
    /// The blocks of each stage.
    pub depths: [usize; STAGES],
    /// The channels of each stage.
    pub widths: [usize; STAGES],
}

/// Images to embeddings that are not yet scaled to length 1.
#[derive(Module, Debug)]
pub struct FastVit {
    stem: Vec<Conv2d>,
    stages: Vec<Stage>,
    end: Conv2d,
    excite: Excitation,
    /// `[C, E]`
    projection: Linear,
}

/// Blocks of equal width.
#[derive(Module, Debug)]
struct Stage {
    downsample: Option<Downsample>,
    /// What tells attention where a position is.
    position: Option<Conv2d>,
    blocks: Vec<Mixer>,
}

/// Halves the side of a map and widens it.
#[derive(Module, Debug)]
struct Downsample {
    look: Conv2d,
    excite: Option<Excitation>,
    project: Conv2d,
}

/// Mixes positions, then channels.
#[derive(Module, Debug)]
struct Mixer {
    /// A convolution that holds its residual, or nothing where attention mixes.
    mix: Option<Conv2d>,
    attention: Option<Attention>,
    look: Conv2d,
    mlp_in: Conv2d,
    mlp_out: Conv2d,
}

/// Weighs channels by what the whole image shows (squeeze and excitation, arXiv 1709.01507).
#[derive(Module, Debug)]
struct Excitation {
    squeeze: Conv2d,
    excite: Conv2d,
}

impl FastVitConfig {
    /// Why a tower cannot be built.
    pub(super) fn validate(&self, most: usize) -> Result<(), String> {
        let sizes = self.depths.iter().chain(&self.widths);
        if let Some(size) = sizes.into_iter().find(|size| !(1..=most).contains(*size)) {
            return Err(format!("vision.depths or vision.widths have {size}"));
        }
        if self.widths.windows(2).any(|pair| pair[1] != 2 * pair[0]) {
            return Err(format!("vision.widths are {:?}, and do not double", self.widths));
        }
        if !self.widths[STAGES - 1].is_multiple_of(HEAD) {
            return Err(format!("vision.widths {:?} do not end in heads of {HEAD}", self.widths));
        }
        Ok(())
    }

    pub(super) fn init(&self, clip: &ClipConfig, device: &Device) -> FastVit {
        let stage = |nth: usize| {
            let width = self.widths[nth];
            let is_last = nth + 1 == STAGES;
            Stage {
                downsample: (nth > 0).then(|| Downsample {
                    look: around([width / 2, width], FAR, 2, device),
                    excite: EXCITED.contains(&nth).then(|| Excitation::init(width, SQUEEZE[0], device)),
                    project: pointwise([width, width], device),
                }),
                position: is_last.then(|| around([width, width], FAR, 1, device)),
                blocks: (0..self.depths[nth]).map(|_| Mixer::init(width, is_last, device)).collect(),
            }
        };
        let first = self.widths[0];
        let end = END * self.widths[STAGES - 1];
        let mut projection = projection(end, clip.embedding, device);
        projection.bias = Some(Initializer::Zeros.init([clip.embedding], device));
        FastVit {
            stem: vec![
                convolution(padded([3, first], NEAR, 2), device),
                around([first, first], NEAR, 2, device),
                pointwise([first, first], device),
            ],
            stages: (0..STAGES).map(stage).collect(),
            end: around([end / END, end], NEAR, 1, device),
            excite: Excitation::init(end, SQUEEZE[1], device),
            projection,
        }
    }
}

impl FastVit {
    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, E]`
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        let mut maps = self.stem.iter().fold(pixels, |maps, conv| gelu(conv.forward(maps)));
        for stage in &self.stages {
            maps = stage.forward(maps);
        }
        let maps = gelu(self.excite.forward(self.end.forward(maps)));
        let [batch, channels, ..] = maps.dims();
        self.projection.forward(mean(maps).reshape([batch, channels]))
    }
}

impl Stage {
    fn forward(&self, mut maps: Tensor<4>) -> Tensor<4> {
        if let Some(Downsample { look, excite, project }) = &self.downsample {
            maps = look.forward(maps);
            if let Some(excite) = excite {
                maps = excite.forward(maps);
            }
            maps = gelu(project.forward(gelu(maps)));
        }
        if let Some(position) = &self.position {
            maps = position.forward(maps);
        }
        self.blocks.iter().fold(maps, |maps, block| block.forward(maps))
    }
}

impl Mixer {
    fn init(width: usize, has_attention: bool, device: &Device) -> Self {
        Mixer {
            mix: (!has_attention).then(|| around([width, width], NEAR, 1, device)),
            attention: has_attention.then(|| Attention::init(width, width / HEAD, device)),
            look: around([width, width], FAR, 1, device),
            mlp_in: pointwise([width, MLP * width], device),
            mlp_out: pointwise([MLP * width, width], device),
        }
    }

    fn forward(&self, mut maps: Tensor<4>) -> Tensor<4> {
        if let Some(mix) = &self.mix {
            maps = mix.forward(maps);
        }
        if let Some(attention) = &self.attention {
            let [batch, channels, height, width] = maps.dims();
            let positions = maps.clone().flatten::<3>(2, 3).swap_dims(1, 2); // [B, T, C]
            let mixed = attention.forward(positions, None).swap_dims(1, 2);
            maps = maps + mixed.reshape([batch, channels, height, width]);
        }
        let hidden = gelu(self.mlp_in.forward(self.look.forward(maps.clone())));
        maps + self.mlp_out.forward(hidden)
    }
}

impl Excitation {
    fn init(width: usize, factor: usize, device: &Device) -> Self {
        let narrow = (width / factor).max(1);
        Excitation { squeeze: pointwise([width, narrow], device), excite: pointwise([narrow, width], device) }
    }

    fn forward(&self, maps: Tensor<4>) -> Tensor<4> {
        let gate = self.excite.forward(relu(self.squeeze.forward(mean(maps.clone()))));
        maps * sigmoid(gate)
    }
}

/// The mean of each channel: `[B, C, S, S]` to `[B, C, 1, 1]`.
fn mean(maps: Tensor<4>) -> Tensor<4> {
    let [batch, channels, ..] = maps.dims();
    maps.flatten::<3>(2, 3).mean_dim(2).reshape([batch, channels, 1, 1])
}

/// A convolution in every channel by itself, some of which may become several.
fn around(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    convolution(padded(channels, kernel, stride).with_groups(channels[0]), device)
}

fn pointwise(channels: [usize; 2], device: &Device) -> Conv2d {
    convolution(Conv2dConfig::new(channels, [1, 1]), device)
}

fn padded(channels: [usize; 2], kernel: usize, stride: usize) -> Conv2dConfig {
    let padding = kernel / 2;
    Conv2dConfig::new(channels, [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
}

#[cfg(test)]
mod tests {
    use super::super::VisionConfig;
    use super::super::tests::tiny;
    use super::*;

    fn config(widths: [usize; STAGES]) -> ClipConfig {
        let mut config = tiny();
        config.vision = VisionConfig::FastVit(FastVitConfig { depths: [1, 1, 2, 1], widths });
        config.preprocess.side = 64;
        config
    }

    #[test]
    fn an_image_of_any_side_becomes_one_embedding_that_its_first_pixels_change() {
        let device = Device::flex();
        let model = config([4, 8, 16, 32]).init(&device);
        for side in [64, 70] {
            let image = Tensor::<4>::full([2, 3, side, side], 0.5, &device);
            let spot = image.clone().slice_fill([0..1, 0..3, 0..8, 0..8], 1.0);
            let [plain, spotted] = [image, spot].map(|image| model.encode_image(image));
            assert_eq!(spotted.dims(), [2, 8]);
            let moved: Vec<f32> = (plain - spotted).abs().sum_dim(1).into_data().iter::<f32>().collect();
            assert!(moved[0] > 1e-4 && moved[1] == 0.0, "{moved:?}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused_by_name() {
        assert_eq!(config([4, 8, 16, 32]).validate(), Ok(()));
        for (widths, words) in
            [([4, 8, 16, 33], "do not double"), ([3, 6, 12, 24], "heads of 32"), ([0; 4], "have 0")]
        {
            let error = config(widths).validate().expect_err("odd sizes").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
