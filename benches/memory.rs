//! Guarded memory: the cost of one short-lived secret.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use evanesce_memory::SecretBytes;

const LENGTH: usize = 64;

criterion_group!(memory, guarded, wiped);
criterion_main!(memory);

/// Against memsec, which guards, locks and wipes as well, with pages of its own for each secret.
fn guarded(criterion: &mut Criterion) {
    let mut group = group(criterion, "memory/guarded");
    ours(&mut group);
    #[cfg(feature = "peers")]
    group.bench_function("peer", |bencher| {
        bencher.iter(|| {
            let mut secret = peers::Guarded::new();
            secret.bytes().copy_from_slice(black_box(&[7; LENGTH]));
            black_box(secret.bytes()[LENGTH - 1]);
        });
    });
    group.finish();
}

/// Against bytes on the heap that are wiped and nothing else: what the guard costs.
fn wiped(criterion: &mut Criterion) {
    let mut group = group(criterion, "memory/wiped");
    ours(&mut group);
    #[cfg(feature = "peers")]
    group.bench_function("peer", |bencher| {
        bencher.iter(|| {
            let mut secret = zeroize::Zeroizing::new(vec![0_u8; LENGTH]);
            secret.copy_from_slice(black_box(&[7; LENGTH]));
            black_box(secret[LENGTH - 1]);
        });
    });
    group.finish();
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            let mut secret = SecretBytes::zeroed(LENGTH).expect("guarded memory");
            secret.expose_mut(|bytes| bytes.copy_from_slice(black_box(&[7; LENGTH])));
            secret.expose(|bytes| black_box(bytes[LENGTH - 1]));
        });
    });
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    group
}

#[cfg(feature = "peers")]
mod peers {
    use std::ptr::NonNull;

    use super::LENGTH;

    /// A block of memsec's, freed (and so wiped) when dropped.
    pub(crate) struct Guarded(NonNull<[u8; LENGTH]>);

    impl Guarded {
        pub(crate) fn new() -> Self {
            // SAFETY: an array of bytes is valid whatever memsec fills it with.
            Self(unsafe { memsec::malloc::<[u8; LENGTH]>() }.expect("guarded memory"))
        }

        pub(crate) fn bytes(&mut self) -> &mut [u8; LENGTH] {
            // SAFETY: the block is ours alone until it is dropped.
            unsafe { self.0.as_mut() }
        }
    }

    impl Drop for Guarded {
        fn drop(&mut self) {
            // SAFETY: it came from memsec and is freed once.
            unsafe { memsec::free(self.0) }
        }
    }
}
