//! From a request to erase to a proof that a stranger verifies offline, with the
//! log in a folder, the journal in another and the command as its own process.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_audit::{FileKeeper, FolderAudit, Log, LogParts, NoteKey, Origin};
use evanesce_core::{
    BoxFuture, Ceiling, DataClass, Digest, Erasable, ErasureReason, ErasureReceipt, Error,
    Incarnation, Label, Presence, StoreKind, Subject, SystemClock,
};
use evanesce_crypto::{Root, SigningKey, VerifyingKey};
use evanesce_purge::{Erasures, ErasuresParts, FolderJournal, Target};

const ORIGIN: &str = "example.org/audit";

struct Sessions(Mutex<HashSet<Vec<u8>>>);

impl Erasable for Sessions {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }
    fn class(&self) -> DataClass {
        DataClass::Ephemeral
    }
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async { Ok(Incarnation::new(StoreKind::Memory, Digest::new([1; 32]))) })
    }
    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        let there = self.0.lock().unwrap().contains(subject.handle());
        Box::pin(async move { Ok(if there { Presence::Present } else { Presence::Absent }) })
    }
    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        let removed = self.0.lock().unwrap().remove(subject.handle());
        Box::pin(async move { Ok(u64::from(removed)) })
    }
    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        Box::pin(async { Ok(None) })
    }
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(async { Ok(Ceiling { worst: None, setting: Label::new("none") }) })
    }
}

async fn erased(at: &Path) -> (ErasureReceipt, VerifyingKey) {
    let log = Log::open(LogParts {
        store: Arc::new(FolderAudit::open(&at.join("audit")).unwrap()),
        keeper: Arc::new(FileKeeper::new(&at.join("checkpoint"))),
        signer: SigningKey::generate().unwrap(),
        origin: Origin::new(ORIGIN).unwrap(),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap();
    for _ in 0..5 {
        log.heartbeat().await.unwrap();
    }
    let key = log.verifying_key();
    let sessions = Arc::new(Sessions(Mutex::new([b"reader".to_vec()].into())));
    let erasures = Erasures::new(ErasuresParts {
        journal: Arc::new(FolderJournal::open(&at.join("journal")).unwrap()),
        append: Arc::new(log),
        root: Arc::new(Root::generate().unwrap()),
        clock: Arc::new(SystemClock),
    });
    let target = Target { erasable: sessions, subject: Subject::new(b"reader".to_vec()) };
    let receipt = erasures.erase(ErasureReason::Requested, vec![target]).await.unwrap();
    assert_eq!(erasures.open(1).await.unwrap(), 0);
    (receipt, key)
}

fn evanesce(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evanesce"));
    command.current_dir(at).env_clear().args(arguments).output().unwrap()
}

fn write(at: &Path, receipt: &ErasureReceipt) {
    std::fs::write(at.join("receipt.json"), serde_json::to_vec(receipt).unwrap()).unwrap();
}

#[tokio::test]
async fn a_receipt_is_verified_by_a_process_that_has_nothing_but_it_and_the_key() {
    let (house, desk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (receipt, key) = erased(house.path()).await;
    drop(house);
    let at = desk.path();
    write(at, &receipt);
    let vkey = NoteKey::new(ORIGIN, &key).unwrap().to_string();
    std::fs::write(at.join("log.pub"), format!("{vkey}\n")).unwrap();
    for key in [key.to_string(), vkey, "log.pub".into()] {
        let output = evanesce(at, &["verify", "receipt.json", "--key", &key]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.starts_with("VERIFIED\n"), "{text}");
        assert!(text.contains("removed: 1, afterwards: nothing found"), "{text}");
        // Behind the heartbeats, with the count of the request beside it.
        assert!(text.contains("5 of 7"), "{text}");
    }
}

#[tokio::test]
async fn whatever_is_changed_in_a_receipt_it_is_not_verified() {
    let house = tempfile::tempdir().unwrap();
    let (receipt, key) = erased(house.path()).await;
    let at = house.path();
    let key = key.to_string();
    let refused = |receipt: &ErasureReceipt, key: &str| {
        write(at, receipt);
        let output = evanesce(at, &["verify", "receipt.json", "--key", key]);
        assert!(output.stdout.is_empty());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("NOT VERIFIED"), "{text}");
        assert_eq!(output.status.code(), Some(1));
    };
    let mut changed = receipt.clone();
    changed.erasure.stores[0].removed = 2;
    refused(&changed, &key);
    let mut changed = receipt.clone();
    changed.entry = changed.entry.with_count(9);
    refused(&changed, &key);
    let mut changed = receipt.clone();
    changed.incorporated.index -= 1;
    refused(&changed, &key);
    let mut changed = receipt.clone();
    let forged = changed.incorporated.checkpoint.replacen("\n7\n", "\n8\n", 1);
    assert_ne!(forged, changed.incorporated.checkpoint);
    changed.incorporated.checkpoint = forged;
    refused(&changed, &key);
    refused(&receipt, &SigningKey::generate().unwrap().verifying_key().to_string());
    write(at, &receipt);
    let other =
        evanesce(at, &["verify", "receipt.json", "--key", &key, "--origin", "example.org/other"]);
    assert_eq!(other.status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_is_told_apart_from_what_does_not_verify() {
    let at = tempfile::tempdir().unwrap();
    let key = "ab".repeat(32);
    std::fs::write(at.path().join("notes.json"), "{\"name\": \"reader@example.org\"}").unwrap();
    for arguments in [
        vec!["verify", "missing.json", "--key", &key],
        vec!["verify", "notes.json", "--key", &key],
        vec!["verify", "notes.json", "--key", "nothing"],
        vec!["verify", "notes.json"],
    ] {
        let output = evanesce(at.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("reader@"), "{text}");
    }
}
