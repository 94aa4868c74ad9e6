//! A purpose, two events, a session, a log and a store that fails on demand.
#![allow(dead_code, reason = "not every test uses everything")]
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_anonymize::{
    AggregateStore, Bucket, Category, Epsilon, Event, Folded, Folds, MemoryAggregates, Release,
    ReleasedTable, SealedPartial, Spent, WindowId, WindowLength,
};
use evanesce_core::{
    Allowance, Append, BoxFuture, Ceiling, Clock, Contribution, Entry, Error, ErrorKind,
    GrantState, Granted, Incarnation, Incorporated, Label, Liveness, PurposeId, StoreKind,
    Timestamp,
};
use evanesce_macros::Purpose;
use evanesce_testkit::ManualClock;

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
pub(crate) struct Usage;

#[derive(Category, Clone, Copy)]
pub(crate) enum Topic {
    Energy,
    Travel,
    Other,
}

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
pub(crate) struct Composed {
    pub(crate) topic: Topic,
    pub(crate) steps: Bucket<5>,
}

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2026-01-01")]
pub(crate) struct Rated {
    pub(crate) is_good: bool,
}

pub(crate) fn composed(topic: Topic, steps: u64) -> Composed {
    Composed { topic, steps: Bucket::from(steps) }
}

/// A session's consent, which a test can take back.
pub(crate) struct Consent(Mutex<GrantState>);

impl Consent {
    pub(crate) fn live() -> Arc<Self> {
        Arc::new(Self(Mutex::new(GrantState::Live)))
    }

    pub(crate) fn withdraw(&self) {
        *self.0.lock().unwrap() = GrantState::Withdrawn;
    }
}

impl Liveness for Consent {
    fn grant(&self, _: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
        let state = *self.0.lock().unwrap();
        Box::pin(std::future::ready(Ok(state)))
    }
}

pub(crate) async fn usage() -> Granted<Usage> {
    Granted::check(Consent::live()).await.unwrap()
}

/// A session's memory of what it contributed.
#[derive(Default)]
pub(crate) struct Session(Mutex<BTreeSet<(u64, Label)>>);

impl Allowance for Session {
    fn claim(&self, window: u64, cell: &Label) -> BoxFuture<'_, Result<Contribution, Error>> {
        let cell = cell.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let is_new = self.0.lock().unwrap().insert((window, cell));
            Ok(if is_new { Contribution::First } else { Contribution::Already })
        })
    }
}

/// A log that keeps what it is given, or is down.
#[derive(Default)]
pub(crate) struct Log {
    entries: Mutex<Vec<Entry>>,
    is_down: AtomicBool,
}

impl Log {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn take_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }
}

impl Append for Log {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        Box::pin(async move {
            if self.is_down.load(Ordering::SeqCst) {
                let sentence = "the log is down";
                return Err(Error::new(ErrorKind::Unavailable, StoreKind::Folder, sentence));
            }
            let mut entries = self.entries.lock().unwrap();
            entries.push(entry);
            let index = entries.len() as u64 - 1;
            Ok(Incorporated { index, proof: Vec::new(), checkpoint: String::new(), actor: None })
        })
    }

    fn count(&self, entry: Entry) {
        self.entries.lock().unwrap().push(entry);
    }
}

/// What happens to the next call.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It fails, and nothing is done.
    Down,
    /// It never ends, and nothing is done.
    Hangs,
}

/// A store in memory that fails on demand.
pub(crate) struct Faulty {
    pub(crate) inner: MemoryAggregates,
    pub(crate) next_fold: Mutex<Option<Fault>>,
    pub(crate) next_release: Mutex<Option<Fault>>,
    pub(crate) spent_before: Mutex<u64>,
}

impl Faulty {
    pub(crate) fn new(clock: &ManualClock) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryAggregates::new(Arc::new(clock.clone())).unwrap(),
            next_fold: Mutex::default(),
            next_release: Mutex::default(),
            spent_before: Mutex::default(),
        })
    }
}

async fn with<T>(fault: Option<Fault>, call: BoxFuture<'_, Result<T, Error>>) -> Result<T, Error> {
    let error = |kind| Error::new(kind, StoreKind::Memory, "on demand");
    match fault {
        None => call.await,
        Some(Fault::AnswerLost) => {
            call.await?;
            Err(error(ErrorKind::Unconfirmed))
        }
        Some(Fault::Down) => Err(error(ErrorKind::Unavailable)),
        Some(Fault::Hangs) => std::future::pending().await,
    }
}

impl AggregateStore for Faulty {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        AggregateStore::incarnation(&self.inner)
    }

    fn fold<'a>(&'a self, partial: &'a SealedPartial) -> BoxFuture<'a, Result<Folded, Error>> {
        let fault = self.next_fold.lock().unwrap().take();
        Box::pin(
            async move { with(fault, Box::pin(async { self.inner.fold(partial).await })).await },
        )
    }

    fn partials(&self, window: WindowId) -> BoxFuture<'_, Result<Vec<SealedPartial>, Error>> {
        self.inner.partials(window)
    }

    fn windows(&self) -> BoxFuture<'_, Result<Vec<WindowId>, Error>> {
        self.inner.windows()
    }

    fn spent(&self, window: WindowId) -> BoxFuture<'_, Result<Spent, Error>> {
        let before = *self.spent_before.lock().unwrap();
        Box::pin(async move {
            let spent = self.inner.spent(window).await?;
            Ok(Spent { micro_epsilon: spent.micro_epsilon + before, ..spent })
        })
    }

    fn release<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<(), Error>> {
        let fault = self.next_release.lock().unwrap().take();
        Box::pin(
            async move { with(fault, Box::pin(async { self.inner.release(release).await })).await },
        )
    }

    fn released<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ReleasedTable>, Error>> {
        self.inner.released(table)
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        self.inner.oldest()
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        self.inner.enforce(before)
    }

    fn discard(&self, window: WindowId) -> BoxFuture<'_, Result<u64, Error>> {
        self.inner.discard(window)
    }

    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        AggregateStore::ceiling(&self.inner, age, interval)
    }
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const BUDGET: Epsilon = Epsilon::micros(1_000_000);

/// One node with its clock, store and log.
pub(crate) struct House {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<Faulty>,
    pub(crate) log: Arc<Log>,
}

impl House {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        Self { store: Faulty::new(&clock), clock, log: Arc::default() }
    }

    pub(crate) fn folds(&self) -> Folds {
        Folds::new(
            self.store.clone(),
            self.log.clone(),
            Arc::new(self.clock.clone()),
            WindowLength::hours(1),
            BUDGET,
        )
    }

    pub(crate) fn window(&self) -> WindowId {
        WindowLength::hours(1).window(self.clock.now())
    }
}

/// Lets `sessions` sessions contribute one event each.
pub(crate) async fn fold_many(folds: &Folds, topic: Topic, steps: u64, sessions: usize) {
    let usage = usage().await;
    for _ in 0..sessions {
        let contribution = folds.fold(composed(topic, steps), &usage, &Session::default()).await;
        assert_eq!(contribution, Ok(Contribution::First));
    }
}

/// The shown rows as (labels, value).
pub(crate) fn rows(table: &ReleasedTable) -> Vec<(String, i64)> {
    table.rows.iter().map(|row| (row.labels.join(" "), row.value)).collect()
}
