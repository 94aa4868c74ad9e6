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
    assert_eq!(scene.writes(), 3);
    assert!((2 + 4..=3 + 6).contains(&steps), "200 ms and 400 ms, and up to half more: {steps}");
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
    assert_eq!(flushed.stored, 3);
    assert!((7..=11).contains(&steps), "7 s, and up to half more: {steps}");

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

#[tokio::test]
async fn nodes_do_not_come_back_together() {
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let scene = scene(10, &[Fault::Busy(Duration::from_secs(20))]);
        scene.log("a.event", 1);
        let (flushed, steps) = scene.flush_in_steps(Duration::from_millis(250)).await;
        assert_eq!(flushed.stored, 1);
        assert!((80..=121).contains(&steps), "never before its time: {steps}");
        waits.insert(steps);
    }
    assert!(waits.len() > 3, "{waits:?}");
}

// Polls a run once and says whether it ended.
fn turn(run: &mut std::pin::Pin<Box<impl Future<Output = Flushed>>>) -> Option<Flushed> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match run.as_mut().poll(&mut context) {
        std::task::Poll::Ready(flushed) => Some(flushed),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_batch_goes_when_it_is_full_or_when_its_time_has_come_and_the_rest_at_the_end() {
    let scene = scene(2000, &[]);
    let (end, ended) = tokio::sync::oneshot::channel();
    let telemetry = scene.telemetry.clone();
    let mut run = Box::pin(async move {
        telemetry.run(Duration::from_secs(5), async { drop(ended.await) }).await
    });
    assert!(turn(&mut run).is_none());
    scene.log("a.event", 499);
    assert!(turn(&mut run).is_none() && scene.writes() == 0, "a batch is not full yet");
    scene.log("a.event", 1);
    assert!(turn(&mut run).is_none());
    assert_eq!(scene.sink.count("a.event").await, Ok(500), "by size");
    scene.log("a.event", 3);
    assert!(turn(&mut run).is_none());
    assert_eq!(scene.sink.count("a.event").await, Ok(500));
    scene.clock.advance(Duration::from_secs(5));
    assert!(turn(&mut run).is_none());
    assert_eq!(scene.sink.count("a.event").await, Ok(503), "by time");
    scene.log("a.event", 2);
    end.send(()).unwrap();
    let flushed = turn(&mut run).unwrap();
    assert_eq!(flushed, Flushed { stored: 505, refused: 0, dropped: 0 });
    assert_eq!(scene.sink.count("a.event").await, Ok(505), "at the end");
}

#[tokio::test]
async fn the_task_that_carries_is_woken_by_the_last_of_a_batch_alone() {
    struct Counted(std::sync::atomic::AtomicUsize);
    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let scene = scene(2000, &[]);
    let counted = Arc::new(Counted(0.into()));
    let waker = counted.clone().into();
    let mut run =
        Box::pin(scene.telemetry.run(Duration::from_secs(5), std::future::pending::<()>()));
    let mut context = std::task::Context::from_waker(&waker);
    assert!(run.as_mut().poll(&mut context).is_pending());
    scene.log("a.event", 499);
    assert_eq!(counted.0.load(Ordering::Relaxed), 0);
    scene.log("a.event", 1);
    assert_eq!(counted.0.load(Ordering::Relaxed), 1);
    scene.log("a.event", 700);
    assert_eq!(counted.0.load(Ordering::Relaxed), 1, "once is enough");
}

#[tokio::test]
async fn a_step_of_the_clock_neither_hurries_nor_delays_a_batch() {
    for step in [Duration::from_secs(86_400 * 400), Duration::ZERO] {
        let scene = scene(10, &[Fault::Busy(Duration::from_secs(7))]);
        scene.log("a.event", 3);
        let mut flush = Box::pin(scene.telemetry.flush());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(flush.as_mut().poll(&mut context).is_pending());
        // A year ahead, and back to the beginning of all time.
        let at = scene.clock.now();
        scene.clock.step_to(if step.is_zero() { Default::default() } else { at.plus(step) });
        assert!(flush.as_mut().poll(&mut context).is_pending(), "a step is no time that passed");
        assert_eq!(scene.writes(), 1);
        scene.clock.advance(Duration::from_secs(11));
        let polled = flush.as_mut().poll(&mut context);
        assert!(matches!(polled, std::task::Poll::Ready(Flushed { stored: 3, .. })));
    }
}

#[tokio::test]
async fn the_age_of_the_oldest_record_is_measured_and_exported() {
    let scene = scene(10, &[]);
    scene.telemetry.report_ages().await.unwrap();
    scene.log("a.event", 1);
    let flushed = scene.telemetry.flush().await;
    assert_eq!(flushed.stored, 1, "an empty store has no age");
    scene.clock.advance(Duration::from_secs(3 * 86_400));
    scene.telemetry.report_ages().await.unwrap();
    scene.telemetry.flush().await;
    let points = scene.metrics.points();
    let ages: Vec<_> = points.iter().filter(|it| it.measurement() == "oldest_age").collect();
    assert_eq!(ages.len(), 1, "there was no point yet");
    assert_eq!(ages[0].tags()[0].0, "store");
    let (name, seconds) = ages[0].fields()[0];
    assert_eq!(name, "seconds");
    assert!((3.0 * 86_400.0..3.0 * 86_400.0 + 60.0).contains(&seconds), "{seconds}");
}

// A queue in memory is all there is: neither files nor folders, nor programs that would
// write for it, are named anywhere in this crate.
#[test]
fn nothing_is_spooled_to_a_disk() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for word in ["std::fs", "std::process", "File::", "OpenOptions", "tempfile", "tokio::fs"] {
            assert!(!text.contains(word), "{word}");
        }
        read += 1;
    }
    assert!(read > 10, "the sources were read");
}
