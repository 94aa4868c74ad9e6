#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aggregates;
mod audit;
#[cfg(feature = "blocking")]
pub mod blocking;
mod checks;
mod connect;
mod erasable;
mod error;
mod journal;
mod lease;
mod migration;
mod store;

pub use store::PostgresStore;
