//! In-memory stores behind handles, each of whose operations yields before and after,
//! as a server's do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_anonymize::{
    AggregateStore, Folded, MemoryAggregates, Release, ReleasedTable, SealedPartial, Spent,
    WindowId,
};
use evanesce_audit::{AuditStore, CheckpointKeeper, MemoryAudit, MemoryKeeper, StoredLeaf};
use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Digest, Erasable, Error, ErrorKind, Fence, Incarnation,
    Label, Lease, Presence, StoreKind, Subject, Timestamp, label,
};
use evanesce_crypto::{CryptoError, Root, RootProvider, RootVersion};
use evanesce_memory::SecretBytes;
use evanesce_purge::{ErasureJournal, MemoryJournal, SealedJob};
use evanesce_session::{
    EpochRecord, EpochStore, Epochs, Fetched, FetchedPair, Inserted, LookupId, MemoryStore, Record,
    SessionStore, Swept, Tag, Version, Write,
};
use evanesce_telemetry::{
    LogRecord, LogSink, MemoryLogSink, MemoryMetricSink, MetricPoint, MetricSink, Written,
};
use evanesce_testkit::ManualClock;

type Reply<'a, T> = BoxFuture<'a, Result<T, Error>>;
type Answer = Result<Ceiling, Error>;

// `before` runs at the beginning of each operation, and its error is the answer.
macro_rules! forward {
    ($port:ident for $handle:ident, $before:ident {
        $(fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*
    } $($rest:item)*) => {
        impl $port for $handle {
            $(fn $name<'a>(&'a self $(, $arg: $kind)*) -> Reply<'a, $out> {
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    self.$before(stringify!($name))?;
                    let reply = $port::$name(&*self.inner $(, $arg)*).await;
                    tokio::task::yield_now().await;
                    reply
                })
            })*
            $($rest)*
        }
    };
}

macro_rules! kind {
    () => {
        fn store(&self) -> StoreKind {
            StoreKind::Memory
        }
    };
}

/// Sessions and epochs, with every operation counted and a ceiling that a test sets.
#[derive(Clone)]
pub(crate) struct Volatiles {
    pub(crate) inner: Arc<MemoryStore>,
    calls: Arc<AtomicU64>,
    ceiling: Arc<Mutex<Option<Answer>>>,
    demanded: Arc<Mutex<Option<Error>>>,
    chosen: Arc<AtomicBool>,
    kind: Arc<Mutex<StoreKind>>,
}

impl Volatiles {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let inner = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
        Self {
            inner,
            calls: Arc::default(),
            ceiling: Arc::default(),
            demanded: Arc::default(),
            chosen: Arc::default(),
            kind: Arc::new(Mutex::new(StoreKind::Memory)),
        }
    }

    /// Passes for a server that several nodes share.
    pub(crate) fn share(&self) {
        *self.kind.lock().unwrap() = StoreKind::Redis;
    }

    /// How many records lie there, whether or not their time has passed.
    pub(crate) fn records(&self) -> usize {
        self.inner.snapshot().records().count()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn answer_ceiling(&self, answer: Answer) {
        *self.ceiling.lock().unwrap() = Some(answer);
    }

    /// Lets the server be configured against what is promised.
    pub(crate) fn misconfigure(&self, error: Error) {
        *self.demanded.lock().unwrap() = Some(error);
    }

    /// Keeps sessions across a failover, as a program may choose.
    pub(crate) fn choose(&self) {
        self.chosen.store(true, Ordering::SeqCst);
    }

    fn note(&self, _: &str) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn ceiling_or<'a>(&'a self, real: Reply<'a, Ceiling>) -> Reply<'a, Ceiling> {
        let set = self.ceiling.lock().unwrap().clone();
        Box::pin(async { if let Some(answer) = set { answer } else { real.await } })
    }
}

impl Lease for Volatiles {
    fn acquire<'a>(&'a self, name: &'a Label, duration: Duration) -> Reply<'a, Option<Fence>> {
        self.inner.acquire(name, duration)
    }

    fn release<'a>(&'a self, name: &'a Label, fence: Fence) -> Reply<'a, ()> {
        self.inner.release(name, fence)
    }
}

forward!(SessionStore for Volatiles, note {
    fn incarnation() -> Incarnation;
    fn insert(id: &'a LookupId, record: &'a Record) -> Inserted;
    fn fetch(id: &'a LookupId) -> Fetched;
    fn fetch_pair(first: &'a LookupId, second: &'a LookupId) -> FetchedPair;
    fn replace(id: &'a LookupId, version: Version, record: &'a Record) -> Write;
    fn rename(from: &'a LookupId, version: Version, to: &'a LookupId, record: &'a Record) -> Write;
    fn remove(id: &'a LookupId) -> Write;
    fn take(id: &'a LookupId) -> Fetched;
    fn sweep(limit: usize) -> Swept;
    fn reclaim_observed(removed: &'a (dyn Fn(u64) + Send + Sync)) -> u64;
    fn unreadable() -> u64;
}
    fn store(&self) -> StoreKind {
        *self.kind.lock().unwrap()
    }
    fn ceiling(&self) -> Reply<'_, Ceiling> {
        self.ceiling_or(SessionStore::ceiling(&*self.inner))
    }
);

forward!(EpochStore for Volatiles, note {
    fn epochs(tag: Tag) -> Epochs;
    fn begin(tag: Tag, after: u64, next: &'a EpochRecord, drain: Timestamp) -> Write;
    fn end() -> u64;
});

forward!(Erasable for Volatiles, note {
    fn incarnation() -> Incarnation;
    fn presence(subject: &'a Subject) -> Presence;
    fn erase(subject: &'a Subject) -> u64;
    fn oldest_age() -> Option<Duration>;
}
    fn store(&self) -> StoreKind {
        *self.kind.lock().unwrap()
    }
    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }
    fn ceiling(&self) -> Reply<'_, Ceiling> {
        self.ceiling_or(Erasable::ceiling(&*self.inner))
    }
    fn chosen(&self) -> Option<Label> {
        self.chosen.load(Ordering::SeqCst).then_some(label!("failover"))
    }
    fn demand<'a>(&'a self, _: &'a dyn Clock) -> Reply<'a, ()> {
        let demanded = *self.demanded.lock().unwrap();
        Box::pin(std::future::ready(demanded.map_or(Ok(()), Err)))
    }
);

/// An audit log that can be out of reach for writing.
#[derive(Clone)]
pub(crate) struct Audit {
    inner: Arc<MemoryAudit>,
    is_down: Arc<AtomicBool>,
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(MemoryAudit::new()), is_down: Arc::default() }
    }

    pub(crate) fn fail(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn recover(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }

    /// A backup as it is after it was restored.
    pub(crate) fn copy(&self) -> Self {
        Self { inner: Arc::new(self.inner.copy()), is_down: Arc::default() }
    }

    pub(crate) fn leaves(&self) -> Vec<Vec<u8>> {
        let copy = self.inner.copy();
        let stored = now(AuditStore::leaves(&copy, 0, usize::MAX)).unwrap();
        stored.into_iter().filter_map(|leaf| leaf.bytes).collect()
    }

    fn reach(&self, operation: &str) -> Result<(), Error> {
        let is_write = operation == "append";
        if is_write && self.is_down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, StoreKind::Memory, "the log is down"));
        }
        Ok(())
    }
}

forward!(AuditStore for Audit, reach {
    fn incarnation() -> Incarnation;
    fn size() -> u64;
    fn append(expected: u64, leaves: &'a [Vec<u8>], checkpoint: &'a str) -> ();
    fn leaves(start: u64, limit: usize) -> Vec<StoredLeaf>;
    fn checkpoint() -> Option<String>;
    fn prune(index: u64) -> u64;
}
    kind!();
);

macro_rules! handle {
    ($handle:ident of $inner:ty) => {
        #[derive(Clone)]
        pub(crate) struct $handle {
            pub(crate) inner: Arc<$inner>,
        }

        impl $handle {
            fn pass(&self, _: &str) -> Result<(), Error> {
                Ok(())
            }
        }
    };
}

handle!(Keeper of MemoryKeeper);
handle!(Journal of MemoryJournal);
handle!(Logs of MemoryLogSink);

impl Keeper {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(MemoryKeeper::new()) }
    }
}

forward!(CheckpointKeeper for Keeper, pass {
    fn newest() -> Option<String>;
    fn keep(checkpoint: &'a str) -> ();
});

impl Journal {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(MemoryJournal::new()) }
    }

    pub(crate) fn jobs(&self) -> usize {
        now(ErasureJournal::open(&*self.inner, usize::MAX)).unwrap().len()
    }
}

forward!(ErasureJournal for Journal, pass {
    fn incarnation() -> Incarnation;
    fn put(job: &'a SealedJob) -> ();
    fn open(limit: usize) -> Vec<SealedJob>;
    fn done(id: &'a Digest) -> ();
}
    kind!();
);

/// Aggregates, with a window whose budget a test has used up.
#[derive(Clone)]
pub(crate) struct Aggregates {
    inner: Arc<MemoryAggregates>,
    exhausted: Arc<Mutex<Option<WindowId>>>,
}

impl Aggregates {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let inner = Arc::new(MemoryAggregates::new(Arc::new(clock.clone())).unwrap());
        Self { inner, exhausted: Arc::default() }
    }

    pub(crate) fn exhaust(&self, window: WindowId) {
        *self.exhausted.lock().unwrap() = Some(window);
    }

    fn pass(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    /// How many windows have sums that are not released.
    pub(crate) fn windows(&self) -> usize {
        now(AggregateStore::windows(&*self.inner)).unwrap().len()
    }

    pub(crate) fn tables(&self, name: &str) -> Vec<ReleasedTable> {
        now(AggregateStore::released(&*self.inner, name)).unwrap()
    }
}

forward!(AggregateStore for Aggregates, pass {
    fn incarnation() -> Incarnation;
    fn fold(partial: &'a SealedPartial) -> Folded;
    fn partials(window: WindowId) -> Vec<SealedPartial>;
    fn windows() -> Vec<WindowId>;
    fn release(release: &'a Release) -> ();
    fn released(table: &'a str) -> Vec<ReleasedTable>;
    fn oldest() -> Option<Timestamp>;
    fn enforce(before: Timestamp) -> u64;
    fn discard(window: WindowId) -> u64;
    fn ceiling(age: Duration, interval: Duration) -> Ceiling;
}
    kind!();
    fn spent(&self, window: WindowId) -> Reply<'_, Spent> {
        if *self.exhausted.lock().unwrap() == Some(window) {
            let spent = Spent { micro_epsilon: 100_000_000, is_released: false };
            return Box::pin(std::future::ready(Ok(spent)));
        }
        self.inner.spent(window)
    }
);

impl Logs {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self { inner: Arc::new(MemoryLogSink::new(Arc::new(clock.clone()))) }
    }
}

forward!(LogSink for Logs, pass {
    fn incarnation() -> Incarnation;
    fn write(batch: &'a [LogRecord]) -> Written;
    fn count(event: &'a str) -> u64;
    fn occurrences(needle: &'a str) -> u64;
    fn oldest() -> Option<Timestamp>;
    fn enforce(before: Timestamp) -> u64;
    fn ceiling(age: Duration, interval: Duration) -> Ceiling;
}
    kind!();
);

/// Metrics with a ceiling that a test sets.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) inner: Arc<MemoryMetricSink>,
    is_unbounded: Arc<AtomicBool>,
}

impl Metrics {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        let inner = Arc::new(MemoryMetricSink::new(Arc::new(clock.clone())));
        Self { inner, is_unbounded: Arc::default() }
    }

    pub(crate) fn keep_for_ever(&self) {
        self.is_unbounded.store(true, Ordering::SeqCst);
    }

    fn pass(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

forward!(MetricSink for Metrics, pass {
    fn incarnation() -> Incarnation;
    fn write(batch: &'a [MetricPoint]) -> Written;
    fn count(measurement: &'a str) -> u64;
    fn occurrences(needle: &'a str) -> u64;
    fn oldest() -> Option<Timestamp>;
    fn enforce(before: Timestamp) -> u64;
}
    kind!();
    fn ceiling(&self, age: Duration, interval: Duration) -> Reply<'_, Ceiling> {
        if self.is_unbounded.load(Ordering::SeqCst) {
            let setting = evanesce_core::label!("retention of the bucket");
            return Box::pin(std::future::ready(Ok(Ceiling { worst: None, setting })));
        }
        MetricSink::ceiling(&*self.inner, age, interval)
    }
);

/// One root for a service that is started again.
#[derive(Clone)]
pub(crate) struct SharedRoot(pub(crate) Arc<Root>);

impl RootProvider for SharedRoot {
    fn current(&self) -> RootVersion {
        self.0.current()
    }

    fn derive(
        &self,
        version: RootVersion,
        context: &[u8],
        len: usize,
    ) -> Result<SecretBytes, CryptoError> {
        self.0.derive(version, context, len)
    }
}

/// The answer of a store in memory, which never waits.
fn now<T>(mut reply: Reply<'_, T>) -> Result<T, Error> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match reply.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => {
            Err(Error::new(ErrorKind::Timeout, StoreKind::Memory, "memory does not wait"))
        }
    }
}
