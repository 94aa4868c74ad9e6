//! What a log line costs its caller: sanitised and in the queue, beside tracing's own `fmt`
//! layer writing to a file.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use benches::runtime;
use benches::turns::{Side, in_turns};
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_core::{Clock, SystemClock, label};
use evanesce_detect::Scanner;
use evanesce_telemetry::{
    Level, LogRecord, MemoryLogSink, MemoryMetricSink, Telemetry, TelemetryParts, Value,
};
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;

criterion_group!(lines, accepted, typed);
criterion_main!(lines);

const EACH: Duration = Duration::from_millis(300);
/// What the queue holds; a line that does not fit would cost nothing.
const CAPACITY: usize = 1_000;

/// A line of an access log and one of an application, both with somebody's data.
fn line(n: u64) {
    let millis = n % 900;
    if n % 2 == 0 {
        tracing::info!(millis, "GET /letters/{} 200 for 203.0.113.{}", n % 100, n % 250);
    } else {
        tracing::info!(millis, store = "redis", "mail to reader{}@example.org postponed", n % 1000);
    }
}

/// Lines in batches of this size, with the queue emptied between them and not measured: a
/// task of its own carries it in a service.
const BATCH: u64 = 500;

/// Free text through the layer and the detector.
fn accepted(criterion: &mut Criterion) {
    let ours = telemetry();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(ours.layer()));
    let file =
        Mutex::new(File::create(std::env::temp_dir().join("evanesce-bench.log")).expect("a file"));
    let peer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(file);
    let theirs = Dispatch::new(tracing_subscriber::registry().with(peer));
    let mut sides =
        [timed("ours", &ours, &dispatch, line), timed("tracing-fmt", &ours, &theirs, line)];
    in_turns(criterion, "telemetry/line", &mut sides, EACH);
    assert_eq!(ours.dropped(), 0, "a line that was dropped was not measured");
}

/// A typed event, which needs no detector.
fn typed(criterion: &mut Criterion) {
    let ours = telemetry();
    let log = |n: u64| {
        let record = LogRecord::new(SystemClock.now(), Level::Info, "letter.postponed");
        let record = record.with("store", Value::Word(label!("redis")));
        ours.log(record.with("millis", Value::Integer((n % 900) as i64)));
    };
    let file =
        Mutex::new(File::create(std::env::temp_dir().join("evanesce-bench.log")).expect("a file"));
    let peer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(file);
    let theirs = Dispatch::new(tracing_subscriber::registry().with(peer));
    let none = Dispatch::none();
    let event = |n: u64| tracing::info!(store = "redis", millis = n % 900, "letter.postponed");
    let mut sides = [timed("ours", &ours, &none, log), timed("tracing-fmt", &ours, &theirs, event)];
    in_turns(criterion, "telemetry/typed", &mut sides, EACH);
    assert_eq!(ours.dropped(), 0, "a record that was dropped was not measured");
}

// Measures so many calls under the subscriber, and empties the queue between batches.
fn timed<'a>(
    name: &'a str,
    queue: &'a Telemetry,
    dispatch: &'a Dispatch,
    work: impl Fn(u64) + 'a,
) -> Side<'a> {
    let runtime = runtime();
    let run = move |times: u64| {
        let mut spent = Duration::ZERO;
        for first in (0..times).step_by(BATCH as usize) {
            tracing::dispatcher::with_default(dispatch, || {
                let start = Instant::now();
                (first..times.min(first + BATCH)).for_each(&work);
                spent += start.elapsed();
            });
            runtime.block_on(queue.flush());
        }
        spent
    };
    (name, Box::new(run))
}

fn telemetry() -> Telemetry {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Telemetry::new(TelemetryParts {
        logs: Arc::new(MemoryLogSink::new(clock.clone())),
        metrics: Arc::new(MemoryMetricSink::new(clock.clone())),
        sanitize: Arc::new(Scanner::default()),
        clock,
        capacity: CAPACITY,
    })
}
