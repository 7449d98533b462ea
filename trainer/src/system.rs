//! What the trainer needs of the machine it runs on: files, devices, other processes, progress, interrupts.

pub mod atomic_file;
pub mod catch_panic;
pub mod device;
pub mod files;
pub mod interrupt;
pub mod kernels;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(not(feature = "mpi"))]
#[path = "system/no_mpi.rs"]
mod mpi;
pub mod named;
pub mod npy;
pub mod one_or_more;
pub mod process_group;
pub mod progress;
pub mod switch;

/// The commit this program was built from, or `unknown` outside of a checkout.
pub fn commit() -> String {
    option_env!("FOIL_COMMIT").unwrap_or("unknown").to_owned()
}
