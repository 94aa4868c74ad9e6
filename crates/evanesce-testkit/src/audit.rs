//! The contract of [`AuditStore`], as its documentation states it.
//!
//! Each function takes an empty store. The checkpoints are opaque texts here, as
//! they are for a store.

use std::sync::Arc;

use evanesce_audit::{AuditStore, leaf_hash};
use evanesce_core::{BoxFuture, ErrorKind};

fn leaves(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

async fn words(store: &dyn AuditStore, start: u64, limit: usize) -> Vec<Option<String>> {
    let leaves = store.leaves(start, limit).await.unwrap();
    leaves
        .into_iter()
        .map(|leaf| leaf.bytes.map(|bytes| String::from_utf8(bytes).unwrap()))
        .collect()
}

/// A new log has no leaf and no checkpoint, and tells its incarnation the same way twice.
pub async fn begins_empty(store: &dyn AuditStore) {
    assert_eq!(store.size().await.unwrap(), 0);
    assert_eq!(store.checkpoint().await.unwrap(), None);
    assert!(store.leaves(0, 10).await.unwrap().is_empty());
    let incarnation = store.incarnation().await.unwrap();
    assert_eq!(incarnation.store(), store.store());
    assert_eq!(store.incarnation().await.unwrap(), incarnation);
}

/// Leaves lie in the order in which they were appended, with the newest
/// checkpoint beside them and with their RFC 6962 hashes.
pub async fn appends_in_order(store: &dyn AuditStore) {
    store.append(0, &leaves(&["a", "b"]), "first").await.unwrap();
    store.append(2, &leaves(&["c"]), "second").await.unwrap();
    assert_eq!(store.size().await.unwrap(), 3);
    assert_eq!(store.checkpoint().await.unwrap().as_deref(), Some("second"));
    let read = store.leaves(0, 10).await.unwrap();
    for (leaf, word) in read.iter().zip(["a", "b", "c"]) {
        assert_eq!(leaf.hash, leaf_hash(word.as_bytes()));
        assert_eq!(leaf.bytes.as_deref(), Some(word.as_bytes()));
    }
    assert_eq!(read.len(), 3);
}

/// Only as many leaves as were asked for are read, from where they were asked
/// for, and none beyond the end.
pub async fn reads_ranges(store: &dyn AuditStore) {
    store.append(0, &leaves(&["a", "b", "c", "d"]), "first").await.unwrap();
    let some = |words: &[&str]| words.iter().map(|w| Some((*w).to_owned())).collect::<Vec<_>>();
    assert_eq!(words(store, 1, 2).await, some(&["b", "c"]));
    assert_eq!(words(store, 3, 9).await, some(&["d"]));
    assert!(words(store, 4, 9).await.is_empty());
    assert!(words(store, 0, 0).await.is_empty());
    assert!(words(store, u64::MAX, usize::MAX).await.is_empty());
}

/// Empty leaves, equal leaves and leaves of every byte come back as they were.
pub async fn keeps_any_bytes(store: &dyn AuditStore) {
    let any: Vec<Vec<u8>> = vec![
        vec![],
        vec![],
        (0..=255).collect(),
        vec![0; 1024],
        b"same".to_vec(),
        b"same".to_vec(),
    ];
    store.append(0, &any, "checkpoint\nwith lines \u{2014}\n").await.unwrap();
    let read: Vec<_> =
        store.leaves(0, 10).await.unwrap().into_iter().map(|leaf| leaf.bytes.unwrap()).collect();
    assert_eq!(read, any);
    assert_eq!(
        store.checkpoint().await.unwrap().as_deref(),
        Some("checkpoint\nwith lines \u{2014}\n")
    );
}

/// An append that expects another size is a `Conflict` and writes nothing, neither
/// leaves nor checkpoint.
pub async fn refuses_another_size(store: &dyn AuditStore) {
    store.append(0, &leaves(&["a"]), "first").await.unwrap();
    for expected in [0, 2, u64::MAX] {
        let error = store.append(expected, &leaves(&["x"]), "other").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{expected}");
    }
    assert_eq!(store.size().await.unwrap(), 1);
    assert_eq!(store.checkpoint().await.unwrap().as_deref(), Some("first"));
    assert_eq!(words(store, 0, 9).await, vec![Some("a".to_owned())]);
}

/// Of several nodes that append to the same size at once exactly one wins, whole
/// and with its own checkpoint; the others get `Conflict`.
pub async fn one_appender_wins(store: Arc<dyn AuditStore>) {
    for round in 0..8u64 {
        let expected = round * 2;
        let racers: Vec<_> = (0..8)
            .map(|racer| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let word = format!("{round} by {racer}");
                    let leaves = vec![word.clone().into_bytes(), word.clone().into_bytes()];
                    store.append(expected, &leaves, &word).await.map(|()| word)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                Ok(word) => winners.push(word),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let winner = winners.pop();
        assert_eq!(store.size().await.unwrap(), expected + 2);
        assert_eq!(store.checkpoint().await.unwrap(), winner);
        assert_eq!(words(&*store, expected, 9).await, vec![winner.clone(), winner]);
    }
}

/// `prune` forgets the bytes of whole tiles before an index and keeps all hashes,
/// says how many were forgotten now, and leaves the rest and the checkpoint as they
/// are.
pub async fn prunes_whole_tiles_and_keeps_hashes(store: &dyn AuditStore) {
    let words: Vec<String> = (0..600).map(|n| format!("leaf {n}")).collect();
    let bytes: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
    store.append(0, &bytes[..300], "first").await.unwrap();
    store.append(300, &bytes[300..], "second").await.unwrap();
    for (index, forgotten, now) in [
        (0, 0, 0),
        (255, 0, 0),
        (511, 256, 256),
        (256, 0, 256),
        (u64::MAX, 256, 512),
        (600, 0, 512),
    ] {
        assert_eq!(store.prune(index).await.unwrap(), forgotten, "{index}");
        let read = store.leaves(0, 600).await.unwrap();
        assert_eq!(read.len(), 600);
        for (at, (leaf, word)) in read.iter().zip(&words).enumerate() {
            assert_eq!(leaf.hash, leaf_hash(word.as_bytes()));
            let expected = (at >= now).then_some(word.as_bytes());
            assert_eq!(leaf.bytes.as_deref(), expected, "{at}");
        }
        assert_eq!(store.size().await.unwrap(), 600);
        assert_eq!(store.checkpoint().await.unwrap().as_deref(), Some("second"));
    }
    store.append(600, &leaves(&["f"]), "third").await.unwrap();
    let last: Vec<_> = store.leaves(599, 9).await.unwrap().into_iter().map(|l| l.bytes).collect();
    assert_eq!(last, [Some(b"leaf 599".to_vec()), Some(b"f".to_vec())]);
    let some = store.leaves(510, 4).await.unwrap();
    let there: Vec<bool> = some.iter().map(|leaf| leaf.bytes.is_some()).collect();
    assert_eq!(there, [false, false, true, true]);
}

/// What was acknowledged, and what was pruned, is so after the store was opened
/// again; `reopen` closes the store that it is given and opens the same place.
pub async fn survives_reopening(
    store: Box<dyn AuditStore>,
    reopen: &dyn Fn(Box<dyn AuditStore>) -> BoxFuture<'static, Box<dyn AuditStore>>,
) {
    let many: Vec<Vec<u8>> = (0..300).map(|n| format!("leaf {n}").into_bytes()).collect();
    store.append(0, &many, "first").await.unwrap();
    let incarnation = store.incarnation().await.unwrap();
    let store = reopen(store).await;
    assert_eq!(store.incarnation().await.unwrap(), incarnation);
    assert_eq!(store.checkpoint().await.unwrap().as_deref(), Some("first"));
    store.append(300, &leaves(&["c"]), "second").await.unwrap();
    assert_eq!(store.prune(300).await.unwrap(), 256);
    let store = reopen(reopen(store).await).await;
    assert_eq!(store.size().await.unwrap(), 301);
    assert_eq!(store.checkpoint().await.unwrap().as_deref(), Some("second"));
    assert_eq!(words(&*store, 255, 2).await, vec![None, Some("leaf 256".to_owned())]);
    assert_eq!(words(&*store, 300, 9).await, vec![Some("c".to_owned())]);
    assert_eq!(store.leaves(3, 1).await.unwrap()[0].hash, leaf_hash(b"leaf 3"));
    store.append(301, &leaves(&["d"]), "third").await.unwrap();
    assert_eq!(words(&*store, 301, 9).await, vec![Some("d".to_owned())]);
}
