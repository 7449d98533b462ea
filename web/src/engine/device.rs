//! Which device computes: the only file of the page that names a backend of Burn.
//!
//! What can be asked beforehand is asked beforehand: on wasm a missing feature is no error but a trap, after which
//! the module is dead.

use burn::tensor::Device;
use js_sys::{Function, Promise, Reflect};
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
}

/// Takes the graphics processor if it can be used, or what `forced` says.
pub async fn choose(forced: Option<Backend>) -> Chosen {
    if forced == Some(Backend::Cpu) {
        return cpu("The main processor computes, as you asked.".into());
    }
    let found = match adapter().await {
        Ok(found) => found,
        Err(why) => return cpu(format!("The main processor computes, because {why}.")),
    };
    if !found.has_timestamps {
        return cpu("The main processor computes, because this graphics processor cannot time its work (no timestamp-query).".into());
    }
    if found.is_software && forced.is_none() {
        return cpu(
            "The main processor computes, because the only WebGPU here is emulated, which is slower.".into(),
        );
    }
    match Device::wgpu_options().init_async().await {
        Ok(device) => {
            Chosen { backend: Backend::WebGpu, device, note: format!("WebGPU computes, on {}.", found.name) }
        }
        Err(error) => cpu(format!("The main processor computes, because WebGPU did not start: {error}.")),
    }
}

/// The main processor.
pub fn cpu(note: String) -> Chosen {
    Chosen { backend: Backend::Cpu, device: Device::flex(), note }
}

struct Adapter {
    name: String,
    /// Burn panics at its first operation without the feature.
    has_timestamps: bool,
    is_software: bool,
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
        return Err("WebGPU finds no graphics processor");
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
    let name = if name.is_empty() { "an unnamed graphics processor".to_owned() } else { name };
    Ok(Adapter { name, has_timestamps, is_software })
}
