//! How many captions a second one core reads and answers with a hard negative, as a training step does.
//!
//! `cargo bench --manifest-path bench/Cargo.toml`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shared::caption::Caption;
use shared::concept::Concept;
use shared::fluency::fluency;
use shared::negative::{self, Acceptance, Proposal, Recipe, balance};
use shared::seed;

fn negatives(criterion: &mut Criterion) {
    let captions: Vec<&str> = include_str!("../../tests/golden/captions.txt").lines().collect();
    let mut group = criterion.benchmark_group("captions");
    group.throughput(Throughput::Elements(captions.len() as u64));
    group.bench_function("read", |bencher| {
        bencher
            .iter(|| captions.iter().map(|text| black_box(Caption::new(*text)).terms().len()).sum::<usize>());
    });
    for (name, proposal) in [
        ("one uniform negative", Proposal::Uniform),
        ("one fluent negative", Proposal::Fluent(fluency())),
        ("one balanced negative", Proposal::Balanced(balance(), Acceptance::Rejection)),
    ] {
        let recipe = Recipe { proposal, ..Recipe::replace(&Concept::ALL) };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (number, text) in (0..).zip(&captions) {
                    black_box(negative::draw(&Caption::new(*text), &recipe, 1, &mut seed::rng(&[number])));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, negatives);
criterion_main!(benches);
