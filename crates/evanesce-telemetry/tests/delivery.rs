//! The way from the queue to a store that is busy, down, or refuses.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{Fault, Scripted};
use evanesce_core::{Clock, Error, ErrorKind, Sanitize, StoreKind};
use evanesce_telemetry::{
    Flushed, Level, LogRecord, LogSink, MemoryLogSink, MemoryMetricSink, MetricSink, Telemetry,
    TelemetryParts,
};
use evanesce_testkit::ManualClock;

struct Nothing;

impl Sanitize for Nothing {
    fn sanitize(&self, _: &str) -> String {
        String::new()
    }
}

struct Scene {
    clock: ManualClock,
    sink: Arc<Scripted>,
    metrics: Arc<MemoryMetricSink>,
    telemetry: Telemetry,
}

fn scene(capacity: usize, faults: &[Fault]) -> Scene {
    refusing(capacity, faults, None)
}

fn refusing(capacity: usize, faults: &[Fault], refused: Option<&'static str>) -> Scene {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut sink = Scripted::new(MemoryLogSink::new(shared.clone()), faults.iter().copied());
    sink.refused = refused;
    let sink = Arc::new(sink);
    let metrics = Arc::new(MemoryMetricSink::new(shared.clone()));
    let telemetry = Telemetry::new(TelemetryParts {
        logs: sink.clone(),
        metrics: metrics.clone(),
        sanitize: Arc::new(Nothing),
        clock: shared,
        capacity,
    });
    Scene { clock, sink, metrics, telemetry }
}

impl Scene {
    fn log(&self, event: &'static str, times: usize) {
        for _ in 0..times {
            self.telemetry.log(LogRecord::new(self.clock.now(), Level::Info, event));
        }
    }

    fn writes(&self) -> usize {
        self.sink.writes.load(Ordering::Relaxed)
    }

    // Flushes, moving the clock whenever the flush sleeps; the steps it took.
    async fn flush_in_steps(&self, step: Duration) -> (Flushed, u32) {
        let mut flush = std::pin::pin!(self.telemetry.flush());
        let mut steps = 0;
        loop {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(flush.as_mut().poll(context))
            });
            if let std::task::Poll::Ready(flushed) = polled.await {
                return (flushed, steps);
            }
            assert!(self.clock.sleepers() > 0, "it waits for nothing but the clock");
            self.clock.advance(step);
            steps += 1;
        }
    }
}

fn fails(kind: ErrorKind) -> Fault {
    Fault::Fails(Error::new(kind, StoreKind::Memory, "told so by a test"))
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_and_tells() {
    let scene = scene(10, &[]);
    scene.log("a.event", 25);
    assert_eq!(scene.telemetry.dropped(), 15);
    let flushed = scene.telemetry.flush().await;
    // Ten records, and the point that tells of the loss.
    assert_eq!(flushed, Flushed { stored: 11, refused: 0, dropped: 0 });
    assert_eq!(scene.metrics.points()[0].fields(), [("dropped", 15.0), ("refused", 0.0)]);
    // It is told once.
    assert_eq!(scene.telemetry.flush().await, Flushed::default());
    assert_eq!(scene.metrics.count("telemetry").await, Ok(1));
}

#[tokio::test]
async fn a_store_that_comes_back_gets_everything() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Unconfirmed] {
        let scene = scene(1000, &[fails(kind), fails(kind)]);
        scene.log("a.event", 700);
        let (flushed, _) = scene.flush_in_steps(Duration::from_millis(100)).await;
        assert_eq!(flushed, Flushed { stored: 700, refused: 0, dropped: 0 });
        assert_eq!(scene.sink.count("a.event").await, Ok(700));
        assert_eq!(scene.telemetry.dropped(), 0);
    }
}

#[tokio::test]
async fn a_store_that_is_down_costs_one_batch_and_the_rest_waits() {
    let scene = scene(2000, &[fails(ErrorKind::Unavailable); 3]);
    scene.log("a.event", 1200);
    let (flushed, steps) = scene.flush_in_steps(Duration::from_millis(100)).await;
    assert_eq!(flushed, Flushed { stored: 0, refused: 0, dropped: 500 });
    assert_eq!((scene.writes(), steps), (3, 2 + 4)); // 200 ms, then 400 ms.
    assert_eq!(scene.telemetry.dropped(), 500);
    let later = scene.telemetry.flush().await;
    assert_eq!(later, Flushed { stored: 701, refused: 0, dropped: 0 });
}

#[tokio::test]
async fn what_would_fail_again_is_not_tried_again() {
    let scene = scene(10, &[fails(ErrorKind::Authentication)]);
    scene.log("a.event", 3);
    assert_eq!(scene.telemetry.flush().await.dropped, 3);
    assert_eq!(scene.writes(), 1);
}

#[tokio::test]
async fn a_busy_store_is_not_asked_before_its_time() {
    let scene = scene(10, &[Fault::Busy(Duration::from_secs(7))]);
    scene.log("a.event", 3);
    let (flushed, steps) = scene.flush_in_steps(Duration::from_secs(1)).await;
    assert_eq!((flushed.stored, steps), (3, 7));

    let scene = self::scene(10, &[Fault::Busy(Duration::from_secs(3600))]);
    scene.log("a.event", 3);
    assert_eq!(scene.telemetry.flush().await.dropped, 3);
    assert_eq!(scene.writes(), 1);
}

#[tokio::test]
async fn what_is_refused_is_counted_and_not_sent_again() {
    let scene = refusing(10, &[], Some("bad.event"));
    scene.log("bad.event", 2);
    scene.log("a.event", 3);
    assert_eq!(scene.telemetry.flush().await, Flushed { stored: 3, refused: 2, dropped: 0 });
    assert_eq!((scene.writes(), scene.telemetry.refused()), (1, 2));
}

#[tokio::test]
async fn a_cancelled_flush_counts_what_was_on_its_way() {
    let scene = scene(10, &[fails(ErrorKind::Unavailable)]);
    scene.log("a.event", 4);
    {
        let mut flush = Box::pin(scene.telemetry.flush());
        let waker = std::task::Waker::noop();
        assert!(flush.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    assert_eq!(scene.telemetry.dropped(), 4);
}

#[tokio::test]
async fn a_flush_that_makes_records_of_its_own_ends() {
    let scene = scene(10, &[]);
    assert!(scene.sink.echo.set(scene.telemetry.clone()).is_ok());
    scene.log("a.event", 3);
    assert_eq!(scene.telemetry.flush().await.stored, 3);
    assert_eq!(scene.telemetry.flush().await.stored, 1);
    assert_eq!(scene.writes(), 2);
}
