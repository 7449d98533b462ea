//! Convolutional networks of inverted residuals up to their classifier, for which published weights exist: what an image tower sees
//! photographs through. MobileNetV2 (arXiv 1801.04381) and EfficientNet-Lite, which is EfficientNet (arXiv 1905.11946) without what
//! phones compute slowly: no squeeze-and-excitation, a rectifier for an activation, and ends that do not grow.
//!
//! Of some of its maps each channel is read over the whole image: how strong it is on average, and how much that varies.
//! Six thousand photographs teach a tower no better use of the places (`NOTEBOOK.md`), and an image is a few thousand numbers
//! instead of fifty times as many.
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
/// The channels of the convolution before the classifier.
const HEAD: usize = 1280;

/// Blocks of equal width.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// The factor by which each block widens its input.
    pub factor: usize,
    /// The channels that come out.
    pub channels: usize,
    /// The number of blocks.
    pub repeats: usize,
    /// The stride of the first block.
    pub stride: usize,
    /// The side of the depthwise kernels.
    pub kernel: usize,
}

/// A network, and what is read of it.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    /// Its blocks.
    pub stages: [Stage; 7],
    /// The epsilon of its batch norms.
    pub epsilon: f32,
    /// Whether the first convolution's maps are read.
    reads_stem: bool,
    /// The stages whose last maps are read, in order; the convolution before the classifier is always read.
    read: &'static [usize],
}

/// MobileNetV2 of width 1.0 (table 2 of arXiv 1801.04381), read at a sixteenth of the image's side, where maps still know colors,
/// behind the last block, and at the end.
pub const MOBILENET_V2: Architecture = Architecture {
    stages: stages([16, 24, 32, 64, 96, 160, 320], [1, 2, 3, 4, 3, 3, 1], [3; 7]),
    epsilon: 1e-5,
    reads_stem: false,
    read: &[4, 6],
};

/// EfficientNet-Lite0, read at every depth.
pub const EFFICIENTNET_LITE0: Architecture = Architecture {
    stages: stages([16, 24, 40, 80, 112, 192, 320], [1, 2, 2, 3, 3, 4, 1], LITE_KERNELS),
    epsilon: 1e-3,
    reads_stem: true,
    read: LITE_READ,
};

/// EfficientNet-Lite2, read at every depth.
pub const EFFICIENTNET_LITE2: Architecture = Architecture {
    stages: stages([16, 24, 48, 88, 120, 208, 352], [1, 3, 3, 4, 4, 5, 1], LITE_KERNELS),
    epsilon: 1e-3,
    reads_stem: true,
    read: LITE_READ,
};

const LITE_KERNELS: [usize; 7] = [3, 3, 5, 3, 5, 5, 3];
const LITE_READ: &[usize] = &[0, 1, 2, 4, 5];

/// Both families share factors and strides.
const fn stages(channels: [usize; 7], repeats: [usize; 7], kernels: [usize; 7]) -> [Stage; 7] {
    const STRIDES: [usize; 7] = [1, 2, 2, 2, 1, 2, 1];
    let mut stages = [Stage { factor: 6, channels: 0, repeats: 0, stride: 1, kernel: 3 }; 7];
    let mut nth = 0;
    while nth < 7 {
        let factor = if nth == 0 { 1 } else { 6 };
        let (channels, repeats, kernel) = (channels[nth], repeats[nth], kernels[nth]);
        stages[nth] = Stage { factor, channels, repeats, stride: STRIDES[nth], kernel };
        nth += 1;
    }
    stages
}

impl Architecture {
    /// The numbers of an image: of each channel that is read, a mean and a deviation.
    pub(super) fn channels(&self) -> usize {
        let of_stem = if self.reads_stem { STEM } else { 0 };
        let of_stages: usize = self.read.iter().map(|stage| self.stages[*stage].channels).sum();
        2 * (of_stem + of_stages + HEAD)
    }
}

/// Images to what their channels say on the whole.
#[derive(Module, Debug)]
pub struct ConvNet {
    stem: Conv2d,
    blocks: Vec<InvertedResidual>,
    head: Conv2d,
    #[module(skip)]
    reads_stem: bool,
    /// The blocks whose maps are read.
    #[module(skip)]
    read: Vec<usize>,
}

impl ConvNet {
    pub(super) fn init(architecture: &Architecture, device: &Device) -> Self {
        let mut blocks: Vec<InvertedResidual> = Vec::new();
        let mut read = Vec::new();
        let mut input = STEM;
        for (nth, stage) in architecture.stages.iter().enumerate() {
            for block in 0..stage.repeats {
                let stride = if block == 0 { stage.stride } else { 1 };
                blocks.push(InvertedResidual::init(stage, input, stride, device));
                input = stage.channels;
            }
            if architecture.read.contains(&nth) {
                read.push(blocks.len() - 1);
            }
        }
        ConvNet {
            stem: same([3, STEM], 3, 2, 1, device),
            blocks,
            head: same([input, HEAD], 1, 1, 1, device),
            reads_stem: architecture.reads_stem,
            read,
        }
    }

    /// # Shapes
    /// - `pixels`: `[B, 3, S, S]`
    /// - returns `[B, C]`, `C` as [`Architecture::channels`] says
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<2> {
        let mut maps = relu6(self.stem.forward(pixels)); // [B, 32, S/2, S/2]
        let mut read = Vec::new();
        if self.reads_stem {
            read.push(means_and_deviations(maps.clone()));
        }
        for (nth, block) in self.blocks.iter().enumerate() {
            maps = block.forward(maps);
            if self.read.contains(&nth) {
                read.push(means_and_deviations(maps.clone()));
            }
        }
        let head = relu6(self.head.forward(maps)); // [B, 1280, S/32, S/32]
        read.push(means_and_deviations(head));
        Tensor::cat(read, 1)
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

/// Widens, looks around in every channel, narrows; adds its input where shapes allow (figure 3b of arXiv 1801.04381).
#[derive(Module, Debug)]
struct InvertedResidual {
    /// Nothing where the factor is 1.
    expand: Option<Conv2d>,
    depthwise: Conv2d,
    project: Conv2d,
    residual: bool,
}

impl InvertedResidual {
    fn init(stage: &Stage, input: usize, stride: usize, device: &Device) -> Self {
        let hidden = stage.factor * input;
        InvertedResidual {
            expand: (stage.factor > 1).then(|| same([input, hidden], 1, 1, 1, device)),
            depthwise: same([hidden, hidden], stage.kernel, stride, hidden, device),
            project: same([hidden, stage.channels], 1, 1, 1, device),
            residual: stride == 1 && input == stage.channels,
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

/// A rectifier with a ceiling, which keeps its range in arithmetic of few bits (section 4 of arXiv 1801.04381).
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
