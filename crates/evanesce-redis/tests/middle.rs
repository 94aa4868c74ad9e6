//! A server that breaks in the middle of an operation, while the request is on its way and
//! after it was done and before the answer arrived: every operation, and each request of an
//! update, with every way of breaking.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reports by panicking, in its helpers too, and says what it tried"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use evanesce_core::{Clock, SystemClock};
use evanesce_redis::{RedisStore, Timeouts};
use evanesce_session::Sessions;
use support::{Fault, Memory, Own, OwnCluster, Proxy, STEPS, Scene, Step, sessions};

const SHORT: Timeouts =
    Timeouts { connect: Duration::from_millis(500), response: Duration::from_millis(250) };
/// How long a request is on its way, and when the server breaks meanwhile.
const LATE: Duration = Duration::from_millis(90);
const BREAKS: Duration = Duration::from_millis(30);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Break {
    Full,
    Killed,
    Paused,
    /// Killed, and a replica takes its place.
    Promoted,
    ReadOnly,
    /// Killed, and put back from a dump in which what was destroyed still is.
    Restored,
}

impl Break {
    const fn memory(self) -> Memory {
        match self {
            Self::Full | Self::Paused => Memory::Same,
            Self::Killed | Self::Promoted | Self::ReadOnly | Self::Restored => Memory::Another,
        }
    }
}

/// Which half of the request the break meets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    OnItsWay,
    Done,
}

#[derive(Clone, Copy, Default)]
struct Count {
    tried: usize,
    told: usize,
    back: usize,
    lost: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_server_that_breaks_in_the_middle_brings_nothing_back_and_loses_nothing_silently() {
    let (full, killed, paused, read_only, restored) = tokio::join!(
        each_step(Break::Full),
        each_step(Break::Killed),
        each_step(Break::Paused),
        each_step(Break::ReadOnly),
        each_step(Break::Restored),
    );
    let all = [full, killed, paused, read_only, restored];
    let (mut sum, mut done) = (Count::default(), 0);
    for (how, counts) in all {
        for (when, count) in counts {
            print(&format!("{how:?}"), when, count);
            done += usize::from(when == When::Done) * count.told;
            sum = added(sum, count);
        }
    }
    assert_eq!((sum.back, sum.lost), (0, 0));
    assert_eq!(sum.tried, 5 * 2 * STEPS.len());
    assert!(sum.told > sum.tried / 2, "most of them are noticed: {}", sum.told);
    assert!(done > 0, "an answer that is lost is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_replica_promoted_in_the_middle_brings_nothing_back() {
    let mut sum = Count::default();
    for when in [When::OnItsWay, When::Done] {
        let mut count = Count::default();
        for step in STEPS {
            let primary = Own::start().await;
            let replica = Own::replica_of(&primary).await;
            let (proxy, store) = way_to(&primary).await;
            let sessions = sessions(&store);
            let copied = async || {
                let copies: u64 = primary.ask(&["WAIT", "1", "2000"]).await;
                assert_eq!(copies, 1);
            };
            let scene = Scene::set(&sessions, async || ()).await;
            copied().await;
            let breaking = async {
                primary.kill().await;
                replica.promote().await;
                proxy.lead_to(replica.port());
            };
            let tried = (&proxy, &*store, step, when);
            count = added(count, tried_once(&scene, tried, Break::Promoted, breaking).await);
        }
        print("Promoted", when, count);
        sum = added(sum, count);
    }
    assert_eq!((sum.back, sum.lost), (0, 0));
    assert_eq!(sum.tried, 2 * STEPS.len());
}

/// A cluster whose primaries break while what was sent to them waits in their sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn a_cluster_that_breaks_in_the_middle_brings_nothing_back_and_loses_nothing_silently() {
    let (paused, promoted, restored) = tokio::join!(
        each_step_of_a_cluster(Break::Paused, 0),
        each_step_of_a_cluster(Break::Promoted, 1),
        each_step_of_a_cluster(Break::Restored, 0),
    );
    let mut sum = Count::default();
    for (how, count) in [paused, promoted, restored] {
        print(&format!("{how:?}, all primaries"), When::OnItsWay, count);
        sum = added(sum, count);
    }
    assert_eq!((sum.back, sum.lost), (0, 0));
    assert_eq!(sum.tried, 3 * STEPS.len());
    assert!(sum.told > 0, "some of them are noticed");
}

async fn each_step_of_a_cluster(how: Break, replicas: usize) -> (Break, Count) {
    let mut count = Count::default();
    let mut cluster = OwnCluster::start(3, replicas).await;
    for (at, step) in STEPS.into_iter().enumerate() {
        if how == Break::Promoted && at > 0 {
            cluster = OwnCluster::start(3, replicas).await;
        }
        let store = cluster.store(SHORT).await;
        let sessions = sessions(&store);
        let (primaries, others) = cluster.nodes.split_at(3);
        let dump = async || {
            for node in primaries {
                node.dump().await;
            }
        };
        let scene = Scene::set(&sessions, dump).await;
        for node in primaries.iter().filter(|_| !others.is_empty()) {
            let copies: u64 = node.ask(&["WAIT", "1", "2000"]).await;
            assert_eq!(copies, 1);
        }
        // They do nothing for a while, and what is sent to them waits.
        let busy = primaries.iter().map(Own::sleep);
        let busy = futures_util::future::join_all(busy).await;
        let breaking = async {
            tokio::time::sleep(BREAKS).await;
            for node in primaries {
                match how {
                    Break::Paused => node.freeze().await,
                    _ => node.kill().await,
                }
            }
            tokio::time::sleep(2 * SHORT.response).await;
            for node in primaries {
                match how {
                    Break::Paused => node.thaw().await,
                    Break::Restored => node.start_again().await,
                    _ => {}
                }
            }
            for node in others {
                let _: String = node.ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await;
            }
            cluster.serves(if others.is_empty() { primaries } else { others }).await;
        };
        let (outcome, ()) = tokio::join!(scene.run(step, &store, || {}), breaking);
        drop(busy);
        let told = usize::from(outcome.error.is_some());
        let (back, lost) = scene.judge(step, how.memory(), outcome).await;
        if back + lost > 0 {
            println!("{how:?} {step:?}: {back} came back, {lost} lost");
        }
        count = added(count, Count { tried: 1, told, back, lost });
    }
    (how, count)
}

async fn each_step(how: Break) -> (Break, [(When, Count); 2]) {
    let own = Own::start().await;
    let (proxy, store) = way_to(&own).await;
    let sessions: Sessions = sessions(&store);
    let mut counts = [(When::OnItsWay, Count::default()), (When::Done, Count::default())];
    for (when, count) in &mut counts {
        for step in STEPS {
            let dump = async || drop(own.dump().await);
            let scene = Scene::set(&sessions, dump).await;
            let tried = (&proxy, &*store, step, *when);
            let breaking = async {
                happens(&own, how).await;
                // Longer than a client waits for an answer.
                tokio::time::sleep(2 * SHORT.response).await;
                ends(&own, how).await;
            };
            *count = added(*count, tried_once(&scene, tried, how, breaking).await);
        }
    }
    (how, counts)
}

async fn tried_once(
    scene: &Scene<'_>,
    (proxy, store, step, when): (&Proxy, &RedisStore, Step, When),
    how: Break,
    breaking: impl Future<Output = ()>,
) -> Count {
    let fault = match when {
        When::OnItsWay => Fault::Late(LATE),
        When::Done => Fault::Withhold,
    };
    let breaks = async {
        match when {
            When::OnItsWay => tokio::time::sleep(BREAKS).await,
            When::Done => proxy.withheld().await,
        }
        breaking.await;
    };
    let before = SystemClock.monotonic();
    let (outcome, ()) = tokio::join!(scene.run(step, store, || proxy.arm(fault)), breaks);
    let took = SystemClock.monotonic().saturating_sub(before);
    assert!(took < Duration::from_secs(8), "{step:?} when {how:?} took {took:?}");
    let told = usize::from(outcome.error.is_some());
    let (back, lost) = scene.judge(step, how.memory(), outcome).await;
    if back + lost > 0 {
        println!("{how:?} {when:?} {step:?}: {back} came back, {lost} lost");
    }
    Count { tried: 1, told, back, lost }
}

async fn way_to(own: &Own) -> (Proxy, Arc<RedisStore>) {
    let proxy = Proxy::to(own.port()).await;
    let store = support::builder(SHORT).connect(&proxy.url()).await.unwrap();
    (proxy, Arc::new(store))
}

async fn happens(own: &Own, how: Break) {
    match how {
        Break::Full => set(own, "maxmemory", "1").await,
        Break::Killed | Break::Promoted => own.kill().await,
        Break::Paused => own.freeze().await,
        Break::ReadOnly => {
            let _: String = own.ask(&["REPLICAOF", "127.0.0.1", "1"]).await;
        }
        Break::Restored => {
            own.kill().await;
            own.start_again().await;
        }
    }
}

async fn ends(own: &Own, how: Break) {
    match how {
        Break::Full => set(own, "maxmemory", "0").await,
        Break::Killed => own.start_again().await,
        Break::Paused => own.thaw().await,
        Break::Promoted | Break::Restored => {}
        Break::ReadOnly => {
            let _: String = own.ask(&["REPLICAOF", "NO", "ONE"]).await;
        }
    }
}

async fn set(own: &Own, setting: &str, value: &str) {
    let _: String = own.ask(&["CONFIG", "SET", setting, value]).await;
}

fn print(how: &str, when: When, count: Count) {
    let Count { tried, told, back, lost } = count;
    let when = match when {
        When::OnItsWay => "while the request is on its way",
        When::Done => "after it was done and before the answer",
    };
    println!("{how:<10} {when:<40} {tried} tried, {told} told, {back} came back, {lost} lost");
}

const fn added(one: Count, two: Count) -> Count {
    Count {
        tried: one.tried + two.tried,
        told: one.told + two.told,
        back: one.back + two.back,
        lost: one.lost + two.lost,
    }
}
