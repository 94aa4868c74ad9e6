use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Digest, Erasable, Error, ErrorKind, Incarnation, Label,
    Presence, StoreKind, Subject, Timestamp,
};

use crate::{AggregateStore, Folded, Release, ReleasedTable, SealedPartial, Spent, WindowId};

/// Aggregates in this process: for tests, and for a service whose statistics need
/// not outlive it.
pub struct MemoryAggregates {
    clock: Arc<dyn Clock>,
    incarnation: Incarnation,
    age: Duration,
    interval: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    partials: BTreeMap<WindowId, BTreeMap<Digest, Vec<u8>>>,
    // Kept when tables go: a budget never renews.
    ledger: BTreeMap<WindowId, Spent>,
    tables: Vec<ReleasedTable>,
}

impl MemoryAggregates {
    /// An empty store whose tables are to be removed at 364 days by a daily
    /// [`enforce`](AggregateStore::enforce).
    ///
    /// # Errors
    /// `Unavailable` when the operating system gives no randomness.
    pub fn new(clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let day = Duration::from_secs(86_400);
        Self::with_retention(clock, DataClass::Aggregate.ceiling().saturating_sub(day), day)
    }

    /// An empty store, with the age and the interval that the program enforces.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_retention(
        clock: Arc<dyn Clock>,
        age: Duration,
        interval: Duration,
    ) -> Result<Self, Error> {
        let mut id = [0; 32];
        evanesce_crypto::random(&mut id)?;
        let incarnation = Incarnation::new(StoreKind::Memory, Digest::new(id));
        Ok(Self { clock, incarnation, age, interval, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release_now(&self, release: &Release) -> Result<(), Error> {
        let mut inner = self.inner();
        let spent = inner.ledger.get(&release.window).copied().unwrap_or_default();
        if spent.is_released || spent != release.spent {
            let sentence = "the window was released, or its ledger has changed";
            return Err(Error::new(ErrorKind::Conflict, StoreKind::Memory, sentence));
        }
        let micro_epsilon = spent.micro_epsilon.checked_add(release.debit).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, StoreKind::Memory, "the ledger cannot count so far")
        })?;
        inner.ledger.insert(release.window, Spent { micro_epsilon, is_released: true });
        inner.tables.extend(release.tables.iter().cloned());
        inner.partials.remove(&release.window);
        Ok(())
    }
}

impl AggregateStore for MemoryAggregates {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        ready(Ok(self.incarnation))
    }

    fn fold<'a>(&'a self, partial: &'a SealedPartial) -> BoxFuture<'a, Result<Folded, Error>> {
        let mut inner = self.inner();
        if inner.ledger.get(&partial.window).is_some_and(|spent| spent.is_released) {
            let sentence = "the window was released";
            return ready(Err(Error::new(ErrorKind::Expired, StoreKind::Memory, sentence)));
        }
        let batches = inner.partials.entry(partial.window).or_default();
        if batches.contains_key(&partial.batch) {
            return ready(Ok(Folded::Repeated));
        }
        batches.insert(partial.batch, partial.sealed.clone());
        ready(Ok(Folded::Added))
    }

    fn partials(&self, window: WindowId) -> BoxFuture<'_, Result<Vec<SealedPartial>, Error>> {
        let inner = self.inner();
        let batches = inner.partials.get(&window).into_iter().flatten();
        ready(Ok(batches
            .map(|(batch, sealed)| SealedPartial { window, batch: *batch, sealed: sealed.clone() })
            .collect()))
    }

    fn windows(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>> {
        ready(Ok(self.inner().partials.keys().copied().collect()))
    }

    fn spent(&self, window: WindowId) -> BoxFuture<'_, Result<Spent, Error>> {
        ready(Ok(self.inner().ledger.get(&window).copied().unwrap_or_default()))
    }

    fn release<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.release_now(release))
    }

    fn released<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ReleasedTable>, Error>> {
        let inner = self.inner();
        let mut tables: Vec<ReleasedTable> =
            inner.tables.iter().filter(|released| released.table == table).cloned().collect();
        tables.sort_by_key(|released| released.window);
        ready(Ok(tables))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        ready(Ok(self.inner().tables.iter().map(|table| table.at).min()))
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        let mut inner = self.inner();
        let count = inner.tables.len();
        inner.tables.retain(|table| table.at > before);
        ready(Ok((count - inner.tables.len()) as u64))
    }

    fn discard(&self, window: WindowId) -> BoxFuture<'_, Result<u64, Error>> {
        let batches = self.inner().partials.remove(&window);
        ready(Ok(batches.map_or(0, |batches| batches.len() as u64)))
    }

    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        ready(Ok(Ceiling {
            worst: age.checked_add(interval),
            setting: const { Label::new("age plus interval of enforcement") },
        }))
    }
}

impl Erasable for MemoryAggregates {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn class(&self) -> DataClass {
        DataClass::Aggregate
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        AggregateStore::incarnation(self)
    }

    /// Groups have no members that could be looked up.
    fn presence<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        ready(Ok(Presence::NotAddressable))
    }

    fn erase<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        ready(Ok(0))
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        let oldest = self.inner().tables.iter().map(|table| table.at).min();
        ready(Ok(oldest.map(|at| self.clock.now().since(at))))
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        AggregateStore::ceiling(self, self.age, self.interval)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}
