//! Two towers with random weights, and what a layer of one is made of, in passes that a script can time.

use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::activation::{sigmoid, softmax};
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
        let device = device(&backend).await?;
        let config: ClipConfig = serde_json::from_str(CONFIG)?;
        Ok(Towers { clip: config.init(&device).drawn(), config })
    }

    /// Embeds a batch of images, `pixels` being `[B, 3, 224, 224]`, and reads the embeddings back.
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

async fn device(backend: &str) -> Result<Device, JsError> {
    match backend {
        "webgpu" => {
            Device::wgpu_options().init_async().await.map_err(|error| JsError::new(&error.to_string()))
        }
        "cpu" => Ok(Device::flex()),
        _ => Err(JsError::new("no such device")),
    }
}

async fn read(rows: Tensor<2>) -> Result<Vec<f32>, JsError> {
    let data = rows.into_data_async().await.map_err(|error| JsError::new(&format!("{error:?}")))?;
    Ok(data.iter::<f32>().collect())
}

/// Positions, width and heads of ViT-B/32's image tower.
const LENGTH: usize = 50;
const WIDTH: usize = 768;
const HEADS: usize = 12;

/// What a layer of that tower is made of, on numbers of its shapes.
#[wasm_bindgen]
pub struct Parts {
    /// `[50 B, W]`
    narrow: Tensor<2>,
    /// `[50 B, 4 W]`
    wide: Tensor<2>,
    /// `[12 B, 50, W / 12]`
    heads: Tensor<3>,
    qkv: Tensor<2>,
    output: Tensor<2>,
    mlp_in: Tensor<2>,
    mlp_out: Tensor<2>,
    norm: LayerNorm,
}

#[wasm_bindgen]
impl Parts {
    /// Prepares for batches of images on `webgpu` or `cpu`.
    ///
    /// # Errors
    /// If there is no such device.
    pub async fn create(backend: String, batch: usize) -> Result<Parts, JsError> {
        let device = device(&backend).await?;
        let matrix = |height, width| Tensor::ones([height, width], &device);
        Ok(Parts {
            narrow: matrix(batch * LENGTH, WIDTH),
            wide: matrix(batch * LENGTH, 4 * WIDTH),
            heads: Tensor::ones([batch * HEADS, LENGTH, WIDTH / HEADS], &device),
            qkv: matrix(WIDTH, 3 * WIDTH),
            output: matrix(WIDTH, WIDTH),
            mlp_in: matrix(WIDTH, 4 * WIDTH),
            mlp_out: matrix(4 * WIDTH, WIDTH),
            norm: LayerNormConfig::new(WIDTH).init(&device),
        })
    }

    /// Does one part of a layer, and reads a number of the result, so that it is computed.
    ///
    /// # Errors
    /// If nothing is called so, or the device fails.
    pub async fn run(&self, part: String) -> Result<(), JsError> {
        let (narrow, wide, heads) = (self.narrow.clone(), self.wide.clone(), self.heads.clone());
        let result = match part.as_str() {
            "qkv" => narrow.matmul(self.qkv.clone()),
            "output" => narrow.matmul(self.output.clone()),
            "mlp in" => narrow.matmul(self.mlp_in.clone()),
            "mlp out" => wide.matmul(self.mlp_out.clone()),
            "attention of heads" => {
                let scores = heads.clone().matmul(heads.clone().transpose());
                softmax(scores, 2).matmul(heads).flatten(0, 1)
            }
            "quick gelu" => wide.clone() * sigmoid(wide * 1.702),
            "two norms" => self.norm.forward(self.norm.forward(narrow)),
            "two sums" => narrow.clone() + narrow.clone() + narrow,
            "nothing" => narrow,
            _ => return Err(JsError::new("no such part")),
        };
        read(result.slice([0..1, 0..1])).await.map(drop)
    }
}
