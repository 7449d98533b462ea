//! Images and weights that any program can make from a formula, as `golden/formulas.py` does.

use shared::image::Image;

/// The colors of `image` in `golden/formulas.py`.
pub fn image([width, height]: [u32; 2]) -> Image {
    let color =
        |x: u32, y: u32| [x * 7 + y * 3, x * x / 16 + y * 5, x * 2 + y * y / 8].map(|value| value as u8);
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| color(x, y)));
    Image::new(width, height, pixels.collect())
}

/// The weights of `formula` in `golden/formulas.py`.
pub fn formula(name: &str, shape: &[usize]) -> impl Iterator<Item = f32> {
    let seed = shared::seed::of_text(name);
    let count: usize = shape.iter().product();
    let fan_in: usize = shape.iter().skip(1).product();
    let (spread, middle) = match shape.len() {
        0 | 1 => (0.1, if name.ends_with("weight") { 1.0 } else { 0.0 }),
        _ => ((3.0 / fan_in as f64).sqrt(), 0.0),
    };
    (1..=count as u64).map(move |nth| {
        let mut z = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let uniform = (z >> 40) as f64 / f64::from(1 << 23) - 1.0;
        (uniform * spread + middle) as f32
    })
}
