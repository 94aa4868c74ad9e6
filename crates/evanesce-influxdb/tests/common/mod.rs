//! What the tests share.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::time::Duration;

use evanesce_core::{Clock, Namespace, SystemClock, Timestamp};

/// A namespace that no other run has used.
pub(crate) fn fresh_namespace() -> Namespace {
    let mut bytes = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    Namespace::new(&format!("t{:016x}", u64::from_be_bytes(bytes))).unwrap()
}

/// The server drops what is older than a bucket's retention by its own clock, so these
/// tests live in the present.
pub(crate) fn minutes_ago(minutes: u64) -> Timestamp {
    SystemClock.now().minus(Duration::from_secs(60 * minutes)).coarse(evanesce_core::Grain::Minute)
}
