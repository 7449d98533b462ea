//! Two towers with random weights, in passes that a script can time.

use burn::tensor::{Device, Int, Tensor, TensorData};
use shared::model::{Clip, ClipConfig};
use wasm_bindgen::prelude::*;

/// OpenAI's ViT-B/32.
const CONFIG: &str = r#"{
    "embedding": 512,
    "vision": {"patch": 32, "stem": [], "width": 768, "layers": 12, "heads": 12, "mlp_width": 3072},
    "text": {"vocabulary": 49408, "context": 77, "width": 512, "layers": 12, "heads": 8, "mlp_width": 2048},
    "activation": "quick_gelu",
    "norm_epsilon": 1e-5,
    "preprocess": {"side": 224, "fit": "center-crop", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
}"#;

/// A model on a device.
#[wasm_bindgen]
pub struct Towers {
    clip: Clip,
    config: ClipConfig,
}

#[wasm_bindgen]
impl Towers {
    /// Makes the model on `webgpu` or `cpu`.
    ///
    /// # Errors
    /// If there is no such device.
    pub async fn create(backend: String) -> Result<Towers, JsError> {
        let device = match backend.as_str() {
            "webgpu" => Device::wgpu_options().init_async().await.map_err(|error| JsError::new(&error.to_string()))?,
            _ => Device::flex(),
        };
        let config: ClipConfig = serde_json::from_str(CONFIG)?;
        Ok(Towers { clip: config.init(&device).drawn(), config })
    }

    /// Embeds a batch of pictures, `pixels` being `[B, 3, 224, 224]`, and reads the embeddings back.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn images(&self, pixels: Vec<f32>) -> Result<Vec<f32>, JsError> {
        let side = self.config.preprocess.side;
        let batch = pixels.len() / (3 * side * side);
        let pixels = Tensor::from_data(TensorData::new(pixels, [batch, 3, side, side]), &self.clip.device());
        read(self.clip.encode_image(pixels)).await
    }

    /// Embeds a batch of captions, `ids` being `[B, 77]` with the end token last, and reads the embeddings back.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn texts(&self, ids: Vec<i32>) -> Result<Vec<f32>, JsError> {
        let context = self.config.text.context;
        let batch = ids.len() / context;
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, context]), &self.clip.device());
        read(self.clip.encode_text(ids, &vec![context - 1; batch])).await
    }
}

async fn read(rows: Tensor<2>) -> Result<Vec<f32>, JsError> {
    let data = rows.into_data_async().await.map_err(|error| JsError::new(&format!("{error:?}")))?;
    Ok(data.iter::<f32>().collect())
}
