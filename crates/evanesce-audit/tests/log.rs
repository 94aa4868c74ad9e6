//! The log on faulty, racing and rolled back stores.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::Arc;
use std::task::{Context, Waker};

use common::{Fault, Faulty, ORIGIN, entry, key, open, parts, unique};
use evanesce_audit::{
    AuditError, AuditStore, CheckpointKeeper, Continuity, Log, MemoryAudit, MemoryKeeper, Rules,
    Summary, root_of, verify, verify_consistency,
};
use evanesce_core::{Append, DataClass, Digest, Entry, ErrorKind, Operation};

async fn stored(store: &dyn AuditStore) -> Vec<Entry> {
    let leaves = store.leaves(0, 10_000).await.unwrap();
    leaves.into_iter().map(|l| evanesce_audit::decode(&l.bytes.unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn an_entry_is_proven_offline_when_it_is_answered_and_later() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    let log = open(&store, &keeper).await.unwrap();
    assert_eq!(log.continuity(), Continuity::Fresh);
    let mut first = Vec::new();
    for n in 0..600 {
        let place = log.append(entry(n)).await.unwrap();
        assert_eq!(place.index, n);
        first.push(place);
    }
    for n in [0u64, 1, 255, 256, 300, 511, 512, 599] {
        let early = verify(&entry(n), &first[n as usize], &key(), ORIGIN).unwrap();
        assert_eq!(early.size, n + 1);
        let late = verify(&entry(n), &log.prove(n).await.unwrap(), &key(), ORIGIN).unwrap();
        assert_eq!(late.size, 600);
        let consistency = log.consistency(n + 1, 600).await.unwrap();
        assert!(verify_consistency(n + 1, 600, &consistency, &early.root, &late.root));
        let other = verify(&entry(n + 1), &first[n as usize], &key(), ORIGIN);
        assert_eq!(other, Err(AuditError::Unproven));
    }
    assert_eq!(log.fsck().await.unwrap().leaves, 600);
    assert_eq!(log.prove(600).await, Err(AuditError::OutOfRange));
}

#[tokio::test]
async fn a_log_is_opened_again_and_goes_on() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    for round in 0..5u64 {
        let log = open(&store, &keeper).await.unwrap();
        assert_eq!(log.size(), round * 100);
        for n in 0..100 {
            log.append(entry(n)).await.unwrap();
        }
    }
    let log = open(&store, &keeper).await.unwrap();
    assert_eq!(log.continuity(), Continuity::Proven);
    let hashes: Vec<Digest> =
        store.leaves(0, 1000).await.unwrap().iter().map(|leaf| leaf.hash).collect();
    let place = log.prove(499).await.unwrap();
    assert_eq!(verify(&entry(99), &place, &key(), ORIGIN).unwrap().root, root_of(&hashes));
}

#[tokio::test]
async fn a_restored_backup_is_rolled_back_and_a_copy_that_went_on_is_a_fork() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    let log = open(&store, &keeper).await.unwrap();
    for n in 0..5 {
        log.append(entry(n)).await.unwrap();
    }
    let backup = Arc::new(store.copy());
    for n in 5..8 {
        log.append(entry(n)).await.unwrap();
    }
    assert_eq!(open(&backup, &keeper).await.err(), Some(AuditError::RolledBack));

    // The copy goes on under a keeper of its own, beyond what ours has seen.
    let own = Arc::new(MemoryKeeper::new());
    let fork = open(&backup, &own).await.unwrap();
    assert_eq!(fork.continuity(), Continuity::Unwitnessed);
    for n in 100..110 {
        fork.append(entry(n)).await.unwrap();
    }
    assert_eq!(open(&backup, &keeper).await.err(), Some(AuditError::Forked));
    assert_eq!(
        open(&Arc::new(MemoryAudit::new()), &keeper).await.err(),
        Some(AuditError::RolledBack)
    );
}

#[tokio::test]
async fn a_store_that_goes_back_under_a_running_log_is_noticed() {
    let keeper = Arc::new(MemoryKeeper::new());
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), keeper.clone())).await.unwrap();
    log.append(entry(0)).await.unwrap();
    let backup = faulty.inner().copy();
    log.append(entry(1)).await.unwrap();
    faulty.replace(backup);
    let error = log.append(entry(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Foreign);
    assert_eq!(faulty.inner().size().await.unwrap(), 1);
}

#[tokio::test]
async fn another_key_or_name_is_not_this_log() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    open(&store, &keeper).await.unwrap().append(entry(0)).await.unwrap();
    let mut other = parts(store.clone(), keeper.clone());
    other.signer = evanesce_crypto::SigningKey::generate().unwrap();
    assert_eq!(Log::open(other).await.err(), Some(AuditError::Unsigned));
    let mut other = parts(store, keeper);
    other.origin = evanesce_audit::Origin::new("other.example/audit").unwrap();
    assert_eq!(Log::open(other).await.err(), Some(AuditError::Unsigned));
}

#[tokio::test]
async fn changed_leaves_are_noticed_at_start() {
    let keeper = Arc::new(MemoryKeeper::new());
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), keeper.clone())).await.unwrap();
    for n in 0..3 {
        log.append(entry(n)).await.unwrap();
    }
    // Another entry with its own right hash, then one whose bytes are not its hash's.
    let text = faulty.inner().checkpoint().await.unwrap().unwrap();
    let forged = MemoryAudit::new();
    let leaves: Vec<Vec<u8>> =
        [0, 9, 2].iter().map(|n| evanesce_audit::encode(&entry(*n)).unwrap()).collect();
    forged.append(0, &leaves, &text).await.unwrap();
    faulty.replace(forged);
    let fresh = Arc::new(MemoryKeeper::new());
    let error = Log::open(parts(faulty.clone(), fresh)).await.err();
    assert_eq!(error, Some(AuditError::Corrupt));
    assert_eq!(Log::open(parts(faulty, keeper)).await.err(), Some(AuditError::Forked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_share_one_log() {
    let store = Arc::new(MemoryAudit::new());
    let nodes = [MemoryKeeper::new(), MemoryKeeper::new()].map(Arc::new);
    let mut tasks = Vec::new();
    for (node, keeper) in nodes.iter().enumerate() {
        let log = Arc::new(open(&store, keeper).await.unwrap());
        for writer in 0..8u64 {
            let log = Arc::clone(&log);
            tasks.push(tokio::spawn(async move {
                let mut places = Vec::new();
                for n in 0..20 {
                    let entry = unique(node as u64 * 10_000 + writer * 100 + n);
                    let place = log.append(entry.clone()).await.unwrap();
                    verify(&entry, &place, &key(), ORIGIN).unwrap();
                    places.push(place.index);
                }
                places
            }));
        }
    }
    let mut places = Vec::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    places.sort_unstable();
    assert_eq!(places, (0..320).collect::<Vec<u64>>());
    let log = open(&store, &nodes[0]).await.unwrap();
    assert_eq!(log.fsck().await.unwrap().leaves, 320);
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_written_once() {
    for fault in [Fault::WrittenUnanswered, Fault::UnwrittenUnanswered, Fault::WrittenLate] {
        let keeper = Arc::new(MemoryKeeper::new());
        let faulty = Faulty::new();
        let log = Log::open(parts(faulty.clone(), keeper.clone())).await.unwrap();
        log.append(unique(0)).await.unwrap();
        faulty.once(fault);
        let place = log.append(unique(1)).await.unwrap();
        verify(&unique(1), &place, &key(), ORIGIN).unwrap();
        let place = log.append(unique(2)).await.unwrap();
        verify(&unique(2), &place, &key(), ORIGIN).unwrap();
        assert_eq!(
            stored(&*faulty.inner()).await,
            vec![unique(0), unique(1), unique(2)],
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_found_out_is_unconfirmed_and_never_doubled() {
    // Without a commitment, an equal entry of another node cannot be told from ours.
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
    faulty.once(Fault::WrittenUnanswered);
    let error = log.append(entry(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    log.append(entry(2)).await.unwrap();
    assert_eq!(stored(&*faulty.inner()).await, vec![entry(1), entry(2)]);
}

#[tokio::test]
async fn a_store_that_is_down_fails_the_append_and_the_log_goes_on_after() {
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
    log.append(unique(0)).await.unwrap();
    faulty.once(Fault::Down);
    assert_eq!(log.append(unique(1)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    faulty.once(Fault::Panics);
    assert_eq!(log.append(unique(2)).await.unwrap_err().kind(), ErrorKind::Unconfirmed);
    let place = log.append(unique(3)).await.unwrap();
    verify(&unique(3), &place, &key(), ORIGIN).unwrap();
    assert_eq!(stored(&*faulty.inner()).await, vec![unique(0), unique(3)]);
}

#[tokio::test]
async fn an_entry_whose_checkpoint_was_not_kept_is_not_acknowledged() {
    struct Deaf;
    impl CheckpointKeeper for Deaf {
        fn newest(
            &self,
        ) -> evanesce_core::BoxFuture<'_, Result<Option<String>, evanesce_core::Error>> {
            Box::pin(async { Ok(None) })
        }
        fn keep<'a>(
            &'a self,
            _: &'a str,
        ) -> evanesce_core::BoxFuture<'a, Result<(), evanesce_core::Error>> {
            let error = evanesce_core::Error::new(
                ErrorKind::Unavailable,
                evanesce_core::StoreKind::Folder,
                "full",
            );
            Box::pin(async move { Err(error) })
        }
    }
    let log = Log::open(parts(Arc::new(MemoryAudit::new()), Arc::new(Deaf))).await.unwrap();
    assert_eq!(log.append(unique(0)).await.unwrap_err().kind(), ErrorKind::Unconfirmed);
}

#[tokio::test]
async fn a_waiter_may_be_dropped_at_any_poll_and_the_others_are_answered() {
    // Every poll of the store's append is pending three times before it goes on.
    for polls in 0..8 {
        let faulty = Faulty::slow(3);
        let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
        let log = Arc::new(log);
        let mut leader = log.append(unique(0));
        let mut context = Context::from_waker(Waker::noop());
        let mut done = false;
        for _ in 0..polls {
            done = leader.as_mut().poll(&mut context).is_ready();
            if done {
                break;
            }
        }
        drop(leader);
        let other = tokio::spawn({
            let log = Arc::clone(&log);
            async move { log.append(unique(1)).await }
        });
        let place = other.await.unwrap().unwrap();
        verify(&unique(1), &place, &key(), ORIGIN).unwrap();
        let entries = stored(&*faulty.inner()).await;
        assert!(entries.ends_with(&[unique(1)]), "{polls}");
        // Never polled is never asked for; otherwise it is written, once.
        let expected = usize::from(polls > 0 || done);
        assert_eq!(entries.iter().filter(|e| **e == unique(0)).count(), expected, "{polls}");
    }
}

#[tokio::test]
async fn a_follower_takes_over_when_the_leader_is_dropped_during_the_write() {
    let faulty = Faulty::slow(20);
    let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
    let log = Arc::new(log);
    let mut leader = log.append(unique(0));
    // The first poll lets others in, the second begins to write.
    for _ in 0..2 {
        assert!(leader.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let followers: Vec<_> = (1..5)
        .map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(unique(n)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(leader);
    for follower in followers {
        follower.await.unwrap().unwrap();
    }
    assert_eq!(stored(&*faulty.inner()).await.len(), 5);
    // The four that waited shared one write.
    assert_eq!(faulty.writes(), 2);
}

#[tokio::test]
async fn counts_are_added_up_and_written_with_the_next_append_or_by_flush() {
    let faulty = Faulty::new();
    let log = Log::open(parts(faulty.clone(), Arc::new(MemoryKeeper::new()))).await.unwrap();
    let read = Entry::new(entry(0).at(), Operation::SessionRead, DataClass::Ephemeral);
    for _ in 0..50 {
        log.count(read.clone());
    }
    log.append(unique(0)).await.unwrap();
    assert_eq!(stored(&*faulty.inner()).await, vec![unique(0), read.clone().with_count(50)]);
    log.count(read.clone());
    log.flush().await.unwrap();
    log.flush().await.unwrap();
    assert_eq!(stored(&*faulty.inner()).await.last(), Some(&read));
    assert_eq!(log.size(), 3);

    // A store that is down gives the counts back; one that does not answer loses them, and says so.
    log.count(read.clone().with_count(7));
    faulty.once(Fault::Down);
    assert!(log.flush().await.is_err());
    assert_eq!(log.lost(), 0);
    log.flush().await.unwrap();
    assert_eq!(stored(&*faulty.inner()).await.last(), Some(&read.clone().with_count(7)));
    log.count(read.clone().with_count(9));
    faulty.once(Fault::WrittenUnanswered);
    assert!(log.flush().await.is_err());
    assert_eq!(log.lost(), 9);
}

#[tokio::test]
async fn pruned_entries_are_gone_and_still_proven() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    let log = open(&store, &keeper).await.unwrap();
    for n in 0..300 {
        log.append(unique(n)).await.unwrap();
    }
    assert_eq!(log.prune(270).await.unwrap(), 256);
    let entries = log.entries(254..258).await.unwrap();
    let there: Vec<bool> = entries.iter().map(|logged| logged.entry.is_some()).collect();
    assert_eq!(there, [false, false, true, true]);
    verify(&unique(3), &log.prove(3).await.unwrap(), &key(), ORIGIN).unwrap();
    let checked = log.fsck().await.unwrap();
    assert_eq!((checked.leaves, checked.pruned), (300, 256));
    let log = open(&store, &keeper).await.unwrap();
    log.append(unique(300)).await.unwrap();
    verify(&unique(3), &log.prove(3).await.unwrap(), &key(), ORIGIN).unwrap();
    let period = evanesce_audit::Period { from: entry(0).at(), to: evanesce_core::Timestamp::MAX };
    let summary = Summary::read(&log, Rules::standard(), period).await.unwrap();
    assert_eq!((summary.total(), summary.pruned()), (45, 256));
}

#[tokio::test]
async fn heartbeats_are_entries() {
    let log = open(&Arc::new(MemoryAudit::new()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    log.heartbeat().await.unwrap();
    let logged = log.entries(0..1).await.unwrap();
    assert_eq!(logged[0].entry.as_ref().map(Entry::operation), Some(Operation::Heartbeat));
}
