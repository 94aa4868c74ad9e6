//! A witness cosigns what is consistent and nothing else, also after a crash.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too, and the matrix prints its counts"
)]

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::path::Path;
use std::sync::Arc;

use common::{ORIGIN, folder, key, open, parts, signer, unique};
use disk::{FaultyDisk, Kind};
use evanesce_audit::{
    AuditError, CheckpointBody, Disk, Log, MemoryAudit, MemoryKeeper, NoteKey, NoteSigner,
    SignedNote, SystemDisk, Witness, WitnessedLog, verify, write_witness_request,
};
use evanesce_core::{Append, Clock, ErrorKind};
use evanesce_crypto::SigningKey;
use evanesce_memory::SecretBytes;
use evanesce_testkit::ManualClock;

fn cosigner() -> NoteSigner {
    let seed = SecretBytes::from_slice(&mut [9; 32]).unwrap();
    NoteSigner::cosigner("witness.example/w1", SigningKey::from_seed(seed).unwrap()).unwrap()
}

fn logs() -> Vec<WitnessedLog> {
    let keys = vec![NoteKey::new(ORIGIN, &key()).unwrap()];
    vec![WitnessedLog { origin: ORIGIN.to_owned(), keys }]
}

fn witness_on(disk: Arc<dyn Disk>, at: &Path) -> Result<Witness, evanesce_core::Error> {
    Witness::open_on(disk, at, cosigner(), logs(), Arc::new(ManualClock::new()))
}

fn witness(at: &Path) -> Witness {
    witness_on(Arc::new(SystemDisk), at).unwrap()
}

async fn log(entries: std::ops::Range<u64>) -> (Log, Arc<MemoryAudit>) {
    let store = Arc::new(MemoryAudit::new());
    let log = open(&store, &Arc::new(MemoryKeeper::new())).await.unwrap();
    for n in entries {
        log.append(unique(n)).await.unwrap();
    }
    (log, store)
}

#[tokio::test]
async fn a_growing_log_is_cosigned_and_its_receipts_show_it() {
    let at = folder();
    let witness = witness(at.path());
    let (log, _) = log(0..3).await;
    let first = log.cosign(&witness, witness.public()).await.unwrap();
    for n in 3..300 {
        log.append(unique(n)).await.unwrap();
    }
    let second = log.cosign(&witness, witness.public()).await.unwrap();
    // The same again is cosigned again.
    let third = log.cosign(&witness, witness.public()).await.unwrap();
    assert_eq!(third, second);
    for (cosigned, size) in [(&first, 3), (&second, 300)] {
        let note = SignedNote::parse(cosigned).unwrap();
        let keys = [NoteKey::new(ORIGIN, &key()).unwrap(), witness.public().clone()];
        assert_eq!(note.verified(&keys).unwrap().len(), 2);
        // A reader that knows the log alone reads it as before.
        assert_eq!(CheckpointBody::open(cosigned, &key(), ORIGIN).unwrap().size, size);
    }
    let place = log.prove_at(2, &first).await.unwrap();
    assert_eq!(verify(&unique(2), &place, &key(), ORIGIN).unwrap().size, 3);
    let place = log.prove_at(2, &second).await.unwrap();
    assert_eq!(verify(&unique(2), &place, &key(), ORIGIN).unwrap().size, 300);
    assert_eq!(log.prove_at(3, &first).await, Err(AuditError::OutOfRange));
    // The line carries the time of the witness's clock.
    let seconds = ManualClock::new().now().as_millis() / 1000;
    let text = SignedNote::parse(&second).unwrap().text().to_owned();
    let line = cosigner().cosign(&text, seconds).unwrap();
    assert!(second.ends_with(&line));
    assert!(!second.ends_with(&cosigner().cosign(&text, seconds + 1).unwrap()));
}

#[tokio::test]
async fn a_log_that_went_back_or_was_forked_is_refused_and_told() {
    let at = folder();
    let witness = witness(at.path());
    let (ours, store) = log(0..5).await;
    let backup = Arc::new(store.copy());
    for n in 5..9 {
        ours.append(unique(n)).await.unwrap();
    }
    ours.cosign(&witness, witness.public()).await.unwrap();
    let restored = open(&backup, &Arc::new(MemoryKeeper::new())).await.unwrap();
    let back = restored.cosign(&witness, witness.public()).await;
    assert_eq!(back, Err(AuditError::RolledBack));
    // It goes on: to the same size, and beyond.
    for n in 100..104 {
        restored.append(unique(n)).await.unwrap();
    }
    let fork = restored.cosign(&witness, witness.public()).await;
    assert_eq!(fork, Err(AuditError::Forked));
    for n in 104..110 {
        restored.append(unique(n)).await.unwrap();
    }
    let fork = restored.cosign(&witness, witness.public()).await;
    assert_eq!(fork, Err(AuditError::Forked));
    // None of this changed what the witness knows.
    ours.append(unique(9)).await.unwrap();
    ours.cosign(&witness, witness.public()).await.unwrap();
}

#[tokio::test]
async fn each_answer_is_the_specifications() {
    let at = folder();
    let witness = witness(at.path());
    let (log, _) = log(0..7).await;
    let checkpoint = log.checkpoint().unwrap();
    let ask = |old, proof: &[_], note: &str| {
        let answer = witness.answer(&write_witness_request(old, proof, note));
        (answer.status, answer.content_type, answer.body)
    };
    let plain = "text/plain; charset=utf-8";
    let bare = |status| (status, plain, String::new());
    assert_eq!(ask(8, &[], &checkpoint), bare(400), "old size above the checkpoint's");
    assert_eq!(witness.answer("nothing").status, 400);
    let other = CheckpointBody::peek(&checkpoint).unwrap();
    let stranger = SigningKey::generate().unwrap();
    let forged = other.sign(&NoteSigner::new(ORIGIN, stranger).unwrap()).unwrap();
    assert_eq!(ask(0, &[], &forged), bare(403), "signed by another key");
    let mut unknown = parts(Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    unknown.origin = evanesce_audit::Origin::new("other.example/log").unwrap();
    let unknown = Log::open(unknown).await.unwrap();
    unknown.append(unique(0)).await.unwrap();
    assert_eq!(ask(0, &[], &unknown.checkpoint().unwrap()), bare(404), "another log");
    let size = |size: &str| (409, "text/x.tlog.size", format!("{size}\n"));
    assert_eq!(ask(3, &[], &checkpoint), size("0"), "nothing was cosigned yet");
    let hash = *other.root.as_bytes();
    let hash = evanesce_core::Digest::new(hash);
    assert_eq!(ask(0, &[hash], &checkpoint), bare(422), "the first needs no proof");
    assert_eq!(ask(0, &[], &checkpoint).0, 200);
    assert_eq!(ask(0, &[], &checkpoint), size("7"));
    log.append(unique(7)).await.unwrap();
    log.append(unique(8)).await.unwrap();
    let newer = log.checkpoint().unwrap();
    let proof = log.consistency(7, 9).await.unwrap();
    let mut wrong = proof.clone();
    wrong.reverse();
    assert_eq!(ask(7, &wrong, &newer), bare(422));
    assert_eq!(ask(7, &proof[1..], &newer), bare(422));
    assert_eq!(ask(7, &proof, &newer).0, 200);
    assert_eq!(ask(7, &proof, &newer), size("9"));
    let mut other = CheckpointBody::peek(&newer).unwrap();
    other.root = hash;
    let split = other.sign(&NoteSigner::new(ORIGIN, signer()).unwrap()).unwrap();
    assert_eq!(ask(9, &[], &split), size("9"), "another root of the same size");
    let mut empty = other.clone();
    empty.size = 0;
    let empty = empty.sign(&NoteSigner::new(ORIGIN, signer()).unwrap()).unwrap();
    assert_eq!(ask(0, &[], &empty), bare(422), "no leaves have one root only");
}

#[tokio::test]
async fn a_damaged_memory_is_not_an_empty_one() {
    let at = folder();
    let (log, _) = log(0..2).await;
    {
        let witness = witness(at.path());
        log.cosign(&witness, witness.public()).await.unwrap();
    }
    let file = at.path().join(evanesce_audit::log_id(ORIGIN).to_string());
    let whole = std::fs::read(&file).unwrap();
    let request = write_witness_request(0, &[], &log.checkpoint().unwrap());
    for bytes in [&b""[..], &whole[..whole.len() / 2], b"\xff"] {
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(witness(at.path()).answer(&request).status, 500);
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(witness(at.path()).answer(&request).status, 409);
}

#[test]
fn one_process_is_a_witness_and_with_a_key_for_it_alone() {
    let at = folder();
    let first = witness(at.path());
    let second = witness_on(Arc::new(SystemDisk), at.path()).err().unwrap();
    assert_eq!(second.kind(), ErrorKind::Conflict);
    drop(first);
    let plain = NoteSigner::new("witness.example/w1", SigningKey::generate().unwrap()).unwrap();
    let clock = Arc::new(ManualClock::new());
    let other = Witness::open(at.path(), plain, logs(), clock).err().unwrap();
    assert_eq!(other.kind(), ErrorKind::Invalid);
    assert!(cosigner().sign("a text\n").is_err(), "and that key signs nothing else");
    let plain = NoteSigner::new("witness.example/w1", SigningKey::generate().unwrap()).unwrap();
    assert!(plain.cosign("a text\n", 1).is_err());
}

#[tokio::test]
async fn a_witness_that_is_stopped_anywhere_never_cosigns_two_histories() {
    let (ours, store) = log(0..4).await;
    let fork = open(&Arc::new(store.copy()), &Arc::new(MemoryKeeper::new())).await.unwrap();
    let first = ours.checkpoint().unwrap();
    ours.append(unique(4)).await.unwrap();
    for n in 100..103 {
        fork.append(unique(n)).await.unwrap();
    }
    let (mut tried, mut cosigned, mut split) = (0, 0, 0);
    let mut at_operation = 0;
    loop {
        let mut ended = true;
        for fault in Kind::Bytes.stops() {
            let at = folder();
            let disk = FaultyDisk::new(at_operation, *fault);
            let mut given = None;
            if let Ok(witness) = witness_on(disk.clone(), at.path()) {
                if witness.answer(&write_witness_request(0, &[], &first)).status == 200 {
                    given = Some(4);
                }
                let request =
                    |proof: &[_]| write_witness_request(4, proof, &ours.checkpoint().unwrap());
                let proof = ours.consistency(4, 5).await.unwrap();
                if given.is_some() && witness.answer(&request(&proof)).status == 200 {
                    given = Some(5);
                }
            }
            ended &= disk.done().len() <= at_operation;
            tried += 1;
            cosigned += usize::from(given.is_some());
            // Started again, it knows at least what it gave away.
            let witness = witness(at.path());
            if given == Some(5) {
                let answer = fork.cosign(&witness, witness.public()).await;
                split += usize::from(answer != Err(AuditError::Forked));
            }
            let answer = ours.cosign(&witness, witness.public()).await;
            assert!(answer.is_ok(), "{fault:?} at {at_operation}: {answer:?}");
        }
        if ended {
            break;
        }
        at_operation += 1;
    }
    println!("witness: {tried} stops tried, {cosigned} after a cosignature, {split} split views");
    assert!(tried > 40 && cosigned > 20, "{tried} {cosigned}");
    assert_eq!(split, 0);
}
