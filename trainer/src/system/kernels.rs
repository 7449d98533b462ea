//! What a GPU compiles and measures before it is fast: counted, and kept in the user's cache for the next run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use burn::tensor::Device;

/// Kernels that this process has compiled.
static COMPILED: AtomicU64 = AtomicU64::new(0);

/// How many kernels this process has compiled so far, not counting cached ones.
pub fn compiled() -> u64 {
    COMPILED.load(Ordering::Relaxed)
}

/// Tells from time to time how many kernels have been compiled, until it is dropped.
pub struct Watch {
    /// Ends the thread by being dropped.
    _end: Sender<()>,
}

impl Watch {
    /// Tells after each pause in which there were new ones.
    pub fn every(pause: Duration, tell: impl Fn(u64) + Send + 'static) -> Self {
        let (_end, ended) = channel();
        thread::spawn(move || {
            let mut told = COMPILED.load(Ordering::Relaxed);
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let compiled = COMPILED.load(Ordering::Relaxed);
                if compiled > told {
                    tell(compiled);
                    told = compiled;
                }
            }
        });
        Watch { _end }
    }
}

/// Says where compiled kernels are kept, and begins to count them. Comes before the first GPU is opened.
///
/// # Errors
/// If something else logs already.
pub fn prepare() -> Result<()> {
    #[cfg(feature = "gpu")]
    gpu::prepare()?;
    Ok(())
}

/// Keeps what is compiled for a card apart from what is compiled for others, for which other kernels may be fastest. Opens
/// the device.
pub fn keep_for(device: &Device) {
    #[cfg(feature = "gpu")]
    gpu::keep_for(device);
    #[cfg(not(feature = "gpu"))]
    let _ = device;
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::path::PathBuf;
    use std::sync::atomic::Ordering;

    use anyhow::{Result, anyhow};
    use burn::cubecl::config::autotune::{AutotuneLevel, BenchConfig};
    use burn::cubecl::config::cache::CacheConfig;
    use burn::cubecl::config::compilation::CompilationLogLevel;
    use burn::cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};
    use burn::cubecl::environment;
    use burn::tensor::Device;
    use etcetera::BaseStrategy;

    use super::COMPILED;

    /// A `cubecl.toml` in the working directory, or above, still decides what is not decided here.
    pub fn prepare() -> Result<()> {
        let mut config = CubeClRuntimeConfig::from_current_dir().override_from_env();
        config.compilation.cache = true;
        config.compilation.logger.level = CompilationLogLevel::Basic;
        config.compilation.logger.log = Some(Default::default());
        config.environment.path = CacheConfig::Directory(folder());
        // To compile a candidate takes far longer than to run it, so few of them, and few runs of each.
        config.autotune.level = AutotuneLevel::Minimal;
        config.autotune.bench = BenchConfig { min_samples: 2, max_samples: 4, ..config.autotune.bench };
        if CubeClRuntimeConfig::try_set(config) {
            log::set_logger(&Counter).map_err(|error| anyhow!("cannot count GPU kernels: {error}"))?;
            log::set_max_level(log::LevelFilter::Info);
        }
        Ok(())
    }

    pub fn keep_for(device: &Device) {
        if let Some(identity) = device.identity() {
            environment::activate(identity.name);
        }
    }

    /// `$FOIL_CACHE/kernels`, by default in the user's cache folder.
    fn folder() -> PathBuf {
        let cache = std::env::var_os("FOIL_CACHE").map(PathBuf::from).unwrap_or_else(|| {
            let cache = etcetera::choose_base_strategy().map(|strategy| strategy.cache_dir());
            cache.unwrap_or_else(|_| std::env::temp_dir()).join("foil")
        });
        cache.join("kernels")
    }

    /// Counts what CubeCL logs of compilations.
    struct Counter;

    impl log::Log for Counter {
        fn enabled(&self, metadata: &log::Metadata) -> bool {
            metadata.target() == "cubecl::compilation"
        }

        fn log(&self, record: &log::Record) {
            if self.enabled(record.metadata()) {
                COMPILED.fetch_add(1, Ordering::Relaxed);
            }
        }

        fn flush(&self) {}
    }
}
