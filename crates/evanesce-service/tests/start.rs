//! What a house refuses to start on, and what it starts on all the same.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::time::Duration;

use common::stores::Audit;
use common::{Ground, HOUR, number, opened};
use evanesce_audit::AuditError;
use evanesce_core::{Ceiling, Error, ErrorKind, Operation, Outcome, Rule, StoreKind, label};
use evanesce_crypto::Root;
use evanesce_service::{Evanesce, Mode, StartError, Verdict};

fn refusal(result: Result<Evanesce, StartError>) -> StartError {
    result.err().unwrap()
}

async fn unkept(answer: Result<Ceiling, Error>) -> Ground {
    let ground = Ground::new();
    ground.volatiles.answer_ceiling(answer);
    ground
}

fn ceiling(worst: Option<Duration>) -> Result<Ceiling, Error> {
    Ok(Ceiling { worst, setting: label!("appendonly") })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_keep_sessions_too_long_is_refused_by_its_setting() {
    for worst in [None, Some(24 * HOUR + Duration::from_millis(1))] {
        let ground = unkept(ceiling(worst)).await;
        let refused = refusal(ground.builder().start().await);
        assert!(refused.to_string().contains("appendonly"), "{refused}");
        let StartError::Ceiling { store, setting } = refused else { panic!("another refusal") };
        assert_eq!((store, setting), (StoreKind::Memory, label!("appendonly")));
        assert_eq!(ground.count(Operation::ServiceStarted), 0);
    }
    let ground = unkept(ceiling(Some(24 * HOUR))).await;
    ground.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misconfigured_server_is_refused_by_its_setting_or_reported() {
    let ground = Ground::new();
    let open = Error::new(ErrorKind::Refused, StoreKind::Redis, "anybody is let in");
    ground.volatiles.misconfigure(open.with_setting("requirepass"));
    let refused = refusal(ground.builder().start().await);
    assert!(matches!(refused, StartError::Setting(_)));
    assert_eq!(
        refused.to_string(),
        "Redis is configured against what is promised; change requirepass"
    );
    assert_eq!(ground.count(Operation::ServiceStarted), 0);
    ground.builder().mode(Mode::ReportOnly).start().await.unwrap();
    assert_eq!(ground.count(Operation::PolicyOverridden), 1);
    // What the program chose starts in each mode, and is written down in each.
    let ground = Ground::new();
    ground.volatiles.choose();
    ground.builder().start().await.unwrap();
    assert_eq!(ground.count(Operation::PolicyOverridden), 1);
    // A server that does not answer is not a setting, and no mode starts on it.
    let ground = Ground::new();
    ground.volatiles.misconfigure(Error::new(ErrorKind::Timeout, StoreKind::Redis, "no answer"));
    let refused = refusal(ground.builder().mode(Mode::ReportOnly).start().await);
    assert!(matches!(refused, StartError::Store(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_refused() {
    let error = Error::new(ErrorKind::Refused, StoreKind::Memory, "the setting cannot be read");
    let ground = unkept(Err(error)).await;
    let refused = refusal(ground.builder().start().await);
    let StartError::Ceiling { setting, .. } = refused else { panic!("another refusal") };
    assert_eq!(setting, label!("unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_store_of_the_same_kind_is_checked_too() {
    let ground = Ground::new();
    ground.metrics.keep_for_ever();
    let refused = refusal(ground.builder().start().await);
    let StartError::Ceiling { setting, .. } = refused else { panic!("another refusal") };
    assert_eq!(setting, label!("retention of the bucket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn report_only_starts_and_says_so() {
    let ground = unkept(ceiling(None)).await;
    let house = ground.builder().mode(Mode::ReportOnly).start().await.unwrap();
    let entries = ground.entries();
    let overridden: Vec<_> =
        entries.iter().filter(|e| e.operation() == Operation::PolicyOverridden).collect();
    assert_eq!(overridden.len(), 1);
    assert_eq!(overridden[0].store(), Some(StoreKind::Memory));
    assert_eq!(overridden[0].rule(), Some(Rule::RetentionCeiling));
    assert_eq!(overridden[0].outcome(), Outcome::Done);
    let checks = house.check().await;
    assert_eq!(checks.len(), 4);
    let verdicts: Vec<_> = checks.iter().map(|check| check.verdict).collect();
    let kept = Verdict::Kept;
    assert_eq!(verdicts, [Verdict::Broken, kept, kept, kept]);
    assert_eq!(number(&opened(&house).await).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_promise_is_overridden_nowhere() {
    let ground = Ground::new();
    ground.builder().mode(Mode::ReportOnly).start().await.unwrap();
    assert_eq!(ground.count(Operation::PolicyOverridden), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_back_is_refused() {
    let ground = Ground::new();
    let house = ground.start().await;
    let backup = ground.audit.copy();
    let _ = house.release("a page".to_owned()).await.unwrap();
    house.stop().await.unwrap();

    let restored = Ground { audit: backup, ..ground.clone() };
    let refused = refusal(restored.builder().start().await);
    assert!(matches!(refused, StartError::Audit(AuditError::RolledBack)));

    let emptied = Ground { audit: Audit::new(), ..ground.clone() };
    let refused = refusal(emptied.builder().start().await);
    assert!(matches!(refused, StartError::Audit(AuditError::RolledBack)));

    // A copy of all there is goes on.
    let moved = Ground { audit: ground.audit.copy(), ..ground.clone() };
    moved.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nothing_vouches_for_is_refused() {
    let ground = Ground::new();
    ground.start().await.stop().await.unwrap();
    let lost = Ground { keeper: common::stores::Keeper::new(), ..ground };
    let refused = refusal(lost.builder().start().await);
    assert!(matches!(refused, StartError::Unwitnessed));
    // Accepted once by name, it is written down and vouched for from then on.
    let house = lost.builder().mode(Mode::ReportOnly).start().await.unwrap();
    house.stop().await.unwrap();
    assert!(lost.entries().iter().any(|e| e.operation() == Operation::PolicyOverridden));
    lost.start().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_root_is_refused() {
    let ground = Ground::new();
    ground.start().await.stop().await.unwrap();
    let root = common::stores::SharedRoot(std::sync::Arc::new(Root::generate().unwrap()));
    let foreign = Ground { root, ..ground };
    let refused = refusal(foreign.builder().start().await);
    assert!(matches!(refused, StartError::Audit(AuditError::Unsigned)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_no_house_stands() {
    let ground = Ground::new();
    ground.audit.fail();
    let refused = refusal(ground.builder().start().await);
    assert!(matches!(refused, StartError::Store(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_a_namespace_and_an_event_is_declared_once() {
    let root = || Root::generate().unwrap();
    for name in ["", "News", "a b", &"n".repeat(33)] {
        let refused = refusal(Evanesce::builder(name, root()).start().await);
        assert!(matches!(refused, StartError::Name(_)));
    }
    let ground = Ground::new();
    let refused = refusal(ground.builder().event::<common::Composed>().start().await);
    assert!(matches!(refused, StartError::Event(_) | StartError::Purpose(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_named_stays_in_memory() {
    let house = Evanesce::builder("bare", Root::generate().unwrap()).start().await.unwrap();
    let session = opened(&house).await;
    assert_eq!(number(&session).await, Some(1));
    session.erase().await.unwrap();
    let stopped = house.stop().await.unwrap();
    assert_eq!((stopped.lost_entries, stopped.dropped_telemetry), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_a_restart_where_their_store_does() {
    let ground = Ground::new();
    let house = ground.start().await;
    let token = opened(&house).await.token();
    house.stop().await.unwrap();
    let house = ground.start().await;
    let session = house.session::<common::Visit>(&token).unwrap();
    assert_eq!(number(&session).await, Some(1));
}
