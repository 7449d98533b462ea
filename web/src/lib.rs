//! The browser shell: page events in, scores out.
//!
//! ```text
//! page (DOM, no tensors) ── protocol::Request ──▶ engine (tensors, no DOM, in a worker)
//!                        ◀── protocol::Event ───
//! ```
//!
//! The guessing game at the top of the page is a third program, since it needs neither.
#![recursion_limit = "256"]
#![forbid(unsafe_code)]

pub mod camera;
pub mod checking;
pub mod gallery;
pub mod game;
pub mod protocol;
pub mod relevance;
pub mod sample;
pub mod select;
pub mod survey;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub mod console;
#[cfg(all(target_arch = "wasm32", feature = "engine"))]
pub mod engine;
#[cfg(target_arch = "wasm32")]
pub mod messages;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
pub mod png;
