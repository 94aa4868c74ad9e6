//! Comparisons by criterion whose sides take turns.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode};

/// How often each side has its turn. The ratio is the median over the turns, so that a
/// machine that slows down for a while does so for all sides.
const TURNS: usize = 5;

/// One side: runs so many times and says how long that took.
pub type Side<'a> = (&'a str, Box<dyn FnMut(u64) -> Duration + 'a>);

/// A side that is measured in this thread, one after the other.
pub fn side<'a, R>(name: &'a str, mut work: impl FnMut() -> R + 'a) -> Side<'a> {
    let run = move |times| {
        let start = Instant::now();
        for _ in 0..times {
            std::hint::black_box(work());
        }
        start.elapsed()
    };
    (name, Box::new(run))
}

/// Measures the sides of one comparison, turn by turn. The first is `ours`; every other one
/// is a peer's.
pub fn in_turns(criterion: &mut Criterion, name: &str, sides: &mut [Side<'_>], each: Duration) {
    let mut group = criterion.benchmark_group(name);
    group
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(each)
        .sample_size(10)
        .nresamples(1_000);
    for turn in 0..TURNS {
        for (side, run) in &mut *sides {
            group.bench_function(BenchmarkId::new(*side, turn), |bencher| {
                bencher.iter_custom(&mut *run);
            });
        }
    }
    group.finish();
}
