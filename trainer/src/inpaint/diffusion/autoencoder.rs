//! The autoencoder between pixels and latents.

use std::collections::HashMap;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::stable_diffusion::vae::{AutoEncoderKL, AutoEncoderKLConfig};

use super::config::LATENTS;

/// Candle's encoder hands out a sample of its distribution, with noise that nobody can choose, and neither mean nor deviation. So
/// it is given twice the latent channels: the first half holds both, the second a deviation of nothing, and the sample is the
/// distribution itself. The decoder reads zeros in the further channels.
pub struct Autoencoder {
    inner: AutoEncoderKL,
    scale: f64,
}

/// The logarithm of a variance that is 0 as a float.
const NO_VARIANCE: f32 = -1e4;

impl Autoencoder {
    /// # Errors
    /// If a weight is missing or of another shape.
    pub fn new(
        mut weights: HashMap<String, Tensor>,
        config: AutoEncoderKLConfig,
        scale: f64,
        device: &Device,
    ) -> Result<Self> {
        // `[out, in, k, k]` with zeros behind, or biases with something behind.
        let mut widen = |name: &str, [out, inside]: [usize; 2], last: f32| -> Result<()> {
            let weight = weights.get(name).with_context(|| format!("the tensor {name} is missing"))?;
            let mut wide = weight.clone();
            if wide.dims().len() > 1 {
                wide = wide.pad_with_zeros(1, 0, inside.saturating_sub(wide.dims()[1]))?;
            }
            let mut behind = wide.dims().to_vec();
            behind[0] = out.saturating_sub(behind[0]);
            if behind[0] > 0 {
                wide = Tensor::cat(&[&wide, &Tensor::full(last, behind, wide.device())?], 0)?;
            }
            weights.insert(name.to_owned(), wide);
            Ok(())
        };
        let (own, double) = (2 * LATENTS, 4 * LATENTS);
        let last = config.block_out_channels.last().copied().unwrap_or_default();
        widen("encoder.conv_out.weight", [double, last], 0.0)?;
        widen("encoder.conv_out.bias", [double, 0], 0.0)?;
        widen("quant_conv.weight", [double, double], 0.0)?;
        widen("quant_conv.bias", [double, 0], NO_VARIANCE)?;
        widen("post_quant_conv.weight", [own, own], 0.0)?;
        widen("post_quant_conv.bias", [own, 0], 0.0)?;
        widen("decoder.conv_in.weight", [last, own], 0.0)?;
        let builder = VarBuilder::from_tensors(weights, DType::F32, device);
        let config = AutoEncoderKLConfig { latent_channels: own, ..config };
        Ok(Autoencoder { inner: AutoEncoderKL::new(builder, 3, 3, config)?, scale })
    }

    /// Latents of an image, with the noise of the distribution given.
    ///
    /// # Shapes
    /// - `image`: `[1, 3, H, W]`, from -1 to 1
    /// - `noise`, and what is returned: `[1, 4, H / factor, W / factor]`
    ///
    /// # Errors
    /// If the device fails.
    pub fn encode(&self, image: &Tensor, noise: &Tensor) -> Result<Tensor> {
        /// As diffusers bounds it.
        const LOG_VARIANCE: [f64; 2] = [-30.0, 20.0];
        let distribution = self.inner.encode(image)?.sample()?;
        let (mean, log_variance) =
            (distribution.narrow(1, 0, LATENTS)?, distribution.narrow(1, LATENTS, LATENTS)?);
        let deviation = (log_variance.clamp(LOG_VARIANCE[0], LOG_VARIANCE[1])? * 0.5)?.exp()?;
        Ok(((mean + (deviation * noise)?)? * self.scale)?)
    }

    /// The image of latents; shapes as in [`Autoencoder::encode`].
    ///
    /// # Errors
    /// If the device fails.
    pub fn decode(&self, latents: &Tensor) -> Result<Tensor> {
        let latents = (latents / self.scale)?.pad_with_zeros(1, 0, LATENTS)?;
        Ok(self.inner.decode(&latents)?)
    }
}
