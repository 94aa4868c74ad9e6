//! The contract of [`SessionStore`] and [`EpochStore`], of the [`Erasable`] that a
//! session store is, and of the [`Lease`].
//!
//! Each function wants an empty namespace of its own in [`Stores`]; a real server is
//! shared by giving every call another one.

mod epochs;
mod stores;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evanesce_core::{
    BoxFuture, Clock, Erasable, ErrorKind, Fence, Incarnation, Label, Lease, Lifetime, Presence,
    Subject, Timestamp,
};
use evanesce_crypto::{Padding, Sealed, random, random_secret, seal};
use evanesce_session::{
    EpochRecord, EpochStore, LookupId, Record, SessionStore, Tag, Version, Write,
};

pub use epochs::*;

/// One store, seen through each of its ports.
#[derive(Clone)]
pub struct Stores {
    /// The store of sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The store of epochs that belongs to it.
    pub epochs: Arc<dyn EpochStore>,
    /// The same store, as a purge sees it.
    pub erasable: Arc<dyn Erasable>,
    /// A clock that the store's own keeps step with.
    pub clock: Arc<dyn Clock>,
    /// Lets time pass: a manual clock is moved, for a server's own clock one waits.
    pub advance: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
}

/// A store that can be put back to what it was, as from a backup.
pub trait Restorable: Send + Sync {
    /// Keeps a copy of everything.
    fn save(&self) -> BoxFuture<'_, ()>;
    /// Puts the copy in the place of what is there, as a server does that comes back.
    fn restore(&self) -> BoxFuture<'_, ()>;
}

/// Gives every function of this contract that one store alone is enough for to a macro, as a
/// list of names: each store's tests make a test of each, and none is forgotten.
#[macro_export]
macro_rules! session_contract {
    ($apply:ident) => {
        $apply! {
            insert_refuses_an_existing_id
            insert_answers_with_the_epochs
            a_pair_is_what_two_fetches_give
            fetch_pair_refuses_another_tag
            fetch_gives_back_what_was_inserted
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
    };
}

const TAG: Tag = Tag(0x5e);
/// Long enough that no step of a test falls on it, short enough to wait for.
const SOON: Duration = Duration::from_millis(400);
const LATER: Duration = Duration::from_secs(3600);

/// `insert` refuses an id that exists, and leaves what is there.
pub async fn insert_refuses_an_existing_id(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, record) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    let other = stores.record(1, epoch, LATER);
    assert_eq!(stores.insert(&id, &other).await, Write::Conflict);
    assert_same(&stores.fetch(&id).await, &record);
}

/// However an insertion ends, the epochs come with it as they stood in that step: a
/// refused one can be sealed anew without another question.
pub async fn insert_answers_with_the_epochs(stores: &Stores) {
    let id = fresh_id(TAG);
    let early = stores.sessions.insert(&id, &stores.record(1, 1, LATER)).await.unwrap();
    assert_eq!(early.write, Write::Gone);
    assert_eq!(early.epochs.newest, 0);
    assert!(early.epochs.current.is_none() && early.epochs.draining.is_none());
    assert_eq!(early.epochs.incarnation, stores.incarnation().await);
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(LATER)).await;
    for (epoch, expected) in
        [(second.number, Write::Applied), (first, Write::Conflict), (7, Write::Gone)]
    {
        let inserted = stores.sessions.insert(&id, &stores.record(1, epoch, LATER)).await.unwrap();
        assert_eq!(inserted.write, expected);
        assert_eq!(inserted.epochs.newest, second.number);
        let current = inserted.epochs.current.unwrap();
        assert_eq!(current.number, second.number);
        assert_eq!(current.wrapped, second.wrapped);
        assert_eq!(current.incarnation, second.incarnation);
        assert_eq!(inserted.epochs.draining.unwrap().number, first);
    }
    let _ = stores.epochs.end().await.unwrap();
    let late = stores.sessions.insert(&fresh_id(TAG), &stores.record(1, 2, LATER)).await.unwrap();
    assert_eq!(late.write, Write::Gone);
    assert!(late.epochs.current.is_none() && late.epochs.draining.is_none());
    assert_eq!(late.epochs.newest, second.number);
}

/// A pair is what two fetches would give, whichever of the two is there.
pub async fn a_pair_is_what_two_fetches_give(stores: &Stores) {
    let epoch = stores.begin().await;
    let (one, two, none) = (fresh_id(TAG), fresh_id(TAG), fresh_id(TAG));
    let (first, second) = (stores.record(1, epoch, LATER), stores.record(4, epoch, SOON));
    assert_eq!(stores.insert(&one, &first).await, Write::Applied);
    assert_eq!(stores.insert(&two, &second).await, Write::Applied);
    let pair = stores.sessions.fetch_pair(&one, &two).await.unwrap();
    assert_same(&pair.first, &first);
    assert_same(&pair.second, &second);
    assert_eq!(pair.epochs.current.unwrap().number, epoch);
    assert_eq!(pair.epochs.newest, epoch);
    assert_eq!(pair.epochs.incarnation, stores.incarnation().await);
    let turned = stores.sessions.fetch_pair(&two, &one).await.unwrap();
    assert_same(&turned.first, &second);
    assert_same(&turned.second, &first);
    let half = stores.sessions.fetch_pair(&none, &one).await.unwrap();
    assert!(half.first.is_none());
    assert_same(&half.second, &first);
    stores.pass(SOON).await;
    let half = stores.sessions.fetch_pair(&one, &two).await.unwrap();
    assert_same(&half.first, &first);
    assert!(half.second.is_none(), "its time has passed");
}

/// Two ids of different tags would lie in different slots, and are refused.
pub async fn fetch_pair_refuses_another_tag(stores: &Stores) {
    let (one, two) = (fresh_id(TAG), fresh_id(Tag(TAG.0 + 1)));
    let refused = stores.sessions.fetch_pair(&one, &two).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

/// `fetch` gives back every field, the epochs of the tag and the incarnation.
pub async fn fetch_gives_back_what_was_inserted(stores: &Stores) {
    let first = stores.begin().await;
    let second = stores.begin_after(first, stores.after(LATER)).await;
    let (id, record) = (fresh_id(TAG), stores.record(7, second.number, LATER));
    assert!(stores.fetch(&id).await.is_none());
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    let fetched = stores.sessions.fetch(&id).await.unwrap();
    assert_same(&fetched.record, &record);
    assert_eq!(fetched.epochs.newest, second.number);
    assert_eq!(fetched.epochs.incarnation, stores.incarnation().await);
    let current = fetched.epochs.current.unwrap();
    assert_eq!(current.number, second.number);
    assert_eq!(current.wrapped, second.wrapped);
    assert_eq!(current.incarnation, second.incarnation);
    assert_eq!(fetched.epochs.draining.unwrap().number, first);
}

/// `replace` writes only over the version that was read.
pub async fn replace_is_conditional(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, first) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    let (second, third) = (stores.record(2, epoch, LATER), stores.record(3, epoch, LATER));
    assert_eq!(stores.replace(&id, 1, &second).await, Write::Gone);
    assert_eq!(stores.insert(&id, &first).await, Write::Applied);
    assert_eq!(stores.replace(&id, 2, &third).await, Write::Conflict);
    assert_same(&stores.fetch(&id).await, &first);
    assert_eq!(stores.replace(&id, 1, &second).await, Write::Applied);
    assert_eq!(stores.replace(&id, 1, &third).await, Write::Conflict);
    assert_same(&stores.fetch(&id).await, &second);
}

/// Of 16 concurrent replacements of one version exactly one is written.
pub async fn of_many_replacements_one_wins(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, first) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    assert_eq!(stores.insert(&id, &first).await, Write::Applied);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (stores, next) = (stores.clone(), stores.record(2, epoch, LATER));
            tokio::spawn(async move { (stores.replace(&id, 1, &next).await, next) })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (Write::Applied, record) => winners.push(record),
            (lost, _) => assert_eq!(lost, Write::Conflict),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_same(&stores.fetch(&id).await, &winners[0]);
}

/// A replacement that comes after `remove` writes nothing.
pub async fn replace_after_remove_is_gone(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, first) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    assert_eq!(stores.insert(&id, &first).await, Write::Applied);
    assert_eq!(stores.sessions.remove(&id).await.unwrap(), Write::Applied);
    assert_eq!(stores.replace(&id, 1, &stores.record(2, epoch, LATER)).await, Write::Gone);
    assert!(stores.fetch(&id).await.is_none());
}

/// `rename` leaves one record: the new one, under the new id.
pub async fn rename_moves_the_record(stores: &Stores) {
    let epoch = stores.begin().await;
    let (from, to) = (fresh_id(TAG), fresh_id(TAG));
    let (first, second) = (stores.record(1, epoch, LATER), stores.record(2, epoch, LATER));
    assert_eq!(stores.insert(&from, &first).await, Write::Applied);
    assert_eq!(stores.rename(&from, 1, &to, &second).await, Write::Applied);
    assert!(stores.fetch(&from).await.is_none());
    assert_same(&stores.fetch(&to).await, &second);
}

/// `rename` writes only over the version that was read, and onto no other session.
pub async fn rename_is_conditional(stores: &Stores) {
    let epoch = stores.begin().await;
    let (from, to, taken) = (fresh_id(TAG), fresh_id(TAG), fresh_id(TAG));
    let (first, third) = (stores.record(1, epoch, LATER), stores.record(3, epoch, LATER));
    assert_eq!(stores.insert(&from, &first).await, Write::Applied);
    assert_eq!(stores.insert(&taken, &first).await, Write::Applied);
    assert_eq!(stores.rename(&from, 2, &to, &third).await, Write::Conflict);
    assert_eq!(stores.rename(&from, 1, &taken, &third).await, Write::Conflict);
    assert_same(&stores.fetch(&from).await, &first);
    assert_same(&stores.fetch(&taken).await, &first);
    assert!(stores.fetch(&to).await.is_none());
}

/// A rename that comes after `remove` writes nothing under either id.
pub async fn rename_after_remove_is_gone(stores: &Stores) {
    let epoch = stores.begin().await;
    let (from, to) = (fresh_id(TAG), fresh_id(TAG));
    assert_eq!(stores.insert(&from, &stores.record(1, epoch, LATER)).await, Write::Applied);
    assert_eq!(stores.sessions.remove(&from).await.unwrap(), Write::Applied);
    assert_eq!(stores.rename(&from, 1, &to, &stores.record(2, epoch, LATER)).await, Write::Gone);
    assert!(stores.fetch(&from).await.is_none());
    assert!(stores.fetch(&to).await.is_none());
}

/// An id of another tag would lie in another slot, and is refused.
pub async fn rename_refuses_another_tag(stores: &Stores) {
    let epoch = stores.begin().await;
    let (from, to) = (fresh_id(TAG), fresh_id(Tag(TAG.0 + 1)));
    let record = stores.record(1, epoch, LATER);
    assert_eq!(stores.insert(&from, &record).await, Write::Applied);
    let next = stores.record(2, epoch, LATER);
    let refused = stores.sessions.rename(&from, Version(1), &to, &next).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    assert_same(&stores.fetch(&from).await, &record);
}

/// After `remove` nothing is found, and a second one finds nothing to remove.
pub async fn remove_leaves_nothing(stores: &Stores) {
    let epoch = stores.begin().await;
    let id = fresh_id(TAG);
    assert_eq!(stores.insert(&id, &stores.record(1, epoch, LATER)).await, Write::Applied);
    assert_eq!(stores.sessions.remove(&id).await.unwrap(), Write::Applied);
    assert!(stores.fetch(&id).await.is_none());
    assert_eq!(stores.sessions.remove(&id).await.unwrap(), Write::Gone);
}

/// Of 16 concurrent calls of `take` one gets the record, with its epochs.
pub async fn take_gives_a_record_once(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, record) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let stores = stores.clone();
            tokio::spawn(async move { stores.sessions.take(&id).await.unwrap() })
        })
        .collect();
    let mut given = 0;
    for task in tasks {
        let taken = task.await.unwrap();
        assert_eq!(taken.epochs.current.unwrap().number, epoch);
        if taken.record.is_some() {
            assert_same(&taken.record, &record);
            given += 1;
        }
    }
    assert_eq!(given, 1);
    assert!(stores.fetch(&id).await.is_none());
}

/// A record is there before its expiry and gone after it, for every operation.
pub async fn a_record_is_gone_at_its_expiry(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, other) = (fresh_id(TAG), fresh_id(TAG));
    let record = stores.record(1, epoch, SOON);
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    assert_eq!(stores.insert(&other, &stores.record(1, epoch, LATER)).await, Write::Applied);
    assert_same(&stores.fetch(&id).await, &record);
    stores.pass(SOON).await;
    assert!(stores.fetch(&id).await.is_none());
    let next = stores.record(2, epoch, LATER);
    assert_eq!(stores.replace(&id, 1, &next).await, Write::Gone);
    assert_eq!(stores.rename(&id, 1, &fresh_id(TAG), &next).await, Write::Gone);
    assert!(stores.sessions.take(&id).await.unwrap().record.is_none());
    assert_eq!(stores.sessions.remove(&id).await.unwrap(), Write::Gone);
    assert!(stores.fetch(&other).await.is_some());
}

/// A replacement moves the expiry with it, in either direction.
pub async fn the_expiry_is_that_of_the_last_write(stores: &Stores) {
    let epoch = stores.begin().await;
    let (longer, shorter) = (fresh_id(TAG), fresh_id(TAG));
    assert_eq!(stores.insert(&longer, &stores.record(1, epoch, SOON)).await, Write::Applied);
    assert_eq!(stores.insert(&shorter, &stores.record(1, epoch, LATER)).await, Write::Applied);
    assert_eq!(stores.replace(&longer, 1, &stores.record(2, epoch, LATER)).await, Write::Applied);
    assert_eq!(stores.replace(&shorter, 1, &stores.record(2, epoch, SOON)).await, Write::Applied);
    stores.pass(SOON).await;
    assert!(stores.fetch(&longer).await.is_some());
    assert!(stores.fetch(&shorter).await.is_none());
}

/// Neither `insert`, `replace` nor `rename` writes a record that has expired.
pub async fn an_expired_record_is_not_written(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, there) = (fresh_id(TAG), fresh_id(TAG));
    let mut past = stores.record(2, epoch, LATER);
    past.expiry = stores.clock.now().minus(Duration::from_secs(60));
    let record = stores.record(1, epoch, LATER);
    assert_eq!(stores.insert(&there, &record).await, Write::Applied);
    assert_eq!(stores.insert(&id, &past).await, Write::Gone);
    assert_eq!(stores.replace(&there, 1, &past).await, Write::Gone);
    assert_eq!(stores.rename(&there, 1, &id, &past).await, Write::Gone);
    assert!(stores.fetch(&id).await.is_none());
    assert_same(&stores.fetch(&there).await, &record);
}

/// An expiry beyond a day is cut, as [`Erasable::ceiling`] promises. Only a store whose
/// clock can be moved shows it by waiting; the adapter for a server reads its expiry.
pub async fn no_record_is_kept_longer_than_a_day(stores: &Stores) {
    let epoch = stores.begin().await;
    let day = Lifetime::MAX.duration();
    let (id, record) = (fresh_id(TAG), stores.record(1, epoch, 3 * day));
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    stores.pass(day).await;
    assert!(stores.fetch(&id).await.is_none());
}

/// What is sealed under an epoch that has ended, or was never begun, is not written.
pub async fn nothing_is_written_under_an_epoch_that_does_not_stand(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, other) = (fresh_id(TAG), fresh_id(TAG));
    assert_eq!(stores.insert(&id, &stores.record(1, epoch + 1, LATER)).await, Write::Gone);
    let record = stores.record(1, epoch, LATER);
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    let _ = stores.epochs.end().await.unwrap();
    assert_eq!(stores.insert(&other, &stores.record(1, epoch, LATER)).await, Write::Gone);
    let next = stores.record(2, epoch, LATER);
    assert_eq!(stores.replace(&id, 1, &next).await, Write::Gone);
    assert_eq!(stores.rename(&id, 1, &other, &next).await, Write::Gone);
    assert!(stores.fetch(&other).await.is_none());
}

/// A sweep looks at what is there, leaves what lives, and finds nothing without an
/// expiry.
pub async fn sweep_leaves_what_lives(stores: &Stores) {
    let epoch = stores.begin().await;
    let ids: Vec<LookupId> = (0..20).map(|_| fresh_id(TAG)).collect();
    for id in &ids {
        assert_eq!(stores.insert(id, &stores.record(1, epoch, LATER)).await, Write::Applied);
    }
    let gone = fresh_id(TAG);
    assert_eq!(stores.insert(&gone, &stores.record(1, epoch, SOON)).await, Write::Applied);
    stores.pass(SOON).await;
    let swept = stores.sessions.sweep(1000).await.unwrap();
    assert!(swept.examined >= 20, "it looked at every record");
    assert!(swept.expired <= 1, "a store may have forgotten it before");
    assert_eq!(swept.without_expiry, 0);
    for id in &ids {
        assert!(stores.fetch(id).await.is_some());
    }
    assert!(stores.fetch(&gone).await.is_none());
    assert_eq!(stores.sessions.sweep(1000).await.unwrap().expired, 0);
}

/// `reclaim` removes every record, more than one batch of them, and says how many, at each
/// batch and at the end.
pub async fn reclaim_removes_every_record(stores: &Stores) {
    let epoch = stores.begin().await;
    let ids: Vec<LookupId> = (0..1500).map(|_| fresh_id(TAG)).collect();
    for id in &ids {
        assert_eq!(stores.insert(id, &stores.record(1, epoch, LATER)).await, Write::Applied);
    }
    assert_eq!(stores.sessions.unreadable().await.unwrap(), 0);
    let _ = stores.epochs.end().await.unwrap();
    assert_eq!(stores.sessions.unreadable().await.unwrap(), 1500);
    let told = AtomicU64::new(0);
    let tell = |gone: u64| {
        assert!(gone > 0);
        told.fetch_add(gone, Ordering::SeqCst);
    };
    assert_eq!(stores.sessions.reclaim_observed(&tell).await.unwrap(), 1500);
    assert_eq!(told.load(Ordering::SeqCst), 1500);
    assert_eq!(stores.sessions.unreadable().await.unwrap(), 0);
    assert!(stores.fetch(&ids[0]).await.is_none());
    assert_eq!(stores.sessions.reclaim().await.unwrap(), 0);
    assert_eq!(stores.erasable.oldest_age().await.unwrap(), None);
}

/// What was opened after the end, under an epoch that stands, is left by `reclaim`; so is
/// what drains.
pub async fn reclaim_leaves_what_was_opened_since(stores: &Stores) {
    let first = stores.begin().await;
    let (purged, draining, since) = (fresh_id(TAG), fresh_id(TAG), fresh_id(TAG));
    assert_eq!(stores.insert(&purged, &stores.record(1, first, LATER)).await, Write::Applied);
    let _ = stores.epochs.end().await.unwrap();
    let second = stores.begin_after(first, stores.after(LATER)).await.number;
    let drains = stores.record(1, second, LATER);
    assert_eq!(stores.insert(&draining, &drains).await, Write::Applied);
    let third = stores.begin_after(second, stores.after(LATER)).await.number;
    let lives = stores.record(1, third, LATER);
    assert_eq!(stores.insert(&since, &lives).await, Write::Applied);
    assert_eq!(stores.sessions.unreadable().await.unwrap(), 1);
    assert_eq!(stores.sessions.reclaim().await.unwrap(), 1);
    assert_eq!(stores.sessions.unreadable().await.unwrap(), 0);
    assert!(stores.fetch(&purged).await.is_none());
    assert_same(&stores.fetch(&draining).await, &drains);
    assert_same(&stores.fetch(&since).await, &lives);
}

/// One life of a server has one incarnation, whoever asks.
pub async fn the_incarnation_is_stable(stores: &Stores) {
    let first = stores.sessions.incarnation().await.unwrap();
    assert_eq!(stores.sessions.incarnation().await.unwrap(), first);
    assert_eq!(stores.erasable.incarnation().await.unwrap(), first);
    let of_tag = stores.incarnation().await;
    assert!(of_tag.is_some(), "the server that holds the tag is known");
    assert_eq!(stores.incarnation().await, of_tag);
    assert_eq!(first.store(), stores.sessions.store());
}

/// What was erased is absent from then on; the positive control comes first.
pub async fn erasure_leaves_nothing_present(stores: &Stores) {
    let epoch = stores.begin().await;
    let (id, other) = (fresh_id(TAG), fresh_id(TAG));
    let (subject, bystander) = (id.to_subject(), other.to_subject());
    let presence = async |subject: &Subject| stores.erasable.presence(subject).await.unwrap();
    assert_eq!(presence(&subject).await, Presence::Absent);
    for id in [&id, &other] {
        assert_eq!(stores.insert(id, &stores.record(1, epoch, LATER)).await, Write::Applied);
    }
    assert_eq!(presence(&subject).await, Presence::Present);
    assert_eq!(stores.erasable.erase(&subject).await.unwrap(), 1);
    assert_eq!(presence(&subject).await, Presence::Absent);
    assert_eq!(presence(&bystander).await, Presence::Present);
    assert_eq!(stores.erasable.erase(&subject).await.unwrap(), 0);
    let foreign = Subject::new(vec![1, 2, 3]);
    let refused = stores.erasable.presence(&foreign).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

/// The age of the oldest record is measured from its opening.
pub async fn the_oldest_age_is_measured(stores: &Stores) {
    assert_eq!(stores.erasable.oldest_age().await.unwrap(), None);
    let epoch = stores.begin().await;
    let mut old = stores.record(1, epoch, LATER);
    old.opened = stores.clock.now().minus(Duration::from_secs(600));
    for record in [old, stores.record(1, epoch, LATER)] {
        assert_eq!(stores.insert(&fresh_id(TAG), &record).await, Write::Applied);
    }
    let age = stores.erasable.oldest_age().await.unwrap().unwrap();
    let around = Duration::from_secs(599)..Duration::from_secs(660);
    assert!(around.contains(&age));
}

/// A restored copy is another incarnation, and its epochs name the one before.
pub async fn a_restored_copy_is_another_incarnation(stores: &Stores, store: &dyn Restorable) {
    let (before, held) = (stores.sessions.incarnation().await.unwrap(), stores.incarnation().await);
    let epoch = stores.begin().await;
    let (id, record) = (fresh_id(TAG), stores.record(1, epoch, LATER));
    assert_eq!(stores.insert(&id, &record).await, Write::Applied);
    store.save().await;
    assert_eq!(stores.sessions.remove(&id).await.unwrap(), Write::Applied);
    store.restore().await;
    let after = stores.sessions.incarnation().await.unwrap();
    assert_ne!(before, after);
    let fetched = stores.sessions.fetch(&id).await.unwrap();
    assert_same(&fetched.record, &record);
    assert_eq!(fetched.epochs.incarnation, stores.incarnation().await);
    assert_ne!(fetched.epochs.incarnation, held);
    assert_eq!(Some(fetched.epochs.current.unwrap().incarnation), held);
}

/// A lease has one holder at a time, and each holder a higher fence.
pub async fn a_lease_has_one_holder(stores: &Stores, leases: &dyn Lease) {
    const SWEEP: Label = Label::new("sweep");
    const PURGE: Label = Label::new("purge");
    let first = leases.acquire(&SWEEP, LATER).await.unwrap().unwrap();
    assert_eq!(leases.acquire(&SWEEP, LATER).await.unwrap(), None);
    assert!(leases.acquire(&PURGE, LATER).await.unwrap().is_some());
    leases.release(&SWEEP, Fence(first.0 + 1000)).await.unwrap();
    assert_eq!(leases.acquire(&SWEEP, LATER).await.unwrap(), None);
    leases.release(&SWEEP, first).await.unwrap();
    let second = leases.acquire(&SWEEP, SOON).await.unwrap().unwrap();
    assert!(second > first);
    stores.pass(SOON).await;
    let third = leases.acquire(&SWEEP, LATER).await.unwrap().unwrap();
    assert!(third > second);
    leases.release(&SWEEP, second).await.unwrap();
    assert_eq!(leases.acquire(&SWEEP, LATER).await.unwrap(), None);
}

fn assert_same(found: &Option<Record>, written: &Record) {
    let found = found.as_ref().expect("the record is there");
    assert_eq!(found.version, written.version);
    assert_eq!(found.epoch, written.epoch);
    assert_eq!(found.opened, written.opened);
    assert_eq!(found.expiry, written.expiry);
    assert_eq!(found.absolute, written.absolute);
    assert_eq!(found.idle, written.idle);
    assert_eq!(found.last_seen, written.last_seen);
    assert!(found.sealed == written.sealed, "the ciphertext is the one that was written");
}

fn fresh_id(tag: Tag) -> LookupId {
    let mut id = [0; 32];
    random(&mut id).unwrap();
    LookupId::new(tag, id)
}

fn sealed() -> Sealed {
    let (key, value) = (random_secret(32).unwrap(), random_secret(100).unwrap());
    seal(&key, b"contract suite", &value, Padding::Classes).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    random(&mut bytes).unwrap();
    bytes
}
