//! Old entries, silence, roles, and a log published as files.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{ORIGIN, folder, key, parts, signer, unique};
use evanesce_audit::{
    AuditError, AuditStore, Checked, Enforced, FolderAudit, Log, LogOptions, MemoryAudit,
    MemoryKeeper, Publisher, Role, Silence, fsck, leaf_hash, verify,
};
use evanesce_core::{Append, Clock, DataClass, Entry, ErrorKind, Operation};
use evanesce_testkit::ManualClock;

const DAY: Duration = Duration::from_secs(86_400);
const AGE: Duration = Duration::from_secs(90 * 86_400);

async fn log_at(store: Arc<dyn AuditStore>, clock: &ManualClock) -> Log {
    let mut parts = parts(store, Arc::new(MemoryKeeper::new()));
    parts.clock = Arc::new(clock.clone());
    Log::open(parts).await.unwrap()
}

#[tokio::test]
async fn whole_tiles_go_after_ninety_days_and_their_roots_stay() {
    let at = folder();
    let tiles = Arc::new(FolderAudit::open(at.path()).unwrap());
    let published = folder();
    for store in [Arc::new(MemoryAudit::new()) as Arc<dyn AuditStore>, tiles] {
        let clock = ManualClock::new();
        let start = clock.now();
        let name = store.store().name();
        let log = log_at(store, &clock).await;
        // Four heartbeats a day: a tile is 64 days.
        for _ in 0..600 {
            log.heartbeat().await.unwrap();
            clock.advance(DAY / 4);
        }
        let before = log.prove(3).await.unwrap();
        let published = published.path().join(name);
        Publisher::new(&published).publish(&log).await.unwrap();
        assert!(published.join("tile/entries/000").exists());
        // 150 days after the start: the first tile began 150 days ago, the second 86.
        let enforced = log.enforce(AGE).await.unwrap();
        assert_eq!(enforced, Enforced { pruned: 256, oldest: Some(start.plus(DAY * 64)) });
        assert_eq!(log.available_from().await, Ok(256));
        clock.advance(DAY * 4 - Duration::from_secs(60));
        assert_eq!(log.enforce(AGE).await.unwrap().pruned, 0);
        clock.advance(Duration::from_secs(60));
        let enforced = log.enforce(AGE).await.unwrap();
        // The third is not whole: it stays, and its age is told.
        assert_eq!(enforced, Enforced { pruned: 256, oldest: Some(start.plus(DAY * 128)) });
        clock.advance(AGE);
        assert_eq!(log.enforce(AGE).await.unwrap().pruned, 0);
        assert_eq!(log.entries(511..513).await.unwrap()[0].entry, None);
        assert!(log.entries(511..513).await.unwrap()[1].entry.is_some());
        // Whoever has the entry proves it as before, in the same tree.
        let entry =
            Entry::new(start.plus(DAY * 3 / 4), Operation::Heartbeat, DataClass::Operational);
        assert_eq!(log.prove(3).await.unwrap(), before);
        verify(&entry, &before, &key(), ORIGIN).unwrap();
        let checked = Checked { leaves: 600, pruned: 512 };
        assert_eq!(log.fsck().await, Ok(checked));
        // What was published before is forgotten too.
        Publisher::new(&published).publish(&log).await.unwrap();
        assert!(!published.join("tile/entries/000").exists());
        assert_eq!(fsck(&published, &key(), ORIGIN), Ok(checked));
    }
}

#[tokio::test]
async fn silence_and_a_cut_log_are_noticed_between_heartbeats() {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryAudit::new());
    let log = log_at(store.clone(), &clock).await;
    let (minute, longest) = (Duration::from_secs(60), Duration::from_secs(180));
    let start = clock.now();
    for _ in 0..10 {
        log.heartbeat().await.unwrap();
        clock.advance(minute);
    }
    let backup = Arc::new(store.copy());
    assert_eq!(log.silences(0, longest).await, Ok(vec![]));
    for _ in 0..10 {
        log.heartbeat().await.unwrap();
        clock.advance(minute);
    }
    // An older copy is whole and signed, and silent since.
    let cut = log_at(backup, &clock).await;
    let since = Silence { after: start.plus(minute * 9), until: None };
    assert_eq!(cut.silences(0, longest).await, Ok(vec![since]));
    clock.advance(minute * 5);
    log.heartbeat().await.unwrap();
    let down = Silence { after: start.plus(minute * 19), until: Some(start.plus(minute * 25)) };
    assert_eq!(log.silences(0, longest).await, Ok(vec![down]));
    assert_eq!(log.silences(20, longest).await, Ok(vec![]));
}

#[tokio::test]
async fn an_actor_is_a_role_that_was_declared() {
    const OPERATOR: Role = Role::new("operator");
    const OFFICER: Role = Role::new("privacy-officer");
    let parts = parts(Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    let log = Log::open_with(parts, LogOptions::new().role(OPERATOR)).await.unwrap();
    let log = Arc::new(log);
    assert_eq!(log.acting(&OFFICER).err(), Some(AuditError::Role));
    assert_eq!(
        AuditError::Role.into_port(evanesce_core::StoreKind::Memory).kind(),
        ErrorKind::Invalid
    );
    let acting = log.acting(&OPERATOR).unwrap();
    acting.append(unique(0)).await.unwrap();
    log.append(unique(1)).await.unwrap();
    let read = Entry::new(unique(0).at(), Operation::SessionRead, DataClass::Ephemeral);
    for _ in 0..3 {
        acting.count(read.clone());
        log.count(read.clone());
    }
    log.flush().await.unwrap();
    let told = log.entries(0..log.size()).await.unwrap();
    let told: Vec<_> = told.into_iter().map(|l| (l.entry.unwrap(), l.actor)).collect();
    assert_eq!(told[..2], [(unique(0), Some(OPERATOR)), (unique(1), None)]);
    assert_eq!(told.len(), 4);
    for actor in [Some(OPERATOR), None] {
        assert!(told.contains(&(read.clone().with_count(3), actor)));
    }
    assert_eq!(log.fsck().await.unwrap().leaves, 4);
}

fn files(at: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![at.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                found.push(path.strip_prefix(at).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_log_is_published_at_the_paths_of_the_specification() {
    let at = folder();
    let clock = ManualClock::new();
    let log = log_at(Arc::new(MemoryAudit::new()), &clock).await;
    let publisher = Publisher::new(at.path());
    assert_eq!(publisher.publish(&log).await, Ok(0));
    for n in 0..70 {
        log.append(unique(n)).await.unwrap();
    }
    assert_eq!(publisher.publish(&log).await, Ok(70));
    assert_eq!(files(at.path()), ["checkpoint", "tile/0/000.p/70", "tile/entries/000.p/70"]);
    for n in 70..600 {
        log.append(unique(n)).await.unwrap();
    }
    assert_eq!(publisher.publish(&log).await, Ok(600));
    assert_eq!(publisher.publish(&log).await, Ok(600));
    assert_eq!(
        files(at.path()),
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/88",
            "tile/1/000.p/2",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/88",
        ]
    );
    // By the specification's words: lengths of two bytes, hashes of 32.
    let bundle = fs::read(at.path().join("tile/entries/001")).unwrap();
    let length = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
    let leaf = evanesce_audit::encode(&unique(256)).unwrap();
    assert_eq!(bundle[2..2 + length], leaf);
    let tile = fs::read(at.path().join("tile/0/001")).unwrap();
    assert_eq!((tile.len(), &tile[..32]), (8192, &leaf_hash(&leaf).as_bytes()[..]));
    assert_eq!(fsck(at.path(), &key(), ORIGIN), Ok(Checked { leaves: 600, pruned: 0 }));
    let smaller = log_at(Arc::new(MemoryAudit::new()), &clock).await;
    smaller.append(unique(0)).await.unwrap();
    assert_eq!(publisher.publish(&smaller).await, Err(AuditError::RolledBack));
}

#[tokio::test]
async fn a_tree_of_more_than_a_level_one_tile_is_published_whole() {
    let at = folder();
    let store = Arc::new(MemoryAudit::new());
    // Straight into the store, signed once: the tree is what counts here.
    let leaves: Vec<Vec<u8>> =
        (0..65_800u64).map(|n| evanesce_audit::encode(&common::entry(n)).unwrap()).collect();
    let mut tree = evanesce_audit::Tree::default();
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    let body = evanesce_audit::CheckpointBody {
        origin: evanesce_audit::Origin::new(ORIGIN).unwrap(),
        size: tree.size(),
        root: tree.root(),
    };
    let note = body.sign(&evanesce_audit::NoteSigner::new(ORIGIN, signer()).unwrap()).unwrap();
    store.append(0, &leaves, &note).await.unwrap();
    let log = log_at(store, &ManualClock::new()).await;
    Publisher::new(at.path()).publish(&log).await.unwrap();
    assert_eq!(fsck(at.path(), &key(), ORIGIN).unwrap().leaves, 65_800);
    let all = files(at.path());
    for path in ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1", "tile/0/256", "tile/0/257.p/8"] {
        assert!(all.iter().any(|file| file == path), "{path}");
    }
}

#[tokio::test]
async fn whatever_is_changed_in_a_published_log_fsck_says_so() {
    let at = folder();
    let log = log_at(Arc::new(MemoryAudit::new()), &ManualClock::new()).await;
    for n in 0..520 {
        log.append(unique(n)).await.unwrap();
    }
    Publisher::new(at.path()).publish(&log).await.unwrap();
    let good = Ok(Checked { leaves: 520, pruned: 0 });
    assert_eq!(fsck(at.path(), &key(), ORIGIN), good);
    assert_eq!(fsck(at.path(), &key(), "other"), Err(AuditError::Unsigned));
    for file in files(at.path()) {
        let path = at.path().join(&file);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        for place in [0, whole.len() / 2, whole.len() - 1] {
            flipped[place] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(fsck(at.path(), &key(), ORIGIN).is_err(), "{file} at {place}");
            flipped[place] ^= 1;
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(fsck(at.path(), &key(), ORIGIN).is_err(), "{file} cut");
        fs::remove_file(&path).unwrap();
        // The first whole bundle alone may be missing: it was forgotten.
        let expected = file == "tile/entries/000";
        assert_eq!(fsck(at.path(), &key(), ORIGIN).is_ok(), expected, "{file} missing");
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(fsck(at.path(), &key(), ORIGIN), good);
}
