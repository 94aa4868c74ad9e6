//! The contract suite on the stores in memory.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use std::sync::Arc;

use common::Scripted;
use evanesce_core::Clock;
use evanesce_telemetry::{Level, LogRecord, MemoryLogSink, MemoryMetricSink};
use evanesce_testkit::{ManualClock, telemetry as suite};

fn logs() -> MemoryLogSink {
    MemoryLogSink::new(Arc::new(ManualClock::new()))
}

fn metrics() -> MemoryMetricSink {
    MemoryMetricSink::new(Arc::new(ManualClock::new()))
}

macro_rules! on {
    ($sink:expr => $($name:ident($($argument:expr),*)),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                suite::$name(&$sink, $($argument),*).await;
            }
        )+
    };
}

on! { logs() =>
    log_begins_empty(),
    log_bounds_its_ceiling(),
    log_counts_what_is_stored(ManualClock::new().now()),
    log_enforces_by_age(ManualClock::new().now()),
    log_finds_occurrences(ManualClock::new().now()),
    log_tells_the_oldest(ManualClock::new().now()),
}

on! { metrics() =>
    metric_begins_empty(),
    metric_bounds_its_ceiling(),
    metric_counts_what_is_stored(ManualClock::new().now()),
    metric_enforces_by_age(ManualClock::new().now()),
    metric_finds_occurrences(ManualClock::new().now()),
    metric_tells_the_oldest(ManualClock::new().now()),
}

// The store in memory takes every record, so this runs on the one that refuses some.
#[tokio::test]
async fn log_refuses_by_item() {
    let mut sink = Scripted::new(logs(), []);
    sink.refused = Some("suite.bad");
    let now = ManualClock::new().now();
    let bad = LogRecord::new(now, Level::Info, "suite.bad");
    suite::log_refuses_by_item(&sink, now, bad).await;
}
