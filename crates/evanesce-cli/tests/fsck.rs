//! A published log is in order for a process that has nothing but its folder and its key,
//! and whatever is changed in it, it is not.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests fail by panicking too")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use evanesce_audit::{Log, LogParts, MemoryAudit, MemoryKeeper, NoteKey, Origin, Publisher};
use evanesce_core::{Append, DataClass, Entry, Operation, SystemClock, Timestamp};
use evanesce_crypto::{SigningKey, VerifyingKey};

const ORIGIN: &str = "example.org/audit";

async fn published(folder: &Path) -> VerifyingKey {
    let signer = SigningKey::generate().unwrap();
    let key = signer.verifying_key();
    let log = Log::open(LogParts {
        store: Arc::new(MemoryAudit::new()),
        keeper: Arc::new(MemoryKeeper::new()),
        signer,
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap();
    for count in 1..=300 {
        let at = Timestamp::from_millis(0);
        log.count(Entry::new(at, Operation::SessionRead, DataClass::Ephemeral).with_count(count));
        log.flush().await.unwrap();
    }
    Publisher::new(folder).publish(&log).await.unwrap();
    key
}

fn fsck(folder: &Path, key: &VerifyingKey) -> Output {
    let key = NoteKey::new(ORIGIN, key).unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_evanesce"));
    command.arg("fsck").arg(folder).args(["--key", &key]).output().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[tokio::test]
async fn whatever_file_of_a_published_log_is_changed_it_is_not_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let key = published(folder.path()).await;
    let done = fsck(folder.path(), &key);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(said, "IN ORDER\nentries    300, of which 0 are forgotten\n");
    let all = files(folder.path());
    assert!(all.len() >= 6, "checkpoint, two tiles of hashes, one above, two of entries");
    for path in all {
        let whole = std::fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert_eq!(fsck(folder.path(), &key).status.code(), Some(1), "{}", path.display());
        std::fs::remove_file(&path).unwrap();
        let without = fsck(folder.path(), &key);
        if path.ends_with("tile/entries/000") {
            // The oldest entries may be forgotten; then it says so, and their hashes stay.
            let said = String::from_utf8(without.stdout).unwrap();
            assert!(said.contains("of which 256 are forgotten"), "{said}");
        } else {
            assert_eq!(without.status.code(), Some(1), "{}", path.display());
        }
        std::fs::write(&path, whole).unwrap();
    }
    let other = SigningKey::generate().unwrap().verifying_key();
    assert_eq!(fsck(folder.path(), &other).status.code(), Some(1));
}
