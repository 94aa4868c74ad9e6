//! A log store that does what a test tells it, over one in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use evanesce_core::{BoxFuture, Ceiling, Error, Incarnation, StoreKind, Timestamp};
use evanesce_telemetry::{ItemOutcome, LogRecord, LogSink, MemoryLogSink, Telemetry, Written};

/// What a write does before it succeeds.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "each test binary uses its part")]
pub(crate) enum Fault {
    Fails(Error),
    Busy(Duration),
}

pub(crate) struct Scripted {
    pub(crate) inner: MemoryLogSink,
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    pub(crate) writes: AtomicUsize,
    /// Each write puts a record in its queue, as a transport that logs does.
    pub(crate) echo: OnceLock<Telemetry>,
    /// Records of this event are refused.
    pub(crate) refused: Option<&'static str>,
}

impl Scripted {
    pub(crate) fn new(inner: MemoryLogSink, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            inner,
            faults: Mutex::new(faults.into_iter().collect()),
            writes: AtomicUsize::new(0),
            echo: OnceLock::new(),
            refused: None,
        }
    }
}

impl LogSink for Scripted {
    fn store(&self) -> StoreKind {
        self.inner.store()
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.inner.incarnation()
    }

    fn write<'a>(&'a self, batch: &'a [LogRecord]) -> BoxFuture<'a, Result<Written, Error>> {
        Box::pin(async move {
            self.writes.fetch_add(1, Ordering::Relaxed);
            if let Some(telemetry) = self.echo.get() {
                telemetry.log(batch[0].clone());
            }
            let fault = self.faults.lock().unwrap().pop_front();
            match fault {
                Some(Fault::Fails(error)) => return Err(error),
                Some(Fault::Busy(after)) => {
                    return Ok(Written { outcomes: vec![ItemOutcome::Retry(after); batch.len()] });
                }
                None => {}
            }
            let mut outcomes = Vec::new();
            for record in batch {
                if Some(record.event()) == self.refused {
                    outcomes.push(ItemOutcome::Refused);
                } else {
                    let one = self.inner.write(std::slice::from_ref(record)).await?;
                    outcomes.extend(one.outcomes);
                }
            }
            Ok(Written { outcomes })
        })
    }

    fn count<'a>(&'a self, event: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        self.inner.count(event)
    }

    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        self.inner.occurrences(needle)
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        self.inner.oldest()
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        self.inner.enforce(before)
    }

    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        self.inner.ceiling(age, interval)
    }
}
