//! The contract suites on a real server, and what several nodes do to each other.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what the tests share reports by panicking"
)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{variable, with_house};
use evanesce_anonymize::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
use evanesce_audit::AuditStore;
use evanesce_core::{
    Digest, Erasable, ErrorKind, Fence, Lease, Presence, Reading, Standing, Subject, SystemClock,
    Timestamp, label,
};
use evanesce_postgres::PostgresStore;
use evanesce_purge::ErasureJournal;
use evanesce_testkit::ManualClock;

const DAY: u64 = 86_400_000;
// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000;

macro_rules! suite {
    ($module:ident: $($name:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                #[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
                async fn $name() {
                    crate::with_house(|house| async move {
                        evanesce_testkit::$module::$name(&house.store().await).await;
                    })
                    .await;
                }
            )*
        }
    };
}

suite! {
    aggregate:
    a_ceiling_covers_age_and_interval,
    a_fold_is_idempotent_by_batch,
    a_release_debits_and_forgets,
    a_release_is_conditional,
    a_released_window_takes_no_fold,
    discard_drops_partials_unread,
    enforce_removes_whole_tables_by_age,
    of_two_releases_one_wins,
    oldest_is_the_first_release,
    released_tables_are_read_back,
    windows_are_listed_oldest_first,
}

suite! {
    audit:
    appends_in_order,
    begins_empty,
    keeps_any_bytes,
    prunes_whole_tiles_and_keeps_hashes,
    reads_ranges,
    refuses_another_size,
}

suite! {
    journal:
    begins_empty,
    keeps_any_bytes,
    lists_the_oldest_first,
    puts_once,
    takes_off,
}

macro_rules! server_test {
    ($name:ident, |$house:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        #[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
        async fn $name() {
            with_house(|$house| async move $body).await;
        }
    };
}

server_test!(one_appender_wins, |house| {
    evanesce_testkit::audit::one_appender_wins(Arc::new(house.store().await)).await;
});

server_test!(an_audit_log_survives_reopening, |house| {
    let store: Box<dyn AuditStore> = Box::new(house.store().await);
    evanesce_testkit::audit::survives_reopening(store, &|old| {
        let house = Arc::clone(&house);
        Box::pin(async move {
            drop(old);
            Box::new(house.store().await) as Box<dyn AuditStore>
        })
    })
    .await;
});

server_test!(many_put_and_take_off_at_once, |house| {
    evanesce_testkit::journal::many_at_once(Arc::new(house.store().await)).await;
});

server_test!(a_journal_survives_reopening, |house| {
    let store: Box<dyn ErasureJournal> = Box::new(house.store().await);
    evanesce_testkit::journal::survives_reopening(store, &|old| {
        let house = Arc::clone(&house);
        Box::pin(async move {
            drop(old);
            Box::new(house.store().await) as Box<dyn ErasureJournal>
        })
    })
    .await;
});

server_test!(groups_cannot_be_addressed_by_person, |house| {
    let clock = ManualClock::new();
    let now = evanesce_core::Clock::now(&clock);
    let store = house.store().await.with_clock(Arc::new(clock));
    let subject = Subject::new(b"somebody".to_vec());
    assert_eq!(store.presence(&subject).await, Ok(Presence::NotAddressable));
    assert_eq!(store.erase(&subject).await, Ok(0));
    assert_eq!(store.oldest_age().await, Ok(None));
    let two_days = Duration::from_millis(2 * DAY);
    AggregateStore::release(&store, &release(1, now.minus(two_days).as_millis(), &["a"]))
        .await
        .unwrap();
    assert_eq!(store.oldest_age().await, Ok(Some(two_days)));
    assert!(Erasable::ceiling(&store).await.unwrap().keeps(store.class().ceiling()));
});

async fn append_until_taken(store: &PostgresStore, word: &str) {
    loop {
        let size = AuditStore::size(store).await.unwrap();
        let leaves = [format!("{word}/0").into_bytes(), format!("{word}/1").into_bytes()];
        match store.append(size, &leaves, word).await {
            Ok(()) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
        }
    }
}

// Four nodes, eight tasks, ten appends each: no leaf is lost, none comes twice, and
// each task's leaves lie in its order.
server_test!(many_nodes_append_to_one_log, |house| {
    let mut tasks = Vec::new();
    for node in 0..4 {
        let store = house.store().await;
        for task in 0..2 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                for nth in 0..10 {
                    append_until_taken(&store, &format!("{node}/{task}/{nth:02}")).await;
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let store = house.store().await;
    let leaves = store.leaves(0, 1000).await.unwrap();
    let words: Vec<String> =
        leaves.into_iter().map(|leaf| String::from_utf8(leaf.bytes.unwrap()).unwrap()).collect();
    assert_eq!(words.len(), 160);
    assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), 160);
    for pair in words.chunks(2) {
        assert_eq!(
            pair[0].strip_suffix("/0"),
            pair[1].strip_suffix("/1"),
            "an append lies together"
        );
    }
    for (node, task) in (0..4).flat_map(|node| (0..2).map(move |task| (node, task))) {
        let prefix = format!("{node}/{task}/");
        assert!(words.iter().filter(|word| word.starts_with(&prefix)).is_sorted());
    }
    let newest = store.checkpoint().await.unwrap().unwrap();
    assert!(words[159].starts_with(&newest), "the checkpoint is that of the last append");
});

server_test!(nodes_that_start_together_migrate_once, |house| {
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move { drop(house.store().await) })
        })
        .collect();
    for start in starts {
        start.await.unwrap();
    }
    let store = house.store().await;
    store.migrate().await.unwrap();
    let rows = house.client().await.query("SELECT version FROM migration", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i32>(0)).collect::<Vec<_>>(), [1]);
});

server_test!(a_newer_schema_is_refused, |house| {
    drop(house.store().await);
    let client = house.client().await;
    client.execute("INSERT INTO migration (version) VALUES (1000)", &[]).await.unwrap();
    let refused = PostgresStore::connect(&house.url, &house.tls, &house.namespace).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Refused);
});

server_test!(a_schema_that_was_made_anew_is_another_incarnation, |house| {
    let before = AuditStore::incarnation(&house.store().await).await.unwrap();
    let drop = format!("DROP SCHEMA \"{}\" CASCADE", house.schema);
    house.client().await.batch_execute(&drop).await.unwrap();
    let after = AuditStore::incarnation(&house.store().await).await.unwrap();
    assert_ne!(before, after);
});

/// A lease lapses by the server's clock, which no test can move: this waits for real.
async fn acquire_when_lapsed(store: &PostgresStore) -> Fence {
    for _ in 0..200 {
        let fence = store.acquire(&label!("sweeper"), Duration::from_secs(60)).await.unwrap();
        if let Some(fence) = fence {
            return fence;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the lease does not lapse");
}

server_test!(one_node_holds_a_lease_and_fences_grow, |house| {
    let (one, two) = (house.store().await, house.store().await);
    let (name, other) = (label!("sweeper"), label!("keeper"));
    let minute = Duration::from_secs(60);
    let first = one.acquire(&name, minute).await.unwrap().unwrap();
    assert_eq!(two.acquire(&name, minute).await, Ok(None));
    assert!(two.acquire(&other, minute).await.unwrap().is_some(), "names are apart");
    Lease::release(&two, &name, Fence(first.0 + 1)).await.unwrap();
    assert_eq!(two.acquire(&name, minute).await, Ok(None), "another's fence releases nothing");
    Lease::release(&one, &name, first).await.unwrap();
    let second = two.acquire(&name, Duration::from_millis(300)).await.unwrap().unwrap();
    assert!(second > first);
    assert_eq!(one.acquire(&name, minute).await, Ok(None));
    let third = acquire_when_lapsed(&one).await;
    assert!(third > second);
    Lease::release(&two, &name, second).await.unwrap();
    assert_eq!(two.acquire(&name, minute).await, Ok(None), "a late holder takes nothing away");
});

server_test!(of_many_nodes_one_gets_a_lease, |house| {
    let store = house.store().await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store.acquire(&label!("race"), Duration::from_secs(60)).await.unwrap()
            })
        })
        .collect();
    let mut holders = 0;
    for task in tasks {
        holders += usize::from(task.await.unwrap().is_some());
    }
    assert_eq!(holders, 1);
});

server_test!(checks_are_measured_and_commits_wait_for_the_disk, |house| {
    // A role or a database may have this default; ours is set after it.
    let url = format!("{}?options=-c%20synchronous_commit%3Doff", house.url);
    let store = PostgresStore::connect(&url, &house.tls, &house.namespace).await.unwrap();
    let checks = store.checks(&SystemClock).await;
    let reading = |fact: &str| {
        let found = checks.iter().find(|evidence| evidence.fact().as_str() == fact).unwrap();
        assert_eq!(found.standing(), Standing::Measured, "{fact}");
        found.reading().unwrap().clone()
    };
    let word = |text: &str| Reading::Word(evanesce_core::Label::parse(text).unwrap());
    assert_eq!(reading("TLS on this connection"), Reading::Holds(true));
    assert_eq!(reading("TLS version of this connection"), word("TLSv1.3"));
    assert_eq!(reading("synchronous_commit"), word("on"));
    assert_eq!(reading("role without privileges over others"), Reading::Holds(true));
    for fact in
        ["fsync", "log_statement", "archive_mode", "wal_level", "log_min_duration_statement"]
    {
        let sql = format!("SELECT current_setting('{fact}')");
        let truth: String = house.client().await.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(reading(fact), word(&truth));
    }
    assert!(matches!(reading("replicas that are connected"), Reading::Count(_)));
});

server_test!(a_fold_writes_exactly_its_bytes_and_no_table_has_a_person, |house| {
    let store = house.store().await;
    let sealed: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let batch = Digest::new([7; 32]);
    let partial = SealedPartial { window: WindowId(3), batch, sealed: sealed.clone() };
    assert_eq!(store.fold(&partial).await, Ok(Folded::Added));
    let client = house.client().await;
    let row = client.query_one("SELECT window_id, batch, sealed FROM partial", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
    assert_eq!(row.get::<_, &[u8]>(1), batch.as_bytes());
    assert_eq!(row.get::<_, &[u8]>(2), sealed);
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = $1::text::regnamespace \
        AND relkind IN ('r', 'p', 'm', 'v', 'f') ORDER BY 1";
    let schema = format!("\"{}\"", house.schema);
    let names: Vec<String> =
        client.query(tables, &[&schema]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let expected = [
        "audit_head",
        "audit_leaf",
        "journal",
        "lease",
        "migration",
        "partial",
        "released_row",
        "released_table",
        "window_ledger",
    ];
    assert_eq!(names, expected);
});

async fn segment(house: &common::House) -> String {
    let sql = "SELECT pg_walfile_name(pg_current_wal_lsn())";
    house.client().await.query_one(sql, &[]).await.unwrap().get(0)
}

/// Whether the segments of the write-ahead log from `first` to the current one hold a
/// word. Later files are old ones that wait to be overwritten.
async fn wal_holds(house: &common::House, first: &str, word: &[u8]) -> bool {
    let last = segment(house).await;
    let folder = Path::new(&variable("EVANESCE_POSTGRES_DATA")).join("pg_wal");
    let files = std::fs::read_dir(&folder).expect("the write-ahead log of the server is readable");
    let mut segments = 0;
    let mut is_held = false;
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.len() == 24 && (first..=last.as_str()).contains(&name) {
            segments += 1;
            let bytes = std::fs::read(&path).unwrap();
            is_held |= bytes.windows(word.len()).any(|found| found == word);
        }
    }
    assert!(segments > 0, "no segment was read");
    is_held
}

server_test!(the_write_ahead_log_holds_a_category_only_after_its_release, |house| {
    let store = house.store().await;
    let label = format!("topic-{}", house.namespace);
    let ciphertext: Vec<u8> = evanesce_crypto::sha256(label.as_bytes()).as_bytes().repeat(4);
    let partial = SealedPartial {
        window: WindowId(1),
        batch: Digest::new([1; 32]),
        sealed: ciphertext.clone(),
    };
    let first = segment(&house).await;
    store.fold(&partial).await.unwrap();
    let ciphertext = &ciphertext[..32];
    let is_there = wal_holds(&house, &first, ciphertext).await;
    assert!(is_there, "a positive control: the fold is in the log");
    assert!(!wal_holds(&house, &first, label.as_bytes()).await);
    // Several rows, because the end of a page may lie within one.
    let labels = [label.as_str(); 4];
    AggregateStore::release(&store, &release(1, START, &labels)).await.unwrap();
    let is_there = wal_holds(&house, &first, label.as_bytes()).await;
    assert!(is_there, "a positive control: the release is in the log");
});

server_test!(folds_and_a_release_at_once_leave_nothing_behind, |house| {
    let (one, two) = (house.store().await, house.store().await);
    for window in 1..=5 {
        let folds: Vec<_> = (0..24u8)
            .map(|batch| {
                let store = if batch % 2 == 0 { one.clone() } else { two.clone() };
                tokio::spawn(async move {
                    let batch = Digest::new([batch; 32]);
                    let sealed = vec![0; 100];
                    store.fold(&SealedPartial { window: WindowId(window), batch, sealed }).await
                })
            })
            .collect();
        AggregateStore::release(&one, &release(window, START, &["a"])).await.unwrap();
        for fold in folds {
            match fold.await.unwrap() {
                Ok(folded) => assert_eq!(folded, Folded::Added),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Expired),
            }
        }
        assert_eq!(two.windows().await, Ok(Vec::new()));
    }
});

server_test!(a_large_table_with_any_labels_is_read_back, |house| {
    let store = house.store().await;
    let mut large = release(9, START + 5, &[]);
    large.tables[0].rows = (0..5000)
        .map(|nth| ReleasedRow {
            labels: vec![format!("{nth}"), "\u{2014} ' \" \\ \n ,{}".to_owned(), String::new()],
            value: i64::MIN + nth,
            margin: nth as u64,
        })
        .collect();
    large.tables.push(large.tables[0].clone());
    large.tables[1].rows = vec![ReleasedRow { labels: vec![], value: 0, margin: 0 }];
    AggregateStore::release(&store, &large).await.unwrap();
    assert!(store.released("composed").await == Ok(large.tables), "read back as it was");
});

server_test!(what_the_server_cannot_store_is_invalid_and_writes_nothing, |house| {
    let store = house.store().await;
    let mut unfit = vec![release(u64::MAX, START, &["a"]), release(1, START, &["nul \0"])];
    unfit.push(release(1, START, &["a"]));
    unfit[2].tables[0].rows[0].margin = u64::MAX;
    for release in &unfit {
        assert_eq!(
            AggregateStore::release(&store, release).await.unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
    let costly = Release { debit: u64::MAX, ..release(1, START, &["a"]) };
    assert_eq!(
        AggregateStore::release(&store, &costly).await.unwrap_err().kind(),
        ErrorKind::Exhausted
    );
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
    assert_eq!(store.oldest().await, Ok(None));
    AggregateStore::release(&store, &release(1, START, &["a"])).await.unwrap();
});

server_test!(enforce_drops_the_partitions_themselves, |house| {
    let store = house.store().await;
    for (window, at) in [(1, START), (2, START + DAY - 1), (3, START + DAY)] {
        AggregateStore::release(&store, &release(window, at, &["a"])).await.unwrap();
    }
    let partitions = "SELECT relname::text FROM pg_class WHERE relispartition AND relkind = 'r' \
        AND relnamespace = $1::text::regnamespace ORDER BY 1";
    let client = house.client().await;
    let schema = format!("\"{}\"", house.schema);
    assert_eq!(client.query(partitions, &[&schema]).await.unwrap().len(), 4);
    // The first instant of the day decides, so that nothing in it is kept too long.
    assert_eq!(store.enforce(Timestamp::from_millis(START)).await, Ok(2));
    let left = client.query(partitions, &[&schema]).await.unwrap();
    assert_eq!(
        left.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(),
        ["released_row_d20455", "released_table_d20455"]
    );
    assert_eq!(store.oldest().await, Ok(Some(Timestamp::from_millis(START + DAY))));
});

fn release(window: u64, at: u64, labels: &[&str]) -> Release {
    let row = |label: &&str| ReleasedRow { labels: vec![(*label).to_owned()], value: 1, margin: 2 };
    Release {
        window: WindowId(window),
        spent: Spent::default(),
        debit: 10,
        tables: vec![ReleasedTable {
            table: "composed".to_owned(),
            window: WindowId(window),
            at: Timestamp::from_millis(at),
            rows: labels.iter().map(row).collect(),
        }],
    }
}
