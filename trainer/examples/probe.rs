//! How fast a device does what a training step of ViT-B/32 is made of (arXiv 2010.11929; batch 256, four hard negatives a
//! caption, texts of 32 tokens): products of matrices, sums over rows, gradients of an embedding. One line of CSV each:
//!
//!   cargo run --release -p trainer --features cuda --example probe -- cuda [PART]
//!
//! `first_seconds` has compilation and tuning in it; `milliseconds` is the median of five runs after that. With PART, only
//! every PART-th row of each matrix is there, for a rehearsal.

use std::time::Instant;

use burn::tensor::{DType, Device, Distribution, Int, Tensor};

const USAGE: &str = "usage: probe cuda|wgpu|cpu [PART]";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let device = match arguments.next().as_deref() {
        Some("cpu") => Device::flex(),
        #[cfg(feature = "cuda")]
        Some("cuda") => Device::cuda(0),
        #[cfg(feature = "wgpu")]
        Some("wgpu") => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        _ => return eprintln!("{USAGE}"),
    };
    let part = arguments.next().map_or(Ok(1), |part| part.parse::<usize>());
    let Ok(part @ 1..) = part else { return eprintln!("{USAGE}") };
    println!("what,dtype,first_seconds,milliseconds,tflops");
    let probe = Probe { device, part };
    for dtype in [DType::F32, DType::BF16] {
        probe.products(dtype);
        probe.sums(dtype);
        probe.embedding(dtype);
    }
}

struct Probe {
    device: Device,
    part: usize,
}

impl Probe {
    /// The products of a block: of the image tower with 50 positions an image, of the text tower with 32 a text; forward,
    /// and the gradients of input and weights.
    fn products(&self, dtype: DType) {
        for (tower, rows, width) in [("image", 256 * 50, 768), ("text", 1280 * 32, 512)] {
            let rows = rows / self.part;
            for (layer, input, output) in [
                ("qkv", width, 3 * width),
                ("out", width, width),
                ("mlp_in", width, 4 * width),
                ("mlp_out", 4 * width, width),
            ] {
                let (x, w) = (self.numbers([rows, input], dtype), self.numbers([input, output], dtype));
                let y = self.numbers([rows, output], dtype);
                let flops = 2.0 * (rows * input * output) as f64;
                let name = |what: &str| format!("{tower} {layer} {what}");
                self.time(&name("forward"), dtype, flops, || x.clone().matmul(w.clone()));
                self.time(&name("input gradient"), dtype, flops, || y.clone().matmul(w.clone().transpose()));
                self.time(&name("weight gradient"), dtype, flops, || x.clone().transpose().matmul(y.clone()));
            }
        }
    }

    /// The gradient of a bias: a sum over positions and items at once, and one after the other.
    fn sums(&self, dtype: DType) {
        for (items, positions, width) in [(1280, 32, 512), (1280, 32, 2048), (256, 50, 3072)] {
            let x = self.numbers([(items / self.part).max(1), positions, width], dtype);
            let name = |how: &str| format!("sum {items}x{positions}x{width} {how}");
            self.time(&name("at once"), dtype, 0.0, || {
                let [items, positions, width] = x.dims();
                x.clone().reshape([items * positions, width]).sum_dim(0)
            });
            self.time(&name("in two stages"), dtype, 0.0, || {
                let [items, _, width] = x.dims();
                x.clone().sum_dim(1).reshape([items, width]).sum_dim(0)
            });
        }
    }

    /// The gradient of the token embedding: a scatter of all rows, and a product with a one-hot matrix.
    fn embedding(&self, dtype: DType) {
        const DISTINCT: usize = 2048;
        let (tokens, width) = (1280 * 32 / self.part, 512);
        let gradient = self.numbers([tokens, width], dtype);
        let ids: Vec<i32> = (0..tokens).map(|token| (token * 7919 % DISTINCT) as i32).collect();
        let ids = Tensor::<1, Int>::from_ints(ids.as_slice(), &self.device);
        let scatter = |rows: usize, ids: Tensor<1, Int>, gradient: Tensor<2>| {
            let table = Tensor::<2>::zeros([rows, width], &self.device).cast(dtype);
            table.select_assign(0, ids, gradient, burn::tensor::IndexingUpdateOp::Add)
        };
        self.time("embedding gradient by scatter", dtype, 0.0, || {
            scatter(16_384, ids.clone(), gradient.clone())
        });
        self.time("embedding gradient by product", dtype, 0.0, || {
            let columns = Tensor::<1, Int>::arange(0..DISTINCT as i64, &self.device);
            let one_hot = ids.clone().unsqueeze_dim::<2>(1).equal(columns.clone().unsqueeze_dim(0));
            let rows = one_hot.float().cast(dtype).transpose().matmul(gradient.clone());
            scatter(16_384, columns, rows)
        });
    }

    fn numbers<const D: usize>(&self, shape: [usize; D], dtype: DType) -> Tensor<D> {
        Tensor::<D>::random(shape, Distribution::Normal(0.0, 1.0), &self.device).cast(dtype)
    }

    fn time<const D: usize>(&self, what: &str, dtype: DType, flops: f64, run: impl Fn() -> Tensor<D>) {
        let seconds = || {
            self.device.sync().expect("the device");
            let begun = Instant::now();
            let result = run();
            // One number of it, so that a lazy backend computes all of it before the clock is read.
            result.flatten::<1>(0, D - 1).narrow(0, 0, 1).into_data();
            begun.elapsed().as_secs_f64()
        };
        let first = seconds();
        let mut later: Vec<f64> = (0..5).map(|_| seconds()).collect();
        later.sort_by(f64::total_cmp);
        let median = later[2];
        println!("{what},{dtype:?},{first:.3},{:.3},{:.2}", 1e3 * median, flops / median / 1e12);
    }
}
