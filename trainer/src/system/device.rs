//! Where tensors live: the only file that names a backend.

use std::fmt;

use anyhow::{Result, anyhow, bail};
#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use burn::tensor::DeviceType;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::system::kernels;

/// The values of a tensor in their order, which the device may still have to compute.
///
/// # Errors
/// If the device fails.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as().map_err(|error| anyhow!("the device failed: {error:?}"))
}

/// Waits until a device has computed all it was given.
///
/// # Errors
/// If the device fails.
pub fn wait(device: &Device) -> Result<()> {
    device.sync().map_err(|error| anyhow!("the device failed: {error:?}"))
}

/// How many GPU kernels this process has compiled so far, not counting cached ones; none on a CPU.
pub fn kernels_compiled(device: &Device) -> Option<u64> {
    (!is_processor(device)).then(kernels::compiled)
}

/// Whether a device is this machine's processor, where many small products are as good as one large one. A GPU waits between
/// them, and compiles kernels for shapes that it has not seen yet.
pub fn is_processor(device: &Device) -> bool {
    *device == Device::flex()
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// An NVIDIA GPU.
    Cuda,
    /// Any GPU with a Vulkan, Metal or DirectX driver.
    Wgpu,
    /// The processor.
    Cpu,
}

impl Backend {
    fn devices(self) -> Vec<Device> {
        match self {
            #[cfg(feature = "cuda")]
            Backend::Cuda => Device::enumerate(DeviceType::Cuda).into_vec(),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Device::enumerate(DeviceType::Wgpu).into_vec(),
            Backend::Cpu => vec![Device::flex()],
            #[cfg(not(all(feature = "cuda", feature = "wgpu")))]
            _ => Vec::new(),
        }
    }

    /// The devices of the kind that are worth choosing unasked: none that a processor emulates.
    fn real_devices(self) -> Vec<Device> {
        self.devices().into_iter().filter(|device| !is_emulated(device)).collect()
    }

    /// What Burn calls the backend.
    fn burn_name(self) -> &'static str {
        match self {
            Backend::Cuda => "cuda",
            Backend::Wgpu => "wgpu",
            Backend::Cpu => "flex",
        }
    }
}

/// The precision of the towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatPrecision {
    /// float32.
    F32,
    /// float32 with matrix products in tf32 (10 bits of mantissa, on NVIDIA's tensor cores).
    Tf32,
    /// bfloat16, with float32 weights, optimizer and loss (mixed precision, arXiv 1710.03740).
    Bf16,
}

impl fmt::Display for FloatPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FloatPrecision::F32 => "float32",
            FloatPrecision::Tf32 => "float32 with tf32 matrix products",
            FloatPrecision::Bf16 => "bfloat16 with float32 weights",
        })
    }
}

#[cfg(feature = "wgpu")]
fn is_emulated(device: &Device) -> bool {
    *device == Device::wgpu(DeviceKind::Cpu)
}

#[cfg(not(feature = "wgpu"))]
fn is_emulated(_: &Device) -> bool {
    false
}

/// Opens the first device of a kind or, if none is asked for, of the best kind that is there; a GPU that is emulated
/// (lavapipe, llvmpipe, WARP) has to be asked for.
/// The first call in a process comes before any thread is started.
///
/// # Errors
/// If there is no such device.
pub fn open(wanted: Option<Backend>) -> Result<Device> {
    Ok(open_all(wanted, &[], 0)?.remove(0))
}

/// Opens the devices of these numbers, all of one kind as in [`open`]. Without numbers each of several processes on this machine
/// takes one of its own, in turn: `local_rank` counts them. There is at least one.
///
/// # Errors
/// If one is not there, or is named twice.
pub fn open_all(wanted: Option<Backend>, numbers: &[usize], local_rank: usize) -> Result<Vec<Device>> {
    let kinds = match wanted {
        Some(kind) => vec![kind],
        None => vec![Backend::Cuda, Backend::Wgpu, Backend::Cpu],
    };
    for kind in kinds {
        if kind != Backend::Cpu {
            kernels::prepare()?;
        }
        let devices = if wanted.is_some() { kind.devices() } else { kind.real_devices() };
        if devices.is_empty() {
            continue;
        }
        let own = [local_rank % devices.len()];
        let numbers = if numbers.is_empty() { &own } else { numbers };
        let chosen = choose(&devices, numbers, kind.burn_name())?;
        make_default(kind);
        if kind != Backend::Cpu {
            kernels::keep_for(&chosen[0]);
        }
        eprintln!(
            "device: {}{}",
            kind.burn_name(),
            if chosen.len() > 1 { format!(" {numbers:?}") } else { String::new() }
        );
        return Ok(chosen);
    }
    match wanted {
        Some(Backend::Cuda) if cfg!(not(feature = "cuda")) => {
            bail!("this program was built without CUDA; build it with `--features cuda`")
        }
        Some(Backend::Wgpu) if cfg!(not(feature = "wgpu")) => {
            bail!("this program was built without wgpu; build it with `--features wgpu`")
        }
        _ => bail!("there is no such device on this machine; try `--device cpu`, or leave the flag out"),
    }
}

/// The precision in which towers are computed on a device, or an error if it has none such.
///
/// # Errors
/// If the device multiplies 32-bit matrices in another precision than the one that is asked for.
pub fn precision(device: &Device, wanted: Option<FloatPrecision>) -> Result<FloatPrecision> {
    let native = if is_cuda(device) { FloatPrecision::Tf32 } else { FloatPrecision::F32 };
    match wanted {
        None => Ok(native),
        Some(FloatPrecision::Bf16) => Ok(FloatPrecision::Bf16),
        Some(wanted) if wanted == native => Ok(wanted),
        Some(FloatPrecision::F32) => {
            bail!(
                "CUDA multiplies 32-bit matrices in tf32; use --precision tf32 or bf16, or another --device"
            )
        }
        Some(_) => bail!("only --device cuda computes in tf32; use --precision f32 or bf16"),
    }
}

#[cfg(feature = "cuda")]
fn is_cuda(device: &Device) -> bool {
    Backend::Cuda.devices().contains(&device.clone().inner())
}

#[cfg(not(feature = "cuda"))]
fn is_cuda(_: &Device) -> bool {
    false
}

fn choose<T: Clone>(devices: &[T], numbers: &[usize], kind: &str) -> Result<Vec<T>> {
    let mut chosen = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        if numbers[..place].contains(number) {
            bail!("--devices names {number} twice");
        }
        match devices.get(*number) {
            Some(device) => chosen.push(device.clone()),
            None => bail!("there is no device {number} of {kind}; this machine has {} of it", devices.len()),
        }
    }
    Ok(chosen)
}

/// Burn restores an optimizer's state to its default device, which would be CUDA even where no driver is.
#[expect(unsafe_code, reason = "Burn offers no other way to choose its default device than the environment")]
fn make_default(kind: Backend) {
    const NAME: &str = "BURN_DEVICE";
    if std::env::var(NAME).is_ok_and(|device| device == kind.burn_name()) {
        return;
    }
    // SAFETY: the first `open` comes before any other thread is started, so nobody reads the environment meanwhile; all
    // of a process open the same kind, so later ones do not get here.
    unsafe { std::env::set_var(NAME, kind.burn_name()) };
}

/// The device of diffusion models, which another library computes: the first GPU if the trainer was built for one.
///
/// # Errors
/// If there is one that cannot be used.
#[cfg(feature = "diffusion")]
pub fn of_candle() -> Result<candle_core::Device> {
    Ok(candle_core::Device::cuda_if_available(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_keeps_gradients_is_one_still() {
        let device = Device::flex();
        assert!(is_processor(&device));
        assert!(is_processor(&device.clone().autodiff()));
        assert!(is_processor(&device.autodiff().gradient_checkpointing()));
    }

    #[test]
    fn no_emulated_device_is_chosen_unasked() {
        for kind in [Backend::Cuda, Backend::Wgpu, Backend::Cpu] {
            let emulated = |device: &Device| format!("{device:?}").to_lowercase().contains("kind: cpu");
            assert!(!kind.real_devices().iter().any(emulated), "{:?}", kind.real_devices());
        }
    }

    #[test]
    fn no_device_computes_in_a_precision_that_it_lacks() {
        let on_cpu = |wanted| precision(&Device::flex().autodiff(), wanted);
        assert_eq!(on_cpu(None).expect("its own"), FloatPrecision::F32);
        assert_eq!(on_cpu(Some(FloatPrecision::Bf16)).expect("by rounding"), FloatPrecision::Bf16);
        let error = on_cpu(Some(FloatPrecision::Tf32)).expect_err("no tensor cores").to_string();
        assert!(error.contains("only --device cuda"), "{error}");
    }

    #[test]
    fn devices_are_chosen_by_number_and_each_once() {
        assert_eq!(choose(&["a", "b", "c"], &[2, 0], "cuda").expect("devices"), ["c", "a"]);
        for (numbers, words) in
            [(&[3][..], "no device 3 of cuda; this machine has 3"), (&[1, 1], "names 1 twice")]
        {
            let error = choose(&["a", "b", "c"], numbers, "cuda").expect_err("no choice").to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
