//! The privacy budget on a real server: processes that are killed and connections that
//! end at any point of a release, and nodes that release at once. No release is without
//! its debit, no debit without its release, and nothing is spent twice.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what the tests share reports by panicking, and the matrices print their counts"
)]

mod common;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::proxy::{Cut, Proxy, Victim, port_of, through};
use common::{House, with_house};
use evanesce_anonymize::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
use evanesce_core::{Digest, Error, ErrorKind, Namespace, Timestamp};
use evanesce_postgres::PostgresStore;

const TABLE: &str = "composed";
const DEBIT: u64 = 250_000;
const DAY: u64 = 86_400_000;
/// How often all points are gone through at most.
const ROUNDS: usize = 5;
/// Says to a process of this test that it is the one to be killed: URL, namespace and
/// window.
const CHILD: &str = "EVANESCE_BUDGET_CHILD";

macro_rules! server_test {
    ($name:ident, |$house:ident| $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        #[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
        async fn $name() {
            with_house(|$house| async move $body).await;
        }
    };
}

/// Each window is released on a day of its own, so that each makes its partitions too.
fn tables(window: WindowId) -> Vec<ReleasedTable> {
    let row = |label: &str, value| ReleasedRow { labels: vec![label.to_owned()], value, margin: 3 };
    vec![ReleasedTable {
        table: TABLE.to_owned(),
        window,
        at: Timestamp::from_millis(window.0 * DAY),
        rows: vec![row("energy", 40), row("travel", 30)],
    }]
}

/// What a node does with a window: two folds, a look at the ledger, the release. It is
/// what `Folds` asks of the store, without a key to wait for.
async fn fold_and_release(store: &PostgresStore, window: WindowId) -> Result<(), Error> {
    for batch in 1..3 {
        let batch = Digest::new([batch; 32]);
        let partial = SealedPartial { window, batch, sealed: vec![7; 200] };
        match store.fold(&partial).await {
            Ok(Folded::Added | Folded::Repeated) => {}
            Err(error) => return Err(error),
        }
    }
    let spent = store.spent(window).await?;
    store.release(&Release { window, spent, debit: DEBIT, tables: tables(window) }).await
}

/// After whatever happened to a node, another one goes on as `Folds` does: it asks the
/// ledger, and releases what was not released.
async fn go_on(store: &PostgresStore, window: WindowId) -> bool {
    let spent = store.spent(window).await.unwrap();
    let (at_once, shown) = (spent.micro_epsilon > 0, !shown(store, window).await.is_empty());
    assert_eq!((at_once, shown), (spent.is_released, spent.is_released), "{window:?} {spent:?}");
    if !spent.is_released {
        fold_and_release(store, window).await.unwrap();
    }
    spent.is_released
}

async fn shown(store: &PostgresStore, window: WindowId) -> Vec<ReleasedTable> {
    let tables = store.released(TABLE).await.unwrap();
    tables.into_iter().filter(|table| table.window == window).collect()
}

/// Counts windows that lack their release or their debit, and those with more than one.
async fn judge(store: &PostgresStore, windows: u64) -> (usize, usize) {
    let mut times: BTreeMap<WindowId, usize> = BTreeMap::new();
    for table in store.released(TABLE).await.unwrap() {
        assert_eq!(table.rows, tables(table.window)[0].rows);
        *times.entry(table.window).or_default() += 1;
    }
    let (mut lost, mut double) = (0, 0);
    for window in (1..=windows).map(WindowId) {
        let spent = store.spent(window).await.unwrap();
        let times = times.get(&window).copied().unwrap_or_default();
        lost += usize::from(times == 0 || spent.micro_epsilon < DEBIT || !spent.is_released);
        double += usize::from(times > 1 || spent.micro_epsilon > DEBIT);
        assert!(store.partials(window).await.unwrap().is_empty());
    }
    (lost, double)
}

server_test!(a_connection_that_ends_anywhere_loses_no_debit_and_makes_none_twice, |house| {
    let direct = house.store().await;
    let (mut tried, mut window, mut told, mut unknown) = (0, 0, 0, 0);
    // What passes at once differs from time to time, so that a round may miss the commit.
    for cut in [Cut::Asked, Cut::Answered].into_iter().cycle().take(2 * ROUNDS) {
        if cut == Cut::Asked && unknown > 0 {
            break;
        }
        for at in 0.. {
            let proxy = Proxy::start(port_of(&house.url), cut, at, None).await;
            let url = through(&house.url, proxy.port);
            window += 1;
            let window = WindowId(window);
            if let Ok(store) = PostgresStore::connect(&url, &house.tls, &house.namespace).await {
                let outcome = fold_and_release(&store, window).await;
                let is_released = direct.spent(window).await.unwrap().is_released;
                match outcome {
                    // What was acknowledged is there.
                    Ok(()) => {
                        assert!(is_released);
                        told += 1;
                    }
                    // A release may be there only if the error says that nobody knows.
                    Err(error) => {
                        assert!(
                            !is_released || error.kind() == ErrorKind::Unconfirmed,
                            "{error:?}"
                        );
                        unknown += usize::from(error.kind() == ErrorKind::Unconfirmed);
                    }
                }
            }
            go_on(&direct, window).await;
            if proxy.parts() <= at {
                break;
            }
            tried += 1;
        }
    }
    let (lost, double) = judge(&direct, window).await;
    println!(
        "budget, connections: ended at {tried} points, {window} windows, {told} acknowledged, \
         {unknown} unconfirmed, {lost} lost, {double} double"
    );
    // The answer to a commit gets lost once; most of the rest is asked again.
    assert!(tried > 30 && told > 30 && unknown > 0, "{tried} {told} {unknown}");
    assert_eq!((lost, double), (0, 0));
});

#[test]
#[ignore = "needs PostgreSQL: cargo xtask services up postgres"]
fn a_process_that_is_killed_anywhere_loses_no_debit_and_makes_none_twice() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::var(CHILD) {
        Ok(what) => runtime.block_on(victim(&what)),
        Err(_) => runtime.block_on(with_house(kill_everywhere)),
    }
}

/// The process that is killed.
async fn victim(what: &str) {
    let [url, namespace, window] = what.split('|').collect::<Vec<_>>().try_into().unwrap();
    let tls = evanesce_tls::Tls::builder().ca_file(common::variable("EVANESCE_TLS_CA"));
    let namespace = Namespace::new(namespace).unwrap();
    let store = PostgresStore::connect(url, &tls.build().unwrap(), &namespace).await.unwrap();
    fold_and_release(&store, WindowId(window.parse().unwrap())).await.unwrap();
}

async fn kill_everywhere(house: Arc<House>) {
    let direct = house.store().await;
    let (mut killed, mut window, mut acknowledged, mut before) = (0, 0, 0, 0);
    let mut cuts = 0;
    for cut in [Cut::Asked, Cut::Answered].into_iter().cycle().take(2 * ROUNDS) {
        if cut == Cut::Asked && before > 0 {
            break;
        }
        cuts += 1;
        for at in 0.. {
            window += 1;
            let victim: Victim = Arc::new(Mutex::new(None));
            let started = Arc::clone(&victim);
            let proxy = Proxy::start(port_of(&house.url), cut, at, Some(victim)).await;
            let url = through(&house.url, proxy.port);
            let status = start(&started, &format!("{url}|{}|{window}", house.namespace)).await;
            let is_killed = proxy.parts() > at;
            assert_eq!(status.success(), !is_killed, "only who is not killed comes to an end");
            acknowledged += usize::from(status.success());
            let was_released = go_on(&direct, WindowId(window)).await;
            assert!(was_released || is_killed, "what was acknowledged is there");
            before += usize::from(was_released && is_killed);
            if !is_killed {
                break;
            }
            killed += 1;
        }
    }
    let (lost, double) = judge(&direct, window).await;
    println!(
        "budget, kill -9: killed at {killed} points, of which {before} after the commit, \
         {acknowledged} not killed, {lost} lost, {double} double"
    );
    // One is killed after the server committed and before it heard of it.
    assert!(killed > 30 && before > 0 && acknowledged == cuts, "{killed} {before} {acknowledged}");
    assert_eq!((lost, double), (0, 0));
}

/// Starts this test's program as the victim, and waits for its end.
async fn start(victim: &Victim, what: &str) -> std::process::ExitStatus {
    let name = "a_process_that_is_killed_anywhere_loses_no_debit_and_makes_none_twice";
    // Nothing passes the proxy before the process is in its place.
    *victim.lock().unwrap() = Some(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--include-ignored"])
            .env(CHILD, what)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    loop {
        if let Some(status) = victim.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

server_test!(nodes_that_release_at_once_spend_a_budget_once, |house| {
    const WINDOWS: u64 = 12;
    const NODES: usize = 4;
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(house.store().await);
    }
    let mut won = 0;
    for window in (1..=WINDOWS).map(WindowId) {
        // Everybody has read the ledger before anybody writes.
        let release =
            Release { window, spent: Spent::default(), debit: DEBIT, tables: tables(window) };
        let attempts = nodes.iter().map(|node| {
            let (node, release) = (node.clone(), release.clone());
            tokio::spawn(async move { node.release(&release).await })
        });
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => won += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
            }
        }
        // Nor is it spent again by whoever reads the ledger later.
        let spent = nodes[0].spent(window).await.unwrap();
        let again = Release { spent, ..release };
        assert_eq!(nodes[1].release(&again).await.unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(won, WINDOWS);
    assert_eq!(judge(&nodes[0], WINDOWS).await, (0, 0));
});
