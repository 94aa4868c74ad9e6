//! Erasures on stores, journals and logs that fail at every step.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use common::{Book, Notes, Shelf, Steps};
use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Digest, Entry, Erasable, ErasureReason, Error, ErrorKind,
    Incarnation, Operation, Outcome, Presence, StoreKind, Subject,
};
use evanesce_crypto::Root;
use evanesce_purge::{
    EraseError, ErasureJournal, Erasures, ErasuresParts, SealedJob, Target, verify_commitment,
};
use evanesce_testkit::ManualClock;

const PERSON: &[u8] = b"the handle of one person";
const OTHER: &[u8] = b"the handle of another";

struct House {
    steps: Arc<Steps>,
    sessions: Arc<Shelf>,
    tables: Arc<Shelf>,
    journal: Arc<Notes>,
    book: Arc<Book>,
    root: Arc<Root>,
}

impl House {
    fn new() -> Self {
        let steps = Steps::endless();
        let sessions = Shelf::new(StoreKind::Redis, DataClass::Ephemeral, &steps);
        let tables = Shelf::new(StoreKind::Postgres, DataClass::Aggregate, &steps);
        sessions.put(PERSON);
        sessions.put(OTHER);
        Self {
            sessions,
            tables,
            journal: Notes::new(&steps),
            book: Book::new(&steps),
            root: Arc::new(Root::generate().unwrap()),
            steps,
        }
    }

    // A new one stands for another process over the same stores.
    fn erasures(&self) -> Erasures {
        Erasures::new(ErasuresParts {
            journal: self.journal.clone(),
            append: self.book.clone(),
            root: self.root.clone(),
            clock: Arc::new(ManualClock::new()),
        })
    }

    fn targets(&self) -> Vec<Target> {
        let target = |erasable: Arc<dyn Erasable>| Target {
            erasable,
            subject: Subject::new(PERSON.to_vec()),
        };
        vec![target(self.sessions.clone()), target(self.tables.clone())]
    }

    fn stores(&self) -> Vec<Arc<dyn Erasable>> {
        vec![self.sessions.clone(), self.tables.clone()]
    }

    async fn open(&self) -> usize {
        self.journal.inner.open(100).await.unwrap().len()
    }
}

#[tokio::test]
async fn an_erasure_is_read_before_and_after_and_ends_with_a_receipt() {
    let house = House::new();
    let receipt = house.erasures().erase(ErasureReason::Requested, house.targets()).await.unwrap();
    assert!(!house.sessions.has(PERSON));
    assert!(house.sessions.has(OTHER));
    assert_eq!(house.open().await, 0);
    let [sessions, tables] = &receipt.erasure.stores[..] else { panic!("two stores") };
    assert_eq!((sessions.before, sessions.after), (Presence::Present, Presence::Absent));
    assert_eq!(sessions.removed, 1);
    assert_eq!(tables.after, Presence::NotAddressable);
    verify_commitment(&receipt).unwrap();
    assert_eq!(*house.book.entries.lock().unwrap(), vec![receipt.entry.clone()]);
    assert_eq!(receipt.entry.operation(), Operation::Erased);
    assert_eq!(receipt.entry.class(), DataClass::Ephemeral);

    let mut changed = receipt.clone();
    changed.erasure.stores[0].removed = 0;
    assert_eq!(verify_commitment(&changed), Err(EraseError::Mismatch));
    let mut failed = receipt.clone();
    failed.entry = failed.entry.with_outcome(Outcome::Failed);
    assert_eq!(verify_commitment(&failed), Err(EraseError::Mismatch));
}

#[tokio::test]
async fn the_journal_never_sees_whom_it_is_about() {
    let house = House::new();
    house.steps.set(1);
    house.erasures().erase(ErasureReason::Requested, house.targets()).await.unwrap_err();
    let jobs = house.journal.inner.open(10).await.unwrap();
    let sealed = &jobs[0].sealed;
    assert!(!sealed.windows(8).any(|bytes| PERSON.windows(8).any(|part| part == bytes)));
}

#[tokio::test]
async fn whatever_step_fails_nothing_is_forgotten_and_the_next_process_ends_it() {
    // put, then incarnation, presence, erase, presence, incarnation of each store, append, done.
    for steps in 0..14 {
        let house = House::new();
        house.steps.set(steps);
        let first = house.erasures().erase(ErasureReason::Requested, house.targets()).await;
        match steps {
            0 => assert!(matches!(first, Err(EraseError::Journal(_))), "{steps}"),
            1..=10 => assert!(matches!(first, Err(EraseError::Store(_))), "{steps}"),
            11 => assert!(matches!(first, Err(EraseError::Unreceipted { .. })), "{steps}"),
            _ => verify_commitment(&first.unwrap()).unwrap(),
        }
        house.steps.set(i64::MAX);
        // Without a job nothing was begun; with one it is ended.
        let open = usize::from((1..=12).contains(&steps));
        assert_eq!(house.open().await, open, "{steps}");
        assert_eq!(house.sessions.has(PERSON), steps <= 3, "{steps}");
        let resumed = house.erasures().resume(&house.stores()).await.unwrap();
        assert_eq!((resumed.receipts.len(), resumed.open.len()), (open, 0), "{steps}");
        for receipt in &resumed.receipts {
            verify_commitment(receipt).unwrap();
            assert_eq!(receipt.erasure.reason, ErasureReason::Requested);
        }
        assert_eq!(house.sessions.has(PERSON), steps == 0, "{steps}");
        assert_eq!(house.open().await, 0, "{steps}");
        assert!(house.sessions.has(OTHER));
    }
}

#[tokio::test]
async fn dropped_at_any_await_the_job_is_open_and_is_ended_later() {
    // Every port is slow by one poll.
    for polls in 1..16 {
        let house = House::new();
        let slow = SlowJournal(house.journal.clone());
        let erasures = Erasures::new(ErasuresParts {
            journal: Arc::new(slow),
            append: house.book.clone(),
            root: house.root.clone(),
            clock: Arc::new(ManualClock::new()),
        });
        let mut targets = house.targets();
        targets[0].erasable = Arc::new(SlowShelf(house.sessions.clone()));
        let mut erase = Box::pin(erasures.erase(ErasureReason::Requested, targets));
        let mut context = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| erase.as_mut().poll(&mut context).is_ready());
        drop(erase);
        let put = house.journal.puts.load(Ordering::SeqCst) == 1;
        // The same process goes on: the dropped worker holds nothing any more.
        let resumed = erasures.resume(&house.stores()).await.unwrap();
        assert_eq!(resumed.receipts.len(), usize::from(put && !ended), "{polls}");
        assert_eq!(house.sessions.has(PERSON), !put, "{polls}");
        assert_eq!(house.open().await, 0);
    }
}

/// As many as are taken up at a time, all of a store that is not there, and one behind them.
#[tokio::test]
async fn jobs_that_stay_open_keep_none_back_that_came_later() {
    let house = House::new();
    let missing = Shelf::new(StoreKind::Elasticsearch, DataClass::Operational, &house.steps);
    let erasures = house.erasures();
    for number in 0..2100 {
        let targets = if number < 2099 {
            vec![Target { erasable: missing.clone(), subject: Subject::new(PERSON.to_vec()) }]
        } else {
            house.targets()
        };
        // The journal remembers, and then everything fails.
        house.steps.set(1);
        erasures.erase(ErasureReason::Requested, targets).await.unwrap_err();
    }
    house.steps.set(i64::MAX);
    let resumed = erasures.resume(&house.stores()).await.unwrap();
    assert_eq!((resumed.receipts.len(), resumed.open.len()), (1, 2099));
    verify_commitment(&resumed.receipts[0]).unwrap();
    assert_eq!(resumed.open[0], EraseError::UnknownStore(StoreKind::Elasticsearch));
}

#[tokio::test]
async fn a_log_that_is_down_keeps_nothing_from_being_erased() {
    let house = House::new();
    let erasures = house.erasures();
    house.steps.set(11);
    let error = erasures.erase(ErasureReason::Requested, house.targets()).await.unwrap_err();
    let EraseError::Unreceipted { erasure, cause } = error else { panic!("{error:?}") };
    assert_eq!(cause.kind(), ErrorKind::Unavailable);
    assert!(erasure.is_complete());
    assert!(!house.sessions.has(PERSON));
    assert_eq!(erasures.open(10).await.err().map(|_| ()), Some(()));
    house.steps.set(i64::MAX);
    assert_eq!(erasures.open(10).await.unwrap(), 1);
    // The same process still knows the positive control and what was removed.
    let resumed = erasures.resume(&house.stores()).await.unwrap();
    let store = &resumed.receipts[0].erasure.stores[0];
    assert_eq!((store.before, store.removed), (Presence::Present, 1));
}

#[tokio::test]
async fn a_store_that_lies_gets_no_receipt() {
    let house = House::new();
    *house.sessions.lies.lock().unwrap() = true;
    let error = house.erasures().erase(ErasureReason::Requested, house.targets()).await;
    assert_eq!(error.unwrap_err(), EraseError::StillPresent(StoreKind::Redis));
    assert!(house.book.entries.lock().unwrap().is_empty());
    let failed = |e: &Entry| e.outcome() == Outcome::Failed;
    assert_eq!(house.book.counted.lock().unwrap().iter().filter(|e| failed(e)).count(), 1);
    let resumed = house.erasures().resume(&house.stores()).await.unwrap();
    assert_eq!(resumed.open, vec![EraseError::StillPresent(StoreKind::Redis)]);
    assert_eq!(house.open().await, 1);
    *house.sessions.lies.lock().unwrap() = false;
    assert_eq!(house.erasures().resume(&house.stores()).await.unwrap().receipts.len(), 1);
}

#[tokio::test]
async fn an_erasure_without_an_answer_is_decided_by_what_is_read() {
    let house = House::new();
    *house.sessions.mute.lock().unwrap() = true;
    let receipt = house.erasures().erase(ErasureReason::Requested, house.targets()).await.unwrap();
    assert_eq!(receipt.erasure.stores[0].after, Presence::Absent);
    // Where nothing can be read, silence is no acknowledgement.
    let house = House::new();
    *house.tables.mute.lock().unwrap() = true;
    let error = house.erasures().erase(ErasureReason::Requested, house.targets()).await;
    assert!(matches!(error, Err(EraseError::Store(e)) if e.kind() == ErrorKind::Unconfirmed));
    assert!(!house.sessions.has(PERSON));
    assert_eq!(house.open().await, 1);
}

#[tokio::test]
async fn a_server_that_is_replaced_during_an_erasure_is_erased_again() {
    struct Replaced(Arc<Shelf>);
    impl Erasable for Replaced {
        fn store(&self) -> StoreKind {
            self.0.store()
        }
        fn class(&self) -> DataClass {
            self.0.class()
        }
        fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
            self.0.incarnation()
        }
        fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
            self.0.presence(subject)
        }
        fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
            Box::pin(async {
                let removed = self.0.erase(subject).await;
                *self.0.life.lock().unwrap() += 1;
                removed
            })
        }
        fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
            self.0.oldest_age()
        }
        fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
            self.0.ceiling()
        }
    }
    let house = House::new();
    let mut targets = house.targets();
    targets[0].erasable = Arc::new(Replaced(house.sessions.clone()));
    let error = house.erasures().erase(ErasureReason::Requested, targets).await.unwrap_err();
    assert_eq!(error, EraseError::Replaced(StoreKind::Redis));
    // The restored copy held the person again.
    house.sessions.put(PERSON);
    let resumed = house.erasures().resume(&house.stores()).await.unwrap();
    assert_eq!(resumed.receipts.len(), 1);
    assert!(!house.sessions.has(PERSON));
}

#[tokio::test]
async fn one_bad_job_does_not_keep_the_others() {
    let house = House::new();
    for steps in [1, 1] {
        house.steps.set(steps);
        house.erasures().erase(ErasureReason::Requested, house.targets()).await.unwrap_err();
    }
    house.steps.set(i64::MAX);
    let stranger = Erasures::new(ErasuresParts {
        journal: house.journal.clone(),
        append: house.book.clone(),
        root: Arc::new(Root::generate().unwrap()),
        clock: Arc::new(ManualClock::new()),
    });
    house.steps.set(1);
    stranger.erase(ErasureReason::Requested, house.targets()).await.unwrap_err();
    house.steps.set(i64::MAX);
    let resumed = house.erasures().resume(&house.stores()).await.unwrap();
    assert_eq!((resumed.receipts.len(), resumed.open.len()), (2, 1));
    assert!(matches!(resumed.open[0], EraseError::Crypto(_)));
    let none = house.erasures().resume(&[]).await.unwrap();
    assert!(none.receipts.is_empty());
}

#[tokio::test]
async fn a_store_that_was_not_handed_in_keeps_its_job_open() {
    let house = House::new();
    house.steps.set(1);
    house.erasures().erase(ErasureReason::Requested, house.targets()).await.unwrap_err();
    house.steps.set(i64::MAX);
    let only: [Arc<dyn Erasable>; 1] = [house.sessions.clone()];
    let resumed = house.erasures().resume(&only).await.unwrap();
    assert_eq!(resumed.open, vec![EraseError::UnknownStore(StoreKind::Postgres)]);
    assert_eq!(house.open().await, 1);
}

#[tokio::test]
async fn no_target_is_no_erasure() {
    let house = House::new();
    let error = house.erasures().erase(ErasureReason::Requested, vec![]).await.unwrap_err();
    assert_eq!(error, EraseError::Targets);
    assert_eq!(house.journal.puts.load(Ordering::SeqCst), 0);
}

struct SlowShelf(Arc<Shelf>);

impl Erasable for SlowShelf {
    fn store(&self) -> StoreKind {
        self.0.store()
    }
    fn class(&self) -> DataClass {
        self.0.class()
    }
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.0.incarnation().await
        })
    }
    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.0.presence(subject).await
        })
    }
    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            let removed = self.0.erase(subject).await;
            tokio::task::yield_now().await;
            removed
        })
    }
    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        self.0.oldest_age()
    }
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        self.0.ceiling()
    }
}

struct SlowJournal(Arc<Notes>);

impl ErasureJournal for SlowJournal {
    fn store(&self) -> StoreKind {
        self.0.store()
    }
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.0.incarnation()
    }
    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.0.put(job).await?;
            tokio::task::yield_now().await;
            Ok(())
        })
    }
    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>> {
        self.0.open(limit)
    }
    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.0.done(id).await
        })
    }
}
