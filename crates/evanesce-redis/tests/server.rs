//! The contract suite against a real server over TLS with client certificates, and what
//! that server gets to see.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Code, ErrorKind, Standing, SystemClock};
use evanesce_redis::{RedisStore, Verdict};
use evanesce_session::{SessionStore, Token};
use evanesce_testkit::session as suite;
use evanesce_tls::Tls;
use support::{Monitor, fresh_namespace, sessions, stores, variable};

async fn store() -> Arc<RedisStore> {
    let url = variable("EVANESCE_REDIS_URL");
    let tls = Tls::from_env().expect("EVANESCE_TLS_CA, _CERT and _KEY name readable files");
    let store = RedisStore::connect(&url, &tls, &fresh_namespace()).await;
    Arc::new(store.expect("the server is up: cargo xtask services up redis"))
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "needs Redis: cargo xtask services up redis"]
        async fn $name() {
            let store = store().await;
            suite::$name(&stores(&store)).await;
            support::clean_up(&store).await;
        })*
    };
}

evanesce_testkit::session_contract!(contract);

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_lease_has_one_holder() {
    let store = store().await;
    suite::a_lease_has_one_holder(&stores(&store), &*store).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_session_lives_from_opening_to_destruction() {
    let store = store().await;
    let sessions = sessions(&store);
    let token = sessions.open(&String::from("somebody")).await.unwrap();
    sessions.update(&token, |text: &mut String| text.push('!')).await.unwrap();
    let token = sessions.rotate(token).await.unwrap();
    let read = sessions.read(&token, |text: &String| text.clone()).await.unwrap();
    assert_eq!(read, "somebody!");
    let again = Token::parse(&token.to_text()).unwrap();
    sessions.destroy(token).await.unwrap();
    assert!(sessions.read(&again, |_: &String| ()).await.is_err());
    support::clean_up(&store).await;
}

/// MONITOR sees every command with its arguments: no plaintext, no token and no key is
/// among them, while the positive control, a value that is written in the clear, is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn whoever_watches_the_server_sees_no_plaintext_and_no_token() {
    let store = store().await;
    let monitor = Monitor::over_tls(&variable("EVANESCE_REDIS_ADMIN_URL")).await;
    let sessions = sessions(&store);
    let mark = "plaintext-that-is-looked-for-in-what-the-server-sees";
    let token = sessions.open(&mark.to_owned()).await.unwrap();
    sessions.read(&token, |_: &String| ()).await.unwrap();
    sessions.update(&token, |text: &mut String| text.push('!')).await.unwrap();
    let text = token.to_text();
    let token = sessions.rotate(token).await.unwrap();
    let second = token.to_text();
    drop(sessions.take::<String>(token).await.unwrap());
    const CONTROL: evanesce_core::Label = evanesce_core::Label::new("a control that is seen");
    use evanesce_core::Lease;
    store.acquire(&CONTROL, Duration::from_secs(1)).await.unwrap();
    let seen = monitor.until("a control that is seen").await;
    assert!(seen.contains("EVALSHA"), "it saw our commands");
    for needle in [mark, &text[8..50], &second[8..50]] {
        assert!(!seen.contains(needle));
    }
    support::clean_up(&store).await;
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_that_no_root_vouches_for_is_refused() {
    let ours = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ours.path(), support::STRANGER).unwrap();
    let tls = Tls::builder().ca_file(ours.path()).build().unwrap();
    let url = variable("EVANESCE_REDIS_URL");
    let refused = RedisStore::connect(&url, &tls, &fresh_namespace()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Authentication);
    assert!(!format!("{refused} {refused:?}").contains("localhost"));
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_client_without_a_certificate_or_with_a_wrong_password_is_refused() {
    let url = variable("EVANESCE_REDIS_URL");
    let tls = Tls::builder().ca_file(variable("EVANESCE_TLS_CA")).build().unwrap();
    let refused = RedisStore::connect(&url, &tls, &fresh_namespace()).await.err().unwrap();
    let kinds = [ErrorKind::Authentication, ErrorKind::Unavailable];
    assert!(kinds.contains(&refused.kind()), "{refused}");
    let wrong = support::with_password(&url, "wrong-password");
    let tls = Tls::from_env().unwrap();
    let refused = RedisStore::connect(&wrong, &tls, &fresh_namespace()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Authentication);
    assert!(!format!("{refused} {refused:?}").contains("wrong-password"));
    let plain = url.replace("rediss://", "redis://");
    let refused = RedisStore::connect(&plain, &tls, &fresh_namespace()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert_eq!(refused.code(), None::<Code>);
}

#[tokio::test]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn the_honesty_report_is_measured() {
    let store = store().await;
    let checks = store.checks(&SystemClock).await;
    let reading = |fact: &str| {
        let evidence = checks.iter().find(|e| e.fact().as_str() == fact).unwrap();
        assert_eq!(evidence.standing(), Standing::Measured, "{fact}");
        evidence.reading().unwrap().to_string()
    };
    assert_eq!(reading("save"), "(empty)");
    assert_eq!(reading("appendonly"), "no");
    assert_eq!(reading("connection encrypted"), "yes");
    assert_eq!(reading("tls-auth-clients"), "yes");
    assert_eq!(reading("connected replicas"), "0");
    assert!(reading("server version").contains('.'));
    assert_eq!(reading("open to whoever shows no password"), "no");
    assert_eq!(reading("replicas keep nothing on disk"), "yes");
    assert_eq!(reading("sessions across a failover"), "end sessions");
    let ceiling = SessionStore::ceiling(&*store).await.unwrap();
    assert!(ceiling.keeps(Duration::from_secs(86_400)));
    // A server that is set up as docs/operations says starts in strict mode.
    let findings = store.demand(&SystemClock).await.unwrap();
    assert!(findings.iter().any(|finding| finding.verdict == Verdict::Kept));
    // This user may not list clients, so that whoever watches is unknown and said to be.
    let watching = checks.iter().find(|e| e.fact().as_str() == "watching with MONITOR").unwrap();
    assert_eq!(watching.standing(), Standing::Unknown);
}
