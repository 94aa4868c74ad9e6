//! Many tasks at once, and futures that are dropped on their way.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Composed, Ground, HOUR, Topic, Usage, Visit, agreed, cut, number, opened, visit};
use evanesce_anonymize::Gate;
use evanesce_audit::verify_receipt;
use evanesce_consent::Choices;
use evanesce_core::{Contribution, Purpose};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_folds_of_a_session_one_counts() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = Arc::new(opened(&house).await);
    let granted = Arc::new(agreed(&session).await);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (session, granted) = (session.clone(), granted.clone());
        tasks.spawn(async move {
            session.fold(Composed { topic: Topic::Travel }, &granted).await.unwrap()
        });
    }
    let folded = tasks.join_all().await;
    assert_eq!(folded.iter().filter(|c| **c == Contribution::First).count(), 1);
    // In the next window it may contribute again.
    ground.pass(Duration::from_secs(1800)).await;
    session.renew().await.unwrap();
    ground.pass(Duration::from_secs(1801)).await;
    let fold = || session.fold(Composed { topic: Topic::Travel }, &granted);
    assert_eq!(fold().await.unwrap(), Contribution::First);
    assert_eq!(fold().await.unwrap(), Contribution::Already);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_counts_once_in_each_cell_of_a_window() {
    let ground = Ground::new();
    let house = evanesce_service::Evanesce::builder("cells", ground.root.clone())
        .clock(ground.clock.clone())
        .sessions(ground.volatiles.clone(), Default::default())
        .aggregates(ground.aggregates.clone())
        .event_through::<Composed>(Gate::disclosure(3))
        .start()
        .await
        .unwrap();
    ground.settled(2).await;
    for _ in 0..3 {
        let session = opened(&house).await;
        let granted = agreed(&session).await;
        for (topic, expected) in [
            (Topic::Travel, Contribution::First),
            (Topic::Travel, Contribution::Already),
            (Topic::Energy, Contribution::First),
            (Topic::Travel, Contribution::Already),
        ] {
            assert_eq!(session.fold(Composed { topic }, &granted).await.unwrap(), expected);
        }
    }
    ground.pass(HOUR + Duration::from_secs(60)).await;
    let tables = ground.aggregates.tables("composed");
    let rows: Vec<_> = tables[0].rows.iter().map(|row| (row.labels.join(" "), row.value)).collect();
    assert_eq!(rows, [("energy".to_owned(), 3), ("travel".to_owned(), 3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_visitors_at_once_do_not_meet() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let house = house.clone();
        tasks.spawn(async move {
            for round in 0..4 {
                let mine = n * 100 + round;
                let session = house.open(&visit(mine)).await.unwrap();
                let granted = agreed(&session).await;
                session.update(|visit| visit.number += 1).await.unwrap();
                assert_eq!(number(&session).await, Some(mine + 1));
                let event = Composed { topic: Topic::Other };
                assert_eq!(session.fold(event, &granted).await.unwrap(), Contribution::First);
                let _ = house.release_under(format!("page {n}"), &granted).await.unwrap();
                let receipt = session.erase().await.unwrap();
                let origin = house.log_origin().as_str();
                verify_receipt(&receipt, &house.log_key(), origin).unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!((ground.volatiles.records(), ground.journal.jobs()), (0, 0));
    assert_eq!(house.stop().await.unwrap().lost_entries, 0);
    // What the log then holds is verified when it is opened.
    ground.start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_session_is_changed_by_many_and_loses_no_change() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = Arc::new(house.open(&visit(0)).await.unwrap().token());
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (house, token) = (house.clone(), token.clone());
        tasks.spawn(async move {
            let session = house.session::<Visit>(&token).unwrap();
            session.update(|visit| visit.number += 1).await.unwrap();
        });
    }
    tasks.join_all().await;
    let session = house.session::<Visit>(&token).unwrap();
    assert_eq!(number(&session).await, Some(16));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_future_may_be_dropped_at_any_await() {
    let ground = Ground::new();
    let house = ground.start().await;
    for steps in 0..24 {
        let _ = cut(house.open(&visit(7)), steps).await;
        let session = opened(&house).await;
        let granted = agreed(&session).await;
        let challenge = session.ask().unwrap();
        let choices = Choices::new().accept(Usage::id());
        let _ = cut(session.answer(challenge.text(), &choices), steps).await;
        let _ = cut(session.process(|visit, _| visit.number), steps).await;
        let _ = cut(session.update(|visit| visit.number = 2), steps).await;
        let _ = cut(session.fold(Composed { topic: Topic::Energy }, &granted), steps).await;
        let _ = cut(house.release("a page".to_owned()), steps).await;
        let _ = cut(session.withdraw::<Usage>(), steps).await;
        // Whole or not at all.
        assert!(matches!(number(&session).await, Some(1 | 2)), "after {steps} steps");
        let again = house.session::<Visit>(&session.token()).unwrap();
        if cut(session.erase(), steps).await.is_some() {
            assert_eq!(number(&again).await, None);
        }
    }
    // What was asked for is finished, and the house goes on.
    let resumed = house.finish_erasures().await.unwrap();
    assert!(resumed.open.is_empty() && !resumed.receipts.is_empty());
    assert_eq!(ground.journal.jobs(), 0);
    let session = opened(&house).await;
    agreed(&session).await;
    let _ = house.release("a page".to_owned()).await.unwrap();
    let receipt = session.erase().await.unwrap();
    verify_receipt(&receipt, &house.log_key(), house.log_origin().as_str()).unwrap();
    house.stop().await.unwrap();
    ground.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_dropped_leaves_one_session() {
    let ground = Ground::new();
    let house = ground.start().await;
    for steps in 0..12 {
        let mut session = opened(&house).await;
        let before = ground.volatiles.records();
        let _ = cut(session.rotate(), steps).await;
        assert_eq!(ground.volatiles.records(), before, "after {steps} steps");
    }
}
