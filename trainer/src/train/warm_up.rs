//! `pretrain --warm-up`: compiles the GPU kernels of a run.

use std::time::Instant;

use anyhow::{Result, bail};
use shared::model::VisionConfig;

use super::configure::configure;
use super::data::{self, Data, Library};
use super::options::Options;
use super::state::{TrainState, learning};
use crate::system::device;
use crate::system::process_group::ProcessGroup;

/// The first layer of a tower, the last, and one that is neither: all others are as that one.
const LAYERS: usize = 3;

/// In the first step most kernels are compiled; the second begins with an optimizer that has moments; in the third nothing
/// should be new.
const STEPS: u64 = 3;

/// Takes a few steps of a run with less deep towers, and says what each took.
///
/// # Errors
/// If the settings describe no run, or the device fails.
pub fn run(options: &Options, library: &mut Library) -> Result<()> {
    if options.settings.freeze_backbone {
        bail!("--warm-up needs the whole image tower, which --freeze-backbone leaves out of the steps");
    }
    let device = device::open_all(options.device, &options.devices, 0)?.remove(0);
    let data = Data::open(&options.settings, library)?;
    let (mut config, tokenizer) = configure(options, &data, 1)?;
    let precision = device::precision(&device, config.settings.precision)?;
    if let VisionConfig::Vit(vit) = &mut config.model.vision {
        vit.layers = vit.layers.min(LAYERS);
    }
    config.model.text.layers = config.model.text.layers.min(LAYERS);
    let device = learning(&device, options);
    device.seed(config.settings.seed);
    let mut state = TrainState::begin(&config, config.model.init(&device).drawn());
    let group = ProcessGroup::join(None)?;
    for step in 0..STEPS.min(config.steps()) {
        let numbers = step * config.accum_freq..(step + 1) * config.accum_freq;
        let batch = |number| data::batch(&config, &data, &tokenizer, None, number);
        let batches = numbers.map(batch).collect::<Result<Vec<_>>>()?;
        let begun = Instant::now();
        state.step(&batches, config.settings.lr, &group)?;
        device::wait(&device)?;
        eprintln!(
            "step {}, {precision}: {:.2} s, {} GPU kernels compiled so far",
            step + 1,
            begun.elapsed().as_secs_f64(),
            device::kernels_compiled(&device).unwrap_or(0)
        );
    }
    Ok(())
}
