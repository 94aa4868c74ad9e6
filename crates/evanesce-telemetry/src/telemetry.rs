use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use evanesce_core::{BoxFuture, Clock, Error, ErrorKind, Label, Sanitize, StoreKind};

use crate::queue::Queue;
use crate::{ItemOutcome, LogRecord, LogSink, MetricPoint, MetricSink, TelemetryLayer, Written};

/// How many items one write takes.
const BATCH: usize = 500;
/// How often a write is tried before its items are dropped and counted.
const ATTEMPTS: u32 = 3;
/// The wait after the first failure; it doubles each time.
const BACK_OFF: Duration = Duration::from_millis(200);
/// The longest wait that is granted to a busy store; one that asks for more gets its
/// items dropped rather than sent too early.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The measurement in which telemetry tells of its own losses.
const SELF: &str = "telemetry";

/// What telemetry stands on.
pub struct TelemetryParts {
    /// Where logs go.
    pub logs: Arc<dyn LogSink>,
    /// Where metrics go.
    pub metrics: Arc<dyn MetricSink>,
    /// What makes free text fit for logs.
    pub sanitize: Arc<dyn Sanitize>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How many records, and how many points, wait at most.
    pub capacity: usize,
}

/// Logs and metrics on their way to their stores. Cheap to clone.
///
/// A request that logs never waits for a store: what does not fit into the queue is
/// dropped and counted. [`flush`](Self::flush) carries the queue to the stores, at least
/// once each: what was sent without an acknowledgement is sent again.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    logs: Arc<dyn LogSink>,
    metrics: Arc<dyn MetricSink>,
    sanitize: Arc<dyn Sanitize>,
    clock: Arc<dyn Clock>,
    records: Queue<LogRecord>,
    points: Queue<MetricPoint>,
    refused: AtomicU64,
    /// How many losses were told of in a point already.
    reported: AtomicU64,
}

/// What a flush did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flushed {
    /// Items that a store acknowledged.
    pub stored: u64,
    /// Items that a store will never take.
    pub refused: u64,
    /// Items that were dropped because a store did not answer.
    pub dropped: u64,
}

impl Flushed {
    fn add(&mut self, other: Self) {
        self.stored += other.stored;
        self.refused += other.refused;
        self.dropped += other.dropped;
    }
}

impl Telemetry {
    /// Telemetry into these stores.
    #[must_use]
    pub fn new(parts: TelemetryParts) -> Self {
        Self(Arc::new(Inner {
            logs: parts.logs,
            metrics: parts.metrics,
            sanitize: parts.sanitize,
            clock: parts.clock,
            records: Queue::new(parts.capacity),
            points: Queue::new(parts.capacity),
            refused: AtomicU64::new(0),
            reported: AtomicU64::new(0),
        }))
    }

    /// Puts a record in the queue.
    pub fn log(&self, record: LogRecord) {
        self.0.records.push(record);
    }

    /// Puts a point in the queue.
    pub fn measure(&self, point: MetricPoint) {
        self.0.points.push(point);
    }

    /// How many items were dropped since the start: they did not fit, or their store did
    /// not answer.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.records.dropped() + self.0.points.dropped()
    }

    /// How many items a store refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Drops what waits now, for an emergency, and says how much it was. It counts as
    /// dropped.
    pub fn discard(&self) -> u64 {
        self.0.records.clear() + self.0.points.clear()
    }

    /// Reads the oldest record and the oldest point back from their stores, and puts their
    /// ages in seconds in the queue, as points `oldest_age` with the tag `store`. An empty
    /// store has no age. A store that does not answer hinders not the other.
    ///
    /// # Errors
    /// Those of [`LogSink::oldest`], the first that came.
    pub async fn report_ages(&self) -> Result<(), Error> {
        let (logs, metrics) = (&self.0.logs, &self.0.metrics);
        let oldest =
            [(logs.store(), logs.oldest().await), (metrics.store(), metrics.oldest().await)];
        let mut failed = Ok(());
        for (store, oldest) in oldest {
            match oldest {
                Ok(Some(at)) => {
                    let now = self.0.clock.now();
                    let point = MetricPoint::new(now, "oldest_age").tag("store", word(store));
                    self.measure(point.field("seconds", now.since(at).as_secs_f64()));
                }
                Ok(None) => {}
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// The sink for the program's `tracing` events.
    #[must_use]
    pub fn layer(&self) -> TelemetryLayer {
        TelemetryLayer::new(self.clone())
    }

    /// The clock that records are dated by.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// What makes free text fit for logs.
    pub(crate) fn sanitize(&self) -> &dyn Sanitize {
        &*self.0.sanitize
    }

    /// Carries what waits now to the stores, and not what is put in the queue meanwhile,
    /// such as by the transport of a store that logs itself. It never fails: what a store
    /// does not take is counted, and once a store did not answer, the rest stays in the
    /// queue for the next time. Losses are told in a point `telemetry` with the fields
    /// `dropped` and `refused`, counted since the start.
    ///
    /// It may be cancelled: a batch that was on its way counts as dropped.
    pub async fn flush(&self) -> Flushed {
        let inner = &*self.0;
        self.report();
        let logs = drain(&inner.records, &*inner.clock, &inner.logs).await;
        let points = drain(&inner.points, &*inner.clock, &inner.metrics).await;
        inner.refused.fetch_add(logs.refused + points.refused, Ordering::Relaxed);
        Flushed {
            stored: logs.stored + points.stored,
            refused: logs.refused + points.refused,
            dropped: logs.dropped + points.dropped,
        }
    }
}

impl Telemetry {
    /// Carries a batch whenever one is full, and at the latest each `interval`, until
    /// `ending` is ready; then once more. Answers what it did in all.
    pub async fn run(&self, interval: Duration, ending: impl Future<Output = ()>) -> Flushed {
        let mut ending = pin!(ending);
        let mut total = Flushed::default();
        loop {
            let ended = {
                let mut time = self.0.clock.sleep(interval);
                std::future::poll_fn(|context| {
                    if ending.as_mut().poll(context).is_ready() {
                        return Poll::Ready(true);
                    }
                    let due = time.as_mut().poll(context).is_ready()
                        || self.0.records.poll_batch(BATCH, context).is_ready()
                        || self.0.points.poll_batch(BATCH, context).is_ready();
                    if due { Poll::Ready(false) } else { Poll::Pending }
                })
                .await
            };
            total.add(self.flush().await);
            if ended {
                return total;
            }
        }
    }

    fn report(&self) {
        let (dropped, refused) = (self.dropped(), self.refused());
        let lost = dropped + refused;
        if self.0.reported.swap(lost, Ordering::Relaxed) < lost {
            let point = MetricPoint::new(self.0.clock.now(), SELF);
            self.measure(point.field("dropped", dropped as f64).field("refused", refused as f64));
        }
    }
}

/// What logs and metrics have in common.
trait Destination<T>: Send + Sync {
    fn write<'a>(&'a self, batch: &'a [T]) -> BoxFuture<'a, Result<Written, Error>>;
}

impl Destination<LogRecord> for Arc<dyn LogSink> {
    fn write<'a>(&'a self, batch: &'a [LogRecord]) -> BoxFuture<'a, Result<Written, Error>> {
        LogSink::write(&**self, batch)
    }
}

impl Destination<MetricPoint> for Arc<dyn MetricSink> {
    fn write<'a>(&'a self, batch: &'a [MetricPoint]) -> BoxFuture<'a, Result<Written, Error>> {
        MetricSink::write(&**self, batch)
    }
}

async fn drain<T: Send + Sync>(
    queue: &Queue<T>,
    clock: &dyn Clock,
    destination: &dyn Destination<T>,
) -> Flushed {
    let mut flushed = Flushed::default();
    let mut waiting = queue.len();
    while waiting > 0 && flushed.dropped == 0 {
        let batch = InFlight { items: queue.take(BATCH.min(waiting)), queue };
        if batch.items.is_empty() {
            break;
        }
        waiting -= batch.items.len();
        deliver(batch, clock, destination, &mut flushed).await;
    }
    flushed
}

async fn deliver<T: Send + Sync>(
    mut batch: InFlight<'_, T>,
    clock: &dyn Clock,
    destination: &dyn Destination<T>,
    flushed: &mut Flushed,
) {
    let mut back_off = BACK_OFF;
    for attempt in 1..=ATTEMPTS {
        let mut wait = back_off;
        match destination.write(&batch.items).await {
            Ok(written) => wait = batch.settle(&written, flushed).unwrap_or(back_off),
            Err(error) if is_passing(error.kind()) => {}
            Err(_) => break,
        }
        if batch.items.is_empty() || attempt == ATTEMPTS || wait > LONGEST_WAIT {
            break;
        }
        clock.sleep(wait + jitter(wait)).await;
        back_off *= 2;
    }
    flushed.dropped += batch.items.len() as u64;
}

// A store's name is always a label.
fn word(store: StoreKind) -> Label {
    Label::parse(store.name()).unwrap_or(const { Label::new("store") })
}

// Up to half of a wait more, so that the nodes of a service do not come back together.
// A store is never asked before the time that it named.
fn jitter(wait: Duration) -> Duration {
    // Each state is seeded by the operating system; nothing secret hangs on it.
    let random = RandomState::new().hash_one(0_u8);
    wait.mul_f64(f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX) / 2.0)
}

// Whether the same write may succeed a moment later. What was sent and not
// acknowledged is sent again: a line twice is better than a line lost.
const fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Conflict
            | ErrorKind::Exhausted
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Unconfirmed
    )
}

/// Items that were taken from the queue. Whatever is left of them when this is dropped,
/// also when a flush is cancelled, counts as lost.
struct InFlight<'q, T> {
    items: Vec<T>,
    queue: &'q Queue<T>,
}

impl<T> InFlight<'_, T> {
    /// Keeps what is to be sent again, and answers how long to wait.
    fn settle(&mut self, written: &Written, flushed: &mut Flushed) -> Option<Duration> {
        let mut wait = None;
        let mut outcomes = written.outcomes.iter();
        self.items.retain(|_| match outcomes.next() {
            Some(ItemOutcome::Stored) => {
                flushed.stored += 1;
                false
            }
            Some(ItemOutcome::Refused) => {
                flushed.refused += 1;
                false
            }
            Some(ItemOutcome::Retry(after)) => {
                wait = wait.max(Some(*after));
                true
            }
            None => true,
        });
        wait
    }
}

impl<T> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        self.queue.lose(self.items.len() as u64);
    }
}
