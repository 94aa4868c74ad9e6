//! Checkpoints with a second signature that a quantum computer does not forge.
#![cfg(feature = "ml-dsa")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

mod common;

use std::sync::Arc;

use common::{ORIGIN, key, parts, unique};
use evanesce_audit::{
    AuditError, Log, LogOptions, MemoryAudit, MemoryKeeper, SecondSigner, parse_tlog_proof, verify,
    write_tlog_proof,
};
use evanesce_core::Append;
use evanesce_crypto::MlDsaSigningKey;
use evanesce_memory::SecretBytes;

fn second() -> MlDsaSigningKey {
    MlDsaSigningKey::from_seed(SecretBytes::from_slice(&mut [8; 32]).unwrap()).unwrap()
}

#[tokio::test]
async fn receipts_carry_both_signatures_and_a_reader_of_either_verifies_them() {
    let (store, keeper) = (Arc::new(MemoryAudit::new()), Arc::new(MemoryKeeper::new()));
    let options = || LogOptions::new().second(second());
    let public = SecondSigner::new(ORIGIN, second()).unwrap().public().clone();
    let log = Log::open_with(parts(store.clone(), keeper.clone()), options()).await.unwrap();
    log.append(unique(0)).await.unwrap();
    let place = log.append(unique(1)).await.unwrap();
    let text = write_tlog_proof(&place);
    let read = parse_tlog_proof(&text).unwrap();
    assert_eq!(read, place);
    verify(&unique(1), &read, &key(), ORIGIN).unwrap();
    assert_eq!(public.open_both(&read.checkpoint, &key(), ORIGIN).unwrap().size, 2);
    drop(log);
    // Without the second key the log goes on, and a reader who wants both says so.
    let log = Log::open(parts(store.clone(), keeper.clone())).await.unwrap();
    let place = log.append(unique(2)).await.unwrap();
    verify(&unique(2), &place, &key(), ORIGIN).unwrap();
    let both = public.open_both(&place.checkpoint, &key(), ORIGIN);
    assert_eq!(both, Err(AuditError::Unsigned));
    let log = Log::open_with(parts(store, keeper), options()).await.unwrap();
    let place = log.append(unique(3)).await.unwrap();
    assert_eq!(public.open_both(&place.checkpoint, &key(), ORIGIN).unwrap().size, 4);
}
