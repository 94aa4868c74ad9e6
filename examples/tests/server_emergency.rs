//! An emergency over many sessions on the real server, from the alarm to the receipt.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in the functions that it calls"
)]

use std::sync::Mutex;
use std::time::Duration;

use evanesce::audit::{Role, verify_receipt};
use evanesce::core::{Clock, Namespace, SystemClock};
use evanesce::crypto::RootFile;
use evanesce::purge::EmergencyStep;
use evanesce::redis::RedisStore;
use evanesce::{Ephemeral, Evanesce, Lifetime, Root, Tls};

#[derive(Ephemeral)]
struct Visit {
    number: u64,
}

const OPERATOR: Role = Role::new("operator");
/// How many writers open sessions at the same time.
const WRITERS: u64 = 64;

/// 1,000,000 sessions with `EVANESCE_EXHAUSTIVE=1`, 30,000 otherwise.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn everything_is_unreadable_at_once_and_gone_within_a_quarter_of_an_hour() {
    let whole = std::env::var_os("EVANESCE_EXHAUSTIVE").is_some();
    let count: u64 = if whole { 1_000_000 } else { 30_000 };
    let url = std::env::var("EVANESCE_REDIS_URL").expect("cargo xtask services env");
    let name = format!("emergency-{}", std::process::id());
    let (tls, space) = (Tls::from_env().unwrap(), Namespace::new(&name).unwrap());
    let store = RedisStore::connect(&url, &tls, &space).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = RootFile::create(&folder.path().join("session.keys")).unwrap();
    let house = Evanesce::builder(&name, Root::generate().unwrap())
        .sessions(store, const { Lifetime::hours(4) })
        .session_keys(keys)
        .role(OPERATOR)
        .start()
        .await
        .unwrap();
    let tokens = opened(&house, count).await;
    for token in &tokens {
        assert!(reads(&house, token).await);
    }

    let steps = Mutex::new(Vec::new());
    let alarm = SystemClock.monotonic();
    let observe = |step| steps.lock().unwrap().push((SystemClock.monotonic() - alarm, step));
    let report =
        house.purge_everything_observed(house.acting(&OPERATOR).unwrap(), &observe).await.unwrap();
    let took = SystemClock.monotonic() - alarm;
    for token in &tokens {
        assert!(!reads(&house, token).await);
    }
    assert_eq!((report.counts[0].before, report.counts[0].after), (count, 0));
    assert_eq!(report.erasure.stores[0].removed, count);
    verify_receipt(&report.receipt, &house.log_key(), house.log_origin().as_str()).unwrap();
    let steps = steps.into_inner().unwrap();
    let unreadable = steps.iter().find(|(_, step)| *step == EmergencyStep::Unreadable).unwrap().0;
    let batches = steps.iter().filter(|(_, s)| matches!(s, EmergencyStep::Removed { .. })).count();
    println!(
        "{count} sessions: unreadable after {unreadable:?}, removed in {batches} batches, read \
         back and receipted after {took:?}, waiting for operations that had begun included"
    );
    assert!(unreadable < Duration::from_secs(60) && took < Duration::from_secs(15 * 60));
    assert!(batches > 2, "whoever watches sees it go on");
    house.stop().await.unwrap();
}

/// Opens so many, and gives some of the tokens.
async fn opened(house: &Evanesce, count: u64) -> Vec<String> {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let house = house.clone();
        writers.spawn(async move {
            let mut tokens = Vec::new();
            for number in (writer..count).step_by(64) {
                let session = house.open(&Visit { number }).await.unwrap();
                if number % 10_007 == 0 {
                    tokens.push(session.token().to_string());
                }
            }
            tokens
        });
    }
    writers.join_all().await.into_iter().flatten().collect()
}

async fn reads(house: &Evanesce, token: &str) -> bool {
    let session = house.session::<Visit>(token).unwrap();
    session.process(|visit, _| visit.number).await.is_ok()
}
