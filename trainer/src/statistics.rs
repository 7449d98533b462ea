//! Shares and their uncertainty.

use serde::Serialize;

/// A share of `n` cases with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Hits, of which a tie counts half.
    pub hits: f64,
    /// Cases.
    pub n: usize,
    /// Hits over cases; not a number when there are none, `null` in JSON.
    pub share: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Share {
    /// The share of `hits` in `n` with Wilson's score interval (doi:10.1080/01621459.1927.10502953).
    pub fn new(hits: f64, n: usize) -> Self {
        /// The 97.5th percentile of the normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        let cases = n as f64;
        let share = hits / cases;
        let middle = (share + Z * Z / (2.0 * cases)) / (1.0 + Z * Z / cases);
        let reach = Z / (1.0 + Z * Z / cases)
            * (share * (1.0 - share) / cases + Z * Z / (4.0 * cases * cases)).sqrt();
        Share { hits, n, share, low: middle - reach, high: middle + reach }
    }

    /// Counts 1 for every hit and ½ for every tie.
    pub fn of(outcomes: impl IntoIterator<Item = f64>) -> Self {
        let (hits, n) = outcomes.into_iter().fold((0.0, 0), |(hits, n), outcome| (hits + outcome, n + 1));
        Share::new(hits, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_intervals_are_the_published_ones() {
        // statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson")
        let share = Share::new(8.0, 10);
        assert!((share.low - 0.490_162_471_536_641_8).abs() < 1e-9, "{share:?}");
        assert!((share.high - 0.943_317_848_545_624_8).abs() < 1e-9, "{share:?}");
        assert_eq!(Share::of([1.0, 0.5, 0.0, 0.5]).hits, 2.0);
    }

    #[test]
    fn the_ends_stay_between_none_and_all() {
        let (none, all) = (Share::new(0.0, 5), Share::new(5.0, 5));
        assert!(none.low.abs() < 1e-9 && none.high > 0.3 && all.low < 0.7 && (all.high - 1.0).abs() < 1e-9);
    }
}
