//! Which device computes: the only file of the page that names a backend of Burn.
//!
//! What can be asked beforehand is asked beforehand: on wasm a missing feature is no error but a trap, after which
//! the module is dead.

use burn::tensor::Device;
use js_sys::{Function, Promise, Reflect};
use shared::bundle::Header;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::protocol::Backend;

/// A device and why it was chosen, in a sentence.
pub struct Chosen {
    /// What computes.
    pub backend: Backend,
    /// The same for Burn.
    pub device: Device,
    /// The reason.
    pub note: String,
    /// The most bytes that one tensor, and that all of them together, may take.
    limits: [usize; 2],
}

/// A page has 4 GB on the CPU, and the weights are not all that lies there.
const PROCESSOR_LIMITS: [usize; 2] = [2_000_000_000, 3_000_000_000];

impl Chosen {
    /// Checks, by the header of a bundle, that its weights have room.
    ///
    /// # Errors
    /// If they have not, with a sentence.
    pub fn has_room_for(&self, header: &Header) -> Result<(), String> {
        // Weights are computed with as 32-bit floats, however they are stored.
        let sizes = header.tensors().iter().map(|tensor| 4 * tensor.shape.iter().product::<usize>());
        let needed = [sizes.clone().max().unwrap_or(0), sizes.sum()];
        let names = ["its largest tensor takes", "its weights take"];
        let too_large = (0..2).find(|&which| needed[which] > self.limits[which]);
        too_large.map_or(Ok(()), |which| {
            let megabytes = |bytes: usize| bytes.div_ceil(1_000_000);
            let (needed, limit) = (megabytes(needed[which]), megabytes(self.limits[which]));
            Err(format!("{} {needed} MB, and this device has room for {limit} MB", names[which]))
        })
    }
}

/// Takes the GPU if it can be used, or what `forced` says.
pub async fn choose(forced: Option<Backend>) -> Chosen {
    if forced == Some(Backend::Cpu) {
        return cpu("Running on the CPU, as requested.".into());
    }
    let found = match adapter().await {
        Ok(found) => found,
        Err(why) => return cpu(format!("Running on the CPU, because {why}.")),
    };
    if !found.has_timestamps {
        return cpu("Running on the CPU, because this GPU cannot time its work (no timestamp-query).".into());
    }
    if found.is_software && forced.is_none() {
        return cpu("Running on the CPU, because the only WebGPU here is emulated, which is slower.".into());
    }
    match Device::wgpu_options().init_async().await {
        Ok(device) => {
            let note = format!("Running on the GPU through WebGPU: {}.", found.name);
            Chosen { backend: Backend::WebGpu, device, note, limits: [found.largest_tensor, usize::MAX] }
        }
        Err(error) => cpu(format!("Running on the CPU, because WebGPU did not start: {error}.")),
    }
}

/// The CPU.
pub fn cpu(note: String) -> Chosen {
    Chosen { backend: Backend::Cpu, device: Device::flex(), note, limits: PROCESSOR_LIMITS }
}

struct Adapter {
    name: String,
    /// Burn panics at its first operation without the feature.
    has_timestamps: bool,
    is_software: bool,
    /// In bytes.
    largest_tensor: usize,
}

/// Looks at the adapter that the browser would give. The error ends a sentence.
async fn adapter() -> Result<Adapter, &'static str> {
    let get = |target: &JsValue, name: &str| Reflect::get(target, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let gpu = get(&get(&js_sys::global(), "navigator"), "gpu");
    if gpu.is_undefined() || gpu.is_null() {
        return Err("this browser has no WebGPU");
    }
    let refused = "WebGPU refused to say what it can do";
    let request: Function = get(&gpu, "requestAdapter").dyn_into().map_err(|_| refused)?;
    let promise: Promise = request.call0(&gpu).map_err(|_| refused)?.dyn_into().map_err(|_| refused)?;
    let adapter = JsFuture::from(promise).await.map_err(|_| refused)?;
    if adapter.is_null() || adapter.is_undefined() {
        return Err("WebGPU finds no GPU");
    }
    let features = get(&adapter, "features");
    let has_timestamps = get(&features, "has")
        .dyn_into::<Function>()
        .and_then(|has| has.call1(&features, &"timestamp-query".into()))
        .is_ok_and(|has| has.is_truthy());
    let info = get(&adapter, "info");
    let words = ["vendor", "architecture"].map(|key| get(&info, key).as_string().unwrap_or_default());
    let name = words.join(" ").trim().to_owned();
    let is_software = get(&info, "isFallbackAdapter").is_truthy()
        || get(&adapter, "isFallbackAdapter").is_truthy()
        || name.contains("swiftshader");
    let name = if name.is_empty() { "an unnamed GPU".to_owned() } else { name };
    // As much as WebGPU promises everywhere, if the adapter does not say.
    const PROMISED: f64 = 134_217_728.0;
    let largest = get(&get(&adapter, "limits"), "maxStorageBufferBindingSize").as_f64().unwrap_or(PROMISED);
    Ok(Adapter { name, has_timestamps, is_software, largest_tensor: largest as usize })
}
