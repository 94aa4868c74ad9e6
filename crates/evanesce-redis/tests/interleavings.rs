//! Every order, at the granularity of store commands, of concurrent operations on Redis
//! and on Redis Cluster; see `evanesce_testkit::interleavings`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use std::sync::Arc;

use evanesce_core::{BoxFuture, Clock, SystemClock};
use evanesce_redis::{RedisStore, Timeouts};
use evanesce_testkit::ManualClock;
use evanesce_testkit::interleavings::{self as orders, Ground};
use support::{Own, OwnCluster, builder};

fn ground(store: RedisStore) -> Ground {
    let store = Arc::new(store);
    Ground {
        namespace: orders::fresh_namespace(),
        sessions: Arc::clone(&store) as _,
        epochs: store,
        clock: ManualClock::at(SystemClock.now()),
        backups: None,
    }
}

fn alone(own: &Own) -> impl Fn() -> BoxFuture<'static, Ground> + Send + Sync + use<> {
    let url = own.url();
    move || {
        let url = url.clone();
        Box::pin(async move { ground(builder(Timeouts::default()).connect(&url).await.unwrap()) })
    }
}

fn clustered(
    cluster: &OwnCluster,
) -> impl Fn() -> BoxFuture<'static, Ground> + Send + Sync + use<> {
    let url = cluster.nodes[0].url();
    move || {
        let url = url.clone();
        Box::pin(async move {
            ground(builder(Timeouts::default()).connect_cluster(&[&url]).await.unwrap())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn operations_in_every_order_on_one_server() {
    let own = Own::start().await;
    let grounds = alone(&own);
    let two = orders::two_operations_in_every_order("Redis", &grounds).await;
    assert!(two > 500, "each pair has several orders: {two}");
    let three = orders::three_operations_in_many_orders("Redis", &grounds, 1).await;
    assert!(three >= 560, "560 times three of fourteen: {three}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: cargo xtask services up redis"]
async fn operations_in_every_order_on_a_cluster() {
    let cluster = OwnCluster::start(3, 0).await;
    let grounds = clustered(&cluster);
    let two = orders::two_operations_in_every_order("Redis Cluster", &grounds).await;
    assert!(two > 500, "each pair has several orders: {two}");
    let three = orders::three_operations_in_many_orders("Redis Cluster", &grounds, 1).await;
    assert!(three >= 560, "560 times three of fourteen: {three}");
}
