//! What trainer and page must agree on to the last bit.
//!
//! ```text
//! image file ─ decode ─ Image ─ preprocess ─ [B, 3, S, S] ─┐
//!                                                          ├─ model ─ unit embeddings ─ similarity ─ verdict
//! caption ─ Caption ─ negative ─ tokenizer ─ [B, T] ───────┘
//! ```
//!
//! Pure: bytes, tensors and seeds go in, values come out. No files, clock, threads or ambient randomness.
#![recursion_limit = "256"]
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod bundle;
pub mod caption;
pub mod caption_table;
pub mod challenge_set;
pub mod concept;
pub mod decode;
pub mod difference;
pub mod edit;
pub mod encode;
pub mod engine;
pub mod fluency;
pub mod html;
pub mod image;
pub mod import;
pub mod interval;
pub mod lexicon;
pub mod mask;
pub mod model;
pub mod negative;
pub mod oklab;
pub mod preprocess;
pub mod resize;
pub mod review;
pub mod scene;
pub mod seed;
pub mod similarity;
pub mod tokenizer;
mod varint;
