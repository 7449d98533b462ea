//! A bundle that is written piece by piece: nobody holds more than one weight of it.

use safetensors::tensor::{Metadata, TensorInfo};

use super::encode::encode;
use super::{BundleError, Header, Precision, SelfTest, Training, Weight, metadata};
use crate::model::ClipConfig;
use crate::tokenizer::Tokenizer;

/// What has been written of a bundle. Its file is the header and then the bytes of every weight, in the order in which they came.
#[derive(Debug)]
pub struct Pieces {
    precision: Precision,
    tensors: Vec<(String, TensorInfo)>,
    length: usize,
}

impl Pieces {
    /// A bundle without weights.
    pub fn new(precision: Precision) -> Self {
        Pieces { precision, tensors: Vec::new(), length: 0 }
    }

    /// Takes a weight in, and returns the bytes that follow those of the one before.
    pub fn add(&mut self, weight: Weight) -> Vec<u8> {
        let mut bytes = Vec::new();
        for stored in encode(weight, self.precision) {
            let data_offsets = (self.length, self.length + stored.bytes.len());
            self.length = data_offsets.1;
            self.tensors
                .push((stored.name, TensorInfo { dtype: stored.dtype, shape: stored.shape, data_offsets }));
            bytes.extend(stored.bytes);
        }
        bytes
    }

    /// What stands before the weights.
    ///
    /// # Errors
    /// If the tokenizer cannot be written, or a weight came twice.
    pub fn header(
        &self,
        config: &ClipConfig,
        tokenizer: &Tokenizer,
        training: &Training,
        selftest: &[SelfTest],
    ) -> Result<Vec<u8>, BundleError> {
        let metadata = metadata(config, tokenizer, training, selftest)?;
        let failed = |error: String| BundleError::Weights(error);
        let header =
            Metadata::new(Some(metadata), self.tensors.clone()).map_err(|error| failed(error.to_string()))?;
        let mut json = serde_json::to_vec(&header).map_err(|error| failed(error.to_string()))?;
        json.resize(json.len().next_multiple_of(Header::PREFIX), b' ');
        let length = (json.len() as u64).to_le_bytes();
        Ok([&length[..], &json].concat())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::{Bundle, weights};
    use super::*;
    use crate::model::tests::tiny;

    #[test]
    fn a_bundle_in_pieces_holds_what_one_at_once_does() {
        let captions = ["a red ball", "a blue ball"];
        let tokenizer = Tokenizer::train(captions.into_iter(), 300).expect("a tokenizer");
        let mut config = tiny();
        config.text.vocabulary = tokenizer.vocabulary();
        let model = config.init(&Device::flex());
        for precision in [Precision::F32, Precision::F16, Precision::Q8] {
            let training = Training::imported("a folder", "open_clip", "");
            let whole = Bundle::new(&config, &model, &tokenizer, &training, precision).expect("a bundle");
            let mut pieces = Pieces::new(precision);
            let bytes: Vec<u8> =
                weights(&model).flat_map(|weight| pieces.add(weight.expect("a weight"))).collect();
            let header = pieces.header(&config, &tokenizer, &training, &[]).expect("a header");
            let bundle = Bundle::read([header, bytes].concat()).expect("a bundle");
            let values = |bundle: &Bundle| {
                let model = bundle.model(&Device::flex()).expect("a model");
                weights(&model).map(|weight| weight.expect("a weight")).collect::<Vec<_>>()
            };
            assert!(values(&bundle) == values(&whole), "{precision:?}");
            assert_eq!(bundle.header().config(), &config);
        }
    }
}
