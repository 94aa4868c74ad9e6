//! The emergency purge and the retention proof.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Book, Shelf, Steps};
use evanesce_core::{
    BoxFuture, DataClass, Digest, Erasable, ErasureReason, Error, ErrorKind, Incarnation, Label,
    Operation, Outcome, Presence, Reading, Standing, StoreKind,
};
use evanesce_purge::{
    EmergencyCount, EmergencyError, EmergencyParts, EmergencyStep, EndEpochs, Forget, Reclaim,
    Removed, RetireKeys, emergency, emergency_observed, retention, verify_commitment,
};
use evanesce_testkit::ManualClock;

fn down() -> Error {
    Error::new(ErrorKind::Unavailable, StoreKind::Redis, "a planted fault")
}

/// Records under epochs; a slow operation may still write one while the purge waits.
#[derive(Default)]
struct Cellar {
    records: AtomicU64,
    late: AtomicU64,
    standing: Mutex<Option<Error>>,
    kept: Mutex<Option<Error>>,
    broken: Mutex<Option<Error>>,
    kept_in_mind: Mutex<Option<Error>>,
    stuck: Mutex<bool>,
    slow: Mutex<bool>,
    log: Mutex<Vec<&'static str>>,
}

impl EndEpochs for Cellar {
    fn end(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async {
            self.log.lock().unwrap().push("end");
            self.standing.lock().unwrap().map_or(Ok(4), Err)
        })
    }
}

impl RetireKeys for Cellar {
    fn retire(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async {
            self.log.lock().unwrap().push("retire");
            self.kept.lock().unwrap().map_or(Ok(2), Err)
        })
    }
}

impl Reclaim for Cellar {
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async { Ok(Incarnation::new(StoreKind::Redis, Digest::new([1; 32]))) })
    }
    fn remaining(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async {
            self.log.lock().unwrap().push("count");
            Ok(self.records.load(Ordering::SeqCst))
        })
    }
    fn reclaim<'a>(&'a self, removed: &'a Removed<'a>) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            self.log.lock().unwrap().push("reclaim");
            if let Some(error) = *self.broken.lock().unwrap() {
                return Err(error);
            }
            if *self.stuck.lock().unwrap() {
                return Ok(0);
            }
            let mut all = 0;
            loop {
                let gone = self.records.load(Ordering::SeqCst).min(100);
                self.records.fetch_sub(gone, Ordering::SeqCst);
                if gone == 0 {
                    let late = self.late.swap(0, Ordering::SeqCst);
                    self.records.fetch_add(late, Ordering::SeqCst);
                    return Ok(all);
                }
                removed(gone);
                all += gone;
                if *self.slow.lock().unwrap() {
                    std::future::pending::<()>().await;
                }
            }
        })
    }
}

impl Forget for Cellar {
    fn name(&self) -> Label {
        Label::new("window keys")
    }
    fn forget(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async {
            self.log.lock().unwrap().push("forget");
            self.kept_in_mind.lock().unwrap().map_or(Ok(3), Err)
        })
    }
}

fn parts(cellar: &Arc<Cellar>, book: &Arc<Book>, clock: &ManualClock) -> EmergencyParts {
    EmergencyParts {
        epochs: vec![cellar.clone()],
        keys: vec![cellar.clone()],
        memory: vec![cellar.clone()],
        stores: vec![cellar.clone()],
        append: book.clone(),
        clock: Arc::new(clock.clone()),
        longest_operation: Duration::from_secs(5),
        within: Duration::from_secs(900),
    }
}

async fn run(
    parts: EmergencyParts,
    clock: &ManualClock,
) -> Result<evanesce_purge::EmergencyReport, EmergencyError> {
    let purge = tokio::spawn(async move { emergency(&parts).await });
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(5));
    purge.await.unwrap()
}

#[tokio::test]
async fn epochs_end_first_then_all_is_removed_in_batches_and_read_back() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(1050, Ordering::SeqCst);
    cellar.late.store(3, Ordering::SeqCst);
    let report = run(parts(&cellar, &book, &clock), &clock).await.unwrap();
    assert_eq!((report.epochs, report.retired), (4, 2));
    let count = EmergencyCount { store: StoreKind::Redis, before: 1050, after: 0 };
    assert_eq!(report.counts, vec![count]);
    assert_eq!(report.receipt.erasure.reason, ErasureReason::Emergency);
    let store = &report.erasure.stores[0];
    // What was written while the purge waited is removed too.
    assert_eq!(
        (store.before, store.removed, store.after),
        (Presence::Present, 1053, Presence::Absent)
    );
    assert_eq!(report.took, Duration::from_secs(5));
    assert_eq!(report.unreadable_after, Duration::ZERO);
    verify_commitment(&report.receipt).unwrap();
    assert_eq!(book.entries.lock().unwrap()[0].operation(), Operation::EmergencyPurged);
    assert_eq!(report.forgotten, [(Label::new("window keys"), 3)]);
    let log = cellar.log.lock().unwrap();
    assert_eq!(log[..3], ["end", "retire", "forget"], "unreadable first, also to an old copy");
    assert_eq!(log.last(), Some(&"count"));
}

#[tokio::test]
async fn whoever_watches_sees_how_far_it_is() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(250, Ordering::SeqCst);
    let steps = Mutex::new(Vec::new());
    let parts = parts(&cellar, &book, &clock);
    let observe = |step| steps.lock().unwrap().push(step);
    let (report, ()) = tokio::join!(emergency_observed(&parts, &observe), async {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(5));
    });
    assert!(report.is_ok());
    let removed = |removed| EmergencyStep::Removed { store: StoreKind::Redis, removed, of: 250 };
    assert_eq!(
        steps.into_inner().unwrap(),
        [
            EmergencyStep::Unreadable,
            removed(100),
            removed(200),
            removed(250),
            EmergencyStep::Waiting,
            EmergencyStep::ReadBack
        ]
    );
}

#[tokio::test]
async fn what_a_node_cannot_forget_is_told_and_all_else_is_done() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(10, Ordering::SeqCst);
    *cellar.kept_in_mind.lock().unwrap() = Some(down());
    let error = run(parts(&cellar, &book, &clock), &clock).await.unwrap_err();
    assert_eq!(error, EmergencyError::MemoryStands(down()));
    assert_eq!(cellar.records.load(Ordering::SeqCst), 0);
    assert!(book.entries.lock().unwrap().is_empty());
}

/// A store that goes on removing for ever is given up when the time is over.
#[tokio::test]
async fn removing_that_takes_too_long_is_broken_off_and_told() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(250, Ordering::SeqCst);
    *cellar.slow.lock().unwrap() = true;
    let parts = parts(&cellar, &book, &clock);
    let purge = tokio::spawn(async move { emergency(&parts).await });
    while !purge.is_finished() {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(100));
    }
    // A batch in its time, and one before the second round noticed that it had none.
    let error = purge.await.unwrap().unwrap_err();
    assert_eq!(error, EmergencyError::Remaining(StoreKind::Redis));
    assert_eq!(cellar.records.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn an_epoch_that_stands_is_told_and_the_records_are_removed_all_the_same() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(10, Ordering::SeqCst);
    *cellar.standing.lock().unwrap() = Some(down());
    let error = run(parts(&cellar, &book, &clock), &clock).await.unwrap_err();
    assert_eq!(error, EmergencyError::EpochsStand(down()));
    assert_eq!(cellar.records.load(Ordering::SeqCst), 0);
    assert!(book.entries.lock().unwrap().is_empty());
    assert_eq!(book.counted.lock().unwrap()[0].outcome(), Outcome::Failed);
}

#[tokio::test]
async fn a_key_that_stands_is_told_and_all_else_is_done() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(10, Ordering::SeqCst);
    *cellar.kept.lock().unwrap() = Some(down());
    let error = run(parts(&cellar, &book, &clock), &clock).await.unwrap_err();
    assert_eq!(error, EmergencyError::KeysStand(down()));
    assert_eq!(cellar.records.load(Ordering::SeqCst), 0);
    assert!(book.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_store_that_fails_or_keeps_records_gives_no_receipt() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let broken = Arc::new(Cellar::default());
    *broken.broken.lock().unwrap() = Some(down());
    let whole = Arc::new(Cellar::default());
    whole.records.store(7, Ordering::SeqCst);
    let mut both = parts(&broken, &book, &clock);
    both.stores.push(whole.clone());
    assert_eq!(run(both, &clock).await.unwrap_err(), EmergencyError::Store(down()));
    assert_eq!(whole.records.load(Ordering::SeqCst), 0);
    let stuck = Arc::new(Cellar::default());
    stuck.records.store(7, Ordering::SeqCst);
    *stuck.stuck.lock().unwrap() = true;
    let error = run(parts(&stuck, &book, &clock), &clock).await.unwrap_err();
    assert_eq!(error, EmergencyError::Remaining(StoreKind::Redis));
    assert!(book.entries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_log_that_is_down_stops_no_purge() {
    let clock = ManualClock::new();
    let book = Book::new(&Steps::until(0));
    let cellar = Arc::new(Cellar::default());
    cellar.records.store(7, Ordering::SeqCst);
    let error = run(parts(&cellar, &book, &clock), &clock).await.unwrap_err();
    let EmergencyError::Unreceipted { erasure, .. } = error else { panic!("{error:?}") };
    assert!(erasure.is_complete());
    assert_eq!(cellar.records.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn retention_is_computed_and_measured_and_can_go_red() {
    let clock = ManualClock::new();
    let hour = Duration::from_secs(3600);
    let steps = Steps::endless();
    let cases = [
        (Some(hour * 24), Some(hour), Some(true)),
        (Some(hour * 24), None, Some(true)),
        (Some(hour * 25), None, Some(false)),
        (None, None, Some(false)),
        (Some(hour * 24), Some(hour * 24 + Duration::from_millis(1)), Some(false)),
    ];
    for (ceiling, age, keeps) in cases {
        let shelf = Shelf::new(StoreKind::Redis, DataClass::Ephemeral, &steps);
        *shelf.ceiling.lock().unwrap() = ceiling;
        *shelf.age.lock().unwrap() = age;
        let rows = retention(&clock, &[shelf as Arc<dyn Erasable>]).await;
        let [row] = &rows[..] else { panic!("one row") };
        assert_eq!(row.keeps(), keeps, "{ceiling:?} {age:?}");
        assert_eq!(row.policy, hour * 24);
        assert_eq!(row.setting, Label::new("default-ttl"));
        assert_eq!(row.ceiling.standing(), Standing::Measured);
    }
    let dead = Shelf::new(StoreKind::Postgres, DataClass::Aggregate, &Steps::until(0));
    let rows = retention(&clock, &[dead as Arc<dyn Erasable>]).await;
    assert_eq!(rows[0].keeps(), None);
    assert_eq!(rows[0].oldest.standing(), Standing::Unknown);
    assert_eq!(rows[0].ceiling.reading(), None::<&Reading>);
}
