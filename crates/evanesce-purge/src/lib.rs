//! Sweeper, emergency purge, erasure journal, receipts and the retention proof.
#![forbid(unsafe_code)]

mod store;

pub use store::{ErasureJournal, SealedJob};
