//! The sweeper and its jobs under a clock that is moved by hand.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{Book, Steps};
use evanesce_core::{
    BoxFuture, Clock, DataClass, Error, ErrorKind, Fence, Label, Lease, Outcome, StoreKind,
    Timestamp,
};
use evanesce_purge::{SweepJob, SweepOutcome, SweepReport, Sweeper, SweeperParts, TemporaryFiles};
use evanesce_testkit::ManualClock;

const QUARTER: Duration = Duration::from_secs(15 * 60);

#[derive(Default)]
struct Broom {
    runs: AtomicUsize,
    fails: AtomicUsize,
}

impl SweepJob for Broom {
    fn name(&self) -> Label {
        Label::new("sessions")
    }
    fn store(&self) -> StoreKind {
        StoreKind::Redis
    }
    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }
    fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
        Box::pin(async {
            self.runs.fetch_add(1, Ordering::SeqCst);
            if self.fails.load(Ordering::SeqCst) > 0 {
                self.fails.fetch_sub(1, Ordering::SeqCst);
                return Err(Error::new(ErrorKind::Unavailable, StoreKind::Redis, "down"));
            }
            Ok(SweepReport { examined: 10, removed: 3, overdue: Some(Duration::from_secs(1)) })
        })
    }
}

/// One lease that several sweepers ask for.
struct OneLease {
    clock: ManualClock,
    held: Mutex<Option<(Duration, u64)>>,
    fence: AtomicU64,
    down: bool,
}

impl OneLease {
    fn new(clock: &ManualClock, down: bool) -> Arc<Self> {
        let clock = clock.clone();
        Arc::new(Self { clock, held: Mutex::default(), fence: AtomicU64::new(0), down })
    }
}

impl Lease for OneLease {
    fn acquire<'a>(
        &'a self,
        _: &'a Label,
        duration: Duration,
    ) -> BoxFuture<'a, Result<Option<Fence>, Error>> {
        Box::pin(async move {
            if self.down {
                return Err(Error::new(ErrorKind::Unavailable, StoreKind::Redis, "down"));
            }
            let now = self.clock.monotonic();
            let mut held = self.held.lock().unwrap();
            if held.is_some_and(|(until, _)| now < until) {
                return Ok(None);
            }
            let fence = self.fence.fetch_add(1, Ordering::SeqCst) + 1;
            *held = Some((now + duration, fence));
            Ok(Some(Fence(fence)))
        })
    }
    fn release<'a>(&'a self, _: &'a Label, fence: Fence) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut held = self.held.lock().unwrap();
            if held.is_some_and(|(_, holder)| holder == fence.0) {
                *held = None;
            }
            Ok(())
        })
    }
}

fn sweeper(clock: &ManualClock, book: &Arc<Book>, lease: Option<Arc<OneLease>>) -> Sweeper {
    Sweeper::new(SweeperParts {
        clock: Arc::new(clock.clone()),
        append: book.clone(),
        lease: lease.map(|lease| lease as Arc<dyn Lease>),
    })
}

#[tokio::test]
async fn a_job_runs_at_once_and_then_at_its_interval_and_is_written_down() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let broom = Arc::new(Broom::default());
    let sweeper = sweeper(&clock, &book, None).every(QUARTER, broom.clone());
    for round in 1..5 {
        let runs = sweeper.run_due().await;
        assert!(matches!(runs[0].outcome, SweepOutcome::Done(report) if report.removed == 3));
        assert!(sweeper.run_due().await.is_empty());
        clock.advance(QUARTER * 9 / 10 - Duration::from_secs(1));
        assert!(sweeper.run_due().await.is_empty(), "{round}");
        // Jitter only makes it earlier, so that the interval is a ceiling.
        clock.advance(QUARTER / 10 + Duration::from_secs(1));
        assert_eq!(broom.runs.load(Ordering::SeqCst), round);
    }
    let counted = book.counted.lock().unwrap();
    assert_eq!(counted.len(), 4);
    assert!(counted.iter().all(|entry| entry.count() == 3 && entry.outcome() == Outcome::Done));
}

#[tokio::test]
async fn a_failed_run_is_written_down_and_repeated() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let broom = Arc::new(Broom::default());
    broom.fails.store(1, Ordering::SeqCst);
    let sweeper = sweeper(&clock, &book, None).every(QUARTER, broom.clone());
    assert!(matches!(sweeper.run_due().await[0].outcome, SweepOutcome::Failed(_)));
    clock.advance(QUARTER);
    assert!(matches!(sweeper.run_due().await[0].outcome, SweepOutcome::Done(_)));
    let outcomes: Vec<_> = book.counted.lock().unwrap().iter().map(|e| e.outcome()).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Done]);
}

#[tokio::test]
async fn of_two_nodes_one_does_the_job_and_the_other_takes_over_when_it_fails() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let lease = OneLease::new(&clock, false);
    let broom = Arc::new(Broom::default());
    let one = sweeper(&clock, &book, Some(lease.clone())).every(QUARTER, broom.clone());
    let two = sweeper(&clock, &book, Some(lease)).every(QUARTER, broom.clone());
    for _ in 0..3 {
        assert!(matches!(one.run_due().await[0].outcome, SweepOutcome::Done(_)));
        assert_eq!(two.run_due().await[0].outcome, SweepOutcome::HeldElsewhere);
        clock.advance(QUARTER);
    }
    assert_eq!(broom.runs.load(Ordering::SeqCst), 3);
    broom.fails.store(1, Ordering::SeqCst);
    assert!(matches!(one.run_due().await[0].outcome, SweepOutcome::Failed(_)));
    assert!(matches!(two.run_due().await[0].outcome, SweepOutcome::Done(_)));
}

/// A node that dies while it holds the lease costs no run: the interval stays a ceiling.
#[tokio::test]
async fn a_dead_holder_is_followed_within_the_interval() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let lease = OneLease::new(&clock, false);
    let broom = Arc::new(Broom::default());
    let dies = sweeper(&clock, &book, Some(lease.clone())).every(QUARTER, broom.clone());
    let lives = sweeper(&clock, &book, Some(lease)).every(QUARTER, broom.clone());
    let first = dies.run_due().await.remove(0);
    assert!(matches!(first.outcome, SweepOutcome::Done(_)));
    drop(dies);
    let begun = clock.monotonic();
    let followed = loop {
        match lives.run_due().await.pop() {
            Some(run) if run.outcome != SweepOutcome::HeldElsewhere => break run,
            _ => clock.advance(Duration::from_secs(10)),
        }
    };
    assert!(clock.monotonic() - begun <= QUARTER);
    assert_eq!(broom.runs.load(Ordering::SeqCst), 2);
    assert!(followed.fence > first.fence, "whoever follows has a greater number");
}

#[tokio::test]
async fn what_lies_in_a_node_itself_is_swept_by_that_node() {
    struct Own(Broom);
    impl SweepJob for Own {
        fn name(&self) -> Label {
            self.0.name()
        }
        fn store(&self) -> StoreKind {
            StoreKind::Folder
        }
        fn class(&self) -> DataClass {
            self.0.class()
        }
        fn run(&self) -> BoxFuture<'_, Result<SweepReport, Error>> {
            self.0.run()
        }
    }
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let lease = OneLease::new(&clock, false);
    for _ in 0..2 {
        let node = sweeper(&clock, &book, Some(lease.clone()))
            .every(QUARTER, Arc::new(Own(Broom::default())));
        let run = node.run_due().await.remove(0);
        assert!(matches!(run.outcome, SweepOutcome::Done(_)));
        assert_eq!(run.fence, None);
    }
}

#[tokio::test]
async fn what_was_overdue_is_in_the_log_and_every_run_is_shown() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let shown = Arc::new(Mutex::new(Vec::new()));
    let broom = Arc::new(Broom::default());
    let seen = shown.clone();
    let sweeper = sweeper(&clock, &book, None)
        .every(QUARTER, broom.clone())
        .observed_by(move |run| seen.lock().unwrap().push(run.clone()));
    sweeper.run_due().await;
    broom.fails.store(1, Ordering::SeqCst);
    clock.advance(QUARTER);
    sweeper.run_due().await;
    let overdue: Vec<_> = book.counted.lock().unwrap().iter().map(|e| e.overdue()).collect();
    // A second is told as the minute that it began.
    assert_eq!(overdue, [Some(Duration::from_secs(60)), None]);
    let shown = shown.lock().unwrap();
    assert!(matches!(shown[0].outcome, SweepOutcome::Done(report) if report.removed == 3));
    assert!(matches!(shown[1].outcome, SweepOutcome::Failed(_)));
    assert_eq!(shown.len(), 2);
}

#[tokio::test]
async fn a_lease_that_is_down_does_not_stop_the_sweeping() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let lease = OneLease::new(&clock, true);
    let sweeper = sweeper(&clock, &book, Some(lease)).every(QUARTER, Arc::new(Broom::default()));
    assert!(matches!(sweeper.run_due().await[0].outcome, SweepOutcome::Done(_)));
}

#[tokio::test]
async fn the_loop_sleeps_until_the_next_is_due_and_ends_with_the_shutdown() {
    let (clock, book) = (ManualClock::new(), Book::new(&Steps::endless()));
    let broom = Arc::new(Broom::default());
    let sweeper = sweeper(&clock, &book, None).every(QUARTER, broom.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        sweeper.run(async { drop(stopped.await) }).await;
    });
    for round in 1..4 {
        while broom.runs.load(Ordering::SeqCst) < round || clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(broom.runs.load(Ordering::SeqCst), round);
        clock.advance(QUARTER);
    }
    stop.send(()).unwrap();
    running.await.unwrap();
}

fn file(at: &Path, age: Duration, clock: &ManualClock) {
    fs::write(at, "draft").unwrap();
    let modified =
        SystemTime::UNIX_EPOCH + Duration::from_millis(clock.now().minus(age).as_millis());
    fs::File::options().write(true).open(at).unwrap().set_modified(modified).unwrap();
}

#[tokio::test]
async fn old_temporary_files_are_deleted_and_young_ones_stay() {
    let (clock, at) = (ManualClock::new(), tempfile::tempdir().unwrap());
    let hour = Duration::from_secs(3600);
    fs::create_dir_all(at.path().join("a/b")).unwrap();
    file(&at.path().join("old"), hour * 3, &clock);
    file(&at.path().join("a/b/older"), hour * 5, &clock);
    file(&at.path().join("young"), hour / 2, &clock);
    file(&at.path().join("a/just"), hour * 2, &clock);
    let job = TemporaryFiles::open(at.path(), hour * 2, Arc::new(clock.clone())).unwrap();
    let report = job.run().await.unwrap();
    assert_eq!(report, SweepReport { examined: 4, removed: 3, overdue: Some(hour * 3) });
    assert!(at.path().join("young").exists());
    for gone in ["old", "a/b/older", "a/just"] {
        assert!(!at.path().join(gone).exists(), "{gone}");
    }
    clock.advance(hour * 2);
    assert_eq!(job.run().await.unwrap().removed, 1);
}

#[tokio::test]
async fn links_are_deleted_and_never_followed() {
    let (clock, at) = (ManualClock::at(Timestamp::MAX), tempfile::tempdir().unwrap());
    let outside = tempfile::tempdir().unwrap();
    let far = Duration::from_secs(86_400);
    file(&outside.path().join("letter"), far, &clock);
    symlink(outside.path().join("letter"), at.path().join("file")).unwrap();
    symlink(outside.path(), at.path().join("folder")).unwrap();
    symlink("..", at.path().join("up")).unwrap();
    let job = TemporaryFiles::open(at.path(), far / 2, Arc::new(clock)).unwrap();
    let report = job.run().await.unwrap();
    assert_eq!(report.removed, 3);
    assert!(outside.path().join("letter").exists());
    assert_eq!(fs::read_dir(at.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_too_deep_is_a_failure_and_not_a_silence() {
    let (clock, at) = (ManualClock::new(), tempfile::tempdir().unwrap());
    let hour = Duration::from_secs(3600);
    let deep = at.path().join(["d"; 18].join("/"));
    fs::create_dir_all(&deep).unwrap();
    file(&at.path().join("old"), hour, &clock);
    let job = TemporaryFiles::open(at.path(), hour, Arc::new(clock)).unwrap();
    assert_eq!(job.run().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!at.path().join("old").exists());
}
