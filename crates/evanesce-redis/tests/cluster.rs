//! The contract suite on a Redis Cluster over TLS, and clusters of one's own whose nodes
//! fail, freeze and hand over slots.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Erasable, ErrorKind, SystemClock};
use evanesce_redis::{Failover, RedisStore, Timeouts};
use evanesce_session::{EpochStore, SessionError, SessionStore, Tag};
use evanesce_testkit::session as suite;
use evanesce_tls::Tls;
use support::{
    OwnCluster, builder, copy, fresh_namespace, patiently, read, sessions, several, variable,
};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(400) };

async fn store() -> Arc<RedisStore> {
    let urls = variable("EVANESCE_REDIS_CLUSTER_URLS");
    let urls: Vec<&str> = urls.split(',').collect();
    let tls = Tls::from_env().expect("EVANESCE_TLS_CA, _CERT and _KEY name readable files");
    let store = RedisStore::builder(&tls, &fresh_namespace()).connect_cluster(&urls).await;
    Arc::new(store.expect("the cluster is up: cargo xtask services up redis-cluster"))
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "needs a Redis Cluster: cargo xtask services up redis-cluster"]
        async fn $name() {
            let store = store().await;
            suite::$name(&support::stores_of_a_cluster(&store)).await;
            support::clean_up(&store).await;
        })*
    };
}

evanesce_testkit::session_contract!(contract);

#[tokio::test]
#[ignore = "needs a Redis Cluster: cargo xtask services up redis-cluster"]
async fn a_lease_has_one_holder() {
    let store = store().await;
    suite::a_lease_has_one_holder(&support::stores(&store), &*store).await;
}

/// Sessions of every tag, over TLS: they are read, ended on every node at once, reclaimed
/// from every node, and swept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis Cluster: cargo xtask services up redis-cluster"]
async fn sessions_of_every_node_end_together() {
    let store = store().await;
    let sessions = sessions(&store);
    let tokens = several(&sessions, 600).await;
    for token in &tokens {
        assert_eq!(read(&sessions, token).await.unwrap(), "somebody");
    }
    let swept = store.sweep(10_000).await.unwrap();
    assert_eq!((swept.examined, swept.without_expiry, swept.expired), (600, 0, 0));
    assert!(sessions.end_epochs().await.unwrap() > 200, "most tags had an epoch");
    for token in &tokens {
        assert!(matches!(read(&sessions, token).await, Err(SessionError::EpochEnded)));
    }
    let since = several(&sessions, 20).await;
    assert_eq!(store.reclaim().await.unwrap(), 600);
    for token in &since {
        assert_eq!(read(&sessions, token).await.unwrap(), "somebody");
    }
    let ceiling = SessionStore::ceiling(&*store).await.unwrap();
    assert!(ceiling.keeps(Duration::from_secs(86_400)));
    store.demand(&SystemClock).await.unwrap();
    support::clean_up(&store).await;
}

/// What moves slot by slot: while a slot moves, its sessions are there or an error says
/// why not; afterwards they have ended, or are kept where that was chosen by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_slot_that_moves_ends_its_sessions_unless_they_are_kept_by_name() {
    let cluster = OwnCluster::start(3, 0).await;
    for failover in [Failover::End, Failover::Keep] {
        let store = cluster.store_of(builder(SHORT).failover(failover)).await;
        assert_eq!(store.chosen().is_some(), failover == Failover::Keep);
        let sessions = sessions(&store);
        let token = several(&sessions, 1).await.remove(0);
        let mut keys: Vec<String> = Vec::new();
        for node in &cluster.nodes {
            keys.extend(node.ask::<Vec<String>>(&["KEYS", "*"]).await);
        }
        let named = sessions.subject(&token).unwrap().handle()[0];
        let name = keys.iter().find(|key| key.contains(":s:")).unwrap();
        assert!(name.contains(&format!(":{named:02x}}}")));
        let hash_tag = name.split('}').next().unwrap().to_owned() + "}";
        let slot: u16 = cluster.nodes[0].ask(&["CLUSTER", "KEYSLOT", name]).await;
        let (source, source_id) = cluster.holder(slot).await;
        let next = if slot < 5461 { 16_383 } else { 0 };
        let (target, target_id) = cluster.holder(next).await;
        let (source_port, target_port) = (source.port(), target.port().to_string());
        assert_ne!(source_port, target.port());
        let at = slot.to_string();
        let set = async |node: &support::Own, state: &str, id: &str| {
            let _: String = node.ask(&["CLUSTER", "SETSLOT", &at, state, id]).await;
        };
        set(target, "IMPORTING", &source_id).await;
        set(source, "MIGRATING", &target_id).await;
        let moving = || keys.iter().filter(|key| key.starts_with(&hash_tag));
        for key in moving() {
            let _: String =
                source.ask(&["MIGRATE", "127.0.0.1", &target_port, key, "0", "1000"]).await;
            match read(&sessions, &token).await {
                Ok(text) => assert_eq!(text, "somebody"),
                Err(SessionError::EpochEnded) => {}
                Err(SessionError::Store(error)) => assert_eq!(error.kind(), ErrorKind::Unavailable),
                Err(other) => panic!("{other}"),
            }
        }
        set(target, "NODE", &target_id).await;
        set(source, "NODE", &target_id).await;
        let after = read(&sessions, &token).await;
        match failover {
            Failover::End => assert!(matches!(after, Err(SessionError::EpochEnded))),
            Failover::Keep => assert_eq!(after.unwrap(), "somebody"),
        }
        sessions.open(&String::from("somebody")).await.unwrap();
        let _ = store.end().await.unwrap();
        let _ = store.reclaim().await.unwrap();
    }
}

/// A node that dies: its replica takes over, the sessions of the other nodes live on, and
/// those of the dead one end, or are kept where that was chosen by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_node_that_fails_over_ends_its_sessions_and_no_others() {
    let cluster = OwnCluster::start(3, 1).await;
    // Servers count their uptime in whole seconds: an epoch of the first is not believed
    // by who keeps sessions.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let ended = cluster.store_of(builder(SHORT)).await;
    let kept = cluster.store_of(builder(SHORT).failover(Failover::Keep)).await;
    let (ours, theirs) = (sessions(&ended), sessions(&kept));
    let (tokens, keeps) = (several(&ours, 60).await, several(&theirs, 60).await);
    let before = SessionStore::incarnation(&*ended).await.unwrap();
    let (node, id) = cluster.holder(0).await;
    let replica = cluster.replica_of(&id).await;
    let _: u64 = node.ask(&["WAIT", "1", "1000"]).await;
    node.kill().await;
    let mut alive = false;
    for _ in 0..200 {
        let role: Vec<redis::Value> = replica.ask(&["ROLE"]).await;
        alive = format!("{role:?}").contains("master");
        if alive {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(alive, "the replica took over");
    let (mut lives, mut over) = (0, 0);
    for token in &tokens {
        match patiently(async || read(&ours, token).await).await {
            Ok(_) => lives += 1,
            Err(SessionError::EpochEnded) => over += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(lives > 0 && over > 0, "{lives} live and {over} ended");
    for token in &keeps {
        assert_eq!(patiently(async || read(&theirs, token).await).await.unwrap(), "somebody");
    }
    assert_ne!(SessionStore::incarnation(&*ended).await.unwrap(), before);
    several(&ours, 30).await;
    assert!(ours.end_epochs().await.unwrap() > 0);
}

/// A node that does not answer leaves the end unconfirmed, while the others have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn an_end_that_one_node_does_not_acknowledge_is_told() {
    let cluster = OwnCluster::start(3, 0).await;
    let store = cluster.store(SHORT).await;
    let sessions = sessions(&store);
    let tokens = several(&sessions, 60).await;
    let (node, _) = cluster.holder(0).await;
    node.freeze().await;
    let failed = store.end().await.unwrap_err();
    let kinds = [ErrorKind::Timeout, ErrorKind::Unavailable, ErrorKind::Unconfirmed];
    assert!(kinds.contains(&failed.kind()), "{failed}");
    node.thaw().await;
    cluster.ready().await;
    let mut standing = 0;
    for tag in (0..=u8::MAX).map(Tag) {
        let epochs = patiently(async || Ok(store.epochs(tag).await?)).await.unwrap();
        standing += usize::from(epochs.current.is_some());
    }
    assert!(standing < 60, "the other nodes have ended theirs");
    store.end().await.unwrap();
    for token in &tokens {
        assert!(read(&sessions, &copy(token)).await.is_err());
    }
}

/// An entry without an expiry is found on whichever node, and what lives stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_sweep_finds_what_has_no_expiry_on_every_node() {
    let cluster = OwnCluster::start(3, 0).await;
    let store = cluster.store(Timeouts::default()).await;
    let sessions = sessions(&store);
    let tokens = several(&sessions, 60).await;
    let mut spoilt = 0;
    for node in &cluster.nodes {
        for key in node.ask::<Vec<String>>(&["KEYS", "*:s:*"]).await.iter().take(2) {
            spoilt += node.ask::<u64>(&["PERSIST", key]).await;
        }
    }
    assert_eq!(spoilt, 6);
    let swept = store.sweep(1000).await.unwrap();
    assert_eq!((swept.examined, swept.without_expiry, swept.expired), (60, 6, 0));
    let mut there = 0;
    for token in &tokens {
        there += usize::from(read(&sessions, token).await.is_ok());
    }
    assert_eq!(there, 54);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_of_the_other_kind_is_refused() {
    let (cluster, alone) = (OwnCluster::start(3, 0).await, support::Own::start().await);
    let refused = builder(SHORT).connect(&cluster.nodes[0].url()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let refused = builder(SHORT).connect_cluster(&[&alone.url()]).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let refused = builder(SHORT).connect_cluster(&[]).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}
