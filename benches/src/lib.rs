//! What the benches and the programs beside them have in common: sides that are measured in
//! turns, figures as one line of JSON, a Redis server of their own, and sessions with
//! everything on.

pub mod figure;
pub mod ours;
#[cfg(feature = "peers")]
pub mod peers;
pub mod redis_server;
pub mod texts;
pub mod turns;

/// What a session holds: 1 KiB.
pub const SESSION: usize = 1024;
/// How many tasks open, read and destroy at once.
pub const TASKS: usize = 64;

/// The text that every session of a comparison holds.
#[must_use]
pub fn text() -> String {
    "v".repeat(SESSION)
}

/// A runtime as a server has it: a thread for each processor.
///
/// # Panics
/// When the system gives no threads.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
