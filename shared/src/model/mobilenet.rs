//! MobileNetV2 of width 1.0 (arXiv 1801.04381) up to its classifier: what an image tower sees photographs through.
//!
//! Of three of its maps each channel is read over the whole image: how strong it is on average, and how much that varies.
//! Six thousand photographs teach a tower no better use of the places (`NOTEBOOK.md`), and an image is 3,392 numbers instead
//! of fifty times as many.
//!
//! Each batch norm is folded into its convolution. Convolutions of stride 2 pad as TensorFlow's `SAME` does, nothing
//! before and one pixel after an even side; published weights know no other sampling grid.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};

use super::block::convolution;

/// The channels of the first convolution.
const STEM: usize = 32;

/// Blocks of equal width: factor of expansion, channels, blocks, stride of the first (table 2 of the paper).
pub const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];
/// The blocks behind which maps are a sixteenth of the image's side; they still know colors.
const MIDDLE: usize = 13;
/// The channels of the maps that are read: in the middle, behind the last block, and behind the convolution before the
/// classifier.
const READ: [usize; 3] = [96, 320, 1280];
/// The numbers of an image: of each channel that is read, a mean and a deviation.
pub(super) const CHANNELS: usize = 2 * (READ[0] + READ[1] + READ[2]);

/// Images to what their channels say on the whole.
#[derive(Module, Debug)]
pub struct MobileNetV2 {
    stem: Conv2d,
    blocks: Vec<InvertedResidual>,
    head: Conv2d,
}

impl MobileNetV2 {
    pub(super) fn init(device: &Device) -> Self {
        let mut blocks = Vec::new();
        let mut input = STEM;
        for [factor, output, repeats, first_stride] in STAGES {
            for nth in 0..repeats {
                let stride = if nth == 0 { first_stride } else { 1 };
                blocks.push(InvertedResidual::init(factor, input, output, stride, device));
                input = output;
            }
        }
        MobileNetV2 {
            stem: same([3, STEM], 3, 2, 1, device),
            blocks,
            head: same([READ[1], READ[2]], 1, 1, 1, device),
        }
    }

    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, 1, 3392]`
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let (lower, upper) = self.blocks.split_at(MIDDLE);
        let through =
            |blocks: &[InvertedResidual], maps| blocks.iter().fold(maps, |maps, block| block.forward(maps));
        let middle = through(lower, relu6(self.stem.forward(pixels))); // [B, 96, S/16, S/16]
        let last = through(upper, middle.clone()); // [B, 320, S/32, S/32]
        let head = relu6(self.head.forward(last.clone())); // [B, 1280, S/32, S/32]
        Tensor::cat([middle, last, head].map(means_and_deviations).to_vec(), 1).unsqueeze_dim(1)
    }
}

/// The mean of each channel and its deviation over the image: `[B, C, S, S]` to `[B, 2C]`.
fn means_and_deviations(maps: Tensor<4>) -> Tensor<2> {
    /// Keeps the gradient of a root finite where a channel is the same everywhere.
    const LEAST: f64 = 1e-6;
    let cells = maps.flatten::<3>(2, 3); // [B, C, S²]
    let mean = cells.clone().mean_dim(2); // [B, C, 1]
    let variance = (cells - mean.clone()).powi_scalar(2).mean_dim(2);
    Tensor::cat(vec![mean, (variance + LEAST).sqrt()], 1).squeeze_dim(2)
}

/// Widens, looks around in every channel, narrows; adds its input where shapes allow (figure 3b of the paper).
#[derive(Module, Debug)]
struct InvertedResidual {
    /// Nothing where the factor is 1.
    expand: Option<Conv2d>,
    depthwise: Conv2d,
    project: Conv2d,
    residual: bool,
}

impl InvertedResidual {
    fn init(factor: usize, input: usize, output: usize, stride: usize, device: &Device) -> Self {
        let hidden = factor * input;
        InvertedResidual {
            expand: (factor > 1).then(|| same([input, hidden], 1, 1, 1, device)),
            depthwise: same([hidden, hidden], 3, stride, hidden, device),
            project: same([hidden, output], 1, 1, 1, device),
            residual: stride == 1 && input == output,
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let wide = match &self.expand {
            Some(expand) => relu6(expand.forward(input.clone())),
            None => input.clone(),
        };
        let narrow = self.project.forward(relu6(self.depthwise.forward(wide)));
        if self.residual { input + narrow } else { narrow }
    }
}

/// A rectifier with a ceiling, which keeps its range in arithmetic of few bits (section 4 of the paper).
fn relu6(maps: Tensor<4>) -> Tensor<4> {
    maps.clamp(0.0, 6.0)
}

/// A convolution that pads as TensorFlow's `SAME` does.
fn same(channels: [usize; 2], kernel: usize, stride: usize, groups: usize, device: &Device) -> Conv2d {
    let config = Conv2dConfig::new(channels, [kernel; 2])
        .with_stride([stride; 2])
        .with_groups(groups)
        .with_padding(PaddingConfig2d::Same);
    convolution(config, device)
}
