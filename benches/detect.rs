//! Detection: the time to look through 256 KiB of a service's log.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_detect::Scanner;

criterion_group!(detect, scan);
criterion_main!(detect);

/// Against one automaton of eight usual patterns. It has no checksums, no context and no decoding,
/// and so reports what we do not; it is what most services run today.
fn scan(criterion: &mut Criterion) {
    let log = log();
    let mut group = criterion.benchmark_group("detect/scan");
    group
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20);
    let scanner = Scanner::default();
    assert!(scanner.scan(&log).len() > 100, "the log holds personal data");
    group.bench_function("ours", |bencher| bencher.iter(|| scanner.scan(black_box(&log)).len()));
    #[cfg(feature = "peers")]
    {
        let patterns = regex_automata::meta::Regex::new_many(&peers::PATTERNS).expect("patterns");
        group.bench_function("peer", |bencher| {
            bencher.iter(|| patterns.find_iter(black_box(&log)).count());
        });
    }
    group.finish();
}

// One line in forty holds an address of mail, as in the log of a service that was not looked after.
fn log() -> String {
    let mut log = String::new();
    for number in 0_u32.. {
        log += &format!(
            "2026-11-24T10:{:02}:{:02}Z INFO request id={number:08x} path=/api/v1/articles/{number} status=200 ms={}\n",
            number / 60 % 60,
            number % 60,
            number % 97,
        );
        if number.is_multiple_of(40) {
            log += &format!(
                "2026-11-24T10:00:00Z WARN mail to reader{number}@example.org was deferred\n"
            );
        }
        if log.len() >= 256 * 1024 {
            break;
        }
    }
    // So that there is something to find with a checksum as well.
    for _ in 0..100 {
        log += "2026-11-24T10:00:00Z WARN account DE89370400440532013000 was not found\n";
    }
    log
}

#[cfg(feature = "peers")]
mod peers {
    pub(crate) const PATTERNS: [&str; 8] = [
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
        r"https?://[^\s]+",
        r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b",
        r"\b(?:\d[ -]?){13,16}\b",
        r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",
        r"\b\d{3}-\d{2}-\d{4}\b",
        r"\+\d{1,3}[ -]?(?:\d[ -]?){6,12}",
    ];
}
