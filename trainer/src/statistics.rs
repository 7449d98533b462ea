//! Shares and their uncertainty, alone and in comparison.
//!
//! Items of one image are not independent, so intervals are made by drawing whole images anew: the bootstrap over
//! clusters (Cameron, Gelbach and Miller 2008, doi:10.1162/rest.90.3.414).

use std::collections::BTreeMap;

use rand::RngExt;
use serde::Serialize;
use shared::interval::wilson;
use shared::seed;

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
    /// The share of `hits` in `n` with Wilson's score interval.
    pub fn new(hits: f64, n: usize) -> Self {
        let [low, high] = wilson(hits, n);
        Share { hits, n, share: hits / n as f64, low, high }
    }

    /// Counts 1 for every hit and ½ for every tie.
    pub fn of(outcomes: impl IntoIterator<Item = f64>) -> Self {
        let (hits, n) = outcomes.into_iter().fold((0.0, 0), |(hits, n), outcome| (hits + outcome, n + 1));
        Share::new(hits, n)
    }
}

/// Values of several runs, summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation; none of one value.
    pub deviation: Option<f64>,
    /// The 95 % interval of the mean by Student's t; none of one value.
    pub interval: Option<[f64; 2]>,
}

/// Sums the values of several runs up.
pub fn spread(values: &[f64]) -> Spread {
    /// The 97.5th percentiles of Student's t for 1 to 10 degrees of freedom; more of them have at most the last one.
    const T: [f64; 10] = [
        12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157,
        2.228_139,
    ];
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    if n < 2 {
        return Spread { mean, deviation: None, interval: None };
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (n - 1) as f64).sqrt();
    let reach = T[(n - 2).min(T.len() - 1)] * deviation / (n as f64).sqrt();
    Spread { mean, deviation: Some(deviation), interval: Some([mean - reach, mean + reach]) }
}

/// One outcome and the image that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Names the image.
    pub cluster: usize,
    /// 1 for a hit, 0 for a miss, or a difference of two of these.
    pub value: f64,
}

impl Share {
    /// The share of outcomes with the interval of [`bootstrap`].
    pub fn over_images(outcomes: &[Outcome], seed: u64) -> Self {
        let [low, high] = bootstrap(outcomes, seed);
        Share { low, high, ..Share::of(outcomes.iter().map(|outcome| outcome.value)) }
    }
}

/// How many times the outcomes are drawn anew.
const RESAMPLES: u64 = 1000;

/// The 95 % interval of the mean of some outcomes, by drawing images with replacement. The same seed gives the same
/// interval. Not a number where there are no outcomes.
pub fn bootstrap(outcomes: &[Outcome], seed: u64) -> [f64; 2] {
    let mut clusters: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for outcome in outcomes {
        let (sum, count) = clusters.entry(outcome.cluster).or_default();
        *sum += outcome.value;
        *count += 1.0;
    }
    let clusters: Vec<(f64, f64)> = clusters.into_values().collect();
    if clusters.is_empty() {
        return [f64::NAN; 2];
    }
    let mean = |number: u64| {
        let rng = &mut seed::rng(&[seed, number]);
        let (mut sum, mut count) = (0.0, 0.0);
        for _ in 0..clusters.len() {
            let (own_sum, own_count) = clusters[rng.random_range(0..clusters.len())];
            sum += own_sum;
            count += own_count;
        }
        sum / count
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(mean).collect();
    means.sort_by(f64::total_cmp);
    [quantile(&means, 0.025), quantile(&means, 0.975)]
}

/// A quantile of sorted numbers, linear between them.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// The two-sided p of McNemar's exact test (doi:10.1007/BF02295996): how probable it is that of `first + second`
/// disagreements the split is at least so uneven, if either side were as likely.
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let n = first + second;
    // Of ways to choose k of n, the logarithm, from one k to the next.
    let mut log_ways = 0.0;
    let mut tail = 0.0;
    for k in 0..=first.min(second) {
        if k > 0 {
            log_ways += ((n - k + 1) as f64 / k as f64).ln();
        }
        tail += (log_ways - n as f64 * std::f64::consts::LN_2).exp();
    }
    (2.0 * tail).min(1.0)
}

/// A share in percent with one decimal; a dash where there is none.
pub fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.1}", 100.0 * share) }
}

/// A p-value as tables have it.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
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

    // Expected values of the following are SciPy's: tests/golden/make_statistics.py.

    #[test]
    fn mcnemar_is_that_of_scipy() {
        for (first, second, expected) in [
            (0, 0, 1.0),
            (3, 12, 0.035_156_25),
            (10, 10, 1.0),
            (0, 6, 0.031_25),
            (121, 59, 4.434_449_263_755_164_5e-6),
            (2000, 1900, 0.112_893_652_259_348_29),
        ] {
            let found = mcnemar(first, second);
            assert!((found - expected).abs() <= 1e-9 * expected, "{first}, {second}: {found}");
            assert_eq!(found, mcnemar(second, first));
        }
    }

    fn check_interval(
        n: usize,
        outcome: impl Fn(usize) -> Outcome,
        [expected_low, expected_high]: [f64; 2],
        reach: f64,
    ) {
        let outcomes: Vec<Outcome> = (0..n).map(outcome).collect();
        let [low, high] = bootstrap(&outcomes, 1);
        let near = (low - expected_low).abs() < reach && (high - expected_high).abs() < reach;
        assert!(near, "[{low}, {high}] is not [{expected_low}, {expected_high}]");
        assert_eq!([low, high], bootstrap(&outcomes, 1), "the same seed, the same interval");
    }

    #[test]
    fn the_bootstrap_is_that_of_scipy() {
        let three_of_four = |idx: usize| f64::from(!idx.is_multiple_of(4));
        check_interval(
            400,
            |idx| Outcome { cluster: idx, value: three_of_four(idx) },
            [0.7075, 0.7925],
            0.005,
        );
        // Four outcomes of one image that always agree carry as much as one.
        let alike = |idx: usize| Outcome { cluster: idx / 4, value: three_of_four(idx / 4) };
        check_interval(400, alike, [0.66, 0.83], 0.011);
        let gains = [1.0, 1.0, -1.0, 0.0, 0.0];
        check_interval(250, |idx| Outcome { cluster: idx, value: gains[idx % 5] }, [0.108, 0.292], 0.011);
        assert!(bootstrap(&[], 1)[0].is_nan());
    }

    #[test]
    fn quantiles_lie_between_their_neighbors() {
        assert_eq!(
            [0.0, 0.025, 0.5, 1.0].map(|share| quantile(&[1.0, 3.0, 7.0], share)),
            [1.0, 1.1, 3.0, 7.0]
        );
    }

    #[test]
    fn runs_are_summed_up_as_scipy_does() {
        let told = spread(&[0.3, 0.5, 0.7]);
        let [low, high] = told.interval.expect("an interval");
        assert!((told.mean - 0.5).abs() < 1e-12 && (told.deviation.expect("a spread") - 0.2).abs() < 1e-12);
        assert!((low - 0.003_172_5).abs() < 1e-6 && (high - 0.996_827_5).abs() < 1e-6, "{low} {high}");
        assert_eq!(spread(&[0.4]), Spread { mean: 0.4, deviation: None, interval: None });
    }
}
