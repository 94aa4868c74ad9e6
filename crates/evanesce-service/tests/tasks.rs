//! What happens without anybody asking: sweeps, releases, flushes, and the end.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::time::Duration;

use common::{Composed, Ground, HOUR, MINUTE, Topic, agreed, number, opened, stores, visit};
use evanesce_anonymize::{ReleaseError, WindowLength};
use evanesce_core::{Clock, Contribution, Entry, Operation, Outcome, StoreKind};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_and_counts_reach_their_stores_within_a_second() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    assert_eq!(number(&session).await, Some(1));
    assert_eq!(ground.count(Operation::SessionOpened), 0);
    ground.pass(SECOND).await;
    assert_eq!(ground.count(Operation::SessionOpened), 1);
    assert_eq!(ground.count(Operation::SessionRead), 1);
    let records = ground.logs.inner.records();
    assert!(records.iter().any(|record| record.event() == "session.opened"));
    let points = ground.metrics.inner.points();
    let of_events = points.iter().filter(|point| point.measurement() == "evanesce");
    assert_eq!(of_events.count(), records.len());
    // That something was written is itself an entry, of the next second at the latest.
    ground.pass(SECOND).await;
    assert!(ground.count(Operation::TelemetryWritten) >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_sessions_are_removed_and_not_only_hidden() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    ground.pass(HOUR / 2).await;
    assert_eq!(ground.volatiles.records(), 1);
    // One hour idle, then the next sweep.
    ground.clock.step_to(ground.clock.now().plus(HOUR / 2));
    assert_eq!(ground.volatiles.records(), 1);
    ground.pass(15 * MINUTE).await;
    assert_eq!(ground.volatiles.records(), 0);
    assert_eq!(number(&session).await, None);
    ground.pass(SECOND).await;
    let entries = ground.entries();
    let swept = entries.iter().filter(|entry| entry.operation() == Operation::Swept);
    assert!(swept.clone().all(|entry| entry.outcome() == Outcome::Done));
    assert!(swept.map(Entry::count).sum::<u64>() >= 1);
}

/// More than a sweep takes at a time.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_when_nothing_is_overdue_any_more() {
    let ground = Ground::new();
    let house = ground.start().await;
    for number in 0..10_050 {
        house.open(&visit(number)).await.unwrap();
    }
    ground.clock.step_to(ground.clock.now().plus(HOUR + 10 * MINUTE));
    ground.pass(15 * MINUTE).await;
    assert_eq!(ground.volatiles.records(), 0);
    ground.pass(2 * SECOND).await;
    let entries = ground.entries();
    let mut swept = entries.iter().filter(|entry| entry.operation() == Operation::Swept);
    let swept = swept.find(|entry| entry.count() == 10_050).unwrap();
    let overdue = swept.overdue().unwrap();
    assert!((10 * MINUTE..=26 * MINUTE).contains(&overdue), "{overdue:?}");
    let points = ground.metrics.inner.points();
    let point =
        points.iter().find(|point| point.fields().contains(&("removed", 10_050.0))).unwrap();
    assert!(point.tags().iter().any(|(_, value)| value == "expired sessions"));
}

/// Two nodes over one store of sessions, and each with memory of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_sweeps_what_they_share() {
    let ground = Ground::new();
    ground.volatiles.share();
    let other = Ground {
        journal: stores::Journal::new(),
        aggregates: stores::Aggregates::new(&ground.clock),
        ..ground.clone()
    };
    let swept = |what: StoreKind| {
        let entries = ground.entries().into_iter();
        let swept = entries.filter(|entry| entry.operation() == Operation::Swept);
        swept.filter(|entry| entry.store() == Some(what)).count()
    };
    let one = ground.start().await;
    one.stop().await.unwrap();
    let first = swept(StoreKind::Redis);
    let two = other.builder().start().await.unwrap();
    ground.settled(3).await;
    two.stop().await.unwrap();
    assert!(first > 0);
    assert_eq!(swept(StoreKind::Redis), first, "the first node's leases stand");
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_are_renewed_once_a_day_and_the_log_beats() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    // The sweeper comes up to a tenth of the interval early.
    for _ in 0..21 {
        ground.pass(HOUR).await;
    }
    assert_eq!(ground.count(Operation::KeyRotated), 0);
    let beats = ground.count(Operation::Heartbeat);
    assert!(
        (21..=22).contains(&beats),
        "{beats}: one at the start and one for each time that passed"
    );
    for _ in 0..3 {
        ground.pass(HOUR).await;
    }
    ground.pass(SECOND).await;
    assert_eq!(
        ground.count(Operation::KeyRotated),
        1,
        "the one tag that was used has a fresh epoch"
    );
    drop(session);
}

/// Its epochs do not wait for a process that runs a whole day, and are not renewed twice while
/// the ones before still drain.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_restarted_renews_its_epochs_once() {
    let ground = Ground::new();
    // Each round of the sweeper writes how many epochs it began.
    let rounds = || {
        let entries = ground.entries().into_iter();
        entries.filter(|entry| entry.operation() == Operation::KeyRotated).count()
    };
    let swept = async |round: usize| {
        while rounds() < round {
            tokio::task::yield_now().await;
        }
    };
    let house = ground.start().await;
    swept(1).await;
    let token = opened(&house).await.token();
    house.stop().await.unwrap();
    for round in 2..5 {
        ground.clock.advance(HOUR / 4);
        let house = ground.builder().start().await.unwrap();
        swept(round).await;
        assert_eq!(ground.count(Operation::KeyRotated), 1);
        assert_eq!(number(&house.session(&token).unwrap()).await, Some(1));
        house.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_window_is_released_by_itself() {
    let ground = Ground::new();
    let house = ground.start().await;
    for _ in 0..120 {
        let session = opened(&house).await;
        let granted = agreed(&session).await;
        let folded = session.fold(Composed { topic: Topic::Travel }, &granted).await.unwrap();
        assert_eq!(folded, Contribution::First);
    }
    ground.pass(HOUR - SECOND).await;
    assert!(ground.aggregates.tables("composed").is_empty());
    ground.pass(MINUTE + SECOND).await;
    let tables = ground.aggregates.tables("composed");
    assert_eq!(tables.len(), 1);
    let rows: Vec<_> = tables[0].rows.iter().map(|row| row.labels.join(" ")).collect();
    // Laplace noise of scale 1 lies beyond 60 with a probability under 10^-26.
    assert_eq!(rows, ["travel"]);
    assert!((60..=180).contains(&tables[0].rows[0].value), "{}", tables[0].rows[0].value);
    assert!(tables[0].rows[0].margin > 0);
    // Released once, whoever asks again.
    assert_eq!(house.release_windows().await.unwrap().len(), 0);
    assert_eq!(ground.count(Operation::TableReleased), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_releases_one_writes_the_table() {
    let ground = Ground::new();
    let house = ground.start().await;
    ground.pass(HOUR - SECOND).await;
    ground.clock.step_to(ground.clock.now().plus(2 * SECOND));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let house = house.clone();
        tasks.spawn(async move { house.release_windows().await.map(|windows| windows.len()) });
    }
    let released: Vec<usize> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(released.iter().sum::<usize>(), 1, "{released:?}");
    assert_eq!(ground.aggregates.tables("composed").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_cannot_be_released_keeps_no_other_back() {
    let ground = Ground::new();
    let house = ground.start().await;
    let first = WindowLength::hours(1).window(ground.clock.now());
    ground.aggregates.exhaust(first);
    ground.pass(2 * HOUR + MINUTE).await;
    let windows: Vec<_> =
        ground.aggregates.tables("composed").iter().map(|table| table.window.0).collect();
    assert_eq!(windows, [first.0 + 1]);
    let refused = house.release_windows().await;
    assert!(matches!(refused, Err(ReleaseError::BudgetExhausted { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn open_erasures_are_taken_up_within_a_minute() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    ground.audit.fail();
    session.erase().await.err().unwrap();
    assert_eq!(ground.journal.jobs(), 1);
    ground.audit.recover();
    ground.pass(MINUTE).await;
    assert_eq!(ground.journal.jobs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_entry_is_the_end() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    session.fold(Composed { topic: Topic::Other }, &granted).await.unwrap();
    number(&session).await.unwrap();
    let stopped = house.stop().await.unwrap();
    assert_eq!((stopped.lost_entries, stopped.dropped_telemetry), (0, 0));
    let entries = ground.entries();
    assert_eq!(entries.first().unwrap().operation(), Operation::ServiceStarted);
    assert_eq!(entries.last().unwrap().operation(), Operation::ServiceStopped);
    for operation in [Operation::Folded, Operation::SessionRead, Operation::TelemetryWritten] {
        assert!(ground.count(operation) > 0, "{operation:?} was not flushed");
    }
    assert!(ground.logs.inner.records().iter().any(|r| r.event() == "session.opened"));
    // Nobody sleeps on any more: no task is left.
    ground.clock.advance(HOUR);
    tokio::task::yield_now().await;
    assert_eq!(ground.entries().len(), entries.len());
    assert_eq!(ground.clock.sleepers(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_ended_is_released_at_the_end() {
    let ground = Ground::new();
    let house = ground.start().await;
    ground.pass(HOUR - SECOND).await;
    ground.clock.step_to(ground.clock.now().plus(2 * SECOND));
    house.stop().await.unwrap();
    assert_eq!(ground.aggregates.tables("composed").len(), 1);
    assert_eq!(ground.entries().last().unwrap().operation(), Operation::ServiceStopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_without_a_log_is_an_error_and_no_hang() {
    let ground = Ground::new();
    let house = ground.start().await;
    opened(&house).await;
    ground.audit.fail();
    assert!(matches!(house.stop().await, Err(evanesce_service::ServiceError::Audit(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shutdown_signal_ends_with_the_service() {
    let ground = Ground::new();
    let house = ground.start().await;
    let signal = tokio::spawn(house.clone().shutdown_signal());
    house.stop().await.unwrap();
    signal.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_house_leaves_no_task() {
    let ground = Ground::new();
    drop(ground.start().await);
    let before = ground.entries().len();
    ground.clock.advance(HOUR);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ground.clock.sleepers(), 0);
    assert_eq!(ground.entries().len(), before);
}

/// What a budget was spent on is noted outside of the store, which may go back in time.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_is_noted_outside_of_the_store() {
    let ground = Ground::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spending");
    let keeper = evanesce_anonymize::FileSpending::new(&path);
    let house = ground.builder().spending(keeper).start().await.unwrap();
    ground.settled(3).await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    session.fold(Composed { topic: Topic::Travel }, &granted).await.unwrap();
    ground.pass(HOUR + MINUTE).await;
    house.stop().await.unwrap();
    assert_eq!(ground.aggregates.tables("composed").len(), 1);
    let noted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(noted.lines().count(), 2, "{noted}");
}

/// How old the oldest data is, is measured and told.
#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_oldest_record_is_a_metric() {
    let ground = Ground::new();
    let house = ground.start().await;
    opened(&house).await;
    for _ in 0..3 {
        ground.pass(HOUR / 2).await;
    }
    let points = ground.metrics.inner.points();
    let ages = points.iter().filter(|point| point.measurement() == "oldest_age");
    let oldest = ages.flat_map(|point| point.fields()).map(|(_, age)| *age).fold(0.0, f64::max);
    assert!((3600.0..=5400.0).contains(&oldest), "{oldest}");
}
