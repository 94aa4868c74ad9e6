use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, Digest, Error, Incarnation, StoreKind, Timestamp, label,
};

use crate::{ItemOutcome, LogRecord, LogSink, MetricPoint, MetricSink, Value, Written};

/// The most items that are kept: the oldest go first.
const CAPACITY: usize = 100_000;

/// Logs in this process, up to a bound. They are gone with it.
pub struct MemoryLogSink(Kept<LogRecord>);

/// Metrics in this process, up to a bound. They are gone with it.
pub struct MemoryMetricSink(Kept<MetricPoint>);

struct Kept<T> {
    items: Mutex<Vec<T>>,
    incarnation: Incarnation,
    clock: Arc<dyn Clock>,
}

impl<T: Clone> Kept<T> {
    fn new(clock: Arc<dyn Clock>) -> Self {
        // Unique within the process, which is as long as this store lives.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut id = [0; 32];
        id[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let incarnation = Incarnation::new(StoreKind::Memory, Digest::new(id));
        Self { items: Mutex::new(Vec::new()), incarnation, clock }
    }

    fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, batch: &[T]) -> Written {
        let mut items = self.items();
        items.extend_from_slice(batch);
        let excess = items.len().saturating_sub(CAPACITY);
        items.drain(..excess);
        Written { outcomes: vec![ItemOutcome::Stored; batch.len()] }
    }

    fn count(&self, matches: impl Fn(&T) -> bool) -> u64 {
        self.items().iter().filter(|item| matches(item)).count() as u64
    }

    fn enforce(&self, before: Timestamp, at: impl Fn(&T) -> Timestamp) -> u64 {
        let mut items = self.items();
        let whole = items.len();
        items.retain(|item| at(item) > before);
        (whole - items.len()) as u64
    }

    fn ceiling(age: Duration, interval: Duration) -> Ceiling {
        Ceiling { worst: Some(age + interval), setting: label!("enforcement interval") }
    }
}

impl MemoryLogSink {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Kept::new(clock))
    }

    /// Everything that is kept.
    #[must_use]
    pub fn records(&self) -> Vec<LogRecord> {
        self.0.items().clone()
    }

    /// The clock that this store was made with.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

impl LogSink for MemoryLogSink {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        ready(self.0.incarnation)
    }

    fn write<'a>(&'a self, batch: &'a [LogRecord]) -> BoxFuture<'a, Result<Written, Error>> {
        ready(self.0.write(batch))
    }

    fn count<'a>(&'a self, event: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        ready(self.0.count(|record| record.event() == event))
    }

    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        let holds = |text: &str| text.contains(needle);
        ready(self.0.count(|record| {
            holds(record.event())
                || record.fields().iter().any(|(name, value)| {
                    holds(name)
                        || match value {
                            Value::Text(text) => holds(text.as_str()),
                            Value::Word(word) => holds(word.as_str()),
                            Value::Integer(number) => holds(&number.to_string()),
                            Value::Float(number) => holds(&number.to_string()),
                            Value::Flag(_) => false,
                        }
                })
        }))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        ready(self.0.items().iter().map(LogRecord::at).min())
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        ready(self.0.enforce(before, LogRecord::at))
    }

    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        ready(Kept::<LogRecord>::ceiling(age, interval))
    }
}

impl MemoryMetricSink {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Kept::new(clock))
    }

    /// Everything that is kept.
    #[must_use]
    pub fn points(&self) -> Vec<MetricPoint> {
        self.0.items().clone()
    }
}

impl MetricSink for MemoryMetricSink {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        ready(self.0.incarnation)
    }

    fn write<'a>(&'a self, batch: &'a [MetricPoint]) -> BoxFuture<'a, Result<Written, Error>> {
        ready(self.0.write(batch))
    }

    fn count<'a>(&'a self, measurement: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        ready(self.0.count(|point| point.measurement() == measurement))
    }

    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        ready(self.0.count(|point| {
            point.measurement().contains(needle)
                || point.tags().iter().any(|(n, v)| n.contains(needle) || v.contains(needle))
                || point
                    .fields()
                    .iter()
                    .any(|(n, v)| n.contains(needle) || v.to_string().contains(needle))
        }))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        ready(self.0.items().iter().map(MetricPoint::at).min())
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        ready(self.0.enforce(before, MetricPoint::at))
    }

    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        ready(Kept::<MetricPoint>::ceiling(age, interval))
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, Error>> {
    Box::pin(std::future::ready(Ok(value)))
}
