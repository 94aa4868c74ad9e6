//! The folder's log after crashes, cuts, flipped bytes and copies.
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

use common::{ORIGIN, copy_tree, folder, key, parts, unique};
use evanesce_audit::{
    AuditError, AuditStore, CheckpointKeeper, FileKeeper, FolderAudit, Log, MemoryKeeper, verify,
};
use evanesce_core::{Append, ErrorKind};

const SEGMENT: &str = "wal/00000000000000000000";

async fn open(at: &Path, keeper: Arc<dyn CheckpointKeeper>) -> Result<Log, AuditError> {
    Log::open(parts(Arc::new(FolderAudit::open(at)?), keeper)).await
}

/// A folder with four writes and the checkpoints kept after the third and the fourth.
async fn four(at: &Path) -> (Arc<MemoryKeeper>, Arc<MemoryKeeper>, Vec<usize>) {
    let (third, fourth) = (Arc::new(MemoryKeeper::new()), Arc::new(MemoryKeeper::new()));
    let log = open(at, fourth.clone()).await.unwrap();
    let mut ends = Vec::new();
    for n in 0..4 {
        log.append(unique(n)).await.unwrap();
        ends.push(end(&fs::read(at.join(SEGMENT)).unwrap()));
        if n == 2 {
            third.keep(&log.checkpoint().unwrap()).await.unwrap();
        }
    }
    (third, fourth, ends)
}

// Where the last record of a segment ends; behind it is room.
fn end(segment: &[u8]) -> usize {
    let mut at = 16;
    loop {
        let length = u32::from_be_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
        if length == 0 {
            return at;
        }
        at += 4 + length + 32;
    }
}

#[tokio::test]
async fn cut_at_every_byte_of_the_last_record_nothing_acknowledged_is_lost_unnoticed() {
    let at = folder();
    let (third, fourth, ends) = four(at.path()).await;
    let file = at.path().join(SEGMENT);
    let whole = fs::read(&file).unwrap();
    for cut in ends[2]..ends[3] {
        fs::write(&file, &whole[..cut]).unwrap();
        // The fourth was acknowledged, and its checkpoint was kept: its loss is noticed,
        // and what is left of it is not thrown away.
        assert_eq!(open(at.path(), fourth.clone()).await.err(), Some(AuditError::RolledBack));
        assert_eq!(fs::metadata(&file).unwrap().len() as usize, cut);
        // The rest of the record is the same at every place: some of them show it.
        if !(cut - ends[2]).is_multiple_of(13) {
            continue;
        }
        // A crash before the acknowledgement: three are there, and the log goes on.
        let kept = Arc::new(MemoryKeeper::new());
        kept.keep(&third.newest().await.unwrap().unwrap()).await.unwrap();
        let log = open(at.path(), kept.clone()).await.unwrap();
        assert_eq!(log.size(), 3, "{cut}");
        log.append(unique(9)).await.unwrap();
        drop(log);
        let log = open(at.path(), kept).await.unwrap();
        assert_eq!(log.fsck().await.unwrap().leaves, 4, "{cut}");
        verify(&unique(9), &log.prove(3).await.unwrap(), &key(), ORIGIN).unwrap();
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(open(at.path(), fourth).await.unwrap().size(), 4);
}

#[tokio::test]
async fn a_flipped_byte_is_noticed_wherever_it_is() {
    let at = folder();
    let (_, fourth, ends) = four(at.path()).await;
    let file = at.path().join(SEGMENT);
    let whole = fs::read(&file).unwrap()[..ends[3]].to_vec();
    for place in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x10;
        fs::write(&file, &flipped).unwrap();
        match open(at.path(), fourth.clone()).await.err() {
            Some(AuditError::RolledBack) => {}
            Some(AuditError::Store(error)) => assert_eq!(error.kind(), ErrorKind::Corrupt),
            other => panic!("byte {place}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_write_into_a_hole_of_zeros_is_a_cut_one() {
    let at = folder();
    let (third, _, ends) = four(at.path()).await;
    let file = at.path().join(SEGMENT);
    let mut torn = fs::read(&file).unwrap();
    torn[ends[2]..].fill(0);
    fs::write(&file, &torn).unwrap();
    assert_eq!(open(at.path(), third).await.unwrap().size(), 3);
}

#[tokio::test]
async fn a_forked_copy_of_the_folder_is_noticed() {
    let (at, copy) = (folder(), folder());
    let (_, fourth, _) = four(at.path()).await;
    copy_tree(at.path(), copy.path());
    let log = open(at.path(), fourth.clone()).await.unwrap();
    log.append(unique(5)).await.unwrap();
    let stranger = Arc::new(MemoryKeeper::new());
    let fork = open(copy.path(), stranger).await.unwrap();
    fork.append(unique(6)).await.unwrap();
    drop(fork);
    assert_eq!(open(copy.path(), fourth).await.err(), Some(AuditError::Forked));
    let ours = FolderAudit::open(copy.path()).unwrap().incarnation().await.unwrap();
    drop(log);
    assert_ne!(FolderAudit::open(at.path()).unwrap().incarnation().await.unwrap(), ours);
}

#[test]
fn one_process_at_a_time() {
    let at = folder();
    let first = FolderAudit::open(at.path()).unwrap();
    let second = FolderAudit::open(at.path()).err().unwrap();
    assert_eq!(second.kind(), ErrorKind::Conflict);
    drop(first);
    assert!(FolderAudit::open(at.path()).is_ok());
}

#[test]
fn a_foreign_file_is_left_alone() {
    let at = folder();
    fs::create_dir(at.path().join("wal")).unwrap();
    fs::write(at.path().join(SEGMENT), "somebody's notes, not a log").unwrap();
    assert_eq!(FolderAudit::open(at.path()).err().unwrap().kind(), ErrorKind::Corrupt);
    assert_eq!(fs::read(at.path().join(SEGMENT)).unwrap(), b"somebody's notes, not a log");
}

#[tokio::test]
async fn a_file_keeps_the_newest_checkpoint_only() {
    let (at, kept) = (folder(), folder());
    let file = kept.path().join("checkpoint");
    let log = open(at.path(), Arc::new(FileKeeper::new(&file))).await.unwrap();
    log.append(unique(0)).await.unwrap();
    let older = log.checkpoint().unwrap();
    log.append(unique(1)).await.unwrap();
    let newer = log.checkpoint().unwrap();
    drop(log);
    let keeper = FileKeeper::new(&file);
    assert_eq!(keeper.newest().await.unwrap().as_ref(), Some(&newer));
    keeper.keep(&older).await.unwrap();
    assert_eq!(keeper.newest().await.unwrap().as_ref(), Some(&newer));
    assert!(keeper.keep("not a checkpoint").await.is_err());
    // A crash while the next one was written leaves the file beside, which is no checkpoint.
    fs::write(file.with_extension("new"), &newer[..20]).unwrap();
    let log = open(at.path(), Arc::new(FileKeeper::new(&file))).await.unwrap();
    log.append(unique(2)).await.unwrap();
    fs::write(&file, "damaged").unwrap();
    drop(log);
    assert_eq!(
        open(at.path(), Arc::new(FileKeeper::new(&file))).await.err(),
        Some(AuditError::Malformed)
    );
}
