//! In place of `diffusion.rs` in a trainer that was built without the feature of that name.

use anyhow::{Result, bail};

use super::Options;
use super::generator::Generator;

pub fn open(options: &Options) -> Result<Box<dyn Generator>> {
    bail!(
        "--generator {}: this trainer knows no diffusion models; build it with `--features diffusion`",
        options.generator
    )
}
