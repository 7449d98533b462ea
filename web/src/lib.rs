//! The browser shell: page events in, scores out.
//!
//! ```text
//! page (DOM, no tensors) ── protocol::Request ──▶ engine (tensors, no DOM, in a worker)
//!                        ◀── protocol::Event ───
//! ```
#![recursion_limit = "256"]
#![forbid(unsafe_code)]

pub mod engine;
pub mod page;
pub mod protocol;
