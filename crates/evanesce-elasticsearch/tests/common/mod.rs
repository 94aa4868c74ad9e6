//! What the tests share.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]
#![allow(dead_code, reason = "each test binary uses its part")]

use evanesce_core::{Namespace, Timestamp};
use evanesce_telemetry::{Level, LogRecord};

/// A namespace that no other run has used.
pub(crate) fn fresh_namespace() -> Namespace {
    let mut bytes = [0; 8];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    Namespace::new(&format!("t{:016x}", u64::from_be_bytes(bytes))).unwrap()
}

pub(crate) fn record(at: &str, event: &'static str) -> LogRecord {
    LogRecord::new(at.parse::<Timestamp>().unwrap(), Level::Info, event)
}
