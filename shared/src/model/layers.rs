//! The layers of both towers, written so that a GPU can sum their gradients.
//!
//! The gradient of a bias is a sum over every position of every item of a batch, `[B, T, W]` to `[W]`. As one reduction it
//! has `W` results, so `W` threads at most, each of which adds up `B · T` numbers one after the other. A parameter that is
//! expanded over the batch before it is used has its gradient summed over positions first (`B · W` results) and over the
//! batch then. What a layer returns is the same to the bit.

use burn::module::{Initializer, Module, Param};
use burn::nn::Linear;
use burn::tensor::module::layer_norm;
use burn::tensor::{DType, Device, Int, Tensor};

/// `x W + b`.
///
/// # Shapes
/// - `x`: `[B, T, I]`
/// - returns `[B, T, O]`
pub(super) fn linear(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    affine(x, layer.weight.val(), layer.bias.as_ref().map(Param::val))
}

/// The same by matrix `[I, O]` and shift `[O]`.
pub(super) fn affine(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    #[cfg(feature = "product")]
    if let Some(product) = super::product::affine(&x, &weight, bias.as_ref()) {
        return product;
    }
    let [batch, ..] = x.dims();
    let product = burn::tensor::module::linear(x, weight, None);
    match bias {
        Some(bias) => product + over_batch(bias, batch),
        None => product,
    }
}

/// Layer normalization over the last axis (arXiv 1607.06450), as Burn's, with names and epsilon of its own.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[W]`
    gamma: Param<Tensor<1>>,
    /// `[W]`
    beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    pub(super) fn init(width: usize, epsilon: f64, device: &Device) -> Self {
        LayerNorm {
            gamma: Initializer::Ones.init([width], device),
            beta: Initializer::Zeros.init([width], device),
            epsilon,
        }
    }

    /// # Shapes
    /// - `x`: `[B, T, W]`, and so is the result
    pub(super) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        if x.device().is_autodiff() {
            let [batch, ..] = x.dims();
            let centered = x.clone() - x.mean_dim(2);
            let variance = (centered.clone() * centered.clone()).mean_dim(2);
            let normalized = centered / (variance + self.epsilon).sqrt();
            return normalized * over_batch(gamma, batch) + over_batch(beta, batch);
        }
        // A backend may have a kernel of its own. The sum of squares does not fit into half precision.
        let dtype = x.dtype();
        if dtype == DType::F16 {
            let wide = |parameter: Tensor<1>| parameter.cast(DType::F32);
            layer_norm(x.cast(DType::F32), wide(gamma), Some(wide(beta)), self.epsilon).cast(dtype)
        } else {
            layer_norm(x, gamma, Some(beta), self.epsilon)
        }
    }
}

/// `[W]` to `[B, 1, W]`.
fn over_batch(parameter: Tensor<1>, batch: usize) -> Tensor<3> {
    let [width] = parameter.dims();
    parameter.reshape([1, 1, width]).expand([batch, 1, width])
}

/// The different tokens of a batch, so that the gradient of the token embedding can be a product of matrices.
#[derive(Clone, Debug)]
pub struct DistinctTokens {
    /// Their ids, `[U]`; some may be there twice, to fill up.
    pub ids: Vec<i32>,
    /// The place in `ids` of each token of the batch, `[N · T]`.
    pub places: Vec<i32>,
}

impl DistinctTokens {
    /// The tokens of a batch. As many as batches of this size usually have, filled up with repetitions, so that all of them
    /// have one shape.
    pub fn of(tokens: &[i32]) -> Self {
        const LEAST: usize = 512;
        let mut ids = tokens.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let place = |token: &i32| ids.partition_point(|id| id < token) as i32;
        let places = tokens.iter().map(place).collect();
        let usual = (tokens.len() / 16).next_power_of_two().max(LEAST);
        ids.resize(usual.max(ids.len().next_power_of_two()), ids.first().copied().unwrap_or(0));
        DistinctTokens { ids, places }
    }
}

/// The rows of an embedding.
///
/// Their gradient is a scatter: a GPU without atomic addition walks through all tokens of a batch one after the other. With
/// the batch's `distinct` tokens it is a product with a one-hot matrix, `[U, N] × [N, W]`, and only `U` rows are scattered.
///
/// # Shapes
/// - `table`: `[V, W]`
/// - `ids`: `[N]`
/// - returns `[N, W]`
pub(super) fn embedding(
    table: Tensor<2>,
    ids: Tensor<1, Int>,
    distinct: Option<&DistinctTokens>,
) -> Tensor<2> {
    let Some(DistinctTokens { ids: distinct, places }) = distinct else { return table.select(0, ids) };
    let device = table.device();
    let distinct = Tensor::<1, Int>::from_ints(distinct.as_slice(), &device);
    let places = Tensor::<1, Int>::from_ints(places.as_slice(), &device);
    let [n_distinct] = distinct.dims();
    let columns = Tensor::<1, Int>::arange(0..n_distinct as i64, &device).unsqueeze_dim::<2>(0);
    let one_hot = places.unsqueeze_dim::<2>(1).equal(columns).float().cast(table.dtype()); // [N, U]
    let rows = table.clone().select(0, distinct); // [U, W]
    // Zero to whoever looks at it; what it is a difference of takes the gradient.
    let nothing = one_hot.matmul(rows.clone() - rows.detach());
    table.detach().select(0, ids) + nothing
}

#[cfg(test)]
mod tests {
    use burn::nn::{LayerNormConfig, LinearConfig};
    use burn::tensor::{TensorData, Tolerance};

    use super::*;

    fn numbers<const D: usize>(shape: [usize; D], from: f32) -> Tensor<D> {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|number| (number as f32 * 0.7 + from).sin()).collect::<Vec<_>>();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
    }

    fn same<const D: usize>(ours: Tensor<D>, theirs: Tensor<D>) {
        assert_eq!(ours.into_data(), theirs.into_data());
    }

    /// The gradients of both with respect to a parameter, of a loss that weighs every number differently.
    fn same_gradient<const D: usize, const P: usize>(
        [ours, theirs]: [Tensor<D>; 2],
        [our_parameter, their_parameter]: [Tensor<P>; 2],
    ) {
        let gradient = |of: Tensor<D>, parameter: &Tensor<P>| {
            let weights = numbers(of.dims(), 0.3);
            parameter.grad(&(of * weights).sum().backward()).expect("a gradient").into_data()
        };
        let (ours, theirs) = (gradient(ours, &our_parameter), gradient(theirs, &their_parameter));
        ours.assert_approx_eq::<f32>(&theirs, Tolerance::absolute(1e-4));
    }

    #[test]
    fn a_linear_layer_is_that_of_burn_and_so_is_the_gradient_of_its_bias() {
        let device = Device::flex().autodiff();
        let layer = LinearConfig::new(5, 7).init(&device);
        let x = numbers([3, 4, 5], 0.0);
        same(linear(&layer, x.clone()), layer.forward(x.clone()));
        let bias = layer.bias.as_ref().expect("a bias").val();
        same_gradient([linear(&layer, x.clone()), layer.forward(x)], [bias.clone(), bias]);
    }

    #[test]
    fn a_layer_norm_is_that_of_burn_and_so_are_the_gradients_of_scale_and_shift() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let mut theirs = LayerNormConfig::new(6).with_epsilon(1e-3).init(&device);
            let mut ours = LayerNorm::init(6, 1e-3, &device);
            let on = |from: f32| {
                let tensor = Tensor::<1>::from_data(numbers([6], from).into_data(), &device);
                if device.is_autodiff() { tensor.require_grad() } else { tensor }
            };
            let (gamma, beta) = (on(1.0), on(2.0));
            theirs.gamma = Param::from_tensor(gamma.clone());
            theirs.beta = Some(Param::from_tensor(beta.clone()));
            ours.gamma = Param::from_tensor(gamma);
            ours.beta = Param::from_tensor(beta);
            let x = Tensor::<3>::from_data(numbers([3, 4, 6], 0.0).into_data(), &device);
            same(ours.forward(x.clone()), theirs.forward(x.clone()));
            if device.is_autodiff() {
                let results = || [ours.forward(x.clone()), theirs.forward(x.clone())];
                same_gradient(results(), [ours.gamma.val(), theirs.gamma.val()]);
                same_gradient(results(), [ours.beta.val(), theirs.beta.as_ref().expect("a shift").val()]);
            }
        }
    }

    #[test]
    fn a_product_with_distinct_tokens_returns_the_rows_and_the_gradient_of_a_scatter() {
        let tokens = [7, 3, 3, 9, 0, 7, 7, 3];
        let distinct = DistinctTokens::of(&tokens);
        assert_eq!(distinct.ids[..4], [0, 3, 7, 9]);
        assert_eq!(distinct.ids.len(), 512);
        assert_eq!(distinct.places, [2, 1, 1, 3, 0, 2, 2, 1]);
        let table = numbers([12, 5], 0.0).require_grad();
        let ids = || Tensor::<1, Int>::from_ints(tokens, &table.device());
        let results = || [Some(&distinct), None].map(|distinct| embedding(table.clone(), ids(), distinct));
        let [ours, theirs] = results();
        same(ours, theirs);
        same_gradient(results(), [table.clone(), table.clone()]);
    }
}
