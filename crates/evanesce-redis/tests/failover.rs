//! Primaries that are demoted, promoted, watched by sentinels and put back from a dump; each
//! test has servers of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Code, ErrorKind};
use evanesce_redis::{Failover, RedisBuilder, Timeouts};
use evanesce_session::{SessionError, SessionStore, Sessions, Token};
use support::{Own, Sentinel, copy, patiently, read, sessions, several};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(200) };

async fn opened(sessions: &Sessions) -> Token {
    several(sessions, 1).await.remove(0)
}

fn kind<T>(result: Result<T, SessionError>) -> ErrorKind {
    match result {
        Err(SessionError::Store(error)) => error.kind(),
        Err(other) => panic!("not of the store: {other}"),
        Ok(_) => panic!("it went well"),
    }
}

/// A primary that is made a replica and cuts no connection: writes are refused, reads are
/// not believed, and once it is promoted again it is another incarnation, though it is
/// the same process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_demoted_server_is_not_believed_and_promoted_again_is_another() {
    let own = Own::start().await;
    // The server counts its uptime in whole seconds: an epoch of the first is not believed.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (store, kept) = (own.store().await, own.kept_store().await);
    let (ours, theirs) = (sessions(&store), sessions(&kept));
    let (token, keeps) = (opened(&ours).await, opened(&theirs).await);
    let before = SessionStore::incarnation(&*store).await.unwrap();
    let _: String = own.ask(&["CONFIG", "SET", "replica-serve-stale-data", "yes"]).await;
    let _: String = own.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let refused = ours.update(&token, |text: &mut String| text.push('!')).await;
    let Err(SessionError::Store(error)) = refused else { panic!("a replica wrote") };
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unavailable, Some(Code::Redis("READONLY")))
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(kind(read(&theirs, &keeps).await), ErrorKind::Unavailable);
    own.promote().await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert!(matches!(read(&ours, &token).await, Err(SessionError::EpochEnded)));
    assert_ne!(SessionStore::incarnation(&*store).await.unwrap(), before);
    // Who keeps sessions across a failover still has them.
    assert_eq!(read(&theirs, &keeps).await.unwrap(), "somebody");
}

/// A restored dump ends sessions also for who keeps them across a failover.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn an_old_dump_ends_even_sessions_that_are_kept() {
    let own = Own::start().await;
    // The server counts its uptime in whole seconds: an epoch of the first is not believed.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let store = own.kept_store().await;
    let sessions = sessions(&store);
    let (destroyed, kept) = (opened(&sessions).await, opened(&sessions).await);
    own.dump().await;
    let again = copy(&destroyed);
    sessions.destroy(destroyed).await.unwrap();
    own.kill().await;
    // The server counts its uptime in whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    own.start_again().await;
    for token in [&again, &kept] {
        assert!(matches!(read(&sessions, token).await, Err(SessionError::EpochEnded)));
    }
    let fresh = opened(&sessions).await;
    assert_eq!(read(&sessions, &fresh).await.unwrap(), "somebody");
}

/// A promoted replica holds sessions of before: they end, or are kept where that was
/// chosen by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_promoted_replica_ends_sessions_unless_they_are_kept_by_name() {
    let primary = Own::start().await;
    let replica = Own::replica_of(&primary).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (kept, ended) = (watched(Failover::Keep), watched(Failover::End));
    let sentinel = Sentinel::start(&primary, 1).await;
    let dead = "redis://127.0.0.1:1";
    let urls = [dead, &sentinel.url()];
    let connect = async |builder: RedisBuilder| {
        Arc::new(builder.connect_sentinel(&urls, "redis://sessions/0").await.unwrap())
    };
    let (kept, ended) = (connect(kept).await, connect(ended).await);
    let (theirs, ours) = (sessions(&kept), sessions(&ended));
    let (keeps, token) = (opened(&theirs).await, opened(&ours).await);
    let port = format!("port {} ", replica.port());
    sentinel.until(|text| text.contains("num-slaves 1")).await;
    let _: u64 = primary.ask(&["WAIT", "1", "1000"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for node in [&primary, &replica] {
        let told: String = node.ask(&["INFO", "replication"]).await;
        let keys: Vec<String> = node.ask(&["KEYS", "*"]).await;
        assert_eq!(keys.iter().filter(|key| key.contains(":s:")).count(), 2, "{told} {keys:?}");
    }
    primary.kill().await;
    sentinel.until(|text| text.contains(&port)).await;
    let read_again = patiently(async || read(&theirs, &keeps).await).await;
    assert_eq!(read_again.unwrap(), "somebody");
    let ended = patiently(async || read(&ours, &token).await).await;
    assert!(matches!(ended, Err(SessionError::EpochEnded)));
    let fresh = opened(&ours).await;
    assert_eq!(read(&ours, &fresh).await.unwrap(), "somebody");
    let unknown = support::builder(SHORT).connect_sentinel(&urls, "redis://nobody").await;
    assert_eq!(unknown.err().unwrap().kind(), ErrorKind::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn the_ceiling_asks_the_replicas_too() {
    let primary = Own::start().await;
    let replica = Own::replica_of(&primary).await;
    let store = primary.store().await;
    let ceiling = async || SessionStore::ceiling(&*store).await.unwrap();
    let kept = ceiling().await;
    assert_eq!(kept.worst, Some(Duration::from_secs(86_400)));
    assert_eq!(kept.setting.as_str(), "PX; replicas were asked");
    let _: String = replica.ask(&["CONFIG", "SET", "save", "60 1"]).await;
    let saved = ceiling().await;
    assert_eq!((saved.worst, saved.setting.as_str()), (None, "persistence of the replicas"));
    let _: String = replica.ask(&["CONFIG", "SET", "save", ""]).await;
    let _: String = replica.ask(&["CONFIG", "SET", "repl-diskless-load", "disabled"]).await;
    assert_eq!(ceiling().await.worst, None, "it leaves the file that it loaded from");
    let _: String = replica.ask(&["CONFIG", "SET", "rdb-del-sync-files", "yes"]).await;
    assert!(ceiling().await.worst.is_some());
    let _: String = primary.ask(&["CONFIG", "SET", "repl-diskless-sync", "no"]).await;
    let sent = ceiling().await;
    assert_eq!((sent.worst, sent.setting.as_str()), (None, "repl-diskless-sync"));
}

fn watched(failover: Failover) -> RedisBuilder {
    support::builder(Timeouts::default()).failover(failover)
}
