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

contract! {
    insert_refuses_an_existing_id
    insert_answers_with_the_epochs
    fetch_gives_back_what_was_inserted
    a_pair_is_what_two_fetches_give
    fetch_pair_refuses_another_tag
    replace_is_conditional
    of_many_replacements_one_wins
    replace_after_remove_is_gone
    rename_moves_the_record
    rename_is_conditional
    rename_after_remove_is_gone
    rename_refuses_another_tag
    remove_leaves_nothing
    take_gives_a_record_once
    a_record_is_gone_at_its_expiry
    the_expiry_is_that_of_the_last_write
    an_expired_record_is_not_written
    no_record_is_kept_longer_than_a_day
    nothing_is_written_under_an_epoch_that_does_not_stand
    begin_is_conditional_on_the_newest_number
    numbers_only_grow
    a_begun_epoch_lets_the_one_before_drain
    a_draining_epoch_is_gone_at_its_time
    a_begin_without_time_to_drain_ends_what_was
    end_removes_every_secret
    sweep_leaves_what_lives
    reclaim_removes_every_record
    reclaim_leaves_what_was_opened_since
    the_incarnation_is_stable
    erasure_leaves_nothing_present
    the_oldest_age_is_measured
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
