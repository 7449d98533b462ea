//! The contrastive loss with hard negatives.
//!
//! Each picture must find its caption among all captions and all hard negatives of the batch; each caption must
//! find its picture among all pictures, as in CLIP (arXiv 2103.00020, figure 3). A hard negative has no picture,
//! so it stands only on the first side (figure 1 of arXiv 2403.02875; the form NegCLIP published).

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor, assert_shape};

/// The loss of a batch. A caption without negatives adds no column and stays an ordinary example.
///
/// # Shapes
/// - `images`, `captions`: `[B, E]`, unit rows
/// - `negatives`: `[M, E]`, unit rows, or nothing when no caption of the batch has one
/// - `logit_scale`: `[1]`
/// - returns `[1]`
///
/// # Panics
/// If the shapes do not agree.
pub fn contrastive(
    images: Tensor<2>,
    captions: Tensor<2>,
    negatives: Option<Tensor<2>>,
    logit_scale: Tensor<1>,
) -> Tensor<1> {
    let [batch, embedding] = images.dims();
    assert_shape!(captions, [batch, embedding]);
    let device = images.device();
    let matching = Tensor::<1, Int>::arange(0..batch as i64, &device);
    let cross_entropy = CrossEntropyLossConfig::new().init(&device);

    let scale = logit_scale.reshape([1, 1]);
    let among_captions = images.clone().matmul(captions.transpose()) * scale.clone(); // [B, B]
    let among_pictures = among_captions.clone().transpose();
    let among_texts = match negatives {
        Some(negatives) => {
            let against = images.matmul(negatives.transpose()) * scale; // [B, M]
            Tensor::cat(vec![among_captions, against], 1) // [B, B + M]
        }
        None => among_captions,
    };
    let image_to_text = cross_entropy.forward(among_texts, matching.clone());
    let text_to_image = cross_entropy.forward(among_pictures, matching);
    (image_to_text + text_to_image) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn rows<const N: usize>(values: [[f32; 2]; N], device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::from(values), device)
    }

    fn one(device: &Device) -> Tensor<1> {
        Tensor::ones([1], device)
    }

    #[test]
    fn a_model_that_knows_nothing_pays_the_entropy_of_a_blind_guess() {
        let device = Device::flex();
        let blank = Tensor::<2>::zeros([4, 8], &device);
        let plain = contrastive(blank.clone(), blank.clone(), None, one(&device)).into_scalar::<f32>();
        assert!((plain - 4f32.ln()).abs() < 1e-5, "{plain}");
        let negatives = Some(Tensor::zeros([12, 8], &device));
        let hard = contrastive(blank.clone(), blank, negatives, one(&device)).into_scalar::<f32>();
        let blind_guess = (16f32.ln() + 4f32.ln()) / 2.0;
        assert!((hard - blind_guess).abs() < 1e-5, "{hard}");
    }

    #[test]
    fn the_value_is_that_of_a_worked_example() {
        let device = Device::flex();
        let images = rows([[1.0, 0.0], [0.0, 1.0]], &device);
        let negatives = Some(rows([[0.0, 1.0]], &device));
        let loss = contrastive(images.clone(), images, negatives, one(&device)).into_scalar::<f32>();
        let e = 1f32.exp();
        // The first picture sees logits 1, 0, 0; the second 0, 1 and the negative's 1.
        let image_to_text = (-(e / (e + 2.0)).ln() - (e / (1.0 + 2.0 * e)).ln()) / 2.0;
        let text_to_image = -(e / (e + 1.0)).ln();
        let expected = (image_to_text + text_to_image) / 2.0;
        assert!((loss - expected).abs() < 1e-5, "{loss} is not {expected}");
    }

    #[test]
    fn pictures_are_pulled_to_their_captions_and_pushed_from_negatives() {
        let device = Device::flex().autodiff();
        let images = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let captions = rows([[0.6, 0.8], [0.8, -0.6]], &device).require_grad();
        let negatives = rows([[0.8, 0.6]], &device).require_grad();
        let loss = contrastive(images.clone(), captions.clone(), Some(negatives.clone()), one(&device));
        let gradients = loss.backward();
        let along = |tensor: &Tensor<2>, towards: Tensor<2>| -> f32 {
            let gradient = tensor.grad(&gradients).expect("a gradient");
            (gradient * towards).sum().into_scalar()
        };
        let plain = images.clone().inner();
        // Going down the gradient raises each picture's similarity to its caption, and lowers it to the negative.
        assert!(along(&captions, plain.clone()) < 0.0);
        let first = Tensor::from_data(TensorData::from([[0.6f32, 0.8]]), &Device::flex());
        assert!(along(&negatives, first) > 0.0);
    }
}
