//! Every order of the in-memory store's own steps, which are finer than its commands: where
//! it takes a lock, and what another thread does then. Built with `--cfg loom` only.
#![cfg(loom)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evanesce_core::{Clock, SystemClock};
use evanesce_crypto::Sealed;
use evanesce_session::{
    EpochRecord, EpochStore, LookupId, MemoryStore, Record, SessionStore, Tag, Version, Write,
};
use loom::thread::{JoinHandle, spawn};

const TAG: Tag = Tag(0);
const ID: LookupId = LookupId::new(TAG, [7; 32]);
const TO: LookupId = LookupId::new(TAG, [200; 32]);

/// The store never waits: its futures are ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the in-memory store waited"),
    }
}

fn with_epoch() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)).unwrap());
    let incarnation = now(SessionStore::incarnation(&*store)).unwrap();
    let epoch = EpochRecord { number: 1, wrapped: [1, 2, 3].into(), incarnation };
    let drain = SystemClock.now();
    assert_eq!(now(store.begin(TAG, 0, &epoch, drain)).unwrap(), Write::Applied);
    store
}

fn with_record() -> Arc<MemoryStore> {
    let store = with_epoch();
    assert_eq!(now(store.insert(&ID, &record(1))).unwrap().write, Write::Applied);
    store
}

fn record(version: u64) -> Record {
    let now = SystemClock.now();
    let later = now.plus(Duration::from_secs(3600));
    let sealed = [&[1][..], &[version as u8; Sealed::MIN - 1]].concat();
    Record {
        version: Version(version),
        epoch: 1,
        opened: now,
        expiry: later,
        absolute: later,
        idle: Duration::from_secs(3600),
        last_seen: now,
        salt: [0; 16],
        sealed: Sealed::from_bytes(sealed).unwrap(),
    }
}

fn beside<T: 'static>(
    store: &Arc<MemoryStore>,
    work: impl FnOnce(&MemoryStore) -> T + 'static,
) -> JoinHandle<T> {
    let store = Arc::clone(store);
    spawn(move || work(&store))
}

fn found(store: &MemoryStore, id: &LookupId) -> Option<u64> {
    now(store.fetch(id)).unwrap().record.map(|record| record.version.0)
}

#[test]
fn a_removed_record_is_not_written_again() {
    loom::model(|| {
        let store = with_record();
        let replaced = beside(&store, |store| now(store.replace(&ID, Version(1), &record(2))));
        let renamed = beside(&store, |store| now(store.rename(&ID, Version(1), &TO, &record(2))));
        let removed = now(store.remove(&ID)).unwrap();
        let (replaced, renamed) =
            (replaced.join().unwrap().unwrap(), renamed.join().unwrap().unwrap());
        assert_eq!(found(&store, &ID), None, "removed, or moved before");
        assert_eq!(found(&store, &TO).is_some(), renamed == Write::Applied);
        assert_eq!(removed == Write::Gone, renamed == Write::Applied, "one of them had it");
        assert!(replaced != Write::Applied || renamed != Write::Applied, "one version, one write");
    });
}

#[test]
fn a_record_is_taken_once() {
    loom::model(|| {
        let store = with_record();
        let others: Vec<_> = (0..2)
            .map(|_| beside(&store, |store| now(store.take(&ID)).unwrap().record.is_some()))
            .collect();
        let ours = now(store.take(&ID)).unwrap().record.is_some();
        let taken = others.into_iter().map(|other| other.join().unwrap()).filter(|had| *had);
        assert_eq!(taken.count() + usize::from(ours), 1);
    });
}

#[test]
fn of_two_writes_over_one_version_one_wins() {
    loom::model(|| {
        let store = with_record();
        let other = beside(&store, |store| now(store.replace(&ID, Version(1), &record(2))));
        let inserted =
            beside(&store, |store| now(store.insert(&ID, &record(9))).map(|done| done.write));
        let ours = now(store.replace(&ID, Version(1), &record(3))).unwrap();
        let other = other.join().unwrap().unwrap();
        assert_eq!(inserted.join().unwrap().unwrap(), Write::Conflict);
        assert_ne!(ours, other);
        assert_eq!(found(&store, &ID), Some(if ours == Write::Applied { 3 } else { 2 }));
    });
}

/// An insertion and its epochs are one step: whoever is told that it was written is told of
/// an epoch that stood then; and after the end none stands.
#[test]
fn nothing_is_written_after_its_epoch_ended() {
    loom::model(|| {
        let store = with_epoch();
        let inserted = beside(&store, |store| now(store.insert(&ID, &record(1))).unwrap());
        let ended = now(store.end()).unwrap();
        assert_eq!(ended, 1);
        let late = now(store.insert(&TO, &record(1))).unwrap();
        assert_eq!(late.write, Write::Gone);
        let inserted = inserted.join().unwrap();
        assert_eq!(inserted.write == Write::Applied, inserted.epochs.current.is_some());
        assert!(now(store.fetch(&ID)).unwrap().epochs.current.is_none());
    });
}

/// What a restored copy brings back is never seen under the incarnation of before.
#[test]
fn a_restored_record_is_seen_under_another_incarnation() {
    loom::model(|| {
        let store = with_record();
        let (copy, before) = (store.snapshot(), now(SessionStore::incarnation(&*store)).unwrap());
        assert_eq!(now(store.remove(&ID)).unwrap(), Write::Applied);
        let restored = beside(&store, move |store| store.restore(&copy).unwrap());
        let fetched = now(store.fetch(&ID)).unwrap();
        assert!(fetched.record.is_none() || fetched.epochs.incarnation != Some(before));
        restored.join().unwrap();
        assert_eq!(found(&store, &ID), Some(1));
    });
}

#[test]
fn a_sweep_beside_a_renewal_leaves_what_was_renewed() {
    loom::model(|| {
        let store = with_record();
        let swept = beside(&store, |store| now(store.sweep(10)).unwrap());
        let renewed = now(store.replace(&ID, Version(1), &record(2))).unwrap();
        assert_eq!(renewed, Write::Applied);
        assert_eq!(swept.join().unwrap().expired, 0);
        assert_eq!(found(&store, &ID), Some(2));
    });
}
