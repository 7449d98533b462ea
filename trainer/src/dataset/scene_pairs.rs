//! The rendered pairs of `trainer scenes` and of the benchmark of the same name.

use shared::concept::Concept;
use shared::scene::Pair;
use shared::seed;

/// The stream of test pairs; training draws from others.
const STREAM: u64 = 100;

/// The `number`-th test pair of a seed. Concepts take turns.
pub fn pair(run_seed: u64, number: u64) -> Pair {
    let concept = Concept::RENDERED[(number % Concept::RENDERED.len() as u64) as usize];
    Pair::from_seed(concept, seed::mix(&[run_seed, STREAM, number]))
}
