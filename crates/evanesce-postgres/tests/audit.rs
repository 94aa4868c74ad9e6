//! One audit log on a real server: connections that end at any point, several nodes at
//! once, older states and forks of the tables. Nothing acknowledged is lost, nothing is
//! written twice, and nothing that went back is taken for the log.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what the tests share reports by panicking, and the matrices print their counts"
)]

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::proxy::{Cut, Proxy, port_of, through};
use common::{House, with_house};
use evanesce_audit::{
    AuditError, AuditStore, CheckpointKeeper, Log, LogParts, MemoryKeeper, Origin, verify,
};
use evanesce_core::{Append, DataClass, Entry, ErrorKind, Operation, Timestamp};
use evanesce_crypto::{SigningKey, VerifyingKey, sha256};
use evanesce_postgres::PostgresStore;
use evanesce_testkit::ManualClock;
use tokio_postgres::Client;

const ORIGIN: &str = "example.org/audit";

macro_rules! server_test {
    ($name:ident, |$house:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        #[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
        async fn $name() {
            with_house(|$house| async move $body).await;
        }
    };
}

/// A log's key, which all of its nodes have.
struct Key(evanesce_crypto::Root);

impl Key {
    fn new() -> Self {
        Self(evanesce_crypto::Root::generate().unwrap())
    }

    fn signing(&self) -> SigningKey {
        SigningKey::from_root(&self.0, b"audit").unwrap()
    }

    fn verifying(&self) -> VerifyingKey {
        self.signing().verifying_key()
    }

    async fn open(
        &self,
        store: PostgresStore,
        keeper: &Arc<MemoryKeeper>,
    ) -> Result<Log, AuditError> {
        Log::open(LogParts {
            store: Arc::new(store),
            keeper: Arc::clone(keeper) as Arc<dyn CheckpointKeeper>,
            signer: self.signing(),
            origin: Origin::new(ORIGIN).unwrap(),
            clock: Arc::new(ManualClock::new()),
        })
        .await
    }
}

fn unique(n: u64) -> Entry {
    let at = Timestamp::from_millis(1_767_225_600_000);
    Entry::new(at, Operation::SessionOpened, DataClass::Ephemeral)
        .with_commitment(sha256(&n.to_be_bytes()))
}

/// Counts acknowledged entries that are not where they were said to be, and entries
/// that are in the log twice.
async fn judge(log: &Log, key: &VerifyingKey, acks: &[(u64, u64)]) -> (usize, usize) {
    log.fsck().await.unwrap();
    let mut lost = 0;
    for (index, n) in acks {
        let place = log.prove(*index).await.unwrap();
        lost += usize::from(verify(&unique(*n), &place, key, ORIGIN).is_err());
    }
    let mut seen = HashMap::new();
    let mut at = 0;
    while at < log.size() {
        for logged in log.entries(at..log.size()).await.unwrap() {
            *seen.entry(logged.entry.unwrap().commitment().copied().unwrap()).or_insert(0) += 1;
            at = logged.index + 1;
        }
    }
    (lost, seen.values().filter(|times| **times > 1).count())
}

server_test!(a_connection_that_ends_anywhere_loses_no_entry_and_writes_none_twice, |house| {
    let (key, keeper) = (Key::new(), Arc::new(MemoryKeeper::new()));
    let direct = house.store().await;
    key.open(direct.clone(), &keeper).await.unwrap();
    let (mut acks, mut tried, mut next) = (Vec::new(), 0, 0);
    for cut in [Cut::Asked, Cut::Answered] {
        for at in 0.. {
            let proxy = Proxy::start(port_of(&house.url), cut, at, None).await;
            let url = through(&house.url, proxy.port);
            if let Ok(store) = PostgresStore::connect(&url, &house.tls, &house.namespace).await
                && let Ok(log) = key.open(store, &keeper).await
            {
                for _ in 0..4 {
                    next += 1;
                    if let Ok(place) = log.append(unique(next)).await {
                        acks.push((place.index, next));
                    }
                }
            }
            if proxy.parts() <= at {
                break;
            }
            tried += 1;
        }
    }
    let log = key.open(direct, &keeper).await.unwrap();
    let (lost, twice) = judge(&log, &key.verifying(), &acks).await;
    println!(
        "connections: ended at {tried} points, {} of {next} entries acknowledged, {lost} lost, {twice} twice",
        acks.len()
    );
    assert!(tried > 30, "{tried}");
    // A read is asked again and a lost answer is looked up, so that few appends fail.
    assert!(acks.len() * 10 > usize::try_from(next).unwrap() * 9);
    assert_eq!((lost, twice), (0, 0));
});

server_test!(two_nodes_whose_statements_are_ended_lose_no_entry, |house| {
    let key = Arc::new(Key::new());
    let done = Arc::new(AtomicBool::new(false));
    // The schema, before anybody is ended.
    drop(house.store().await);
    let killer = tokio::spawn({
        let (house, done) = (Arc::clone(&house), Arc::clone(&done));
        async move {
            let client = house.client().await;
            // Each append takes a moment, so that there is somebody to end.
            client
                .batch_execute(
                    "CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                     PERFORM pg_sleep(0.004); RETURN NEW; END $$; \
                     CREATE TRIGGER linger BEFORE UPDATE ON audit_head \
                     FOR EACH ROW EXECUTE FUNCTION linger()",
                )
                .await
                .unwrap();
            // Whoever works on this log's head at this moment.
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks \
                 WHERE relation = 'audit_head'::regclass AND pid <> pg_backend_pid()";
            let mut ended = 0;
            while !done.load(Ordering::SeqCst) {
                ended += client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
                tokio::time::sleep(Duration::from_millis(11)).await;
            }
            ended
        }
    });
    let mut writers = Vec::new();
    for node in 0..2u64 {
        let keeper = Arc::new(MemoryKeeper::new());
        let store = house.store().await;
        let log = loop {
            // Its first reading may be ended too.
            match key.open(store.clone(), &keeper).await {
                Ok(log) => break Arc::new(log),
                Err(AuditError::Store(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        for writer in 0..6u64 {
            let log = Arc::clone(&log);
            writers.push(tokio::spawn(async move {
                let mut acks = Vec::new();
                for n in 0..25 {
                    let n = node * 10_000 + writer * 100 + n;
                    if let Ok(place) = log.append(unique(n)).await {
                        acks.push((place.index, n));
                    }
                }
                acks
            }));
        }
    }
    let mut acks = Vec::new();
    for writer in writers {
        acks.extend(writer.await.unwrap());
    }
    done.store(true, Ordering::SeqCst);
    let ended = killer.await.unwrap();
    let log = key.open(house.store().await, &Arc::new(MemoryKeeper::new())).await.unwrap();
    let (lost, twice) = judge(&log, &key.verifying(), &acks).await;
    println!(
        "two nodes: {ended} statements ended, {} of 300 entries acknowledged, {lost} lost, {twice} twice",
        acks.len()
    );
    assert!(ended > 3 && acks.len() > 100, "{ended} {}", acks.len());
    assert_eq!((lost, twice), (0, 0));
});

async fn keep_state(client: &Client, name: &str) {
    let sql = format!(
        "CREATE TABLE leaf_{name} AS SELECT * FROM audit_leaf; \
         CREATE TABLE head_{name} AS SELECT * FROM audit_head"
    );
    client.batch_execute(&sql).await.unwrap();
}

async fn put_back(client: &Client, name: &str) {
    let sql = format!(
        "BEGIN; DELETE FROM audit_leaf; DELETE FROM audit_head; \
         INSERT INTO audit_leaf SELECT * FROM leaf_{name}; \
         INSERT INTO audit_head SELECT * FROM head_{name}; COMMIT"
    );
    client.batch_execute(&sql).await.unwrap();
}

/// A log of eight entries whose state after each is kept, and its keeper.
async fn eight(house: &House, key: &Key) -> (Client, Arc<MemoryKeeper>) {
    let (client, keeper) = (house.client().await, Arc::new(MemoryKeeper::new()));
    let log = key.open(house.store().await, &keeper).await.unwrap();
    keep_state(&client, "0").await;
    for n in 1..=8 {
        log.append(unique(n)).await.unwrap();
        keep_state(&client, &n.to_string()).await;
    }
    (client, keeper)
}

server_test!(an_older_state_and_a_fork_are_noticed_at_start_and_while_it_runs, |house| {
    let key = Key::new();
    let (client, keeper) = eight(&house, &key).await;
    let (mut tried, mut undetected) = (0, 0);
    for older in 0..8u64 {
        // How much the copy goes on by itself: not at all, to the same size, beyond.
        for more in [0, 8 - older, 10 - older] {
            put_back(&client, "8").await;
            let running = key.open(house.store().await, &keeper).await.unwrap();
            put_back(&client, &older.to_string()).await;
            let fork = key.open(house.store().await, &Arc::new(MemoryKeeper::new())).await.unwrap();
            for n in 0..more {
                fork.append(unique(1_000 + n)).await.unwrap();
            }
            let found = running.append(unique(9)).await.map_err(|error| error.kind());
            undetected += usize::from(found != Err(ErrorKind::Foreign));
            let found = key.open(house.store().await, &keeper).await.err();
            let expected = if more == 0 { AuditError::RolledBack } else { AuditError::Forked };
            undetected += usize::from(found != Some(expected));
            assert_eq!(AuditStore::size(&house.store().await).await, Ok(older + more));
            tried += 2;
        }
    }
    println!("older states and forks of the tables: {tried} tried, {undetected} undetected");
    assert_eq!(undetected, 0);
    // The log that was there goes on.
    put_back(&client, "8").await;
    let log = key.open(house.store().await, &keeper).await.unwrap();
    let place = log.append(unique(9)).await.unwrap();
    verify(&unique(9), &place, &key.verifying(), ORIGIN).unwrap();
});
