//! Every order, at the granularity of store commands, of concurrent operations on the
//! in-memory store; see `evanesce_testkit::interleavings`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

use std::sync::Arc;

use evanesce_core::BoxFuture;
use evanesce_session::MemoryStore;
use evanesce_testkit::ManualClock;
use evanesce_testkit::interleavings::{self as orders, Backup, Copies, Done, Ground, Op, World};

#[tokio::test]
async fn two_operations_in_every_order() {
    let tried = orders::two_operations_in_every_order("memory", &orders::in_memory).await;
    assert!(tried > 800, "136 pairs, most of them with several orders: {tried}");
}

#[tokio::test]
async fn three_operations_in_many_orders() {
    let tried = orders::three_operations_in_many_orders("memory", &orders::in_memory, 2).await;
    assert!(tried >= 2 * 816, "816 times three of sixteen: {tried}");
}

/// A ground whose store a test can make lie.
fn lying() -> (Ground, Arc<Copies>) {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
    let copies = Arc::new(Copies::of(Arc::clone(&store)));
    let ground = Ground {
        namespace: orders::fresh_namespace(),
        sessions: Arc::clone(&store) as _,
        epochs: store,
        clock,
        backups: Some(Arc::clone(&copies) as _),
    };
    (ground, copies)
}

/// The judge itself: a store that resurrects is found out.
#[tokio::test]
#[should_panic(expected = "it came back")]
async fn a_resurrection_is_noticed() {
    let (ground, copies) = lying();
    let world = World::new(ground).await;
    let destroyed = world.sessions().destroy(world.token()).await;
    copies.rewind(Backup::Replica);
    let destroyed = Done::Destroyed(destroyed.map_err(|failed| failed.error));
    world.judge(&[Op::Destroy], vec![destroyed]).await;
}

#[tokio::test]
#[should_panic(expected = "an update was lost")]
async fn a_lost_update_is_noticed() {
    let (ground, copies) = lying();
    let world = World::new(ground).await;
    let updated = world.sessions().update(&world.token(), |value: &mut u64| *value += 1).await;
    copies.rewind(Backup::Replica);
    world.judge(&[Op::Update], vec![Done::Updated(updated)]).await;
}

#[tokio::test]
#[should_panic(expected = "lost without a trace")]
async fn a_lost_session_is_noticed() {
    let (ground, copies) = lying();
    let world = World::new(ground).await;
    let rotated = world.sessions().rotate(world.token()).await;
    copies.rewind(Backup::Replica);
    let rotated = Done::Rotated(rotated.map_err(|failed| failed.error));
    world.judge(&[Op::Rotate], vec![rotated]).await;
}

/// The ground is made anew for each order: the factory has the type that a server's has.
#[tokio::test]
async fn each_ground_has_a_name_of_its_own() {
    let grounds: &(dyn Fn() -> BoxFuture<'static, Ground> + Send + Sync) = &orders::in_memory;
    assert_ne!(grounds().await.namespace, grounds().await.namespace);
}
