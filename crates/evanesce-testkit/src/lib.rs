//! What the tests of the house share: one contract suite for each store, a clock
//! that is moved by hand, stores that fail on demand.
//!
//! Every suite is a set of plain async functions that take the port as a trait
//! object; each crate's `tests/` call them on its own store, and so may yours.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite reports by panicking, as tests do"
)]

pub mod aggregate;
pub mod audit;
mod clock;
pub mod interleavings;
pub mod journal;
pub mod peer;
pub mod session;
pub mod stepping;
pub mod telemetry;
pub mod trace;

pub use clock::ManualClock;
