//! The contract of aggregate stores, on the one in memory.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

use std::sync::Arc;

use evanesce_anonymize::MemoryAggregates;
use evanesce_core::{Erasable, Presence, Subject};
use evanesce_testkit::{ManualClock, aggregate};

fn store() -> MemoryAggregates {
    MemoryAggregates::new(Arc::new(ManualClock::new())).unwrap()
}

macro_rules! suite {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            aggregate::$name(&store()).await;
        }
    )*};
}

suite! {
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

#[tokio::test]
async fn groups_cannot_be_addressed_by_person() {
    let store: Arc<dyn Erasable> = Arc::new(store());
    let subject = Subject::new(b"somebody".to_vec());
    assert_eq!(store.presence(&subject).await, Ok(Presence::NotAddressable));
    assert_eq!(store.erase(&subject).await, Ok(0));
    assert_eq!(store.oldest_age().await, Ok(None));
    let ceiling = store.ceiling().await.unwrap();
    assert!(ceiling.keeps(store.class().ceiling()));
}
