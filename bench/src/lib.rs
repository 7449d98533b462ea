//! Benchmarks; see `bench/benches`.
