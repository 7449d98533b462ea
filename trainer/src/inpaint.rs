//! A challenge set like InpaintCOCO (arXiv 2403.02875) made of captioned photographs: one thing is changed, and with it one
//! term of the caption. What comes out are candidates, which people have to check.
//!
//! ```text
//! caption ── proposal ──┬─ Generator ── candidates ── rank ── parts ──▶ FILE.parquet ── review (people) ──▶ evaluate
//! masks ─── things ─────┘   ├ exact: recolored, resized, exchanged for another thing
//!                           └ diffusion: an inpainting model (feature `diffusion`)
//! ```
//!
//! Outside the mask of a candidate not a byte of the photograph changes.

#[cfg_attr(not(feature = "diffusion"), path = "inpaint/no_diffusion.rs")]
mod diffusion;
mod exact;
mod generator;
mod options;
mod parts;
mod proposal;
mod rank;
pub mod run;
mod things;

pub use options::Options;
