//! No plaintext and no token stays in the process's memory, neither while a session lies
//! sealed in the in-memory store nor after it. One test, so that no other runs beside it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reports by panicking, and so do its helpers"
)]

mod support;

use evanesce_memory::residue::{Needle, scan_process};
use evanesce_memory::{Wipe, assert_no_residue, wipe_slice};
use evanesce_session::{Change, Compartment};
use support::House;

const ROOM: Compartment = Compartment::new("room");

#[tokio::test]
async fn neither_plaintext_nor_token_stays_in_memory() {
    let house = House::new();
    let sessions = &house.sessions;
    let (needle, mut text) = value();
    let (kept, held) = value();
    // The positive control: both are found while they lie on the heap.
    assert!(!scan_process(&needle).unwrap().is_clean());
    assert!(!scan_process(&kept).unwrap().is_clean());

    let token = sessions.open(&text).await.unwrap();
    text.wipe();
    let mut held = Some(held.into_bytes());
    let put = |_: Option<&[u8]>| (Change::Put(held.take().unwrap_or_default()), ());
    sessions.update_compartment(&token, ROOM, put).await.unwrap();
    assert_no_residue!(needle);
    assert_no_residue!(kept);

    assert_eq!(sessions.read(&token, String::len).await.unwrap(), 64);
    sessions.update(&token, |text: &mut String| text.make_ascii_uppercase()).await.unwrap();
    sessions.update(&token, |text: &mut String| text.make_ascii_lowercase()).await.unwrap();
    drop(sessions.compartment(&token, ROOM).await.unwrap());
    sessions.renew(&token).await.unwrap();
    let token = sessions.rotate(token).await.unwrap();
    assert_no_residue!(needle);
    assert_no_residue!(kept);

    let mut shown = token.to_text().as_bytes().to_vec();
    let bearer = Needle::from_slice(&mut shown[4..]).unwrap();
    wipe_slice(&mut shown);
    let taken = sessions.take::<String>(token).await.unwrap();
    assert_eq!(taken.len(), 64);
    drop(taken);
    assert_no_residue!(needle);
    assert_no_residue!(kept);
    assert_no_residue!(bearer);
}

fn value() -> (Needle, String) {
    let mut bytes = vec![0; 64];
    let needle = Needle::random(&mut bytes).unwrap();
    (needle, String::from_utf8(bytes).unwrap())
}
