//! One visit, from opening to the proof of its erasure.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::time::Duration;

use common::{
    ADDRESS, Composed, Ground, HOUR, MINUTE, SECRET, Topic, Usage, Visit, agreed, number, opened,
};
use evanesce_audit::{AuditError, Period, verify_receipt};
use evanesce_core::{Contribution, Operation, Outcome, Presence, Purpose, StoreKind, label};
use evanesce_crypto::{RootFile, RootVersion};
use evanesce_purge::EraseError;
use evanesce_service::ServiceError;
use evanesce_session::SessionError;

fn is_absent<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::Session(SessionError::Absent)))
}

fn everything() -> Period {
    let (from, to) = (0, u64::MAX);
    let at = evanesce_core::Timestamp::from_millis;
    Period { from: at(from), to: at(to) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_followed_from_opening_to_proof() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let token = session.token();
    assert_eq!(ground.volatiles.records(), 1);

    let granted = agreed(&session).await;
    let processed = session.process(|visit, _| format!("{} words", visit.text.len())).await;
    let (page, evidence) = processed.unwrap().into_parts();
    let event = Composed { topic: Topic::Travel };
    assert_eq!(session.fold(event, &granted).await.unwrap(), Contribution::First);
    let released = house.release_under(page.clone(), &granted).await.unwrap();
    assert_eq!(released.into_inner(), page);

    let receipt = session.erase().await.unwrap();
    let origin = house.log_origin().as_str().to_owned();
    verify_receipt(&receipt, &house.log_key(), &origin).unwrap();
    let at_store = |before, after| {
        let found = |s: &&evanesce_core::StoreErasure| (s.before, s.after) == (before, after);
        receipt.erasure.stores.iter().filter(found).count()
    };
    assert_eq!(at_store(Presence::Present, Presence::Absent), 1);
    // Aggregates, and the sinks of this process, cannot address a person.
    assert_eq!(at_store(Presence::NotAddressable, Presence::NotAddressable), 2);
    assert_eq!(ground.volatiles.records(), 0);
    assert_eq!(ground.journal.jobs(), 0);

    let again = house.session::<Visit>(&token).unwrap();
    assert!(is_absent(&again.process(|_, _| ()).await));
    assert!(is_absent(&again.renew().await));
    assert!(is_absent(&again.update(|visit| visit.number = 2).await));

    // A receipt is of no use for another key, another log, or with another story.
    let mut other = receipt.clone();
    other.erasure.stores[0].removed += 1;
    let told = verify_receipt(&other, &house.log_key(), &origin);
    assert_eq!(told.err(), Some(AuditError::Unproven));
    let key = house.consent_key();
    assert_eq!(verify_receipt(&receipt, &key, &origin).err(), Some(AuditError::Unsigned));

    let report = house.report(label!("visit"), everything(), vec![receipt], evidence).await;
    let report = report.unwrap();
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["report"]["operations"]["violating"], 0);
    assert_eq!(json["report"]["operations"]["violations"], serde_json::json!([]));
    assert_eq!(json["report"]["erasures"][0]["proven"], true);
    assert_eq!(json["report"]["retention"].as_array().unwrap().len(), 4);
    for text in [report.to_json(), report.to_html(), report.to_markdown()] {
        for needle in [ADDRESS, SECRET, token.as_str(), &page] {
            assert!(!text.contains(needle), "the report holds what was the visitor's");
        }
    }
    // The log names the purpose, and nobody.
    let entries = ground.entries();
    assert!(entries.iter().any(|entry| entry.purpose() == Some(&Usage::id())));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_person_reaches_log_telemetry_or_store() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let token = session.token();
    agreed(&session).await;
    session.update(|visit| visit.number += 1).await.unwrap();
    house.release(format!("write to {ADDRESS}")).await.err().unwrap();
    session.erase().await.unwrap();
    ground.pass(Duration::from_secs(1)).await;
    house.stop().await.unwrap();
    let mut kept: Vec<Vec<u8>> = ground.audit.leaves();
    let records = ground.logs.inner.records();
    assert!(records.len() >= 3);
    for record in records {
        kept.push(format!("{} {:?}", record.event(), record.fields()).into_bytes());
    }
    for needle in [ADDRESS.as_bytes(), SECRET.as_bytes(), token.as_bytes()] {
        let holds = |text: &Vec<u8>| text.windows(needle.len()).any(|part| part == needle);
        assert!(!kept.iter().any(holds));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_erasure_says_that_nothing_was_there() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let again = house.session::<Visit>(&session.token()).unwrap();
    session.erase().await.unwrap();
    let receipt = again.erase().await.unwrap();
    assert_eq!(receipt.erasure.stores[0].before, Presence::Absent);
    assert_eq!(receipt.erasure.stores[0].removed, 0);
    assert_eq!(receipt.entry.count(), 0);
    verify_receipt(&receipt, &house.log_key(), house.log_origin().as_str()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_does_not_leave_and_the_log_says_so() {
    let ground = Ground::new();
    let house = ground.start().await;
    let blocked = house.release(format!("write to {ADDRESS}")).await;
    let Err(ServiceError::Blocked(blocked)) = blocked else { panic!("an address left") };
    assert!(!blocked.kinds().is_empty());
    let refused = |e: &evanesce_core::Entry| {
        (e.operation(), e.outcome()) == (Operation::OutputBlocked, Outcome::Refused)
    };
    assert_eq!(ground.entries().iter().filter(|entry| refused(entry)).count(), 1);
    assert_eq!(ground.count(Operation::OutputReleased), 0);
    let _ = house.release("six topics".to_owned()).await.unwrap();
    assert_eq!(ground.count(Operation::OutputReleased), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_nothing_leaves_and_everything_can_be_erased() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let again = house.session::<Visit>(&session.token()).unwrap();
    let granted = agreed(&session).await;
    ground.audit.fail();

    let withheld = house.release("six topics".to_owned()).await;
    assert!(matches!(withheld, Err(ServiceError::Audit(_))));
    let withheld = house.release_under("six topics".to_owned(), &granted).await;
    assert!(matches!(withheld, Err(ServiceError::Audit(_))));

    let erased = session.erase().await;
    let Err(ServiceError::Erase(EraseError::Unreceipted { erasure, .. })) = erased else {
        panic!("a receipt without a log")
    };
    assert!(erasure.is_complete());
    assert!(is_absent(&again.process(|_, _| ()).await));
    assert_eq!((ground.volatiles.records(), ground.journal.jobs()), (0, 1));
    assert_eq!(house.finish_erasures().await.unwrap().open.len(), 1);

    ground.audit.recover();
    let resumed = house.finish_erasures().await.unwrap();
    assert_eq!((resumed.receipts.len(), resumed.open.len()), (1, 0));
    let receipt = &resumed.receipts[0];
    verify_receipt(receipt, &house.log_key(), house.log_origin().as_str()).unwrap();
    // What was read before the log failed is remembered.
    assert_eq!(receipt.erasure.stores[0].before, Presence::Present);
    assert_eq!(ground.journal.jobs(), 0);
    assert_eq!(house.stop().await.unwrap().lost_entries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_of_a_process_that_ended_is_finished_by_the_next() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    ground.audit.fail();
    session.erase().await.err().unwrap();
    drop(house);
    assert_eq!(ground.journal.jobs(), 1);
    ground.audit.recover();
    ground.start().await;
    assert_eq!(ground.journal.jobs(), 0);
    // It is done before the service says that it has started.
    let entries = ground.entries();
    let started = entries.iter().rposition(|e| e.operation() == Operation::ServiceStarted);
    let erased = entries
        .iter()
        .position(|e| (e.operation(), e.outcome()) == (Operation::Erased, Outcome::Done));
    assert!(erased.is_some() && erased < started, "{erased:?} {started:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_leaves_no_session_and_new_ones_open() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut sessions = Vec::new();
    for n in 0..8 {
        sessions.push(house.open(&common::visit(n)).await.unwrap());
    }
    let purging = tokio::spawn({
        let house = house.clone();
        async move { house.purge_everything().await }
    });
    // It waits now for operations that had begun before; nothing can be read already.
    ground.settled(4).await;
    for session in &sessions {
        assert_eq!(number(session).await, None);
    }
    // A visitor who comes in between is no remainder of what is purged.
    let between = opened(&house).await;
    let report = ground.ended(purging).await.unwrap();
    assert!(report.epochs >= 1);
    assert_eq!(report.counts.len(), 1);
    assert_eq!((report.counts[0].store, report.counts[0].before), (StoreKind::Memory, 8));
    assert_eq!(report.counts[0].after, 0);
    verify_receipt(&report.receipt, &house.log_key(), house.log_origin().as_str()).unwrap();
    assert_eq!(ground.volatiles.records(), 1);
    assert_eq!(number(&between).await, Some(1));

    assert_eq!(number(&opened(&house).await).await, Some(1));
    assert_eq!(number(&sessions[0]).await, None);
}

/// What was counted and not released goes with the key of its window, and what waits for a
/// store goes too; the next window counts again.
#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_forgets_open_windows_and_what_waits() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let granted = agreed(&session).await;
    session.fold(Composed { topic: Topic::Travel }, &granted).await.unwrap();
    ground.pass(MINUTE).await;
    assert_eq!(ground.aggregates.windows(), 1, "the flush has stored a sealed sum");
    let late = opened(&house).await;
    let late_grant = agreed(&late).await;
    late.fold(Composed { topic: Topic::Travel }, &late_grant).await.unwrap();
    let records = ground.logs.inner.records().len();
    let purging = tokio::spawn({
        let house = house.clone();
        async move { house.purge_everything().await }
    });
    // It forgets before it removes and waits.
    ground.settled(4).await;
    let report = ground.ended(purging).await.unwrap();
    let forgotten: Vec<_> = report.forgotten.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(forgotten, ["open windows", "waiting telemetry"]);
    assert_eq!(report.forgotten[0].1, 1);
    assert!(report.forgotten[1].1 > 0);
    assert_eq!(ground.aggregates.windows(), 0);
    assert!(house.telemetry().dropped() >= report.forgotten[1].1);
    let told = ground.logs.inner.records();
    let opened_since = told[records..].iter().filter(|r| r.event() == "session.opened");
    assert_eq!(opened_since.count(), 0, "what waited did not arrive");

    let next = opened(&house).await;
    let grant = agreed(&next).await;
    assert!(next.fold(Composed { topic: Topic::Other }, &grant).await.is_err());
    ground.pass(HOUR).await;
    let next = opened(&house).await;
    let grant = agreed(&next).await;
    next.fold(Composed { topic: Topic::Other }, &grant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_retires_the_keys_of_sessions_and_none_that_signs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.keys");
    let ground = Ground::new();
    let builder = ground.builder().session_keys(RootFile::create(&path).unwrap());
    let house = builder.start().await.unwrap();
    ground.settled(3).await;
    let (session, key) = (opened(&house).await, house.log_key());
    assert_eq!(number(&session).await, Some(1));
    let purging = tokio::spawn({
        let house = house.clone();
        async move { house.purge_everything().await }
    });
    ground.settled(4).await;
    assert_eq!(RootFile::open(&path).unwrap().versions().unwrap(), [RootVersion(2)]);
    let report = ground.ended(purging).await.unwrap();
    assert_eq!((report.retired, number(&session).await), (1, None));
    assert_eq!(number(&opened(&house).await).await, Some(1), "new ones open under the new key");
    assert_eq!(house.log_key(), key);
    verify_receipt(&report.receipt, &key, house.log_origin().as_str()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_comes_late_is_refused() {
    let ground = Ground::new();
    let house = ground.start().await;
    let session = opened(&house).await;
    let clock = ground.clock.clone();
    let late = session.process(|_, _| clock.advance(MINUTE)).await;
    assert!(matches!(late, Err(ServiceError::Pipeline(_))));
    let panicked = session.process(|_, _| -> u8 { panic!("work that fails") }).await;
    assert!(matches!(panicked, Err(ServiceError::Pipeline(_))));
    assert_eq!(number(&session).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_session_has_one_token() {
    let ground = Ground::new();
    let house = ground.start().await;
    let mut session = opened(&house).await;
    let old = house.session::<Visit>(&session.token()).unwrap();
    let granted = agreed(&session).await;
    session.rotate().await.unwrap();
    assert!(is_absent(&old.process(|_, _| ()).await));
    assert_eq!(number(&session).await, Some(1));
    // The grant was checked under the old token, and is asked for anew.
    assert!(granted.recheck().await.is_err());
    session.granted::<Usage>().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_is_told_apart_without_a_store() {
    let ground = Ground::new();
    let house = ground.start().await;
    let before = ground.volatiles.calls();
    for text in ["", "ev1_", "x", ADDRESS] {
        let refused = house.session::<Visit>(text);
        assert!(matches!(refused, Err(ServiceError::Session(SessionError::Malformed))));
    }
    assert_eq!(ground.volatiles.calls(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_measures_this_process() {
    let ground = Ground::new();
    let house = ground.start().await;
    let report = house.report(label!("empty"), everything(), Vec::new(), Vec::new()).await;
    let json: serde_json::Value = serde_json::from_str(&report.unwrap().to_json()).unwrap();
    let evidence = json["report"]["evidence"].as_array().unwrap();
    let facts: Vec<_> = evidence.iter().map(|fact| fact["fact"].as_str().unwrap()).collect();
    let expected = [
        "core dumps and tracing",
        "memory for secrets",
        "heap",
        "damaged canaries in guarded memory",
        "planted leaks",
        "planted leaks that were found",
    ];
    assert_eq!(facts, expected);
    assert!(evidence.iter().all(|fact| fact["standing"] == "measured"), "{evidence:?}");
}
