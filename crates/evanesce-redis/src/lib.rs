#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod epochs;
mod erasable;
mod error;
mod keys;
mod lease;
mod link;
mod probes;
mod record;
mod scan;
mod scripts;
mod store;

pub use link::Timeouts;
pub use store::RedisStore;
