//! Ctrl-C during training: the step ends and is saved.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// Becomes true at Ctrl-C.
static CAME: AtomicBool = AtomicBool::new(false);
/// True while there are steps to finish.
static STEPPING: AtomicBool = AtomicBool::new(false);

/// While this lives, the first Ctrl-C is only noted, so that the step can end; any other, and any at another time, ends
/// the program as if nobody listened.
pub struct Interrupt(());

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn listen() -> Result<Self> {
        static LISTENING: Once = Once::new();
        let handler = || {
            if CAME.swap(true, Ordering::Relaxed) || !STEPPING.load(Ordering::Relaxed) {
                std::process::exit(128 + 2);
            }
        };
        let mut heard = Ok(());
        LISTENING.call_once(|| heard = ctrlc::set_handler(handler));
        heard.context("cannot listen for Ctrl-C")?;
        STEPPING.store(true, Ordering::Relaxed);
        Ok(Interrupt(()))
    }

    /// Whether somebody has pressed Ctrl-C.
    pub fn came(&self) -> bool {
        CAME.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        STEPPING.store(false, Ordering::Relaxed);
    }
}
