//! Stores that come back from a backup, before the start and under a running service.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::time::Duration;

use common::{Ground, HOUR, MINUTE, Visit, number, opened};
use evanesce_audit::{Period, verify_receipt};
use evanesce_core::{Clock, Entry, ErasureReason, Operation, Presence, Timestamp, label};
use evanesce_service::Evanesce;
use evanesce_telemetry::{Level, LogRecord, LogSink};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The tokens of five sessions that were erased after the backup was taken.
async fn erased_after_the_backup(
    ground: &Ground,
    house: &Evanesce,
) -> (Vec<String>, evanesce_session::Snapshot) {
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(opened(house).await);
    }
    let backup = ground.volatiles.inner.snapshot();
    let tokens = sessions.iter().map(|session| session.token().to_string()).collect();
    for session in sessions {
        session.erase().await.unwrap();
    }
    assert_eq!(ground.volatiles.records(), 0);
    (tokens, backup)
}

/// How often a store was found in another life. A session that meets one says so too, without
/// naming it.
fn changes(ground: &Ground) -> usize {
    let changed = |entry: &&Entry| {
        entry.operation() == Operation::IncarnationChanged && entry.commitment().is_some()
    };
    ground.entries().iter().filter(changed).count()
}

async fn served(house: &Evanesce, tokens: &[String]) -> usize {
    let mut served = 0;
    for token in tokens {
        served += usize::from(number(&house.session::<Visit>(token).unwrap()).await.is_some());
    }
    served
}

async fn restored(house: &Evanesce) -> evanesce_core::Erasure {
    let period = Period { from: Timestamp::default(), to: Timestamp::MAX };
    let report = house.report(label!("restored"), period, vec![], vec![]).await.unwrap();
    let receipts = house.receipts_of_restored();
    let told = report.to_markdown();
    let erasures = told.split("## Erasures").nth(1).unwrap();
    assert!(erasures.split("##").next().unwrap().contains("restored"), "{erasures}");
    verify_receipt(&receipts[0], &house.log_key(), house.log_origin().as_str()).unwrap();
    receipts[0].erasure.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_back_before_the_start_is_erased_before_anything_is_read() {
    let ground = Ground::new();
    ground.volatiles.share();
    let house = ground.start().await;
    let (tokens, backup) = erased_after_the_backup(&ground, &house).await;
    house.stop().await.unwrap();
    ground.volatiles.inner.restore(&backup).unwrap();
    assert_eq!(ground.volatiles.records(), 5, "the backup holds what was erased");

    let house = ground.builder().start().await.unwrap();
    assert_eq!(ground.volatiles.records(), 0);
    println!("reads served before re-erasure: {}", served(&house, &tokens).await);
    assert_eq!(served(&house, &tokens).await, 0);
    let erasure = restored(&house).await;
    assert_eq!(erasure.reason, ErasureReason::Restored);
    let [store] = &erasure.stores[..] else { panic!("one store") };
    assert_eq!((store.before, store.removed), (Presence::Present, 5));
    assert_eq!(changes(&ground), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_under_a_running_service_is_never_served_and_is_erased_soon() {
    let ground = Ground::new();
    ground.volatiles.share();
    let house = ground.start().await;
    let (tokens, backup) = erased_after_the_backup(&ground, &house).await;
    ground.volatiles.inner.restore(&backup).unwrap();
    // The node has not looked yet; a session asks for itself.
    assert_eq!(served(&house, &tokens[..2]).await, 0);
    ground.pass(MINUTE).await;
    assert_eq!(ground.volatiles.records(), 0);
    assert_eq!(served(&house, &tokens).await, 0);
    assert_eq!(restored(&house).await.reason, ErasureReason::Restored);
    assert_eq!(changes(&ground), 1);
    // And the service goes on.
    assert_eq!(number(&opened(&house).await).await, Some(1));
    ground.pass(MINUTE).await;
    assert_eq!(changes(&ground), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_server_is_recognised_over_a_restart_and_keeps_its_sessions() {
    let ground = Ground::new();
    ground.volatiles.share();
    let house = ground.start().await;
    let token = opened(&house).await.token().to_string();
    for _ in 0..3 {
        ground.pass(HOUR / 4).await;
    }
    house.stop().await.unwrap();
    let house = ground.start().await;
    assert_eq!(served(&house, &[token]).await, 1);
    assert_eq!(changes(&ground), 0);
    assert!(ground.count(Operation::StoreSeen) >= 1);
    assert_eq!(house.receipts_of_restored().len(), 0);
}

/// The life that a store was in is found also where nothing but other entries follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_is_remembered_over_thousands_of_entries() {
    let ground = Ground::new();
    ground.volatiles.share();
    let house = ground.start().await;
    let (_, backup) = erased_after_the_backup(&ground, &house).await;
    let first = house.receipts_of_restored().len();
    for _ in 0..5000 {
        drop(house.release(String::from("fine")).await.unwrap());
    }
    house.stop().await.unwrap();
    ground.volatiles.inner.restore(&backup).unwrap();
    let house = ground.builder().start().await.unwrap();
    assert_eq!((first, house.receipts_of_restored().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_sessions_over_a_failover_keeps_them_from_this_too() {
    let ground = Ground::new();
    ground.volatiles.share();
    ground.volatiles.choose();
    let house = ground.start().await;
    let (_, backup) = erased_after_the_backup(&ground, &house).await;
    ground.volatiles.inner.restore(&backup).unwrap();
    ground.pass(MINUTE).await;
    assert_eq!(ground.volatiles.records(), 5);
    assert_eq!(changes(&ground), 1, "it is told all the same");
}

/// Until it could be told to the log, a restored store counts as not erased.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_the_log_does_not_know_of_is_done_again() {
    let ground = Ground::new();
    ground.volatiles.share();
    let house = ground.start().await;
    let (tokens, backup) = erased_after_the_backup(&ground, &house).await;
    ground.audit.fail();
    ground.volatiles.inner.restore(&backup).unwrap();
    ground.pass(MINUTE).await;
    assert_eq!(ground.volatiles.records(), 0, "a log that is down stops no erasure");
    assert_eq!(house.receipts_of_restored().len(), 0);
    ground.audit.recover();
    ground.pass(MINUTE).await;
    assert_eq!(restored(&house).await.reason, ErasureReason::Restored);
    assert_eq!(served(&house, &tokens).await, 0);
    assert_eq!(changes(&ground), 1);
}

/// A copy of logs from before their age was over.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_its_age_is_removed_before_the_start() {
    let ground = Ground::new();
    let old = ground.clock.now().minus(91 * DAY);
    let record = LogRecord::new(old, Level::Info, "from.a.backup");
    ground.logs.inner.write(&[record]).await.unwrap();
    assert_eq!(ground.logs.inner.records().len(), 1);
    let house = ground.builder().start().await.unwrap();
    let left = ground.logs.inner.records();
    assert!(left.iter().all(|record| record.event() != "from.a.backup"));
    drop(house);
    let entries = ground.entries();
    let removed = entries.iter().find(|e| e.operation() == Operation::RetentionEnforced).unwrap();
    assert!(removed.overdue().unwrap() >= DAY);
}
