//! How uncertain a share is.

/// Wilson's score interval of `hits` in `n` cases, at 95 % (doi:10.1080/01621459.1927.10502953). Not a number where there are no
/// cases.
pub fn wilson(hits: f64, n: usize) -> [f64; 2] {
    /// The 97.5th percentile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let cases = n as f64;
    let share = hits / cases;
    let middle = (share + Z * Z / (2.0 * cases)) / (1.0 + Z * Z / cases);
    let reach =
        Z / (1.0 + Z * Z / cases) * (share * (1.0 - share) / cases + Z * Z / (4.0 * cases * cases)).sqrt();
    [middle - reach, middle + reach]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3.
        for (hits, n, expected) in
            [(81.0, 263, [0.2553, 0.3662]), (15.0, 148, [0.0624, 0.1605]), (0.0, 20, [0.0, 0.1611])]
        {
            let found = wilson(hits, n);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{found:?}");
        }
        assert!(wilson(0.0, 0)[0].is_nan());
    }
}
