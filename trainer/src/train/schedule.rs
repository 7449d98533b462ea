//! The learning rate as a pure function of the step: linear warm-up, then half a cosine (arXiv 1608.03983).

use std::f64::consts::PI;

/// The learning rate for `step` of `steps`, counted from 0.
pub fn learning_rate(highest: f64, warmup: f64, step: u64, steps: u64) -> f64 {
    let rising = (warmup * steps as f64).max(1.0);
    let done = (step + 1) as f64;
    if done < rising {
        return highest * done / rising;
    }
    let falling = (steps as f64 - rising).max(1.0);
    let progress = ((done - rising) / falling).min(1.0);
    highest * (1.0 + (PI * progress).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_highest_and_falls_to_nothing() {
        let rate = |step| learning_rate(1.0, 0.1, step, 100);
        assert!((rate(0) - 0.1).abs() < 1e-9);
        assert!((rate(9) - 1.0).abs() < 1e-9);
        assert!((rate(54) - 0.5).abs() < 1e-9, "half way down at {}", rate(54));
        assert!(rate(99) < 1e-9);
        assert!((1..10).all(|step| rate(step) > rate(step - 1)));
        assert!((10..100).all(|step| rate(step) < rate(step - 1)));
    }

    #[test]
    fn a_run_of_one_step_has_a_rate() {
        assert_eq!(learning_rate(1.0, 0.1, 0, 1), 1.0);
    }
}
