//! An operation that breaks a rule is told at once: to a function, to the log, and to an
//! address that refuses twice before it takes the alert. That the third attempt comes
//! within a second is shown under a manual clock, in evanesce-audit.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::Ground;
use evanesce_audit::{Alert, Breach, Requirement, Rules};
use evanesce_core::{Clock, DataClass, ErrorKind, Operation, Outcome, Rule, SystemClock};
use evanesce_service::HttpsPost;
use evanesce_testkit::peer::{Peer, Reply};
use evanesce_tls::Tls;

// A rule of the embedding program's own, which reading a session breaks.
fn rules() -> Rules {
    let breach = Breach::Done(vec![Operation::SessionRead]);
    Rules::new(vec![Requirement { class: DataClass::Ephemeral, rule: Rule::SessionOnly, breach }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_is_told_though_two_attempts_fail() {
    let refused = || Reply::Http(503, "", String::new());
    let peer = Peer::start(vec![refused(), refused(), Reply::Http(204, "", String::new())]);
    let tls = Tls::plaintext_loopback().unwrap();
    let post = HttpsPost::new(&format!("http://{}/hook?secret=1", peer.address), &tls).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let ground = Ground::new();
    let house = ground
        .builder()
        .clock(SystemClock)
        .rules(rules())
        .alerts(move |alert: &Alert| telling.lock().unwrap().push(alert.rules.clone()))
        .alerts_to(post)
        .start()
        .await
        .unwrap();
    let session = common::opened(&house).await;
    let before = SystemClock.monotonic();
    session.process(|_, _| ()).await.unwrap();
    assert_eq!(*told.lock().unwrap(), [vec![Rule::SessionOnly]]);
    while peer.requests.lock().unwrap().len() < 3 {
        assert!(SystemClock.monotonic() - before < Duration::from_secs(10), "nothing was sent");
        tokio::task::yield_now().await;
    }
    let requests = peer.requests.lock().unwrap().clone();
    assert!(requests.iter().all(|request| request.contains("\"rules\":[\"session-only\"]")));
    house.stop().await.unwrap();
    let violated = ground.entries().into_iter().find(|e| e.outcome() == Outcome::Violation);
    assert_eq!(violated.unwrap().rule(), Some(Rule::SessionOnly));
}

#[test]
fn an_address_without_tls_is_refused_and_not_shown() {
    let tls = Tls::builder().build().unwrap();
    let refused = HttpsPost::new("http://alerts.example/hook?secret=abc", &tls).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(!format!("{refused:?}{refused}").contains("abc"));
    let invalid = HttpsPost::new("not an address", &tls).err().unwrap();
    assert_eq!(invalid.kind(), ErrorKind::Invalid);
}
