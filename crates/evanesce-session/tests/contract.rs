//! The contract suite on the in-memory store.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_core::BoxFuture;
use evanesce_session::{MemoryStore, Snapshot};
use evanesce_testkit::ManualClock;
use evanesce_testkit::session::{self as suite, Restorable, Stores};

fn stores() -> (Stores, Arc<MemoryStore>) {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())).unwrap());
    let moved = clock.clone();
    let advance = move |duration: Duration| -> BoxFuture<'static, ()> {
        moved.advance(duration);
        Box::pin(async {})
    };
    let stores = Stores {
        sessions: store.clone(),
        epochs: store.clone(),
        erasable: store.clone(),
        clock: Arc::new(clock),
        advance: Arc::new(advance),
    };
    (stores, store)
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            suite::$name(&stores().0).await;
        })*
    };
}

evanesce_testkit::session_contract!(contract);

contract! {
    no_record_is_kept_longer_than_a_day
}

#[tokio::test]
async fn a_lease_has_one_holder() {
    let (stores, store) = stores();
    suite::a_lease_has_one_holder(&stores, &*store).await;
}

struct Backup(Arc<MemoryStore>, Mutex<Option<Snapshot>>);

impl Restorable for Backup {
    fn save(&self) -> BoxFuture<'_, ()> {
        *self.1.lock().unwrap() = Some(self.0.snapshot());
        Box::pin(async {})
    }

    fn restore(&self) -> BoxFuture<'_, ()> {
        self.0.restore(self.1.lock().unwrap().as_ref().unwrap()).unwrap();
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_restored_copy_is_another_incarnation() {
    let (stores, store) = stores();
    let backup = Backup(store, Mutex::new(None));
    suite::a_restored_copy_is_another_incarnation(&stores, &backup).await;
}

#[tokio::test]
async fn the_ceiling_grows_while_nobody_sweeps() {
    let (stores, _) = stores();
    suite::insert_refuses_an_existing_id(&stores).await;
    let hour = Duration::from_secs(3600);
    let worst = async || stores.sessions.ceiling().await.unwrap().worst.unwrap();
    assert_eq!(worst().await, 24 * hour, "what a record may be given");
    (stores.advance)(25 * hour).await;
    assert_eq!(worst().await, 26 * hour, "its hour is over, and nobody came by since");
    assert_eq!(stores.sessions.sweep(10).await.unwrap().overdue, 24 * hour);
    assert_eq!(worst().await, 24 * hour);
}
