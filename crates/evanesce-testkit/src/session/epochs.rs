//! The contract of epochs.

use super::*;

/// Of two that read the same newest number one begins.
pub async fn begin_is_conditional_on_the_newest_number(stores: &Stores) {
    let drain = stores.after(LATER);
    let (one, two) = (stores.epoch(1).await, stores.epoch(1).await);
    assert_eq!(stores.epochs.begin(TAG, 0, &one, drain).await.unwrap(), Write::Applied);
    assert_eq!(stores.epochs.begin(TAG, 0, &two, drain).await.unwrap(), Write::Conflict);
    let epochs = stores.epochs.epochs(TAG).await.unwrap();
    assert_eq!(epochs.current.unwrap().wrapped, one.wrapped);
    assert_eq!(epochs.newest, 1);
    assert!(stores.epochs.epochs(Tag(TAG.0 + 1)).await.unwrap().current.is_none());
}

/// A number that is not above the newest is refused.
pub async fn numbers_only_grow(stores: &Stores) {
    let first = stores.begin().await;
    let same = stores.epoch(first).await;
    let refused = stores.epochs.begin(TAG, first, &same, stores.after(LATER)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    let far = stores.epoch(first + 10).await;
    let begun = stores.epochs.begin(TAG, first, &far, stores.after(LATER)).await;
    assert_eq!(begun.unwrap(), Write::Applied);
    assert_eq!(stores.epochs.epochs(TAG).await.unwrap().newest, first + 10);
}

/// What was current drains, and what was draining is gone.
pub async fn a_begun_epoch_lets_the_one_before_drain(stores: &Stores) {
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(LATER)).await.number;
    let id = fresh_id(TAG);
    assert_eq!(stores.insert(&id, &stores.record(1, first, LATER)).await, Write::Applied);
    let third = stores.begin_after(second, stores.after(LATER)).await.number;
    let epochs = stores.epochs.epochs(TAG).await.unwrap();
    assert_eq!(epochs.current.unwrap().number, third);
    assert_eq!(epochs.draining.unwrap().number, second);
    assert_eq!(epochs.newest, third);
}

/// A draining epoch is gone at its time, and takes no writes from then on.
pub async fn a_draining_epoch_is_gone_at_its_time(stores: &Stores) {
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(SOON)).await.number;
    assert!(stores.epochs.epochs(TAG).await.unwrap().draining.is_some());
    stores.pass(SOON).await;
    let epochs = stores.epochs.epochs(TAG).await.unwrap();
    assert!(epochs.draining.is_none());
    assert_eq!(epochs.current.unwrap().number, second);
    let late = stores.record(1, first, LATER);
    assert_eq!(stores.insert(&fresh_id(TAG), &late).await, Write::Gone);
}

/// A drain that has passed ends at once what was current and draining.
pub async fn a_begin_without_time_to_drain_ends_what_was(stores: &Stores) {
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(LATER)).await.number;
    let third = stores.begin_after(second, Timestamp::from_millis(0)).await.number;
    let epochs = stores.epochs.epochs(TAG).await.unwrap();
    assert_eq!(epochs.current.unwrap().number, third);
    assert!(epochs.draining.is_none());
}

/// `end` removes the current and the draining secret of every tag, counts them, and
/// keeps the numbers.
pub async fn end_removes_every_secret(stores: &Stores) {
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(LATER)).await.number;
    let elsewhere = [Tag(0), Tag(255)];
    for tag in elsewhere {
        let epoch = stores.epoch(1).await;
        let begun = stores.epochs.begin(tag, 0, &epoch, stores.after(LATER)).await;
        assert_eq!(begun.unwrap(), Write::Applied);
    }
    assert_eq!(stores.epochs.end().await.unwrap(), 4);
    for (tag, newest) in [(TAG, second), (elsewhere[0], 1), (elsewhere[1], 1)] {
        let epochs = stores.epochs.epochs(tag).await.unwrap();
        assert!(epochs.current.is_none() && epochs.draining.is_none());
        assert_eq!(epochs.newest, newest);
    }
    assert_eq!(stores.epochs.end().await.unwrap(), 0);
    let next = stores.epoch(second + 1).await;
    let begun = stores.epochs.begin(TAG, second, &next, stores.after(LATER)).await;
    assert_eq!(begun.unwrap(), Write::Applied);
}
