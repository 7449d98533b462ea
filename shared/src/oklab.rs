//! Oklab (Ottosson 2020, "A perceptual color space for image processing"): lightness, and two axes of color.

use std::sync::LazyLock;

/// Lightness in 0..=1, green to red, blue to yellow.
pub type Oklab = [f32; 3];

/// Cone responses of linear sRGB.
pub(crate) const TO_CONES: [[f32; 3]; 3] = [
    [0.412_221_46, 0.536_332_55, 0.051_445_995],
    [0.211_903_5, 0.680_699_5, 0.107_396_96],
    [0.088_302_46, 0.281_718_85, 0.629_978_7],
];
/// Lightness and color of their cube roots.
pub(crate) const FROM_ROOTS: [[f32; 3]; 3] = [
    [0.210_454_26, 0.793_617_8, -0.004_072_047],
    [1.977_998_5, -2.428_592_2, 0.450_593_7],
    [0.025_904_037, 0.782_771_77, -0.808_675_77],
];
const TO_ROOTS: [[f32; 3]; 3] = [
    [1.0, 0.396_337_78, 0.215_803_76],
    [1.0, -0.105_561_346, -0.063_854_17],
    [1.0, -0.089_484_18, -1.291_485_5],
];
const FROM_CONES: [[f32; 3]; 3] = [
    [4.076_741_7, -3.307_711_6, 0.230_969_94],
    [-1.268_438, 2.609_757_4, -0.341_319_38],
    [-0.004_196_086_3, -0.703_418_6, 1.707_614_7],
];

/// The Oklab of 8-bit sRGB.
pub fn from_srgb(rgb: [u8; 3]) -> Oklab {
    static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|level| linear(level as u8)));
    let cones = times(TO_CONES, rgb.map(|level| LINEAR[usize::from(level)]));
    times(FROM_ROOTS, cones.map(libm::cbrtf))
}

/// The 8-bit sRGB of an Oklab color. What no screen can show loses color until one can, and keeps its lightness.
pub fn to_srgb([lightness, a, b]: Oklab) -> [u8; 3] {
    /// Each halves what is left of the doubt about how much color fits.
    const HALVINGS: usize = 10;
    let lightness = lightness.clamp(0.0, 1.0);
    let with = |share: f32| linear_of([lightness, a * share, b * share]);
    let mut linear = with(1.0);
    if !is_shown(linear) {
        let [mut fits, mut exceeds] = [0.0, 1.0];
        for _ in 0..HALVINGS {
            let middle = (fits + exceeds) / 2.0;
            *(if is_shown(with(middle)) { &mut fits } else { &mut exceeds }) = middle;
        }
        linear = with(fits);
    }
    linear.map(encoded)
}

fn linear_of(lab: Oklab) -> [f32; 3] {
    times(FROM_CONES, times(TO_ROOTS, lab).map(|root| root * root * root))
}

fn is_shown(linear: [f32; 3]) -> bool {
    /// Less than half a level of a byte.
    const SLACK: f32 = 1e-4;
    linear.iter().all(|channel| (-SLACK..=1.0 + SLACK).contains(channel))
}

fn times(matrix: [[f32; 3]; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    matrix.map(|[a, b, c]| a * x + b * y + c * z)
}

/// IEC 61966-2-1, from a byte to a share of full intensity.
fn linear(level: u8) -> f32 {
    let share = f32::from(level) / 255.0;
    if share <= 0.040_45 { share / 12.92 } else { libm::powf((share + 0.055) / 1.055, 2.4) }
}

/// The inverse of [`linear`], rounded.
fn encoded(intensity: f32) -> u8 {
    let share = if intensity <= 0.003_130_8 {
        12.92 * intensity
    } else {
        1.055 * libm::powf(intensity, 1.0 / 2.4) - 0.055
    };
    (share * 255.0).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_come_back() {
        for at in 0..4096u32 {
            let rgb = [at % 16, at / 16 % 16, at / 256].map(|level| (level * 17) as u8);
            assert_eq!(to_srgb(from_srgb(rgb)), rgb);
        }
    }

    #[test]
    fn white_is_light_and_red_is_as_published() {
        let [lightness, a, b] = from_srgb([255; 3]);
        assert!((lightness - 1.0).abs() < 1e-3 && a.abs() < 1e-3 && b.abs() < 1e-3);
        // culori and CSS Color 4 give oklab(0.628 0.225 0.126) for pure red.
        for (found, published) in from_srgb([255, 0, 0]).into_iter().zip([0.628, 0.225, 0.126]) {
            assert!((found - published).abs() < 1e-3);
        }
    }

    #[test]
    fn what_no_screen_shows_keeps_its_lightness() {
        for lightness in [0.1, 0.3, 0.5, 0.7, 0.9] {
            let [found, ..] = from_srgb(to_srgb([lightness, 0.3, 0.3]));
            assert!((found - lightness).abs() < 0.01, "{lightness} became {found}");
        }
    }
}
